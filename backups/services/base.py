"""Describes what every service can do.

A fourth one is a folder beside mysql/, prometheus/, grafana/ and a line in `registry.py`.

Backing up:  `Service.capture` fills a directory and says what the source held at that instant (the witness).
Restoring:   `Service.copy` gives a `Copy`, whose steps `assemble → start → replay → first_answer` bring the service back in a
             sandbox, and whose `observe` states the same facts as the witness.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from backups.manifest import Kind, Manifest
from backups.panels.boards import DataSource
from backups.panels.question import Asker, NotAsked, Question
from backups.places.base import Ownership, Place
from backups.repository import tree
from backups.services.settings import ServiceSettings
from backups.witness import Check, Fact

if TYPE_CHECKING:
    # Whoever only lists backups does not wait for Docker's library.
    from backups.machine.docker import Container, Docker, Image
    from backups.machine.relay import Dial


@dataclass(frozen=True)
class Finding:
    """One thing that `doctor` checked: whether it is well, what was found, and what to type when it is not.

    warning: nothing has to be mended, and yet an operator should know
    """

    subject: str
    ok: bool
    message: str
    remedy: str | None = None
    warning: bool = False


@dataclass(frozen=True)
class Problem:
    """A reason to restore a service. down: `subject` does not serve. loss: it serves, and lacks what the last witness counted."""

    kind: Literal["down", "loss"]
    subject: str
    message: str


@dataclass(frozen=True)
class Job:
    """One capture to make.

    directory: empty; the service fills it with what the snapshot's `data/` shall hold
    work:      another empty directory, for whatever is needed on the way; not kept
    chain:     the manifests that an incremental builds on, the full first; empty for a full. Each is read when it is wanted
    numbers:   which number of the chain each of these has, by its backup's id
    before:    of a full: the last backup of the chain that it follows, where there is one
    docker:    for throw-away containers, labelled with the run
    state:     the state directory, for what may be kept between runs (`state / "cache"`)
    say:       shows the operator what is being done, one short line
    whole:     says that what is below a path of `directory` stays as it is from now on: it may be saved already
    followed:  what was pulled of the service's log since the chain's last backup, in order, where it is followed on this machine
    """

    kind: Kind
    directory: Path
    work: Path
    chain: Sequence[Manifest]
    docker: "Docker"
    state: Path
    say: Callable[[str], None] = lambda line: None  # noqa: ARG005
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    before: Manifest | None = None
    panels: "PanelsJob | None" = None
    whole: Callable[[Path], None] = lambda path: None  # noqa: ARG005
    followed: "Callable[[], Sequence[Fetched]]" = tuple
    numbers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class PanelsJob:
    """What dashboards ask of a service, for its capture, which keeps questions and answers in `panels.json` of its directory.

    grafana: the backup whose dashboards were read. through: the source's own Grafana, where it may be asked; else the capture
    asks directly, at the instant of its witness. sources: as Grafana knows the server. not_asked: what is not, of all services
    seconds: how long all questions together may take
    """

    grafana: str
    questions: Sequence[Question]
    sources: Sequence[DataSource]
    not_asked: Sequence[NotAsked] = ()
    through: Asker | None = None
    seconds: float = 120


@dataclass(frozen=True)
class Captured:
    """The result of a capture: the witness's instant (UTC), the source's version, the facts, and what a restore must know;
    in `details` also what the backup does not hold, compare or bring back, as `Manifest.limits` says.
    """

    taken_at: datetime
    source_version: str
    witness: Sequence[Fact]
    details: Mapping[str, Any]


class Sandbox(Protocol):
    """Where a copy lives: a scratch directory, and containers that cannot reach anything outside."""

    @property
    def directory(self) -> Path:
        """Scratch space on one filesystem, mode 0711, removed at the end; the chain is fetched below it."""
        ...

    def image(self, name: str) -> "Image":
        """Return the image that was chosen for a copy whose backup names `name`; raises LifeboatError when there is none."""
        ...

    def run(
        self,
        name: str,
        image: "Image",
        *,
        command: Sequence[str] | None = None,
        entrypoint: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
        mounts: Mapping[Path, str] | None = None,
        user: str | None = None,
        network: bool = False,
        beside: "Container | None" = None,
        hosts: Mapping[str, str] | None = None,
    ) -> "Container":
        """Start a container. `network`: it may be asked over a port, see `reach`; it reaches nothing either way.

        beside: a container of a sandbox whose network it joins. hosts: names it has an address for, of its own network
        """
        ...

    def carry(self, container: "Container", port: int, dial: "Dial") -> None:
        """Have what listens where `dial` leads be reached at a port of a container's own loopback, until the sandbox ends."""
        ...

    def reach(self, container: "Container") -> AbstractContextManager[str]:
        """Give the address at which a container that was started with `network` answers, inside the block alone.

        Nothing else may be asked over a network in the block: it may be in the container's own.
        """
        ...

    def own(self, directory: Path, user: int, group: int, image: "Image", *, within: bool = False) -> None:
        """Give a directory tree to the user that a server in a container runs as; `within`: not the directory itself."""
        ...


@dataclass(frozen=True)
class Fetched:
    """A backup of the chain, its files on this machine: `data` is what the capture filled, and nothing else, else Damaged."""

    manifest: Manifest
    data: Path

    def __post_init__(self) -> None:
        tree.require_plain_on_disk(self.data, self.manifest)


@dataclass(frozen=True)
class Point:
    """A moment to come back to: a time (UTC), or a transaction of the service's log, by its position. One of the two.

    position: MySQL: its GTID, or the file and offset where it begins (`binlog.000007:4711`); the moment is right after it, with
    `before` right before it, when everything that the log has before it was done
    """

    time: datetime | None = None
    position: str | None = None
    before: bool = False

    def __str__(self) -> str:
        if self.time:
            return f"{self.time:%Y-%m-%d %H:%M:%S %Z}"
        return f"the moment before {self.position}" if self.before else str(self.position)


