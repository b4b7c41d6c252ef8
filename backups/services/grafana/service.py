"""Backing up Grafana: the database by SQLite's online backup, and the configuration that opens its secrets.

Next file: `files/witness.py`.
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from backups.errors import ConfigError, Damaged, LifeboatError, Transient
from backups.hosts import NOWHERE, Hosts
from backups.machine import disk
from backups.machine.docker import Docker
from backups.manifest import BackupRecord, Manifest
from backups.places.base import Place
from backups.places.parse import parse
from backups.services.base import Ailment, Captured, Copy, Fetched, Finding, Job, Receiver, Sandbox
from backups.services.grafana import health, loss
from backups.services.grafana.api import capture
from backups.services.grafana.api import doctor as doctor_by_api
from backups.services.grafana.api.capture import METHOD, is_of_api
from backups.services.grafana.api.copy import ApiCopy
from backups.services.grafana.api.export import export
from backups.services.grafana.api.facts import facts as object_facts
from backups.services.grafana.api.read import read as read_objects
from backups.services.grafana.api.receiver import GrafanaReceiver
from backups.services.grafana.client import Client, shown
from backups.services.grafana.files import answers, doctor, secrets, tables
from backups.services.grafana.files.copy import CONFIG, GrafanaCopy
from backups.services.grafana.files.database import FILE, Database, opened
from backups.services.grafana.files.objects import Objects, read
from backups.services.grafana.files.witness import facts as database_facts
from backups.services.grafana.settings import GrafanaSettings
from backups.witness import Fact

UNKNOWN = "unknown"


class GrafanaService:
    """See `Service`. A backup of any kind is the whole database: it is small, and restic stores what changed only."""

    def __init__(
        self, name: str, settings: GrafanaSettings, docker: Docker, hosts: Hosts = NOWHERE, *, lock_seconds: float = 60
    ) -> None:
        self.name = name
        self.settings = settings
        self._docker = docker
        self._hosts = hosts
        self._lock_seconds = lock_seconds

    def examine(self, docker: Docker) -> Iterator[Finding]:
        """See `Service`."""
        if self.settings.method == METHOD:
            return doctor_by_api.examine(self.settings, docker)
        return doctor.examine(self.settings, docker, self._hosts)

    def capture(self, job: Job) -> Captured:
        """See `Service`. By files, nothing is asked of the live server but its version; and nothing is ever written there."""
        if self.settings.method == METHOD:
            return capture.capture(self.settings, job)
        place = self._place()
        version = self._version(job)
        if not place.exists(FILE):
            raise missing(place)
        size = sum(file.size for file in place.files(FILE))
        disk.require(job.directory, size, f"the copy of {FILE}")
        taken_at = job.now()
        job.say(f"copying {FILE}, {disk.size(size)}, from {place}")
        place.fetch_sqlite(FILE, job.directory / FILE, seconds=self._lock_seconds)
        configured = self._fetch_configuration(job)
        plugins = _plugins(place, job.work)
        try:
            with opened(job.directory / FILE) as database:
                check(database, place)
                objects = read(database)
                facts = self._facts(database, objects, job)
                uncovered = {table: sum(1 for _ in database.each(table)) for table in tables.unknown(database)}
        except Damaged as error:
            raise LifeboatError(f"{FILE} of {place} is damaged: {error.message}", hint=_MEND) from error
        if uncovered:
            job.say(f"tables that Lifeboat does not know, stored but not compared: {', '.join(sorted(uncovered))}")
        details = {
            "plugins": plugins,
            "configuration": configured,
            "layout": "resource" if objects.unified else "dashboard",
            "not compared": uncovered,
        }
        return Captured(taken_at, version, facts, details)

    def ail(self, witness: Sequence[Fact], collapse: float) -> Iterator[Ailment]:  # noqa: ARG002 - it serves, or not
        """See `Service`: whether it answers, and its database with it."""
        return health.ailments(self.settings)

    def wanted(self, chain: Sequence[Manifest]) -> Sequence[Sequence[str] | None]:
        """See `Service`: the last backup alone."""
        return [*([] for _ in chain[:-1]), None]

    @property
    def continuous(self) -> bool:
        """No: a database's copy is of one moment."""
        return False

    def copy(self, chain: Sequence[Fetched], sandbox: Sandbox, *, lasting: bool = False) -> Copy:  # noqa: ARG002 - the file itself is handed over
        """See `Service`."""
        return ApiCopy(chain, sandbox) if is_of_api(chain[-1].manifest.details) else GrafanaCopy(chain, sandbox, export)

    def holds(self, manifest: Manifest, position: str) -> bool:  # noqa: ARG002
        """No: it has no log."""
        return False

    def follows(self, manifest: Manifest, before: BackupRecord) -> bool:  # noqa: ARG002
        """No: it has no log."""
        return False

    def log(self, manifest: Manifest) -> Sequence[str]:  # noqa: ARG002
        """None: it has no log."""
        return ()

    def since(self, witness: Sequence[Fact]) -> Iterator[str]:
        """See `Service`."""
        if any(fact.metric == answers.READ_AS for fact in witness) == (self.settings.method == METHOD):
            raise LifeboatError(
                f"the backup was taken by another method than {self.settings.method}: the two cannot be compared",
                hint="take a backup",
            )
        if self.settings.method == METHOD:
            client = Client.of(self.settings)
            yield from loss.differences(witness, object_facts(read_objects(client)))
            return
        place = self._place()
        with tempfile.TemporaryDirectory(prefix="lifeboat-since-") as scratch:
            place.fetch_sqlite(FILE, Path(scratch) / FILE, seconds=10)
            with opened(Path(scratch) / FILE) as database:
                yield from loss.differences(witness, database_facts(database, read(database)))

    def receiver(self, url: str | None) -> Receiver:
        """See `Received`. The credentials are those of the service's section, whatever the address."""
        if not self.settings.has_credentials:
            raise ConfigError(
                f"{self.name}: no credentials for Grafana at {shown(url or str(self.settings.url)).rstrip('/')}",
                hint=f"set services.{self.name}.token or token_file (of a service account with the role Admin), "
                "or user and password",
            )
        return GrafanaReceiver(Client.of(self.settings, url))

    def by_api_only(self, manifest: Manifest) -> bool:
        """See `Received`."""
        return is_of_api(manifest.details)

    def _place(self) -> Place:
        """The data directory; raises LifeboatError unless it can be read."""
        if self.settings.place is None:
            raise AssertionError("the settings see to it that method files has a place")
        place = parse(self.settings.place, self._docker, self._hosts)
        place.check()
        return place

    def _version(self, job: Job) -> str:
        """The server's version. A server that is down does not stop the backup: its files are never more at rest than then."""
        try:
            version = Client(str(self.settings.url).rstrip("/")).health().version
        except Transient as error:
            job.say(f"{error.message}; its files are backed up all the same, without its version")
            return UNKNOWN
        if version is None:
            job.say("Grafana tells nobody its version ([auth.anonymous] hide_version); the image's tag must be the source's")
        return version or UNKNOWN

    def _fetch_configuration(self, job: Job) -> bool:
        """Copy grafana.ini and its neighbours, and provisioning/; says whether there is a grafana.ini."""
        if self.settings.config_place is None:
            return False
        place = parse(self.settings.config_place, self._docker, self._hosts)
        place.check()
        paths = [file.path for file in place.files() if "/" not in file.path or file.path.startswith("provisioning/")]
        place.fetch(paths, job.directory / CONFIG)
        return "grafana.ini" in paths

    def _facts(self, database: Database, objects: Objects, job: Job) -> list[Fact]:
        sealed = secrets.facts(database, secrets.secret_key(job.directory / CONFIG))
        values, opens = sealed[0].value, str(sealed[-1].value)
        if opens != f"{values} of {values}":
            job.say(f"the backup's secret_key opens {opens} secrets; {doctor.GIVE_THE_KEY}")
        return [*database_facts(database, objects), *sealed, *answers.expected(database, objects)]


