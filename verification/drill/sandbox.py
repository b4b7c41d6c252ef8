"""Isolates the copies of one drill: a scratch directory, and containers that can open no connection, all removed at the end.

A container has no network but its own loopback, whatever runs in it: there is nothing that a connection, a datagram or a name
could go out by. One that has to be asked over a port is asked from inside its network, which we enter for that (`reach`). A
restored Grafana mails nobody, a restored Prometheus scrapes nothing.

Only root may enter a network. For anybody else such a container is on an internal network of Docker's, used by its drill alone,
which drops whatever would leave this machine; and its kernel is left without a port to begin a connection from. What that does
not hold is a program that chooses a port itself: it reaches what listens on this machine. That is said at each such start.
`tests/integration/verification/test_sandbox.py` measures each of these beside a container that may.
"""

import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from backups.config.settings import SandboxSettings
from backups.errors import Damaged, LifeboatError
from backups.machine import below, namespace, processes, shortage
from backups.machine.docker import Container, Docker, Image, Limits
from backups.machine.relay import Dial, Relay
from backups.machine.runs import Run
from backups.machine.wait import wait_until

log = logging.getLogger(__name__)

SANDBOX_LABEL = "lifeboat.sandbox"

_LAST = 40
"""Lines of a container's log in which it may say that the machine ran out of something."""
_MOMENT = 1.0
"""Seconds."""
_NOTICED = 10.0
"""Seconds in which Docker notices that a container's process has ended."""

_LOOPBACK = "127.0.0.1"
_OWNER = ("CHOWN", "DAC_READ_SEARCH")
"""What giving files away needs, in directories of others too."""
_ONLY_ANSWERS = {"net.ipv4.ip_local_port_range": "65535 65535", "net.ipv4.ip_local_reserved_ports": "65535"}
"""One port to connect from, and that one reserved (both families, TCP and UDP): every connect fails at once."""


