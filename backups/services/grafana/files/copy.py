"""Brings a backup of the files back in a container, and reads it as a database and over HTTP."""

import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePath

from backups.errors import Damaged, Transient
from backups.machine import below
from backups.machine.docker import Container, Image
from backups.panels.grafana import COPY_BYTES, COPY_SECONDS
from backups.panels.question import Asker
from backups.places.base import Ownership
from backups.services.base import Delivery, Fetched, Sandbox
from backups.services.grafana import asking, server
from backups.services.grafana.client import Client
from backups.services.grafana.details import GrafanaDetails
from backups.services.grafana.files import (
    age,
    answers,
    configuration,
    first_answer,
    hand_over,
    narrowed,
    other_files,
    secrets,
    shows,
    witness,
)
from backups.services.grafana.files.database import FILE, Database, opened
from backups.services.grafana.files.in_force import InForce
from backups.services.grafana.files.narrowed import Narrowed
from backups.services.grafana.files.objects import read
from backups.services.standing import Stand
from backups.services.upgraded import Step
from backups.witness import Check, Fact

Export = Callable[[str, Mapping[int, str], Path], list[str]]
"""Writes what a copy's API returns: its URL, the logins to read as (by organisation; 0: the server itself), where to; notes."""


class GrafanaCopy:
    """See `Copy`. Every backup of Grafana holds all of it, so only the chain's last one is used."""

    def __init__(
        self,
        chain: Sequence[Fetched],
        sandbox: Sandbox,
        export: Export,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._now = now
        self._backup = chain[-1]
        self._manifest = chain[-1].manifest
        self._sandbox = sandbox
        self._export = export
        self._directory = sandbox.directory / "grafana"
        self._restored = sandbox.directory / "grafana-restored" / FILE
        """The database as it was restored, before any server started on it: what is compared."""
        self._container: Container | None = None
        self._url = ""
        self._stand: Stand | None = None
        self._upgraded = sandbox.directory / "grafana-next"
        """Where a newer server runs, on the database as it was restored."""
        self._runs = 0

    def stand(self, stand: Stand) -> None:
        """See `Shows`."""
        self._stand = stand

    @contextmanager
    def through(self) -> Iterator[Asker]:
        """See `Shows`: as the administrator of each organisation that the single drill reads as."""
        with opened(self._restored) as database:
            logins = answers.readers(database)
        client = Client.behind_proxy(self._url, logins)
        yield shows.Inside(asking.through(client, COPY_SECONDS, COPY_BYTES), self._reached)

    def unopened(self, dashboards: Collection[tuple[int, str]]) -> Mapping[tuple[int, str], str]:
        """See `Shows`."""
        with opened(self._backup.data / FILE) as database, self._reached():
            return shows.unopened(self._url, database, dashboards)

    def altered(self) -> Sequence[str]:
        """See `Shows`. The mark by which a start would delete provisioned ones is the copy's own: see `configuration.disarm`."""
        with opened(self._backup.data / FILE) as before, opened(self._directory / FILE) as now:
            return shows.altered(before, now)

    def assemble(self) -> None:
        """Put the database and its configuration into a data directory that belongs to the server's user."""
        source = self._backup.data / FILE
        if not source.is_file():
            raise Damaged(f"{FILE} is not in backup {self._manifest.id}", hint=server.ANOTHER_BACKUP)
        self._lay_out(source, self._directory)

    def _lay_out(self, source: Path, directory: Path) -> None:
        # Root can read what user 472 owns; anybody else needs to be let in.
        private = os.geteuid() == 0
        directory.mkdir()
        directory.chmod(0o750 if private else 0o755)
        database = directory / FILE
        shutil.copyfile(source, database)
        database.chmod(0o640 if private else 0o644)
        with opened(database) as found:
            if fault := found.fault():
                raise Damaged(f"{FILE} of backup {self._manifest.id} is damaged: {fault}", hint=server.ANOTHER_BACKUP)
            configuration.write_configuration(directory, self._settings, found)

    def start(self) -> None:
        """Start the server of the backup's version; it is ready when it says that its database answers.

        What it starts on is kept as it is first: a server that starts changes its database.
        """
        self._restored.parent.mkdir(mode=0o700)
        shutil.copyfile(self._directory / FILE, self._restored)
        configuration.disarm(self._directory / FILE)
        self._container = self._begin("grafana", self._directory, self._sandbox.image(self._manifest.source.image))
        self._url = server.wait(self._sandbox, self._container, self._manifest, self._written_by)

    def _begin(self, name: str, directory: Path, image: Image) -> Container:
        self._sandbox.own(directory, server.USER, server.GROUP, image)
        return self._sandbox.run(
            name,
            image,
            environment=server.ENVIRONMENT | ({"GF_SERVER_HTTP_ADDR": "127.0.0.1"} if self._stand else {}),
            mounts={directory: server.INSIDE},
            user=f"{server.USER}:{server.GROUP}",
            network=True,
            beside=self._stand.pod if self._stand else None,
        )

    def _written_by(self, version: str) -> str | None:
        """What the backup is of, in words, where a server of this version cannot be what wrote it; None where it may be."""
        with opened(self._restored) as database:
            found = age.of(database)
        before = GrafanaDetails.of(self._manifest).version_before
        if not found.fits(version):
            return f"a Grafana {found}"
        # A source that was upgraded since then has another age than the backup before.
        if before and found.fits(before) and age.parsed(before) != age.parsed(version):
            return f"{before}, as the backup before it says"
        return None

    def replay(self) -> None:
        """Nothing to do: the database is that of the witness's instant."""

    def first_answer(self) -> None:
        """Read one dashboard over HTTP (or one data source, where there is none) and compare it with the witness."""
        with self._reached():
            first_answer.check(self._url, self._manifest.witness)

    def observe(self) -> Iterable[Fact]:
        """The witness's facts, of the database before its server started, of the other files, and of what that server answers."""
        yield from self._others()
        with opened(self._restored) as database:
            yield from self._stored(database)
            yield from self._answered(database)

    def _stored(self, database: Database) -> Iterator[Fact]:
        objects, exact = read(database), witness.is_exact(self._manifest.witness)
        yield from witness.facts(database, objects, exact=exact)
        yield from secrets.facts(database, secrets.keys(self._settings), exact=exact)

    def _answered(self, database: Database) -> list[Fact]:
        objects, exact = read(database), witness.is_exact(self._manifest.witness)
        try:
            silent = answers.without_alerting(self._settings, objects.organisations)
            muting_at = self._now() if exact and not secrets.judge(database, secrets.keys(self._settings)).closed else None
            with self._reached():
                return list(answers.observed(self._url, database, objects, silent, muting_at=muting_at))
        except Transient as error:
            if self._container is None or self._container.running():
                raise
            raise Damaged(
                f"the restored Grafana ended while it was read: {self._container.logs(8)}", hint=server.ANOTHER_BACKUP
            ) from error

    def _others(self) -> Iterator[Fact]:
        # Older backups state none of these.
        stated = {fact.subject for fact in self._manifest.witness if fact.metric == other_files.METRIC}
        yield from (fact for fact in other_files.facts(self._backup.data) if fact.subject in stated)

    def end(self) -> None:
        """See `UpgradableCopy.end`."""
        if self._container is not None:
            self._container.stop()

    @property
    def upgraded_database(self) -> Path:
        """The database that a newer server runs on."""
        return self._upgraded / FILE

    def run_on(self, image: Image, made: Step | None, seconds: float | None = None) -> None:
        """See `UpgradableCopy.run_on`. An upgrade begins with the database as it was restored, before a server ran on it."""
        if made:
            self._lay_out(self._restored, self._upgraded)
            configuration.disarm(self.upgraded_database)
        self._runs += 1
        self._container = self._begin(f"grafana-next{self._runs}", self._upgraded, image)
        patience = server.READY_SECONDS if seconds is None else seconds
        self._url = server.wait(self._sandbox, self._container, self._manifest, seconds=patience, of_any_version=True)

    def upgraded(self) -> tuple[Sequence[Fact], Sequence[Check]]:
        """See `UpgradableCopy.upgraded`: what it answers; then, when it has ended, what its database holds of what was there."""
        with opened(self._restored) as before:
            answered = self._answered(before)
        self.end()
        kept = self._upgraded.with_name("grafana-upgraded.db")
        try:
            # Its server may have put anything in its place.
            with below.opened(self._upgraded, PurePath(FILE)) as found, kept.open("xb") as written:
                shutil.copyfileobj(found, written)
        except OSError as error:
            raise Damaged(
                f"the upgraded {FILE} cannot be read: {error.strerror or error}", hint="the backup itself is proven"
            ) from error
        narrowed.armed(kept, self._restored)
        with opened(kept) as after:
            stored = list(self._stored(Narrowed(after, narrowed.columns(self._restored))))
        return [*self._others(), *stored, *answered], []

    def database_url(self, database: str) -> str | None:  # noqa: ARG002 - Grafana answers no SQL
        """None: Grafana answers no SQL."""
        return None

    def settle(self) -> Delivery:
        """End the server, and hand over the backup's own database: the one that the server ran on was changed by it."""
        if self._container is not None:
            self._container.stop()
        data = self._sandbox.directory / "grafana-data"
        data.mkdir()
        # Under the name that the source's own configuration gives it.
        delivered = data / GrafanaDetails.of(self._manifest).file
        delivered.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self._backup.data / FILE, delivered)
        delivered.chmod(0o640)
        with opened(delivered) as found:
            if fault := found.fault():
                raise Damaged(f"{FILE} of backup {self._manifest.id} is damaged: {fault}", hint=server.ANOTHER_BACKUP)
            return hand_over.delivery(self._backup.data, found, self._manifest, data)

    def objects(self, into: Path) -> Delivery:
        """See `GivesObjects`: all that the copy's API returns to its own administrators."""
        with opened(self._restored) as database:
            logins = answers.readers(database)
            first = next(
                (row["login"] for row in database.rows("user") if row["is_admin"] and row["login"] in logins.values()), None
            )
        with self._reached():
            notes = self._export(self._url, logins | ({0: first} if first else {}), into)
        return Delivery(into, Ownership("root:root", 0, 0, 0o700), "", notes=notes)

    @property
    def _settings(self) -> InForce:
        return hand_over.settings(self._backup.data)

    def _reached(self) -> AbstractContextManager[str]:
        """Let the server be asked, and nothing else, over HTTP."""
        if self._container is None:
            raise AssertionError("start comes first")
        return self._sandbox.reach(self._container)
