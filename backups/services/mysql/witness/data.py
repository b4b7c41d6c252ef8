"""States what tables hold: rows and fingerprint of each, read by several sessions of one instant side by side.

A table that would still keep one session busy when the others have nothing left to do is read by all of them (`ranges.py`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import pymysql.err

from backups.services.mysql.details import Form
from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.witness import definitions, fingerprint, kinds, ranges, sessions
from backups.services.mysql.witness.catalogue import Catalogue, Table
from backups.services.mysql.witness.ranges import Range
from backups.witness import Fact

Counted = tuple[int, str]
"""The rows of a table, and its fingerprint."""
PLAIN = Form()
"""How the witnesses were measured that do not say it, and those of dumps."""
EARLIER = "fingerprint in an earlier form"
"""Metric of a fact that is no part of the witness."""
CHANGED = {
    1049: "a database was dropped",
    1051: "a table was dropped",
    1054: "a column was dropped or renamed",
    1146: "a table was dropped or renamed",
    1176: "a key was dropped",
    1412: "a table was altered",
}
_NO_SAVEPOINT = 1178


class ChangedMeanwhile(Exception):
    """Says that DDL came between the snapshots and the reading: no fault, the round is void."""

    def __init__(self, message: str, lock_attempts: int = 0) -> None:
        super().__init__(message)
        self.lock_attempts = lock_attempts


@dataclass(frozen=True)
class _Part:
    """What one session reads at once: a table, or a range of it. `first`: what there is one of in a table is stated with it."""

    table: Table
    within: Range | None = None
    first: bool = True


@dataclass(frozen=True)
class _Read:
    """What was read of a part. `second`: the fingerprint in the earlier form, where it was asked for."""

    counted: Counted
    second: str | None
    more: tuple[Fact, ...]


def data_of(
    readers: Sequence[Session],
    found: Catalogue,
    connect: Callable[[], Session],
    form: Form = PLAIN,
    *,
    meanwhile: Callable[[], object] = lambda: None,
    known: Mapping[str, Counted] = MappingProxyType({}),
    earlier: Form | None = None,
) -> list[Fact]:
    """State rows and fingerprint of every table, so that no session is left alone with a large one at the end.

    known: those of tables that need not be read. earlier: another form, in which those that can be carried are stated besides
    """
    try:
        for reader in readers:
            fingerprint.keep_secret(reader, form.row_secret, earlier.row_secret if earlier else None)
        unread = [table for table in found.tables if about_table(table) not in known]
        large = ranges.large(unread, found.pages, len(readers))
        each = partial(_cut, readers=len(readers))
        cut = dict(sessions.in_parallel(each, large, over=readers, connect=connect, meanwhile=meanwhile))
        # What is cut comes last: its ranges are short, and fill up what the sessions have left.
        parts = [_Part(table) for table in found.tables if not cut.get(about_table(table))]
        parts += [
            _Part(table, within, first=number == 0) for table in large for number, within in enumerate(cut[about_table(table)])
        ]
        stating = partial(_state, form=form, known=known, earlier=earlier)
        stated = sessions.in_parallel(stating, parts, over=readers, connect=connect, meanwhile=meanwhile)
    except pymysql.err.MySQLError as error:
        if error.args and error.args[0] in CHANGED:
            raise ChangedMeanwhile(CHANGED[error.args[0]]) from error
        raise
    by_table: dict[str, list[_Read]] = {}
    for about, part in stated:
        by_table.setdefault(about, []).append(part)
    return sorted(fact for about, read in by_table.items() for fact in _together(about, read))


def about_table(table: Table) -> str:
    """Return the subject of facts about a table."""
    return definitions.subject(table.schema, table.name)


def _cut(session: Session, table: Table, *, readers: int) -> tuple[str, list[Range]]:
    with _let_go(session):
        return about_table(table), ranges.cut(session, table, readers)


def _state(session: Session, part: _Part, *, form: Form, known: Mapping[str, Counted], earlier: Form | None) -> tuple[str, _Read]:
    about = about_table(part.table)
    with _let_go(session):
        count, value, *second = known.get(about) or _read(session, part, form, earlier)
        counted = part.first and kinds.COUNTERS in form.kinds
        counter = definitions.counter(session, part.table) if counted else None
    return about, _Read((count, value), next(iter(second), None), (counter,) if counter else ())


def _together(about: str, parts: Sequence[_Read]) -> list[Fact]:
    """State a table, of which all parts were read."""
    count, value = fingerprint.joined([part.counted for part in parts])
    second = [(part.counted[0], part.second) for part in parts if part.second is not None]
    earlier = [Fact(about, EARLIER, fingerprint.joined(second)[1])] if second else []
    more = [fact for part in parts for fact in part.more]
    return [Fact(about, "rows", count), Fact(about, "fingerprint", value), *more, *earlier]


def _read(session: Session, part: _Part, form: Form, earlier: Form | None) -> tuple[int, str, *tuple[str, ...]]:
    """Read a part of a table; returns its rows, its fingerprint, and, where that can be carried, the one in the earlier form."""
    table = part.table
    second_form = earlier if earlier and _carried_in(table, earlier) else None
    statement = fingerprint.query(
        table.schema,
        table.name,
        table.columns,
        keyed=table.keyed,
        mariadb=table.mariadb,
        typed_json=form.json_values == "typed",
        index=ranges.KEY if part.within else None,
        where=part.within.condition if part.within else "",
        history=table.history is not None,
        secret=form.row_secret is not None,
        earlier="" if second_form is None else "secret" if second_form.row_secret else "plain",
    )
    row = sessions.rows_without_warnings(session, statement)[0]
    # The number of rows, then the parts of the one fingerprint, then as many of the other.
    end = (len(row) + 1) // 2 if second_form else len(row)
    count, value = fingerprint.value(row[:end], sums=form.keyless_form == "sums")
    second = [fingerprint.value((count, *row[end:]), sums=True)[1]] if second_form else []
    if table.history:
        # Rows are what a query without a time sees; the fingerprint is of the past too.
        (count,) = rows(session, f"SELECT COUNT(*) FROM {quoted(table.schema)}.{quoted(table.name)}")[0]  # noqa: S608 -- quoted
    return count, value, *second


def _carried_in(table: Table, form: Form) -> bool:
    """Return whether a fingerprint in that form could have been carried, so that there is one to compare with."""
    return not table.mariadb and not table.versioned and (table.keyed or form.keyless_form == "sums")


@contextmanager
def _let_go(session: Session) -> Iterator[None]:
    """Give back a table's metadata lock after the block, so that DDL on it need not wait for the other tables.

    Not where this server takes no savepoint (MariaDB without a binary log does not, in some transactions).
    """
    try:
        rows(session, "SAVEPOINT lifeboat")
        marked = True
    except pymysql.err.OperationalError as error:
        if error.args[0] != _NO_SAVEPOINT:
            raise
        marked = False
    yield
    if marked:
        rows(session, "ROLLBACK TO SAVEPOINT lifeboat")
