"""What calls for a restore of a MySQL server, on real servers: each loss is recognised, and what is no loss is not called one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pymysql
import pytest

from backups.errors import LifeboatError
from backups.machine.docker import Docker
from backups.machine.wait import wait_until
from backups.services.mysql import health
from backups.services.mysql.service import MySQLService
from backups.services.mysql.source import connection
from backups.services.mysql.witness import witness
from backups.witness import Fact
from tests.servers.mysql import MySQLServer, StartMySQL

DATABASE = "watched"


def service(server: MySQLServer, **changes: object) -> MySQLService:
    return MySQLService("agama", server.settings(**changes), Docker())


def seen(server: MySQLServer, facts: list[Fact], collapse: float = 0.5) -> list[tuple[str, str, str]]:
    return [(problem.kind, problem.subject, problem.message) for problem in service(server).health(facts, collapse)]


@pytest.fixture
def facts(mysql_server: MySQLServer) -> Iterator[list[Fact]]:
    """The witness of a server with a database of its own: 40,000 rows, 10 rows, none, and an odd name."""
    mysql_server.sql(
        f"DROP DATABASE IF EXISTS {DATABASE}",
        f"CREATE DATABASE {DATABASE}",
        # The server recalculates estimates when it likes; here it is told when.
        f"CREATE TABLE {DATABASE}.large (id INT PRIMARY KEY AUTO_INCREMENT, x INT) STATS_AUTO_RECALC = 0",
        f"INSERT INTO {DATABASE}.large (x) VALUES " + ", ".join(["(1)"] * 5000),
        *[f"INSERT INTO {DATABASE}.large (x) SELECT x FROM {DATABASE}.large"] * 3,
        f"CREATE TABLE {DATABASE}.small (id INT PRIMARY KEY)",
        f"INSERT INTO {DATABASE}.small VALUES " + ", ".join(f"({number})" for number in range(10)),
        f"CREATE TABLE {DATABASE}.never_any (id INT PRIMARY KEY)",
        f"CREATE TABLE {DATABASE}.`an odd``name` (id INT) PARTITION BY HASH (id) PARTITIONS 3",
        f"INSERT INTO {DATABASE}.`an odd``name` VALUES (1), (2), (3), (4)",
        f"ANALYZE TABLE {DATABASE}.large",
    )
    yield witness.observe(lambda: connection.connect(mysql_server.settings()), connections=1)
    mysql_server.sql(f"DROP DATABASE IF EXISTS {DATABASE}")


def test_a_healthy_server_is_well_and_one_that_grew_is_too(mysql_server: MySQLServer, facts: list[Fact]) -> None:
    assert seen(mysql_server, facts) == []
    mysql_server.sql(f"INSERT INTO {DATABASE}.never_any VALUES (1)", f"CREATE TABLE {DATABASE}.newer (id INT PRIMARY KEY)")
    assert seen(mysql_server, facts) == []


def test_a_database_that_is_gone_is_reported_once_with_what_it_held(mysql_server: MySQLServer, facts: list[Fact]) -> None:
    mysql_server.sql(f"DROP DATABASE {DATABASE}")
    expected = f"database {DATABASE} is gone; the last witness counted 4 tables with 40,014 rows in it"
    assert seen(mysql_server, facts) == [("loss", f"database {DATABASE}", expected)]


@pytest.mark.parametrize(
    ("statement", "table", "words"),
    [
        ("DROP TABLE watched.small", "watched.small", "table watched.small is gone; the last witness counted 10 rows in it"),
        ("DROP TABLE watched.`an odd``name`", "watched.`an odd``name`", "is gone; the last witness counted 4 rows"),
        ("DELETE FROM watched.small", "watched.small", "table watched.small is empty; the last witness counted 10 rows in it"),
        ("TRUNCATE TABLE watched.large", "watched.large", "table watched.large is empty; the last witness counted 40,000 rows"),
        ("DELETE FROM watched.large", "watched.large", "table watched.large is empty"),
        ("DELETE FROM watched.`an odd``name`", "watched.`an odd``name`", "is empty"),
        (
            "DELETE FROM watched.small WHERE id >= 4",
            "watched.small",
            "has 4 rows of the 10 that the last witness counted; at least 5 are expected",
        ),
    ],
)
def test_a_lost_table_and_lost_rows_are_reported_with_both_numbers(
    mysql_server: MySQLServer, facts: list[Fact], statement: str, table: str, words: str
) -> None:
    mysql_server.sql(statement)
    ((kind, subject, message),) = seen(mysql_server, facts)
    assert (kind, subject) == ("loss", table)
    assert words in message


def test_a_large_table_that_collapsed_is_counted_exactly_when_the_servers_estimate_accuses_it(
    mysql_server: MySQLServer, facts: list[Fact]
) -> None:
    mysql_server.sql(f"DELETE FROM {DATABASE}.large WHERE id % 3", f"ANALYZE TABLE {DATABASE}.large")
    (count,) = mysql_server.rows(f"SELECT COUNT(*) FROM {DATABASE}.large")[0]
    expected = f"has {count:,} rows of the 40,000 that the last witness counted; at least 20,000 are expected"
    assert [message.split(".large ")[1] for _, _, message in seen(mysql_server, facts)] == [expected]


def test_an_estimate_alone_accuses_nobody(mysql_server: MySQLServer, facts: list[Fact]) -> None:
    """The server believes that the table holds 3 rows; it holds 40,000."""
    mysql_server.sql(f"UPDATE mysql.innodb_table_stats SET n_rows = 3 WHERE database_name = '{DATABASE}'")
    assert seen(mysql_server, facts) == []


def test_the_share_that_may_be_missing_is_the_operators(mysql_server: MySQLServer, facts: list[Fact]) -> None:
    mysql_server.sql(f"DELETE FROM {DATABASE}.small WHERE id >= 6")
    assert seen(mysql_server, facts, 0.5) == []
    assert len(seen(mysql_server, facts, 0.3)) == 1
    mysql_server.sql(f"DELETE FROM {DATABASE}.small WHERE id >= 1")
    assert seen(mysql_server, facts, 1.0) == [], "all may be missing but one row"


def test_a_server_that_is_down_is_down_and_one_that_cannot_be_asked_is_not_called_so(
    start_mysql: StartMySQL, docker_cli: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong password or too many connections say nothing about the data."""
    server = start_mysql("--max-connections=2")
    assert seen(server, []) == []

    with pytest.raises(LifeboatError, match="refuses user lifeboat"):
        list(service(server, password="wrong").health([], 0.5))
    with ExitStack() as sessions:

        def opened() -> bool:
            with suppress(pymysql.OperationalError):
                sessions.enter_context(server.connect())
                return True
            return False

        # What was closed a moment ago may still count.
        assert all(wait_until(opened, seconds=120) for _ in range(3))
        with pytest.raises(LifeboatError, match="has no free connection"):
            list(service(server).health([], 0.5))

    # Nothing listens; and a server that takes connections and never says a word, as a proxy before a dead one does not either.
    (problem,) = service(server, port=3307).health([], 0.5)
    assert (problem.kind, problem.subject) == ("down", f"{server.host}:3307")
    assert "does not answer" in problem.message
    monkeypatch.setattr("backups.services.mysql.source.session._GREETING", 1.0)
    docker_cli("kill", "--signal", "STOP", server.container.name)
    try:
        with pytest.raises(LifeboatError, match="does not answer: no answer in 1 s"):
            seen(server, [])
    finally:
        docker_cli("kill", "--signal", "CONT", server.container.name)


