"""Backs up and restores Grafana by its files or through its API, whichever `method` the settings name.

Next files: `files/capture.py`, `api/capture.py`.
"""

from collections.abc import Iterator, Mapping, Sequence

from backups.errors import ConfigError, LifeboatError
from backups.hosts import NOWHERE, Hosts
from backups.machine.docker import Docker, Image
from backups.manifest import Manifest
from backups.panels.boards import Boards
from backups.panels.question import Asker
from backups.services.base import Captured, Copy, Fetched, Finding, Job, Problem, Sandbox
from backups.services.grafana import asking, health, loss, server, upgrades
from backups.services.grafana.api import boards as api_boards
from backups.services.grafana.api import capture as api_capture
from backups.services.grafana.api import doctor as api_doctor
from backups.services.grafana.api.copy import ApiCopy
from backups.services.grafana.api.export import export
from backups.services.grafana.api.kinds import plural
from backups.services.grafana.api.objects import Key
from backups.services.grafana.api.receiver import GrafanaReceiver
from backups.services.grafana.client import Client
from backups.services.grafana.details import API, GrafanaDetails
from backups.services.grafana.files import boards as files_boards
from backups.services.grafana.files import capture as files_capture
from backups.services.grafana.files import doctor as files_doctor
from backups.services.grafana.files import joined_capture, other_files, source, writing
from backups.services.grafana.files.answers import READ_AS
from backups.services.grafana.files.copy import GrafanaCopy
from backups.services.grafana.files.database import FILE as DATABASE
from backups.services.grafana.files.joined_copy import JoinedCopy
from backups.services.grafana.settings import GrafanaSettings
from backups.services.http.address import shown
from backups.services.measured import How
from backups.services.panelled import NoBoards
from backups.services.received import Receiver
from backups.services.settings import PanelsSettings
from backups.services.upgraded import Step
from backups.witness import Fact


