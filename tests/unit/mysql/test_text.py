"""Messages of servers are shown without what may be secret in the statements that they quote."""

import pytest

from backups.services.mysql.text import without_statement

SECRET = "hunter2"
STATEMENTS = [
    f"CREATE TABLE w.remote (id INT) ENGINE=FEDERATED CONNECTION='mysql://u:{SECRET}@far/w/t'",
    f"CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (USER 'u', PASSWORD '{SECRET}')",
    f'ALTER USER "u"@"%" IDENTIFIED BY "{SECRET}"',
    f"CREATE USER u IDENTIFIED WITH x AS 0x{SECRET.encode().hex()}",
    f"CREATE USER u IDENTIFIED WITH x AS X'{SECRET.encode().hex()}'",
    f"SET PASSWORD FOR u = '{SECRET}'",
    f"CREATE TABLE t (a CHAR(9) DEFAULT '\\'', b CHAR(9) DEFAULT '{SECRET}')",
    f"CREATE TABLE t (a CHAR(9) DEFAULT '\\', b CHAR(9) DEFAULT '{SECRET}')",
    f"CREATE TABLE t (a INT) /* password: {SECRET} */",
    f"CREATE PROCEDURE p() BEGIN -- {SECRET}\n END",
    f"CREATE PROCEDURE p() BEGIN # {SECRET}\n END",
    f"CREATE TABLE t (a INT COMMENT 'it''s {SECRET}', b INT)",
]
FRAMES = [
    "Error 'The table is full' on query. Default database: 'w'. Query: '{}'",
    "Worker 1 failed executing transaction 'a:7' at source log x, end_log_pos 9; Error 'no' on query. Default database: 'w'. Query: '{}'",
    "[ERROR] [MY-010584] Replica SQL for channel 'lifeboat': Error 'no' on query. Default database: 'w'. Query: '{}', Error_code: MY-001118",
    "Error 'You have an error in your SQL syntax near '{0}' at line 1' on query. Default database: 'w'. Query: '{0}'",
    "You have an error in your SQL syntax; check the manual for the right syntax to use near '{}' at line 1",
]


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("statement", STATEMENTS)
def test_no_secret_of_a_quoted_statement_is_shown(frame: str, statement: str) -> None:
    """However it is written, whatever quotes it, and wherever the server cut the message off."""
    whole = frame.format(statement)
    assert SECRET in whole or SECRET.encode().hex() in whole
    for end in range(len(whole) + 1):
        shown = without_statement(whole[:end])
        assert SECRET[:3] not in shown
        assert SECRET.encode().hex()[:6] not in shown


def test_what_is_no_secret_is_shown() -> None:
    """The object, and what the server said, are what an operator needs."""
    message = FRAMES[0].format("CREATE TABLE w.wide (id INT PRIMARY KEY, c0 TEXT) ROW_FORMAT=COMPACT")
    assert without_statement(message) == message
    assert without_statement(FRAMES[0].format(STATEMENTS[0])) == (
        "Error 'The table is full' on query. Default database: 'w'. "
        "Query: 'CREATE TABLE w.remote (id INT) ENGINE=FEDERATED CONNECTION=… (not shown: it may hold secrets)'"
    )
    assert without_statement(FRAMES[2].format("DROP TABLE w.t")).endswith("Query: 'DROP TABLE w.t'")


@pytest.mark.parametrize(
    "message",
    [
        "Could not execute Write_rows event on table w.stage; The table 'stage' is full, Error_code: 1114",
        "[ERROR] [MY-012592] [InnoDB] Operating system error number 2 in a file operation.",
        "Table 'near' doesn't exist",
        "",
    ],
)
def test_other_messages_are_left_as_they_are(message: str) -> None:
    """They quote no statement."""
    assert without_statement(message) == message
