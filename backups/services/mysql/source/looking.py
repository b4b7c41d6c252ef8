"""Opens the sessions that look at a source and check it, under the settings that every fact is measured under.

A server that says nothing for a minute is given up: a look is over soon, or says that it could not look.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source import connection
from backups.services.mysql.source.connection import Session, rows

SILENCE = 60.0
"""Seconds without an answer."""
_SETTINGS: dict[str, str | int] = {
    "time_zone": "+00:00",
    "lock_wait_timeout": 5,
    "wait_timeout": 86400,
    "net_write_timeout": 3600,
    "sql_quote_show_create": 1,
}
"""What a server's own defaults could make an answer depend on, besides the limits that every session is freed from."""
_SOME_SETTINGS: dict[str, str | int] = {
    "transaction_isolation": "REPEATABLE-READ",
    "tx_isolation": "REPEATABLE-READ",
    "print_identified_with_as_hex": 1,
    "show_create_table_skip_secondary_engine": 0,
    "show_gipk_in_create_table_and_information_schema": 1,
    "use_secondary_engine": "OFF",
}
"""The same, of servers that have them: newer ones, or MariaDB, or all but MariaDB."""


@contextmanager
def looking(settings: MySQLSettings, *, silence: float | None = SILENCE) -> Iterator[Session]:
    """Open a session to look by, and explain its errors; see `connection.connect` for `silence` and what it raises."""
    with connection.errors_explained(settings), connection.connect(settings, silence=silence) as session:
        fix(session)
        yield session


def fix(session: Session) -> None:
    """Set the session variables that every fact is measured under."""
    rows(session, "SET NAMES utf8mb4")
    set_variables(session, _SETTINGS)
    known = {row[0] for row in rows(session, "SHOW SESSION VARIABLES WHERE variable_name IN %s", [tuple(_SOME_SETTINGS)])}
    set_variables(session, {name: value for name, value in _SOME_SETTINGS.items() if name in known})


def set_variables(session: Session, values: Mapping[str, str | int]) -> None:
    """Set session variables, all at once."""
    if values:
        rows(session, "SET " + ", ".join(f"SESSION {name} = %s" for name in values), list(values.values()))