class GrafanaService:
    """See `Service`. A backup of any kind is all of it: it is small, and restic stores only what changed."""

    def __init__(
        self, name: str, settings: GrafanaSettings, docker: Docker, hosts: Hosts = NOWHERE, *, lock_seconds: float = 60
    ) -> None:
        self.name = name
        self.settings = settings
        self._docker = docker
        self._hosts = hosts
        self._lock_seconds = lock_seconds

    @property
    def _by_api(self) -> bool:
        return self.settings.method == API

    def examine(self, docker: Docker) -> Iterator[Finding]:
        """See `Service`."""
        if self._by_api:
            return api_doctor.examine(self.settings, docker)
        if self.settings.database:
            return joined_capture.examine(self.settings, docker, self._hosts)
        return files_doctor.examine(self.settings, docker, self._hosts)

    def capture(self, job: Job) -> Captured:
        """See `Service`."""
        if self._by_api:
            return api_capture.capture(self.settings, job)
        if self.settings.database:
            return joined_capture.capture(self.settings, job, self._docker, self._hosts)
        return files_capture.capture(self.settings, job, self._docker, self._hosts, lock_seconds=self._lock_seconds)

    def health(self, witness: Sequence[Fact], collapse: float) -> Iterator[Problem]:  # noqa: ARG002 - it serves, or not
        """See `Service`: whether its server and its database answer."""
        if self._by_api or self.settings.database:
            return health.problems(self.settings)
        return self._files_health()

    def _files_health(self) -> Iterator[Problem]:
        """A server that lives on another database is no reason to restore this one: NotLiving says so in its place."""

        def file() -> str:
            return source.living_file(self.settings, self._docker, self._hosts)

        found = list(health.problems(self.settings, lambda: writing.sizes(self.settings, self._docker, self._hosts, file())))
        if not found:
            file()
        yield from found

    def wanted(self, chain: Sequence[Manifest]) -> Sequence[Sequence[str] | None]:
        """See `Service`: the last backup alone."""
        return [*([] for _ in chain[:-1]), None]

    def copy(self, chain: Sequence[Fetched], sandbox: Sandbox, *, for_restore: bool = False) -> Copy:
        """See `Service`."""
        details = GrafanaDetails.of(chain[-1].manifest)
        by_api = details.method == API
        if details.database:
            return JoinedCopy(chain, sandbox, details.database, for_restore=for_restore)
        return ApiCopy(chain, sandbox) if by_api else GrafanaCopy(chain, sandbox, export)

    def version_in(self, image: Image, docker: Docker, name: str) -> str:
        """See `Upgradable`."""
        return server.version_in(image, docker, name)

    def step(self, manifest: Manifest, version: str, image: str) -> Step | None:
        """See `Upgradable`: of backups that hold the database, which is what a newer server brings up to its version."""
        made = upgrades.planned(manifest.source.version, version, image)
        details = GrafanaDetails.of(manifest)
        if made and (details.database or details.method == API):
            held = (
                f"its database is in the backups of {details.database.service}" if details.database else "it was read by the API"
            )
            raise LifeboatError(
                f"{image} holds Grafana {version}, the backup is of {made.before}: no upgrade is rehearsed on {manifest.id}, "
                f"since {held}",
                hint="rehearse it on a backup of Grafana's files, with its own database: method: files",
            )
        return made

    def measured(self, manifest: Manifest) -> How:
        """By files and by the API other facts are stated, and by the API none of what it did not give. See `Measured`."""
        details = GrafanaDetails.of(manifest)
        closed = tuple(f"{Key(number, kind, '')} " for number, kind in details.closed)
        counts = {(str(Key(number, "", "")), plural(kind)) for number, kind in details.closed}

        def how(fact: Fact) -> Mapping[str, str] | None:
            if fact.subject.startswith(closed) or (fact.subject, fact.metric) in counts:
                return None
            return {"method": details.method or "files"}

        return how

    def loss(self, witness: Sequence[Fact]) -> Iterator[str]:
        """See `Service`."""
        if _taken_by(witness) != (API if self._by_api else "database" if self.settings.database else "files"):
            how = f"database: {self.settings.database}" if self.settings.database else self.settings.method
            raise LifeboatError(
                f"{self.name}: the backup was taken by another method than {how}, so the two cannot be compared",
                hint=f"take a backup: lifeboat backup {self.name}",
            )
        if self._by_api:
            now = api_capture.current_facts(self.settings)
        elif self.settings.database:
            now = joined_capture.current_facts(self.settings, self._docker, self._hosts)
        else:
            now = files_capture.current_facts(self.settings, self._docker, self._hosts, witness)
            # Of its database alone: what else there is, nobody asks a living source for.
            witness = [fact for fact in witness if fact.metric != other_files.METRIC]
        yield from loss.differences(witness, now)

    @property
    def panels(self) -> PanelsSettings:
        """See HoldsBoards."""
        return self.settings.panels

    @property
    def claimed(self) -> Mapping[str, str]:
        """See HoldsBoards."""
        return self.settings.data_sources

    def board_files(self, manifest: Manifest) -> Sequence[str]:
        """See HoldsBoards."""
        details = GrafanaDetails.of(manifest)
        if details.database:
            raise NoBoards(
                f"backup {manifest.id} holds no dashboards: they are in the database {details.database.name}, which is in the "
                f"backups of {details.database.service}",
                hint="what its dashboards ask is not asked",
            )
        if details.method != API:
            return [DATABASE]
        return [entry.path for entry in manifest.files if api_boards.is_read(entry.path)]

    def boards(self, backup: Fetched) -> Boards:
        """See HoldsBoards."""
        self.board_files(backup.manifest)
        by_api = GrafanaDetails.of(backup.manifest).method == API
        read = api_boards.boards if by_api else files_boards.boards
        return read(backup.data, backup.manifest.id)

    def grafana(self) -> Asker | None:
        """See HoldsBoards."""
        return asking.through(Client.of(self.settings)) if self.settings.has_credentials else None

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
        return GrafanaDetails.of(manifest).method == API

    def objects_in(self, manifest: Manifest) -> str | None:
        """See `Received`."""
        database = GrafanaDetails.of(manifest).database
        return database.service if database else None


def _taken_by(witness: Sequence[Fact]) -> str:
    """By the API, of its files, or of the files of one whose database another service protects: each states other facts."""
    if any(fact.subject == joined_capture.CONFIGURATION for fact in witness):
        return "database"
    return "files" if any(fact.metric == READ_AS for fact in witness) else API