@dataclass(frozen=True)
class Asked:
    """What a server that was started on a delivery holds and answers, beside the witness.

    checks: facts of the witness that a start leaves as they are. unasked: what it was not asked, and why, a line each
    """

    checks: Sequence[Check]
    unasked: Sequence[str] = ()


class FirstStart(Protocol):
    """Asks a service that was started on what was delivered to it what its source was asked."""

    def ready(self, address: str) -> bool:
        """Return whether the service in a container at this address has finished starting."""
        ...

    def ask(self, place: Place, address: str | None, settings: ServiceSettings) -> Asked:
        """Compare the server with the witness, by its files in `place` and by its answers; waits until it has settled.

        address: of the container that it runs in; None where it runs at the address that the settings name
        settings: the service's section of lifeboat.yaml, for the credentials in it
        Raises LifeboatError when nothing of it can be asked.
        """
        ...


@dataclass(frozen=True)
class Delivery:
    """What a restore hands over: the server has ended in order, and nothing of the sandbox is in these files.

    data: the directory that the service starts on. inside: where the official image has it. configuration: a directory with
    its configuration files, for a person to put in place; None where the backup holds none. notes: what the operator has to
    know or do, a line each. options: what a server's command line must say to start on these files. configuration_inside: where
    a new container has its configuration; None where it starts without it. port: at which a new container answers.
    first_start: looks whether the start left everything in place; None where nothing but the service itself could tell.
    environment: what a new container's environment must say. outside: directories that it must have besides, by path in it.
    unready: why a new container must not be started as it is, a line each. read_elsewhere: directories of the configuration that
    the source reads at other paths, and these. beside: what it would do twice while its source lives.
    """

    data: Path
    ownership: Ownership
    inside: str
    configuration: Path | None = None
    notes: Sequence[str] = ()
    options: Sequence[str] = ()
    configuration_inside: str | None = None
    port: int | None = None
    first_start: FirstStart | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    outside: Mapping[str, Path] = field(default_factory=dict)
    unready: Sequence[str] = ()
    read_elsewhere: Mapping[str, str] = field(default_factory=dict)
    beside: "Beside | None" = None


@dataclass(frozen=True)
class Beside:
    """What a restored server does while its source still lives: `words` say it, `environment` and `options` keep it from it."""

    words: str
    environment: Mapping[str, str] = field(default_factory=dict)
    options: Sequence[str] = ()


class Copy(Protocol):
    """A service brought back from a chain. The steps are called once each, in this order; the last two by real restores only.

    Each raises Damaged when the backup is at fault (the server does not start on it, the replay stops early, an answer is
    wrong), and LifeboatError when the machine is.
    """

    def assemble(self) -> None:
        """Make of the fetched chain what the server starts from (still the phase `fetch`)."""
        ...

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        ...

    def replay(self) -> None:
        """Bring it to the witness's position; nothing to do where a copy needs no log."""
        ...

    def first_answer(self) -> None:
        """Ask it one question of the witness and check the answer; the restore's clock stops when this returns."""
        ...

    def observe(self) -> Iterable[Fact]:
        """State the same facts as the witness, measured on the copy."""
        ...

    def database_url(self, database: str) -> str | None:
        """SQLAlchemy URL of one of its databases, for the user's own expectations; None where it is no SQL service."""
        ...

    def settle(self) -> Delivery:
        """End the server in order, remove what only the sandbox needed, and hand the files over. Only of a copy for a restore."""
        ...


class Service(Protocol):
    """A configured service. Constructing one connects to nothing and reads no secret."""

    @property
    def name(self) -> str:
        """The name in lifeboat.yaml."""
        ...

    @property
    def settings(self) -> ServiceSettings:
        """Its section of lifeboat.yaml."""
        ...

    def examine(self, docker: "Docker") -> Iterator[Finding]:
        """Check everything that a backup needs, changing nothing. Never raises: a fault is a finding with its remedy."""
        ...

    def capture(self, job: Job) -> Captured:
        """Take a backup. Raises ChainBroken when an incremental cannot build on the chain, LifeboatError for other faults.

        Leaves nothing at the source (snapshots, sessions, containers), also when it fails.
        """
        ...

    def health(self, witness: Sequence[Fact], collapse: float) -> Iterator[Problem]:
        """Check within seconds whether something calls for a restore. Changes nothing; yields nothing when all is well.

        witness: of the last backup; without one, only whether it serves can be found out
        collapse: the share of what the witness counted (0 to 1) that may be missing before it is called a loss
        Raises LifeboatError when it cannot look, which says nothing about the service (a wrong password, too many connections).
        """
        ...

    def wanted(self, chain: Sequence[Manifest]) -> Sequence[Sequence[str] | None]:
        """Return for each backup of the chain the paths below `data/` that its last one needs; None means all of them."""
        ...

    def copy(self, chain: Sequence[Fetched], sandbox: Sandbox, *, for_restore: bool = False) -> Copy:
        """Prepare a copy of the chain's last backup. Needs the sandbox only, never the source or its secrets.

        for_restore: the copy will be handed over to live on, so it must survive a crash and be what the source was.
        """
        ...

    def loss(self, witness: Sequence[Fact]) -> Iterator[str]:
        """Yield what a restore would lose, a line each (`agama.client: 12 rows more`): the source holds it, the witness does not.

        Takes seconds, changes nothing. Raises LifeboatError when the source does not answer.
        """
        ...
