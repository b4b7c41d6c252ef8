"""Gives sessions the settings of Grafana's: the server's own, as the source has them, and a time for each SELECT."""

from collections.abc import Mapping

import pymysql.err

from backups.panels.sql import fit
from backups.services.mysql.source.connection import Session, rows

SETTINGS = ("time_zone", "sql_mode", "sql_select_limit")
"""Global variables that a session begins with, that decide what a SELECT answers, and that no copy is started with."""
_OWN = ("group_concat_max_len", "sql_big_selects")
"""What our own sessions have otherwise, and copies as the source."""
_COLLATION = "utf8mb4_unicode_ci"
"""Of Grafana's sessions."""
_LOCK_WAIT = 5
_LIMITS = {"max_execution_time": 1000, "max_statement_time": 1}
"""How long a SELECT may take, in parts of a second: on MySQL, on MariaDB."""
_UNKNOWN_VARIABLE = 1193


def answering(variables: Mapping[str, str]) -> dict[str, str]:
    """Return what a manifest keeps of the source's global variables, for copies that answer as it does."""
    return {name: variables[name] for name in SETTINGS if name in variables}


def as_source(session: Session, settings: Mapping[str, str], seconds: float | None = None) -> None:
    """Have every new session of a copy begin as on the source. settings: from its manifest; empty in older ones.

    seconds: for each SELECT; None: as long as a question has in a copy
    """
    for name in SETTINGS:
        if name in settings:
            rows(session, f"SET GLOBAL {name} = %s", [_value(name, settings[name])])
    _limit(session, "GLOBAL", seconds or fit.COPY_SECONDS)


def as_grafana(session: Session, settings: Mapping[str, str], seconds: float | None = None) -> None:
    """Have a session of ours answer as Grafana's. settings: the source's global variables; what lacks is the server's

    seconds: for each SELECT; None: as long as a question has at a source
    """
    rows(session, f"SET NAMES utf8mb4 COLLATE {_COLLATION}")
    for name in (*SETTINGS, *_OWN):
        if name in settings:
            rows(session, f"SET SESSION {name} = %s", [_value(name, settings[name])])
        else:
            rows(session, f"SET SESSION {name} = @@GLOBAL.{name}")
    rows(session, "SET SESSION lock_wait_timeout = %s", [_LOCK_WAIT])
    _limit(session, "SESSION", seconds or fit.MOST_SECONDS)


def _limit(session: Session, scope: str, seconds: float) -> None:
    for name, unit in _LIMITS.items():
        try:
            rows(session, f"SET {scope} {name} = %s", [max(1, int(seconds * unit))])
            return
        except pymysql.err.MySQLError as error:
            if error.args[0] != _UNKNOWN_VARIABLE:
                raise


def _value(name: str, value: str) -> str | int:
    return int(value) if name == "sql_select_limit" else value
