"""Brings a Grafana back on the database that another service's backup holds, and asks it what that database says.

The rows themselves are compared with that service's own witness before Grafana starts; here its answers are compared with them,
and the key of its configuration with every secret that they hold. Grafana reaches the database at a port of its own loopback, by
an account that exists in the copy alone: whether the source's account would be let in is not tried.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from backups.errors import Damaged, LifeboatError, Transient
from backups.machine.docker import Container
from backups.services.base import Delivery, Fetched, Sandbox
from backups.services.grafana import server
from backups.services.grafana.details import Elsewhere
from backups.services.grafana.files import (
    age,
    answers,
    configuration,
    first_answer,
    hand_over,
    joined_capture,
    rows,
    secrets,
)
from backups.services.grafana.files.configuration_files import CONFIG
from backups.services.grafana.files.database import FILE, opened
from backups.services.grafana.files.in_force import InForce
from backups.services.grafana.files.objects import read
from backups.services.joined import Lent
from backups.witness import Fact

_PORT = 3306
_TABLES = ("migration_log", "org", "user")


class JoinedCopy:
    """See `Copy` and `Joined`. For a restore no server is started: what is handed over is the configuration."""

    def __init__(
        self,
        chain: Sequence[Fetched],
        sandbox: Sandbox,
        database: Elsewhere,
        *,
        for_restore: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._backup = chain[-1]
        self._manifest = chain[-1].manifest
        self._sandbox = sandbox
        self._database = database
        self._for_restore = for_restore
        self._now = now
        self._directory = sandbox.directory / "grafana"
        self._rows = sandbox.directory / "grafana-rows" / FILE
        """What the database server held before Grafana started on it."""
        self._lent: Lent | None = None
        self._container: Container | None = None
        self._url = ""

    def join(self, lent: Lent) -> None:
        """See `Joined`."""
        self._lent = lent

    def assemble(self) -> None:
        """Make the data directory of a server that keeps nothing in it."""
        if not self._config.is_dir():
            raise Damaged(f"{CONFIG} is not in backup {self._manifest.id}", hint=server.ANOTHER_BACKUP)
        self._directory.mkdir()
        self._directory.chmod(0o750 if os.geteuid() == 0 else 0o755)
        self._rows.parent.mkdir(mode=0o700)

    def start(self) -> None:
        """Start the server on the database that was lent; it is ready when it says that its database answers."""
        if self._for_restore:
            return
        lent = self._require_lent()
        rows.write(lent.tables(self._database.name), self._rows)
        with opened(self._rows) as found:
            if lacking := [table for table in _TABLES if not found.has(table)]:
                raise Damaged(
                    f"database {self._database.name} of backup {lent.backup} is no Grafana's: it lacks {', '.join(lacking)}",
                    hint=f"does {self._database.service} hold Grafana's database? else correct database: in lifeboat.yaml",
                )
            if fault := age.fault(found):
                raise Damaged(f"database {self._database.name} of backup {lent.backup} {fault}", hint=age.HINT)
            configuration.write_configuration(self._directory, self._settings, found)
            prunable = found.has("data_source", "is_prunable")
        if prunable:
            # As `configuration.disarm`: no provisioning file of the copy names them, so its start would delete them.
            lent.execute(self._database.name, "UPDATE data_source SET is_prunable = 0 WHERE is_prunable <> 0")
        image = self._sandbox.image(self._manifest.source.image)
        self._sandbox.own(self._directory, server.USER, server.GROUP, image)
        self._sandbox.carry(lent.container, _PORT, lent.dial)
        self._container = self._sandbox.run(
            "grafana",
            image,
            environment=server.ENVIRONMENT
            | {
                "GF_DATABASE_TYPE": "mysql",
                "GF_DATABASE_HOST": f"127.0.0.1:{_PORT}",
                "GF_DATABASE_NAME": self._database.name,
                "GF_DATABASE_USER": lent.user,
                "GF_DATABASE_PASSWORD": lent.password,
                "GF_DATABASE_SSL_MODE": "false",
            },
            mounts={self._directory: server.INSIDE},
            user=f"{server.USER}:{server.GROUP}",
            network=True,
            beside=lent.container,
        )
        self._url = server.wait(self._sandbox, self._container, self._manifest, self._written_by)

    def replay(self) -> None:
        """Nothing to do: the database was brought to its witness's instant before Grafana started on it."""

    def first_answer(self) -> None:
        """Read one dashboard over HTTP (or one data source, where there is none) and compare it with the database's."""
        if self._for_restore:
            return
        with opened(self._rows) as database:
            # By which version of the API each is asked for.
            versions = [
                Fact(f"org {one.organisation} dashboard {one.uid}", "api version", one.version)
                for one in read(database).dashboards
            ]
        with self._sandbox.reach(self._running()):
            first_answer.check(self._url, [*self.stated(), *versions])

    def stated(self) -> list[Fact]:
        """See `Joined`: what the server must answer on these rows, and that its key opens every secret in them."""
        if self._for_restore:
            return []
        with opened(self._rows) as database:
            objects, judged = read(database), secrets.judge(database, secrets.keys(self._settings))
            silent = answers.without_alerting(self._settings, objects.organisations)
            opens = Fact("secrets", secrets.OPENED, f"{judged.values} of {judged.values}")
            return [opens, *answers.expected(database, objects, silent, muting=not judged.closed)]

    def observe(self) -> Iterable[Fact]:
        """The configuration's files, what the key opens, and what the server answers over HTTP."""
        yield from joined_capture.facts(self._config)
        if self._for_restore:
            return
        with opened(self._rows) as database:
            objects, judged = read(database), secrets.judge(database, secrets.keys(self._settings))
            yield Fact("secrets", secrets.OPENED, f"{judged.values - len(judged.closed)} of {judged.values}")
            silent = answers.without_alerting(self._settings, objects.organisations)
            muting_at = None if judged.closed else self._now()
            try:
                with self._sandbox.reach(self._running()):
                    found = list(answers.observed(self._url, database, objects, silent, muting_at=muting_at))
            except Transient as error:
                if self._running().running():
                    raise
                raise Damaged(
                    f"the restored Grafana ended while it was read: {self._running().logs(8)}", hint=server.ANOTHER_BACKUP
                ) from error
            yield from found

    def database_url(self, database: str) -> str | None:  # noqa: ARG002 - Grafana answers no SQL
        """None: Grafana answers no SQL."""
        return None

    def settle(self) -> Delivery:
        """Hand over the configuration, and an empty data directory."""
        data = self._sandbox.directory / "grafana-data"
        data.mkdir()
        return hand_over.delivery_without_data(self._backup.data, self._database, self._manifest, data)

    def _written_by(self, version: str) -> str | None:
        with opened(self._rows) as database:
            found = age.of(database)
        return None if found.fits(version) else f"a Grafana {found}"

    def _require_lent(self) -> Lent:
        if self._lent is None:
            raise LifeboatError(
                f"Grafana's database is in the backups of {self._database.service}, and none was brought back beside it",
                hint=f"take a backup: lifeboat backup {self._database.service}; is database: still set in lifeboat.yaml?",
            )
        return self._lent

    def _running(self) -> Container:
        if self._container is None:
            raise AssertionError("start comes first")
        return self._container

    @property
    def _settings(self) -> InForce:
        return hand_over.settings(self._backup.data)

    @property
    def _config(self) -> Path:
        return self._backup.data / CONFIG
