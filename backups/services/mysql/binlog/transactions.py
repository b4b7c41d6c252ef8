"""Tells of each transaction of a pulled log when it was committed, which tables it changed, by how many rows, and how.

Values are not decoded, and one transaction is held at a time. What cannot be told is said by name (`odd`), never guessed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from backups.services.mysql.binlog import events, rows, statements
from backups.services.mysql.binlog.events import Event
from backups.services.mysql.binlog.locate import BEGINNINGS, NO_LOG, Commit, Piece, beginning, unreadable
from backups.services.mysql.binlog.rows import TableMap
from backups.services.mysql.binlog.statements import Statement

_SILENT = frozenset({3, 4, 15, 16, 19, 27, 28, 29, 35, 36, 37, 41})
"""Types of event that change no rows by themselves: frames of files and transactions, a statement's text beside its rows."""
_OF_STATEMENTS = frozenset({5, 9, 11, 13, 14, 17, 18})
"""Types of event that a log in statements holds beside them."""
_FRAMES = frozenset({"BEGIN", "COMMIT", "SAVEPOINT"})
"""First words of statements that only say where something begins and ends."""
_ENDS = frozenset({"COMMIT", "ROLLBACK"})
"""What XA statements are about that end what was prepared in another transaction of the log."""
_OF_PARTITIONS = 1
_MOST_STATEMENTS = 100
"""Statements of one transaction that are kept."""


@dataclass
class Changed:
    """What a transaction did to one table. size: the bytes of the events; largest: of the largest one.

    odd: what keeps its rows from being counted or carried, a phrase each; counted: whether the numbers are all there are
    """

    table: TableMap
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    size: int = 0
    largest: int = 0
    odd: set[str] = field(default_factory=set)
    counted: bool = True


@dataclass
class Transaction:
    """One transaction of the log, from `start` to `commit.end` in `commit.file`.

    commit: its GTID, and when it was committed, in microseconds of the source's clock (UTC)
    changed: what it did to each table, by (schema, name). statements: those that are not BEGIN or COMMIT: DDL, and changes that
    are logged as statements, whose rows nobody knows; `unkept` more were left out
    odd: what keeps all of it from being told, a phrase each: it may have changed any table
    """

    commit: Commit
    start: int
    changed: dict[tuple[str, str], Changed] = field(default_factory=dict)
    statements: list[Statement] = field(default_factory=list)
    unkept: int = 0
    odd: set[str] = field(default_factory=set)


def transactions(pieces: Iterable[Piece]) -> Iterator[Transaction]:
    """Yield every transaction of the log in its order. Raises Damaged, naming file and offset, where the bytes are no log.

    What stands outside of any transaction, as in a log that is not MySQL's, is a transaction without a GTID, and odd.
    """
    current, maps = None, dict[int, TableMap]()
    for event in events.walk(pieces):
        try:
            if event.kind in BEGINNINGS:
                if current is not None:
                    yield current
                current, maps = _begun(event), {}
                continue
            if current is not None and (event.piece.file, event.start) >= (current.commit.file, current.commit.end):
                yield current
                current, maps = None, {}
            if event.kind not in _SILENT and current is None:
                current = _loose(event)
            if current is not None:
                _add(current, event, maps)
        except NO_LOG as error:
            raise unreadable(event.piece, event.start - event.piece.start, str(error)) from error
    if current is not None:
        yield current


def _begun(event: Event) -> Transaction:
    source, number, microseconds, size = beginning(event.kind, event.content())
    if event.start + size > event.piece.start + len(event.log) or event.start + size < event.end:
        left = event.piece.start + len(event.log) - event.start
        raise unreadable(
            event.piece, event.start - event.piece.start, f"a transaction of {size} bytes begins {left} before the end"
        )
    return Transaction(Commit(event.piece.file, event.start + size, source, number, microseconds), event.start)


def _loose(event: Event) -> Transaction:
    found = Transaction(Commit(event.piece.file, event.end, None, 0, event.seconds * 1_000_000), event.start)
    found.odd.add(f"an event of type {event.kind} outside of any transaction")
    return found


def _add(found: Transaction, event: Event, maps: dict[int, TableMap]) -> None:
    kind = event.kind
    if kind == events.TABLE_MAP:
        _map(found, event, maps)
    elif kind in rows.ROWS:
        _rows(found, event, maps)
    elif kind == events.QUERY:
        _statement(found, statements.parse(event.content()))
    elif kind == events.PAYLOAD:
        found.odd.add("a compressed transaction")
    elif kind == events.XA_PREPARE:
        # Its first byte says whether it is committed at once; else that comes later, or never.
        if not event.log[event.body]:
            found.odd.add("a transaction that is prepared here and committed elsewhere (XA)")
    elif kind in _OF_STATEMENTS:
        found.odd.add("rows that were logged as statements")
    elif kind not in _SILENT and not event.flags & events.IGNORABLE:
        found.odd.add(f"an event of type {kind}, which is not known")


def _map(found: Transaction, event: Event, maps: dict[int, TableMap]) -> None:
    table = rows.table_map(event.log, event.body, event.stop)
    maps[table.number] = table
    known = found.changed.setdefault((table.schema, table.name), Changed(table))
    if known.table.form != table.form:
        known.odd.add("its columns changed in the middle of the log")


def _rows(found: Transaction, event: Event, maps: dict[int, TableMap]) -> None:
    seen = rows.rows(event.kind, event.log, event.body, event.stop)
    table = maps.get(seen.number)
    if table is None:
        found.odd.add("rows of a table that the log does not describe")
        return
    changed = found.changed[table.schema, table.name]
    size = event.end - event.start
    changed.size, changed.largest = changed.size + size, max(changed.largest, size)
    changed.odd.update(_oddities(event, seen))
    if event.kind == rows.PARTIAL:
        changed.counted = False
        return
    try:
        images = rows.count(seen, table, event.log)
    except NO_LOG as error:
        changed.odd.add(f"rows that cannot be counted: {error}")
        changed.counted = False
        return
    match rows.CHANGES[event.kind]:
        case "inserted":
            changed.inserted += images
        case "updated":
            changed.updated += images // 2
        case "deleted":
            changed.deleted += images


def _oddities(event: Event, seen: rows.Rows) -> Iterator[str]:
    if event.kind == rows.PARTIAL:
        yield "JSON values that were logged in parts (binlog_row_value_options)"
    if event.kind in rows.OLD_FORM:
        yield "rows in the form of servers before 5.6"
    if seen.extra not in (None, _OF_PARTITIONS):
        yield "rows with more beside them than is known"
    if not seen.whole:
        yield "rows without all of their columns (binlog_row_image is not FULL)"


def _statement(found: Transaction, statement: Statement) -> None:
    verb, about = statements.subject(statement)
    if verb in _FRAMES or (verb == "XA" and about not in _ENDS):
        return
    if verb == "XA":
        found.odd.add("the end of a transaction that was prepared before (XA)")
    elif verb == "ROLLBACK":
        found.odd.add("a ROLLBACK, which takes back what is logged before it")
    elif len(found.statements) < _MOST_STATEMENTS:
        found.statements.append(statement)
    else:
        found.unkept += 1
