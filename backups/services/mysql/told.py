"""Tells what the log between two backups holds, transaction by transaction, for whoever looks for a moment to come back to."""

from collections.abc import Iterator, Sequence

from backups.errors import LifeboatError
from backups.foreign import shown
from backups.manifest import Manifest
from backups.services.base import Fetched
from backups.services.continuous import TableChange, Transaction
from backups.services.mysql.binlog import chain as log_chain
from backups.services.mysql.binlog import statements, transactions
from backups.services.mysql.binlog.coverage import log_details
from backups.services.mysql.binlog.locate import Piece
from backups.services.mysql.binlog.statements import Statement
from backups.services.mysql.binlog.transactions import Changed
from backups.services.mysql.witness.definitions import subject, table_names

_LONGEST = 160
"""Characters of a statement that are shown."""
_READ = 1 << 16
"""Characters of a statement in which a table is looked for; in what is longer, every table may be named."""


def told(earlier: Manifest, later: Fetched, only: Sequence[str]) -> Iterator[Transaction]:
    """Yield the transactions of the log of `later` since `earlier`, in the log's order; see `Continuous.told`."""
    more = log_details(later.manifest)
    segments = log_chain.log_between(earlier.id, log_details(earlier), later, more)
    wanted = [_table(name) for name in only]
    pieces = [Piece(segment.file, segment.start, later.data / segment.path) for segment in segments]
    for found in transactions.transactions(pieces):
        changes = {name: change for name, change in found.changed.items() if _did_something(change)}
        if wanted and not _concerns(found, changes, wanted):
            continue
        place = f"{found.commit.file}:{found.start}"
        yield Transaction(
            name=found.commit.gtid or place,
            gtid=found.commit.gtid,
            place=place,
            committed_at=found.commit.time,
            tables=tuple(_change(*name, change) for name, change in sorted(changes.items())),
            statements=tuple(_shown(statement) for statement in found.statements),
            more_statements=found.unkept,
            untold=tuple(sorted(found.odd)),
        )


def _table(name: str) -> tuple[str, str]:
    try:
        return table_names(name)
    except ValueError as error:
        raise LifeboatError(
            f"{shown(name)} is not the name of a table",
            hint="write database.table; a name with other characters than letters, digits, _, $ and - in backticks",
        ) from error


def _did_something(change: Changed) -> bool:
    """Return whether rows of the table are in the log: a table that was only locked is described there, too."""
    return bool(change.inserted or change.updated or change.deleted or change.odd or not change.counted)


def _change(schema: str, table: str, change: Changed) -> TableChange:
    name, odd = subject(schema, table), tuple(sorted(change.odd))
    if not change.counted:
        return TableChange(name, None, None, None, odd)
    return TableChange(name, change.inserted, change.updated, change.deleted, odd)


def _concerns(
    found: transactions.Transaction, changes: dict[tuple[str, str], Changed], wanted: Sequence[tuple[str, str]]
) -> bool:
    """Return whether the transaction changed one of these tables; in doubt it did."""
    if found.odd or found.unkept or any(name in changes for name in wanted):
        return True
    return any(_may_name(statement, *name) for statement in found.statements for name in wanted)


def _may_name(statement: Statement, schema: str, table: str) -> bool:
    """Return whether a statement may be about a table: it names it, or its whole database, or cannot be read to its end."""
    if not statement.exact or len(statement.text) > _READ:
        return True
    whole = statements.subject(statement)[1] in ("DATABASE", "SCHEMA")
    names = ["" if kind == "string" else statements.folded(text) for kind, text in statements.tokens(statement)]
    database, of, sought = map(statements.folded, (statement.database, schema, table))
    for at, name in enumerate(names):
        if whole and name == of:
            return True
        if name == sought and (names[at - 2] if at > 1 and names[at - 1] == "." else database) in (of, ""):
            return True
    return False


def _shown(statement: Statement) -> str:
    """Return a statement for a person: on one line, shortened, without the texts in it, which may be passwords and data."""
    return shown(statements.without_texts(statement, 4 * _LONGEST), _LONGEST)
