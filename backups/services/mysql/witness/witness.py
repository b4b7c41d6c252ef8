"""Takes the witness: what a server holds at one instant; `take` on a live source, `observe` on its copy.

Both measure by the same code. Next files: `instant.py` (the instant), `catalogue.py` (what there is), `fingerprint.py` (rows),
`definitions.py` (everything else).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import pymysql.err

from backups.errors import LifeboatError
from backups.services.mysql.details import Position
from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.witness import catalogue, definitions, fingerprint, sessions
from backups.services.mysql.witness.catalogue import Catalogue, Table
from backups.services.mysql.witness.instant import freeze, thaw
from backups.witness import Fact

_ROUNDS_WITH_DDL = 2
"""Rounds that let DDL go on while data are read; the next one makes it wait, so that it surely ends."""
CHANGED = {
    1049: "a database was dropped",
    1051: "a table was dropped",
    1054: "a column was dropped or renamed",
    1146: "a table was dropped or renamed",
    1412: "a table was altered",
}


_NO_SAVEPOINT = 1178


@dataclass(frozen=True)
class Witnessed:
    """The facts, and the position in the log at which they hold exactly. `taken_at`: UTC, by the source's own clock.

    lock_seconds: how long writers waited. lock_attempts: how often the read lock was asked for, over all rounds.
    """

    position: Position
    taken_at: datetime
    facts: list[Fact]
    lock_seconds: float
    lock_attempts: int


def take(connect: Callable[[], Session], *, connections: int, say: Callable[[str], None]) -> Witnessed:
    """Take the witness of a source that is being written to. `connections`: how many sessions read tables side by side.

    Raises Transient when the read lock is not to be had, LifeboatError when an answer cannot be trusted; pymysql's errors pass.
    However it ends, it leaves no lock, snapshot or running statement at the source.
    """
    attempts = 0
    for number in range(1, _ROUNDS_WITH_DDL + 2):
        hold = number > _ROUNDS_WITH_DDL
        try:
            witnessed = _round(connect, connections, say, hold=hold)
        except ChangedMeanwhile as change:
            attempts += change.lock_attempts
            if hold:
                raise LifeboatError(
                    f"the source's tables changed although the instance lock was held: {change}",
                    hint="try again; a server whose DDL ignores LOCK INSTANCE FOR BACKUP cannot be witnessed",
                ) from change
            say(f"{change} while the witness was taken: taking it anew" + (", DDL waits" if number == _ROUNDS_WITH_DDL else ""))
        else:
            attempts += witnessed.lock_attempts
            return Witnessed(witnessed.position, witnessed.taken_at, witnessed.facts, witnessed.lock_seconds, attempts)
    raise AssertionError("the last round returns or raises")


def observe(connect: Callable[[], Session], *, connections: int) -> list[Fact]:
    """State the same facts of a copy that nobody writes to, without those of our own account there."""
    with sessions.sessions(connect, connections) as opened:
        first = opened[0]
        for session in opened:
            rows(session, "START TRANSACTION READ ONLY")
        (account,) = rows(first, "SELECT CURRENT_USER()")[0]
        found = catalogue.read(first)
        facts = definitions_of(first, opened, found, connect, without=str(account))
        return facts + data_of(opened, found, connect)


class ChangedMeanwhile(Exception):
    """Says that DDL came between the snapshots and the reading: no fault, the round is void."""

    def __init__(self, message: str, lock_attempts: int = 0) -> None:
        super().__init__(message)
        self.lock_attempts = lock_attempts


def _round(connect: Callable[[], Session], connections: int, say: Callable[[str], None], *, hold: bool) -> Witnessed:
    with sessions.sessions(connect, connections + 2) as opened:
        control, guard, *readers = opened
        instant = freeze(control, guard, readers, say)
        control.close()
        # The server's dictionary knows no snapshots: while it is read, the instance lock keeps it as it was at the instant.
        found = catalogue.read(guard)
        facts = definitions_of(guard, readers, found, connect)
        if not hold:
            thaw(guard)
        try:
            facts += data_of(readers, found, connect, meanwhile=lambda: guard.ping(reconnect=False))
            _require_unchanged(guard, found)
        except ChangedMeanwhile as change:
            change.lock_attempts = instant.lock_attempts
            raise
        return Witnessed(instant.position, instant.at, facts, instant.lock_seconds, instant.lock_attempts)


def _require_unchanged(session: Session, found: Catalogue) -> None:
    if not found.still_holds(catalogue.read(session)):
        raise ChangedMeanwhile("a table was altered, renamed or dropped")


def definitions_of(
    session: Session,
    side_by_side: Sequence[Session],
    found: Catalogue,
    connect: Callable[[], Session],
    *,
    without: str | None = None,
) -> list[Fact]:
    """State everything that is not rows."""
    tables = sessions.in_parallel(definitions.table_definition, found.tables, over=side_by_side, connect=connect)
    return sorted(tables) + definitions.read(session, found, without=without)


def data_of(
    readers: Sequence[Session],
    found: Catalogue,
    connect: Callable[[], Session],
    *,
    meanwhile: Callable[[], object] = lambda: None,
) -> list[Fact]:
    """State rows and fingerprint of every table, the largest first, so that no session is left alone with it at the end."""
    try:
        pairs = sessions.in_parallel(_table, found.tables, over=readers, connect=connect, meanwhile=meanwhile)
    except pymysql.err.MySQLError as error:
        if error.args and error.args[0] in CHANGED:
            raise ChangedMeanwhile(CHANGED[error.args[0]]) from error
        raise
    return sorted(fact for pair in pairs for fact in pair)


def _table(session: Session, table: Table) -> tuple[Fact, Fact]:
    statement = fingerprint.query(
        table.schema, table.name, table.columns, keyed=table.keyed, mariadb=table.mariadb, history=table.history is not None
    )
    # Going back to the savepoint gives back the table's metadata lock: DDL on it need not wait for the other tables.
    marked = _savepoint(session)
    count, value = fingerprint.value(sessions.rows_without_warnings(session, statement)[0])
    if table.history:
        # Rows are what a query without a time sees; the fingerprint is of the past too.
        (count,) = rows(session, f"SELECT COUNT(*) FROM {quoted(table.schema)}.{quoted(table.name)}")[0]  # noqa: S608 -- quoted
    if marked:
        rows(session, "ROLLBACK TO SAVEPOINT lifeboat")
    about = definitions.subject(table.schema, table.name)
    return Fact(about, "rows", count), Fact(about, "fingerprint", value)


def _savepoint(session: Session) -> bool:
    """Set the savepoint; says whether this server takes one (MariaDB without a binary log does not, in some transactions)."""
    try:
        rows(session, "SAVEPOINT lifeboat")
    except pymysql.err.OperationalError as error:
        if error.args[0] != _NO_SAVEPOINT:
            raise
        return False
    return True
