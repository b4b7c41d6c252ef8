"""Asks a restored MySQL that was started on its data for the rows of the witness, as the operator's own user of Lifeboat."""

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import pymysql.err

from backups import plural
from backups.errors import LifeboatError
from backups.places.base import Place
from backups.services.base import Asked, Beside
from backups.services.mysql import counted
from backups.services.mysql.doctor.checks import some
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.source.looking import looking
from backups.services.mysql.source.source import SYSTEM_DATABASES
from backups.services.mysql.witness.definitions import table_names
from backups.services.mysql.witness.sessions import limit_statements
from backups.services.settings import ServiceSettings
from backups.witness import Check, Fact

PORT = 3306
"""At which the official image's server answers."""
BESIDE = Beside(
    "its source is alive, or cannot be looked at: so that no event does its work twice, or makes a mistake once more, the new "
    "container runs none; to have it run them until its next start: SET GLOBAL event_scheduler = ON",
    options=("--event-scheduler=OFF",),
)
VALUES = "the values in its rows, which were compared before, in the sandbox"
_SECONDS = 120.0
"""For all counts together; the tables that the witness counted least are counted first."""


@dataclass(frozen=True)
class RowsStay:
    """See FirstStart: every table has the rows that the witness counted. Without a witness of its moment, nothing is compared.

    events: whether some are enabled in it; where the server runs them, a table that differs tells nothing
    """

    witness: Sequence[Fact]
    events: bool = field(default=False, kw_only=True)

    def ready(self, address: str) -> bool:
        """See FirstStart."""
        try:
            socket.create_connection((address, PORT), timeout=5).close()
        except OSError:
            return False
        return True

    def ask(self, place: Place, address: str | None, settings: ServiceSettings) -> Asked:  # noqa: ARG002 - its files tell nothing
        """See FirstStart."""
        if not self.witness:
            return Asked((), ["its tables: no witness is of this moment"])
        own = cast("MySQLSettings", settings)
        there = own.model_copy(update={"host": address, "port": PORT, "ssh": None}) if address else own
        had = sorted(counted.counted(self.witness).items(), key=lambda table: (table[1], table[0]))
        had = [(table, number) for table, number in had if table_names(table)[0] not in SYSTEM_DATABASES]
        checks: list[Check] = []
        moved: list[str] = []
        deadline = time.monotonic() + _SECONDS
        try:
            with looking(there) as session:
                running = self.events and rows(session, "SELECT @@GLOBAL.event_scheduler")[0][0] == "ON"
                for table, number in had:
                    seconds = deadline - time.monotonic()
                    if seconds <= 0:
                        break
                    found = _count(session, table, seconds)
                    if running and found is not None and found != number:
                        moved.append(table)
                        continue
                    checks.append(Check(subject=table, metric="rows", expected=number, observed=found, passed=found == number))
        except pymysql.err.MySQLError as error:
            left = plural.count(len(had) - len(checks) - len(moved), "table")
            return Asked(checks, [*_by_events(moved), f"the rows of {left}: {' '.join(map(str, error.args))}"])
        except LifeboatError as error:
            return Asked(checks, [f"its tables, as user {own.user}: {error.message}"])
        left_out = len(had) - len(checks) - len(moved)
        uncounted = [f"the rows of {plural.count(left_out, 'table')}, for want of time"] if left_out else []
        return Asked(checks, [*_by_events(moved), *uncounted, VALUES])


def _by_events(moved: Sequence[str]) -> list[str]:
    """Name the tables whose counts tell nothing, a line for all."""
    return [f"the rows of {some(moved)}, which an event may have changed since the start"] if moved else []


def _count(session: Session, table: str, seconds: float) -> int | None:
    """Count the rows of a table; None when the server says that it has no such table."""
    if counted.says_gone(session, counted.one_row(table)):
        return None
    limit_statements(session, seconds)
    return int(rows(session, f"SELECT COUNT(*) FROM {counted.sql_name(table)}")[0][0])  # noqa: S608 - quoted
