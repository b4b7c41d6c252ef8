"""Asks MySQL one panel's question after the other, in a READ ONLY transaction, and answers as Grafana would.

It asks as Lifeboat's own account, which reads everything: what Grafana's account may not read is not told apart.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pymysql.err
from pymysql.cursors import SSCursor

from backups.errors import LifeboatError, Transient
from backups.panels.boards import DataSource
from backups.panels.question import Question, Way
from backups.panels.sql import fit, replies, results
from backups.panels.sql.macros import Filled, Window
from backups.panels.sql.replies import Refusal
from backups.services.mysql.panels import standing
from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.source.source import SYSTEM_DATABASES
from backups.services.mysql.text import one_line

MOST_BYTES = 16 << 20
"""Of one answer."""
SILENCE = 2.0 * fit.MOST_SECONDS
"""Seconds after which a live server that says nothing is given up: it ends what takes too long by itself."""
SAVEPOINT = "SAVEPOINT panels", "ROLLBACK TO SAVEPOINT panels"
"""Around each question in a transaction that goes on: the tables that it has read are given back, so that DDL need not wait."""
_OF_ITS_OWN = "START TRANSACTION READ ONLY", "ROLLBACK"
_NOWHERE = "information_schema"
_MOST_SQL = 1 << 20
_STATES = {1054: "42S22", 1064: "42000", 1146: "42S02"}
_LATE = (1317, 1969, 3024)
_BUSY = {1205: "a lock was not to be had", 1213: "it waited for what waited for it", 1412: "its table was altered meanwhile"}
_FORBIDDEN = (1044, 1045, 1142, 1143, 1227, 1370)
_LOST = (1040, 1053, 1077, 1079, 1927, 2003, 2006, 2013, 3169, 4031)
_ODD = (ValueError, TypeError, KeyError, AttributeError, IndexError, ArithmeticError, RecursionError)
"""What a dashboard's words can do to whoever takes them for better ones."""
_OURS = -100_000
"""Numbers below are our own: the server is silent, or speaks no MySQL."""


class MySQLAsker:
    """Asks in one session; see `panels.question.Asker`.

    begin, end: statements around each question; its transaction is READ ONLY. seconds: for one question
    """

    def __init__(
        self,
        session: Session,
        sources: Iterable[DataSource],
        settings: Mapping[str, str],
        begin: str,
        end: str,
        seconds: float | None = None,
    ) -> None:
        self._session = session
        self._sources = {(source.organisation, source.uid): source for source in sources}
        zone, mode = rows(session, "SELECT @@GLOBAL.time_zone, @@GLOBAL.sql_mode")[0]
        self._zone, self._mode = settings.get("time_zone") or str(zone), settings.get("sql_mode", str(mode))
        self._begin = begin
        self._seconds = seconds or fit.MOST_SECONDS
        self._end = end
        self._database: str | None = None
        self._nowhere: frozenset[str] = frozenset()

    @property
    def way(self) -> Way:
        """The server itself."""
        return "direct"

    def ask(self, question: Question) -> dict[str, Any]:
        """See `Asker.ask`. Raises LifeboatError where it is not asked, or takes too long; Transient when nobody answers."""
        try:
            return self._ask(question)
        except _ODD as error:
            raise LifeboatError(f"it cannot be asked: {type(error).__name__}: {one_line(str(error), 200)}") from error

    def _ask(self, question: Question) -> dict[str, Any]:
        source = self._sources.get((question.organisation, question.source))
        if source is None or question.resource is not None or question.beside:
            raise LifeboatError("MySQL itself cannot be asked this: it is for a Grafana, or of another data source")
        # Months are as long at the source as in a copy, whenever that is asked.
        now = datetime.fromtimestamp(question.end / 1000, UTC)
        window = Window.of(question.query, question.start, question.end, now)
        sent = replies.prepared(question.query, window)
        if not isinstance(sent, Filled):
            return sent
        self._require_fit(sent.sql, source)
        with _answered(self._seconds):
            try:
                self._stand(source)
            except pymysql.err.MySQLError as error:
                return _refused(question, error, sent.sql)
            self._try(self._begin)
            try:
                return self._asked(question, sent, window)
            finally:
                self._try(self._end)

    def _try(self, statement: str) -> None:
        """Begin or end what is around a question. Some servers take no savepoint in some transactions: then there is none."""
        with suppress(pymysql.err.OperationalError):
            rows(self._session, statement)

    def _require_fit(self, sql: str, source: DataSource) -> None:
        why = fit.unfit(sql, self._mode) if len(sql) <= _MOST_SQL else f"it is longer than {_MOST_SQL:,} characters"
        if why is None and _database(source).lower() in SYSTEM_DATABASES:
            why = f"it asks the server about itself ({_database(source).lower()}), which every copy answers otherwise"
        if why is None and self._database and not _database(source):
            why = fit.names(sql, self._mode, self._of_nowhere())
        if why is not None:
            raise LifeboatError(f"it is not asked: {why}")

    def _of_nowhere(self) -> frozenset[str]:
        """The tables that are found without a database's name where a session stands that has left one."""
        if not self._nowhere:
            with _answered(self._seconds):
                found = rows(
                    self._session, "SELECT table_name FROM information_schema.tables WHERE table_schema = %s", [_NOWHERE]
                )
            self._nowhere = frozenset(str(name).lower() for (name,) in found)
        return self._nowhere

    def _stand(self, source: DataSource) -> None:
        """Have the session stand in the data source's database and time zone."""
        database = _database(source)
        if not database and self._database:
            # A session cannot leave a database: names without one are found nowhere, as where none was chosen.
            database = _NOWHERE
        if database and database != self._database:
            rows(self._session, f"USE {quoted(database)}")
            self._database = database
        zone = source.settings.get("timezone")
        rows(self._session, "SET SESSION time_zone = %s", [zone if isinstance(zone, str) and zone else self._zone])

    def _asked(self, question: Question, sent: Filled, window: Window) -> dict[str, Any]:
        with results.raw(self._session), self._session.cursor(SSCursor) as cursor:
            try:
                cursor.execute(sent.sql)
            except pymysql.err.MySQLError as error:
                return _refused(question, error, sent.sql)
            columns = results.columns(cursor)
            try:
                found = _rows(cursor)
            except pymysql.err.MySQLError as error:
                return _refused(question, error, sent.sql, after_columns=True)
        return replies.reply(question.query, sent, window, columns, found)