def test_what_is_only_hidden_from_us_is_not_gone(mysql_server: MySQLServer, facts: list[Fact]) -> None:
    """A list that the server cuts off, and a database that our user may not see."""
    mysql_server.sql("SET GLOBAL sql_select_limit = 1")
    try:
        assert seen(mysql_server, facts) == []
    finally:
        mysql_server.sql("SET GLOBAL sql_select_limit = DEFAULT")
    mysql_server.sql(
        "SET GLOBAL partial_revokes = ON", f"REVOKE SELECT, SHOW VIEW, TRIGGER, EVENT ON {DATABASE}.* FROM lifeboat@'%'"
    )
    try:
        with pytest.raises(LifeboatError, match="does not let lifeboat do what a backup needs"):
            seen(mysql_server, facts)
    finally:
        mysql_server.sql(
            f"GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON {DATABASE}.* TO lifeboat@'%'", "SET GLOBAL partial_revokes = OFF"
        )


def test_a_table_that_the_server_itself_cannot_read_is_lost(mysql_server: MySQLServer, facts: list[Fact]) -> None:
    mysql_server.sql(f"ALTER TABLE {DATABASE}.small DISCARD TABLESPACE")
    ((kind, subject, message),) = seen(mysql_server, facts)
    assert (kind, subject) == ("loss", "watched.small")
    assert "cannot be read; the last witness counted 10 rows in it: Tablespace is discarded" in message


def test_another_server_is_told_from_the_one_that_was_backed_up(mysql_server: MySQLServer) -> None:
    uuid = mysql_server.value("SELECT @@server_uuid")
    assert health.another_server(mysql_server.settings(), uuid) is None
    said = health.another_server(mysql_server.settings(), "3e11fa47-71ca-11e1-9e33-c80aa9429562")
    assert said
    assert uuid in said


def test_a_table_that_cannot_be_counted_in_time_is_reported_with_the_servers_estimate(
    mysql_server: MySQLServer, facts: list[Fact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backups.services.mysql.health._COUNT_MILLISECONDS", 200)
    mysql_server.sql(f"UPDATE mysql.innodb_table_stats SET n_rows = 7 WHERE database_name = '{DATABASE}'")
    # However fast the machine: what another session has locked is not counted in time.
    with mysql_server.connect(DATABASE) as session, session.cursor() as cursor:
        cursor.execute("LOCK TABLES large WRITE")
        large = [message for _, subject, message in seen(mysql_server, facts) if subject == f"{DATABASE}.large"]
    assert len(large) == 1
    assert "has about 7 (by the server's estimate; counting took longer than 0.2 s) rows of the 40,000" in large[0]


def test_a_table_that_is_locked_is_busy_and_not_lost(
    mysql_server: MySQLServer, facts: list[Fact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backups.services.mysql.health._LOCK_SECONDS", 1)
    with mysql_server.connect() as blocking, blocking.cursor() as cursor:
        cursor.execute(f"LOCK TABLES {DATABASE}.large WRITE")
        with pytest.raises(LifeboatError, match="gave no lock in time"):
            seen(mysql_server, facts)
