"""Whatever limits a server sets for every session, Lifeboat's own answers are whole: doctor, backup, watch, losses."""

from collections.abc import Iterator

import pytest

from backups.services.mysql.service import MySQLService
from backups.services.mysql.source.connection import connect, rows
from tests.integration.mysql.conftest import Capturing
from tests.servers.mysql import MySQLServer

ODD = {
    "sql_select_limit": "1",
    "max_join_size": "10",
    "max_execution_time": "1",
    "group_concat_max_len": "4",
    "sql_mode": "'ANSI,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,PAD_CHAR_TO_FULL_LENGTH,HIGH_NOT_PRECEDENCE,IGNORE_SPACE'",
    "autocommit": "0",
    "init_connect": "'SET SESSION sql_select_limit = 2, SESSION max_execution_time = 2'",
}


@pytest.fixture
def limited(mysql_server: MySQLServer) -> Iterator[MySQLServer]:
    """The shared server with two tables; root, whom the limits bind too, has set them."""
    server = mysql_server
    server.sql("DROP DATABASE IF EXISTS limited", "CREATE DATABASE limited")
    for table in ("a", "b"):
        server.sql(f"CREATE TABLE limited.{table} (id INT PRIMARY KEY)", f"INSERT INTO limited.{table} VALUES (1), (2), (3)")
    kept = {name: server.value(f"SELECT @@GLOBAL.{name}") for name in ODD}
    server.sql(*(f"SET GLOBAL {name} = {value}" for name, value in ODD.items()))
    yield server
    with server.connect() as session, session.cursor() as cursor:
        for name, value in kept.items():
            cursor.execute(f"SET GLOBAL {name} = %s", [value])
    server.sql("DROP DATABASE limited")


def test_doctor_backup_watch_and_losses_answer_as_without_them(limited: MySQLServer, capture: Capturing) -> None:
    """Cut answers were a crash for the doctor, and a table that is gone for the watch, which may restore by itself."""
    service = MySQLService("agama", limited.settings(), capture.run.docker)
    findings = list(service.examine(capture.run.docker))
    assert [finding for finding in findings if not finding.ok] == []
    assert len(findings) > 10
    full = capture(limited)
    taken = capture(limited, (full,))
    counted = {fact.subject: fact.value for fact in taken.captured.witness if fact.metric == "rows"}
    assert (counted["limited.a"], counted["limited.b"]) == (3, 3)
    assert list(service.health(taken.captured.witness, 0.5)) == []
    assert list(service.loss(taken.captured.witness)) == []


def test_no_limit_is_left_in_a_session(limited: MySQLServer) -> None:
    """Each variable that can cut an answer off, as the session has it; with big selects allowed, max_join_size binds nobody."""
    with connect(limited.settings()) as session:
        found = dict(rows(session, "SHOW SESSION VARIABLES"))
        cutting = {name: found[name] for name in sorted((set(ODD) | {"sql_big_selects"}) - {"init_connect", "max_join_size"})}
    assert cutting == {
        "sql_select_limit": str(2**64 - 1),
        "sql_big_selects": "ON",
        "max_execution_time": "0",
        "group_concat_max_len": str(2**32 - 1),
        "sql_mode": "",
        "autocommit": "ON",
    }
