"""What MySQL answers to one question, and what is no answer of it: too long, too much, forbidden, nobody there."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Self

import pymysql.err
import pytest

from backups.errors import LifeboatError, Transient
from backups.panels.boards import DataSource
from backups.panels.question import Question
from backups.panels.sql import fit
from backups.services.mysql.panels import address, asker
from backups.services.mysql.panels.asker import MySQLAsker
from backups.services.mysql.settings import MySQLSettings
from tests.unit.panels.answers import question

STANDING = "SELECT @@GLOBAL.time_zone, @@GLOBAL.sql_mode"
COLUMN = SimpleNamespace(name="n", type_code=8, flags=0)
SETTINGS = MySQLSettings(type="mysql", image="mysql:9.7", host="db.agama.internal")


class Session:
    """A session that is asked: `error` is raised when the question is sent, or after `rows_before` rows."""

    mode = ""

    def __init__(self, rows: Sequence[bytes] = (b"1",), error: Exception | None = None, rows_before: int | None = None) -> None:
        self.use_unicode, self.decoders = True, {8: int}
        self.found, self.error, self.rows_before = [(row,) for row in rows], error, rows_before
        self.sent: list[str] = []
        self._result = SimpleNamespace(fields=[COLUMN], description=(1,))

    @contextmanager
    def cursor(self, kind: object = None) -> Iterator["Session"]:
        self.plain = kind is None
        yield self

    def execute(self, statement: str, arguments: Sequence[object] | None = None) -> None:
        self.sent.append(statement if arguments is None else statement % tuple(map(repr, arguments)))
        if not self.plain:
            assert (self.use_unicode, self.decoders) == (False, {})
            self.waiting = iter(self.found)
            if self.error and self.rows_before is None:
                raise self.error

    def fetchall(self) -> list[tuple[str, ...]]:
        return [("PROCESSLIST",)] if "information_schema.tables" in self.sent[-1] else [("SYSTEM", self.mode)]

    def fetchone(self) -> Any:
        if self.error and self.rows_before == 0:
            raise self.error
        if self.rows_before:
            self.rows_before -= 1
        return next(self.waiting, None)


def source(**more: Any) -> DataSource:
    """A data source."""
    return DataSource(**({"organisation": 1, "uid": "m", "name": "M", "type": "mysql", "url": "", "database": "shop"} | more))


def sql(text: str = "SELECT n FROM t", **more: Any) -> Question:
    """A question."""
    return question({"datasource": {"uid": "m"}, "rawSql": text, "format": "table"}, **more)


def ask(session: Session, asked: Question, *sources: DataSource) -> dict[str, Any]:
    """One answer."""
    return MySQLAsker(session, sources or (source(),), {}, "BEGIN", "END").ask(asked)  # type: ignore[arg-type]


def test_each_question_stands_in_its_data_sources_database_and_time_zone() -> None:
    """What is around it is begun and ended; the session is as before."""
    session = Session()
    found = ask(session, sql(), source(database="old", settings={"database": "shop", "timezone": "+02:00"}))
    assert found["frames"][0]["data"]["values"] == [[1]]
    assert session.sent[1:] == ["USE `shop`", "SET SESSION time_zone = '+02:00'", "BEGIN", "SELECT n FROM t", "END"]
    assert (session.use_unicode, session.decoders) == (True, {8: int})


def test_another_has_the_servers_own_zone_and_no_database() -> None:
    """Names without one are found nowhere, also after a question in one."""
    session = Session()
    asking = MySQLAsker(session, (source(), source(uid="n", database="")), {"time_zone": "+01:00"}, "BEGIN", "END")  # type: ignore[arg-type]
    asking.ask(sql())
    asking.ask(question({"datasource": {"uid": "n"}, "rawSql": "SELECT 1", "format": "table"}))
    assert session.sent[7:9] == ["USE `information_schema`", "SET SESSION time_zone = '+01:00'"]


@pytest.mark.parametrize("text", ["SELECT info FROM processlist", "SELECT 1 FROM t, `PROCESSLIST` p", "TABLE/**/ProcessList"])
def test_where_names_are_found_nowhere_the_servers_own_tables_are_not_asked(text: str) -> None:
    """A session that has left its database stands among them; they tell what others ask."""
    session = Session()
    asking = MySQLAsker(session, (source(), source(uid="n", database="")), {}, "BEGIN", "END")  # type: ignore[arg-type]
    nowhere = question({"datasource": {"uid": "n"}, "rawSql": text, "format": "table"})
    asking.ask(nowhere)
    asking.ask(sql())
    with pytest.raises(LifeboatError, match="without a database"):
        asking.ask(nowhere)
    assert session.sent[-1].startswith("SELECT table_name")
    asking.ask(question({"datasource": {"uid": "n"}, "rawSql": "SELECT n FROM shop.processlist", "format": "table"}))


@pytest.mark.parametrize("mode", ["NO_BACKSLASH_ESCAPES", "STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES"])
@pytest.mark.parametrize("settings", [True, False])
def test_where_a_text_ends_the_servers_mode_says(mode: str, settings: bool) -> None:
    """A copy's is its source's, a live server's its own."""
    session = Session()
    session.mode = "" if settings else mode
    asking = MySQLAsker(session, (source(),), {"sql_mode": mode} if settings else {}, "BEGIN", "END")  # type: ignore[arg-type]
    with pytest.raises(LifeboatError, match="\\(mysql\\)"):
        asking.ask(sql("SELECT '\\', host FROM mysql.user WHERE '' = ''"))