@contextmanager
def asking(
    connect: Callable[[], AbstractContextManager[Session]],
    sources: Sequence[DataSource],
    settings: Mapping[str, str],
    seconds: float | None = None,
) -> Iterator[MySQLAsker]:
    """Ask in a session of its own, which ends with the block, and what it was asked last with it.

    settings: the source's global variables, for a copy; empty: the server's own. seconds: for each question; None: as at a source
    """
    with connect() as session:
        try:
            standing.as_grafana(session, settings, seconds)
            yield MySQLAsker(session, sources, settings, *_OF_ITS_OWN, seconds)
        except BaseException:
            # The server would go on with it although nobody listens.
            with suppress(pymysql.err.Error, LifeboatError), connect() as other:
                rows(other, "KILL %s", [session.thread_id()])  # type: ignore[no-untyped-call]
            raise


def _database(source: DataSource) -> str:
    named = source.settings.get("database")
    return named if isinstance(named, str) and named else source.database


def _refused(question: Question, error: pymysql.err.MySQLError, sql: str, *, after_columns: bool = False) -> dict[str, Any]:
    """Return the answer that a refusal is; raises it again where it is none."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    if number <= _OURS or number in (*_LATE, *_BUSY, *_FORBIDDEN, *_LOST, 0):
        raise error
    refusal = Refusal(number, _STATES.get(number, "HY000"), str(error.args[1] if len(error.args) > 1 else ""))
    return replies.refused(question.ref, refusal, sql, after_columns=after_columns)


@contextmanager
def _answered(seconds: float) -> Iterator[None]:
    """Tell what is no answer of MySQL's: of this question, or of any."""
    try:
        yield
    except pymysql.err.Error as error:
        number = error.args[0] if error.args else 0
        words = " ".join(str(part) for part in error.args[1:]) or str(error)
        if number in _LATE:
            raise LifeboatError(f"it takes longer than {seconds:g} s, or than it gives itself") from error
        if number in _BUSY:
            raise LifeboatError(f"{_BUSY[number]}: {words}") from error
        if number in _FORBIDDEN:
            raise LifeboatError(f"the account that Lifeboat asks with may not: {words}") from error
        raise Transient(f"MySQL does not answer any more: {words} (error {number})") from error


def _rows(cursor: SSCursor) -> list[tuple[bytes | None, ...]]:
    """Return the rows, values as they are sent. Raises LifeboatError when they are more than one answer can be."""
    found: list[tuple[bytes | None, ...]] = []
    size = 0
    while (row := cursor.fetchone()) is not None:
        size += sum(len(value or b"") + 8 for value in row)
        if size > MOST_BYTES or len(found) > replies.MOST_ROWS:
            raise LifeboatError(f"its answer has more than {MOST_BYTES >> 20} MiB")
        found.append(row)
    return found
