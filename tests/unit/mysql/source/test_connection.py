"""Sessions are freed from the server's own limits wherever one is opened, and errors say what they mean and what to do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pymysql.err
import pytest

from backups.errors import LifeboatError, Transient
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source import connection, explained
from backups.services.mysql.source.connection import Session, prepare
from backups.services.mysql.source.explained import explain

SETTINGS = MySQLSettings(type="mysql", image="mysql:9.7", host="10.0.0.5", user="lifeboat", password="x")
BACKUPS = Path(connection.__file__).parents[3]


class Server:
    """A session of a server that knows some variables only."""

    def __init__(self, version: str, *unknown: str, lost: bool = False) -> None:
        self.version, self.unknown, self.lost = version, unknown, lost
        self.sent: list[str] = []
        self.closed = False

    def get_server_info(self) -> str:
        return self.version

    @contextmanager
    def cursor(self) -> Iterator["Server"]:
        yield self

    def execute(self, statement: str, arguments: object) -> None:
        self.sent.append(statement)
        if self.lost:
            raise pymysql.err.OperationalError(2013, "Lost connection")
        for name in self.unknown:
            if name in statement:
                raise pymysql.err.InternalError(1193, f"Unknown system variable '{name}'")

    def fetchall(self) -> list[tuple[Any, ...]]:
        return [("lifeboat", 2)] if "1 + 1" in self.sent[-1] else []

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("version", "unknown", "limit"),
    [
        ("9.7.4", "max_statement_time", "max_execution_time"),
        ("11.8.9-MariaDB", "max_execution_time", "max_statement_time"),
        # As a proxy may tell it.
        ("8.0.11", "max_execution_time", "max_statement_time"),
    ],
)
def test_a_session_is_freed_from_limits_by_the_names_that_the_server_has(version: str, unknown: str, limit: str) -> None:
    server = Server(version, unknown)
    prepare(cast("Session", server))
    *freeing, asked = server.sent
    assert freeing[-1] == f"SET SESSION {limit} = 0"
    for name in ("sql_select_limit", "sql_big_selects", "group_concat_max_len", "sql_mode"):
        assert f"SESSION {name} = " in freeing[0]
    # A limit of a millisecond ends whatever is asked before it is lifted, where the machine is busy.
    assert all(statement.startswith("SET ") for statement in freeing)
    assert asked == "SELECT 'lifeboat', 1 + 1"
    assert not server.closed


def test_a_session_that_cannot_be_freed_is_closed() -> None:
    server = Server("9.7.4", lost=True)
    with pytest.raises(pymysql.err.OperationalError, match="Lost"):
        prepare(cast("Session", server))
    assert server.closed


def test_sessions_are_opened_in_one_place_only() -> None:
    """Which is the one that frees them: whoever opens one elsewhere is answered as the server's own defaults have it."""
    opening = re.compile(r"pymysql\.connect\(|\b(?:Session|Connection)\(\s*(?:$|trusted|unix_socket|host|user)", re.MULTILINE)
    files = {path.name for path in BACKUPS.rglob("services/mysql/**/*.py") if opening.search(path.read_text())}
    assert files == {"connection.py"}
    text = Path(connection.__file__).read_text()
    assert len(opening.findall(text)) == 2 == len(re.findall(r"return prepare\(", text))


@pytest.mark.parametrize(
    ("number", "words", "hint"),
    [
        (1226, "allows user lifeboat no more for now", "MAX_USER_CONNECTIONS 0"),
        (1862, "the password has expired", "ALTER USER … IDENTIFIED BY '…'"),
        (1820, "the password has expired", "ALTER USER … IDENTIFIED BY '…'"),
        (3118, "the account is locked", "ACCOUNT UNLOCK"),
        (3032, "offline mode", "SET GLOBAL offline_mode = OFF"),
        (1184, "its init_connect fails", "GRANT CONNECTION_ADMIN"),
        (1814, "tablespace was discarded", "IMPORT TABLESPACE"),
    ],
)
def test_an_error_says_what_it_means_and_what_to_type(number: int, words: str, hint: str) -> None:
    error = explain(pymysql.err.OperationalError(number, "as the server says it"), SETTINGS)
    assert error.message.startswith("MySQL at 10.0.0.5:3306 ")
    assert words in error.message
    assert error.message.endswith(f"as the server says it (error {number})")
    assert hint in str(error.hint)
    assert isinstance(error, Transient) == (number == 1226)


def test_no_hint_of_a_known_error_is_a_template() -> None:
    """Braces are filled in, in messages; hints have none."""
    for number in (*explained._BUSY, *explained._REFUSALS):
        error: LifeboatError = explain(pymysql.err.OperationalError(number, "x"), SETTINGS)
        assert "{" not in f"{error.message} {error.hint}"
        assert "perror" not in str(error.hint)