_MEND = "stop Grafana and try: sqlite3 grafana.db '.recover' | sqlite3 mended.db; the backups taken before are unharmed"


def missing(place: Place) -> LifeboatError:
    """The error for a place without a database."""
    return LifeboatError(
        f"{FILE} is not in {place}",
        hint="the place is Grafana's data directory ([paths] data, usually /var/lib/grafana); a Grafana on MySQL or PostgreSQL "
        "keeps no file: back up that database",
    )


def check(database: Database, place: Place) -> None:
    """Raise LifeboatError unless this is a sound database of Grafana's."""
    if fault := database.fault():
        raise LifeboatError(f"{FILE} of {place} is damaged: {fault}", hint=_MEND)
    if not (database.has("migration_log") and database.has("org") and (database.has("dashboard") or database.has("resource"))):
        raise LifeboatError(
            f"{FILE} of {place} is no database of Grafana's: it has no tables migration_log, org, and dashboard or resource",
            hint="is the place Grafana's data directory, and has Grafana been started there?",
        )


def _plugins(place: Place, work: Path) -> list[dict[str, Any]]:
    """Id and version of every installed plugin. Their files are not kept: they come from grafana.com again, not from a backup."""
    if not place.exists("plugins"):
        return []
    depths = {file.path: file.path.split("/") for file in place.files("plugins") if file.path.endswith("/plugin.json")}
    paths = [path for path, parts in depths.items() if len(parts) == 3 or (len(parts) == 4 and parts[2] == "dist")]
    place.fetch(paths, work)
    found = []
    for path in paths:
        try:
            plugin = json.loads((work / path).read_text(encoding="utf-8-sig"))
            found.append({"id": plugin["id"], "version": plugin.get("info", {}).get("version")})
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise LifeboatError(
                f"{path} of {place} describes no plugin: {error}", hint="remove what is left of the plugin"
            ) from error
    return found