@dataclass
class DockerSandbox:
    """See Sandbox in backups/services/base.py. Open it with `opened`."""

    name: str
    directory: Path
    limits: Limits
    docker: Docker
    root: bool = field(default_factory=lambda: os.geteuid() == 0)
    images: list[Image] = field(default_factory=list)
    """The images of the containers that ran, in order."""
    chosen: Image | None = None
    """The image that copies run on, whatever their manifests name: see `images.py`."""
    _containers: list[Container] = field(default_factory=list)
    _network: str | None = None
    disk: shortage.Watched = field(init=False)
    _networks: dict[str, int] = field(default_factory=dict)
    """A handle of the network of each container that is asked over a port."""
    _relays: list[Relay] = field(default_factory=list)
    _owned: list[tuple[Path, Image]] = field(default_factory=list)
    _used: bool = False

    def __post_init__(self) -> None:
        self.disk = shortage.Watched(self.directory)

    def image(self, name: str) -> Image:
        """See Sandbox. Nothing is pulled for a name that only a manifest says."""
        found = self.chosen or self.docker.present(name)
        if found is None:
            raise LifeboatError(f"the image {name} is not on this machine, and nobody has chosen it", hint=f"docker pull {name}")
        return found

    def run(
        self,
        name: str,
        image: Image,
        *,
        command: Sequence[str] | None = None,
        entrypoint: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
        mounts: Mapping[Path, str] | None = None,
        user: str | None = None,
        network: bool = False,
        beside: Container | None = None,
        hosts: Mapping[str, str] | None = None,
    ) -> Container:
        """See Sandbox."""
        if beside is not None:
            self._require_root("a copy that joins the network of another")
        for outside in mounts or {}:
            self._require_own(outside)
        self._used = True
        container = self.docker.run(
            f"{self.name}-{name}",
            image,
            command=command,
            entrypoint=entrypoint,
            environment=environment,
            mounts=mounts,
            user=user,
            network=f"container:{beside.name}" if beside else self._isolated() if network and not self.root else "none",
            sysctls=_ONLY_ANSWERS if network and not self.root else None,
            limits=self.limits,
            hosts=hosts,
        )
        if network and self.root and (pid := container.pid):
            with suppress(OSError):
                self._networks[container.name] = namespace.network_of(pid)
        self._containers.append(container)
        self.images.append(image)
        return container

    @contextmanager
    def reach(self, container: Container) -> Iterator[str]:
        """See Sandbox."""
        network = self._networks.get(container.name)
        if network is not None:
            with namespace.entered(network, f"container {container.name}"):
                yield _LOOPBACK
        elif self.root:
            # Its process had ended before its network could be held; Docker may notice that a moment later.
            wait_until(lambda: not container.running(), seconds=_NOTICED)
            raise LifeboatError(
                f"the network of container {container.name} is not there", hint=f"did it end? {container.log_line(5)}"
            )
        else:
            yield container.address()

    def carry(self, container: Container, port: int, dial: Dial) -> None:
        """See Sandbox."""
        self._require_root("a port of a container's loopback")
        handle = namespace.network_of(container.pid)
        try:
            self._relays.append(Relay(handle, f"container {container.name}", port, dial))
        finally:
            os.close(handle)

    def _require_root(self, what: str) -> None:
        if not self.root:
            raise LifeboatError(f"{what} needs root, since only root may enter a network", hint="run Lifeboat as root")

    def own(self, directory: Path, user: int, group: int, image: Image, *, within: bool = False) -> None:
        """See Sandbox. Only root may give files away: anybody else lets a container of `image` do it."""
        if self.root:
            below.own(directory, user, group, within=within)
            return
        for path in sorted(directory.iterdir()) if within else [directory]:
            self._own_in_container(path, user, group, image)
        self._owned.append((directory, image))

    def cut_short(self) -> str | None:
        """Say what ended the copy that is not its data: a container that was ended from outside, or a machine that ran out.

        Then the copy's end proves nothing.
        """
        ended: list[str] = []

        def any_ended() -> bool:
            ended.extend(f"container {container.name} {how}" for container in self._containers if (how := container.cut_short()))
            return bool(ended)

        # Docker may note why a container ended a moment after it did.
        wait_until(any_ended, seconds=_MOMENT if self._containers else 0)
        if ended:
            return ended[0]
        if full := self.disk.full():
            return full
        words = ((container.name, shortage.said(container.logs(_LAST))) for container in self._containers)
        return next((f"{what}, as container {name} says" for name, what in words if what), None)

    def excused(self, fault: LifeboatError, what: str = "nothing is") -> LifeboatError:
        """Return the fault, or, where something else than the data ended the copy, one that says so."""
        if not isinstance(fault, Damaged) or not (short := self.cut_short() or shortage.said(fault.message)):
            return fault
        return LifeboatError(
            f"{short}, so {what} proven: {fault.message}",
            hint="give it what it lacked, and try again: free space below state:, or sandbox.memory in lifeboat.yaml",
        )

    def close(self) -> None:
        """Remove every container, the network and the directory. What Docker will not remove now goes with the run."""
        while self._relays:
            self._relays.pop().close()
        while self._networks:
            os.close(self._networks.popitem()[1])
        try:
            if self._used:
                self.docker.remove_labelled(f"{SANDBOX_LABEL}={self.name}")
            for directory, image in self._owned:
                self._own_in_container(directory, os.getuid(), os.getgid(), image)
        except LifeboatError as error:
            log.warning("sandbox %s could not be cleared, the next run does it: %s", self.name, error.message)
        try:
            shutil.rmtree(self.directory, ignore_errors=True)
        except RecursionError:
            # Deeper than Python goes, which only a program that wants that makes.
            processes.run(["rm", "-r", "-f", "--", str(self.directory)])

    def _require_own(self, mounted: Path) -> None:
        """Raise Damaged unless it is a directory of this sandbox, with no link on the way: what is mounted may be foreign."""
        try:
            with below.directory(self.directory, mounted.relative_to(self.directory)):
                return
        except (OSError, ValueError) as error:
            raise Damaged(
                f"{mounted.name} of the backup is no directory of its own, so it is mounted into no container: {error}",
                hint="who could write to the repository? restore another backup",
            ) from error

    def _isolated(self) -> str:
        if self._network is None:
            log.warning(
                "%s: Lifeboat does not run as root, so a program in this copy that binds a port of its own before it connects "
                "reaches what listens on this machine",
                self.name,
            )
            self._network = self.docker.isolated_network(self.name)
        return self._network

    def _own_in_container(self, directory: Path, user: int, group: int, image: Image) -> None:
        self._used = True
        container = self.docker.run(
            f"{self.name}-owner",
            image,
            entrypoint=["chown", "-h", "-R", f"{user}:{group}", "/tree"],
            command=[],
            mounts={directory: "/tree"},
            user="0:0",
            capabilities=_OWNER,
        )
        try:
            code = container.wait()
            if code != 0:
                raise LifeboatError(
                    f"{directory} cannot be given to user {user}: chown ended with {code}: {' '.join(container.logs(3).split())}",
                    hint="run Lifeboat as root, or use an image that has chown",
                )
        finally:
            container.remove()


@contextmanager
def opened(run: Run, name: str, settings: SandboxSettings) -> Iterator[DockerSandbox]:
    """Open a sandbox of the run, called `name` (once per run). Nothing of it is left when the block ends."""
    directory = run.directory / f"sandbox-{name}"
    # Servers in containers run as users of their own; the daemon opens what is mounted from below for them.
    directory.mkdir(mode=0o700)
    title = f"lifeboat-{run.id}-{name}"
    sandbox = DockerSandbox(
        title,
        directory,
        Limits(memory=settings.memory, processors=settings.processors),
        replace(run.docker, labels={**run.docker.labels, SANDBOX_LABEL: title}),
    )
    sandbox.disk.start()
    try:
        yield sandbox
    finally:
        sandbox.disk.stop()
        sandbox.close()
