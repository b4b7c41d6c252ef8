"""Implements Service (see ../base.py) for Prometheus: `capture.py` takes a backup, `copy.py` restores one."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from urllib.parse import urlsplit

from backups.hosts import NOWHERE, Hosts
from backups.machine.docker import Docker, Image
from backups.manifest import Manifest
from backups.panels.boards import DataSource
from backups.panels.question import FILE, Asker
from backups.services.base import Captured, Copy, Fetched, Finding, Job, Problem, Sandbox
from backups.services.http import address
from backups.services.measured import How
from backups.services.panelled import same_server
from backups.services.prometheus import dashboards, health, horizon, loss, upgrades, version
from backups.services.prometheus.api import Api
from backups.services.prometheus.capture import capture
from backups.services.prometheus.copy import PrometheusCopy
from backups.services.prometheus.details import BLOCKS, CONFIG, PrometheusDetails
from backups.services.prometheus.doctor import examine
from backups.services.prometheus.settings import PrometheusSettings
from backups.services.upgraded import Step
from backups.witness import Fact

TYPE = "prometheus"
"""What Grafana calls a data source of it."""
_ALWAYS_STATED = ("block ", "configuration ", "data directory")
"""How the subjects begin that are not answers to questions."""


class PrometheusService:
    """A configured Prometheus: each block is copied once in a chain, and PromQL answers are compared."""

    def __init__(self, name: str, settings: PrometheusSettings, docker: Docker, hosts: Hosts = NOWHERE) -> None:  # noqa: ARG002
        self.name = name
        self.settings = settings
        self._hosts = hosts

    def examine(self, docker: Docker) -> Iterator[Finding]:
        """See Service."""
        yield from examine(self.settings, docker, self._hosts)

    def capture(self, job: Job) -> Captured:
        """See Service."""
        return capture(self.name, self.settings, job, self._hosts)

    def health(self, witness: Sequence[Fact], collapse: float) -> Iterator[Problem]:  # noqa: ARG002 - it serves, or not
        """See Service: whether it is ready to serve."""
        return health.look(self.settings)

    def wanted(self, chain: Sequence[Manifest]) -> Sequence[Sequence[str] | None]:
        """See Service: of each backup the files of the last one's blocks, and of the last one configuration and panels."""
        last = chain[-1]
        paths: dict[str, list[str]] = {manifest.id: [] for manifest in chain}
        for block in PrometheusDetails.of(last).blocks:
            for file in block.files:
                paths.setdefault(file.backup or last.id, []).append(f"{BLOCKS}/{block.ulid}/{file.path}")
        paths[last.id] += [entry.path for entry in last.files if entry.path == FILE or entry.path.startswith(f"{CONFIG}/")]
        return [None if len(paths[manifest.id]) == len(manifest.files) else sorted(paths[manifest.id]) for manifest in chain]

    def copy(self, chain: Sequence[Fetched], sandbox: Sandbox, *, for_restore: bool = False) -> Copy:  # noqa: ARG002 - a copy changes no block
        """See Service."""
        return PrometheusCopy(chain, sandbox)

    def version_in(self, image: Image, docker: Docker, name: str) -> str:
        """See Upgradable."""
        return version.of_image(docker, image, name)

    def step(self, manifest: Manifest, version: str, image: str) -> Step | None:
        """See Upgradable."""
        return upgrades.planned(manifest.source.version, version, image)

    def measured(self, manifest: Manifest) -> How:
        """Each backup asks at its own instants: what it did not ask is not gone. See `Measured`."""
        asked = frozenset((fact.subject, fact.metric) for fact in manifest.witness)
        return lambda fact: {} if fact.subject.startswith(_ALWAYS_STATED) or (fact.subject, fact.metric) in asked else None

    def loss(self, witness: Sequence[Fact]) -> Iterator[str]:
        """See Service."""
        return loss.look(self.settings, witness)

    def answers(self, source: DataSource) -> bool:
        """See Panelled: whether it is at the same host and port, below the same path."""
        if source.type != TYPE:
            return False
        try:
            theirs, ours = address.origin(source.url), address.origin(self.settings.address)
            paths = {urlsplit(url).path.rstrip("/") for url in (source.url, self.settings.address)}
        except ValueError:
            return False
        return len(paths) == 1 and same_server((theirs[1], theirs[2] or 0), (ours[1], ours[2] or 0))

    def settled(self) -> float:
        """See Timed."""
        api = Api.of(self.settings)
        return api.clock() - horizon.look(api).margin

    def blocks(self, manifest: Manifest) -> Sequence[tuple[int, int]]:
        """See Timed."""
        return [(block.min_time, block.max_time) for block in PrometheusDetails.of(manifest).blocks]

    def asker(self, sources: tuple[DataSource, ...]) -> AbstractContextManager[Asker]:
        """See Panelled."""
        return dashboards.asker(Api.of(self.settings), sources)