@pytest.mark.parametrize(("number", "words"), [(1054, "Error 1054 (42S22): no"), (1242, "query failed - please")])
def test_what_the_server_refuses_is_an_answer(number: int, words: str) -> None:
    """In Grafana's words; what fails among the rows in others."""
    found = ask(Session(error=pymysql.err.OperationalError(number, "no")), sql())
    assert found["error"].startswith(f"db query error: {words}")
    found = ask(Session(error=pymysql.err.OperationalError(number, "no"), rows_before=0), sql())
    assert found["error"].startswith(f"convert frame from rows error: Error {number}")


@pytest.mark.parametrize("rows_before", [None, 0])
@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (3024, LifeboatError, "it takes longer than 10 s"),
        (1969, LifeboatError, "it takes longer than 10 s"),
        (1412, LifeboatError, "its table was altered meanwhile"),
        (1205, LifeboatError, "a lock was not to be had"),
        (1142, LifeboatError, "the account that Lifeboat asks with may not"),
        (2013, Transient, "MySQL does not answer any more: no"),
        (-100_002, Transient, "MySQL does not answer any more: no"),
        (0, Transient, "MySQL does not answer any more"),
    ],
)
def test_what_is_no_answer_is_told_apart(number: int, kind: type[LifeboatError], words: str, rows_before: int | None) -> None:
    """Of this question, or of any; what was around it is ended."""
    session = Session(error=pymysql.err.OperationalError(number, "no"), rows_before=rows_before)
    with pytest.raises(LifeboatError, match=words) as told:
        ask(session, sql())
    assert type(told.value) is kind
    assert session.sent[-1] == "END"


def test_an_answer_that_is_too_large_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not kept in memory."""
    monkeypatch.setattr(asker, "MOST_BYTES", 100)
    with pytest.raises(LifeboatError, match="more than"):
        ask(Session([b"x" * 30] * 5), sql())


@pytest.mark.parametrize(
    ("asked", "where", "words"),
    [
        (sql("DELETE FROM t"), source(), "begins with DELETE"),
        (sql("SELECT " + "1," * 600_000 + "1"), source(), "longer than 1,048,576"),
        (sql("SELECT 1"), source(database="MySQL"), "(mysql)"),
        (sql("SELECT 1", end=(1 << 53) - 1), source(), "it cannot be asked: ValueError"),
        (sql("SELECT 1"), source(uid="x"), "cannot be asked this"),
        (sql("SELECT 1", resource="api"), source(), "cannot be asked this"),
        (sql("SELECT 1", beside=({},)), source(), "cannot be asked this"),
    ],
)
def test_what_is_not_asked(asked: Question, where: DataSource, words: str) -> None:
    """Nothing of it is sent."""
    session = Session()
    with pytest.raises(LifeboatError) as told:
        ask(session, asked, where)
    assert words in told.value.message
    assert len(session.sent) == 1


def test_a_session_that_is_given_up_ends_at_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """So does what it was asked last."""
    killed: list[object] = []

    class Live(Session):
        def thread_id(self) -> int:
            return 7

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            killed.extend([*self.sent, "closed"])

    monkeypatch.setattr(asker.standing, "as_grafana", lambda *_: None)
    with pytest.raises(KeyboardInterrupt), asker.asking(Live, (), {}):
        raise KeyboardInterrupt
    assert killed == ["KILL 7", "closed", STANDING, "closed"]
    killed.clear()
    with asker.asking(Live, (), {}):
        pass
    assert killed == [STANDING, "closed"]


class Opened(Session):
    """One of a server that ends what takes too long."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is closed."""

    def thread_id(self) -> int:
        return 7


@pytest.mark.parametrize(("seconds", "limit"), [(None, 10), (fit.COPY_SECONDS, 60)])
def test_a_copy_may_be_slower_than_its_source(seconds: float | None, limit: int) -> None:
    """What takes nine seconds there is no damage where it takes eleven."""
    session = Opened(error=pymysql.err.OperationalError(3024, "late"))
    with (
        pytest.raises(LifeboatError, match=f"longer than {limit} s"),
        asker.asking(lambda: session, (source(),), {}, seconds) as asking,
    ):
        asking.ask(sql())
    assert f"SET SESSION max_execution_time = {limit * 1000}" in session.sent


@pytest.mark.parametrize(
    ("url", "kind", "is_it"),
    [
        ("db.agama.internal:3306", "mysql", True),
        ("DB.agama.internal.:3306", "mysql", True),
        ("db.agama.internal", "mysql", True),
        ("db.agama.internal:3307", "mysql", False),
        ("other.agama.internal:3306", "mysql", False),
        ("db.agama.internal:3306", "prometheus", False),
        ("/run/mysqld.sock", "mysql", False),
        ("db.agama.internal:port", "mysql", False),
        ("", "mysql", False),
        ("[::1]:3306", "mysql", False),
        (":3306", "mysql", False),
    ],
)
def test_a_data_source_is_told_by_its_address(monkeypatch: pytest.MonkeyPatch, url: str, kind: str, is_it: bool) -> None:
    """Nobody is asked."""
    monkeypatch.setattr("backups.services.panelled._resolved", lambda host: [host])
    assert address.answers(SETTINGS, source(url=url, type=kind)) is is_it


def test_an_address_of_six_parts_is_one() -> None:
    """With and without brackets and port."""
    settings = SETTINGS.model_copy(update={"host": "::1"})
    for url in ("[::1]:3306", "[::1]", "::1"):
        assert address.answers(settings, source(url=url))


def test_behind_ssh_localhost_tells_nothing() -> None:
    """It is that machine's, and Grafana's may be another."""
    settings = SETTINGS.model_copy(update={"host": "127.0.0.1", "ssh": "db"})
    assert not address.answers(settings, source(url="127.0.0.1:3306"))
    assert address.answers(SETTINGS.model_copy(update={"host": "127.0.0.1"}), source(url="127.0.0.1:3306"))
