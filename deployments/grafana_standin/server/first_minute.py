"""Gives organisations that have none their Alertmanager: at the start, and then at each look, once a minute unless told.

Until then alerting's routes refuse an organisation, in the words of `answers/alerting.py`; one that is named in `disabled_orgs` is
refused for ever.
"""

import logging
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

from .creation import DEFAULT_ALERTING
from .settings import Settings

log = logging.getLogger("standin")


class AlertmanagerLook:
    """The look that a running server takes every `alerting_look_seconds`; `connect(write=…)` opens its database."""

    def __init__(self, settings: Settings, connect: Callable[..., sqlite3.Connection]) -> None:
        self._settings = settings
        self._connect = connect
        self._next = 0.0

    def take(self) -> None:
        """Look, if it is time. A database that cannot be read or written is left to the answers to complain about."""
        if not self._settings.alerting or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._settings.alerting_look_seconds
        try:
            with closing(self._connect(write=False)) as connection:
                missing = self._missing(connection)
            if missing:
                with closing(self._connect(write=True)) as connection, connection:
                    self._give(connection)
        except sqlite3.Error as error:
            log.info("no look for new organisations error=%r", str(error))

    def _missing(self, connection: sqlite3.Connection) -> list[int]:
        rows = connection.execute("SELECT id FROM org WHERE id NOT IN (SELECT org_id FROM alert_configuration) ORDER BY id")
        return [number for (number,) in rows if number not in self._settings.without_alerting]

    def _give(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")  # what is missing is still missing when it is given
        for number in self._missing(connection):
            log.info("creating a default Alertmanager configuration org=%d", number)
            connection.execute(
                "INSERT INTO alert_configuration (alertmanager_configuration, configuration_version, created_at, `default`, org_id)"
                " VALUES (?, 'v1', ?, 1, ?)",
                (DEFAULT_ALERTING, int(datetime.now(UTC).timestamp()), number),
            )
