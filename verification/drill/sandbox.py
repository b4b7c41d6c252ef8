"""Isolates the copies of one drill: a scratch directory, and containers that can open no connection, all removed at the end.

A container has no network at all, or is on an internal network of Docker's that is used by its drill alone. That network drops
whatever would leave this machine, but not what is meant for this machine itself, nor names, which Docker's resolver asks for
from outside. So the container's kernel is also left without a port to begin a connection from: it answers us, and can open no
connection and resolve no name. A restored Grafana mails nobody, a restored Prometheus scrapes nothing.
`tests/integration/verification/test_sandbox.py` measures each of these beside a container that may.
"""

import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from backups.config.settings import SandboxSettings
from backups.errors import LifeboatError
from backups.machine.docker import Container, Docker, Image, Limits
from backups.machine.runs import Run
from backups.machine.wait import wait_until

log = logging.getLogger(__name__)

SANDBOX_LABEL = "lifeboat.sandbox"

_MOMENT = 1.0
"""Seconds."""

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
    _containers: list[Container] = field(default_factory=list)
    _network: str | None = None
    _owned: list[tuple[Path, Image]] = field(default_factory=list)
    _used: bool = False

    def image(self, name: str) -> Image:
        """See Sandbox."""
        return self.docker.image(name)

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
    ) -> Container:
        """See Sandbox."""
        self._used = True
        container = self.docker.run(
            f"{self.name}-{name}",
            image,
            command=command,
            entrypoint=entrypoint,
            environment=environment,
            mounts=mounts,
            user=user,
            network=self._isolated() if network else "none",
            sysctls=_ONLY_ANSWERS if network else None,
            limits=self.limits,
        )
        self._containers.append(container)
        self.images.append(image)
        return container

    def own(self, directory: Path, user: int, group: int, image: Image) -> None:
        """See Sandbox. Only root may give files away: anybody else lets a container of `image` do it."""
        if self.root:
            os.chown(directory, user, group)
            for path in directory.rglob("*"):
                os.chown(path, user, group, follow_symlinks=False)
            return
        self._own_in_container(directory, user, group, image)
        self._owned.append((directory, image))

    def cut_short(self) -> str | None:
        """Say which container was ended from outside, and how, if one was: then the copy's end proves nothing."""
        ended: list[str] = []

        def any_ended() -> bool:
            ended.extend(f"container {container.name} {how}" for container in self._containers if (how := container.cut_short()))
            return bool(ended)

        # Docker may note why a container ended a moment after it did.
        wait_until(any_ended, seconds=_MOMENT if self._containers else 0)
        return ended[0] if ended else None

    def close(self) -> None:
        """Remove every container, the network and the directory. What Docker will not remove now goes with the run."""
        try:
            if self._used:
                self.docker.remove_labelled(f"{SANDBOX_LABEL}={self.name}")
            for directory, image in self._owned:
                self._own_in_container(directory, os.getuid(), os.getgid(), image)
        except LifeboatError as error:
            log.warning("sandbox %s could not be cleared, the next run does it: %s", self.name, error.message)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _isolated(self) -> str:
        if self._network is None:
            self._network = self.docker.isolated_network(self.name)
        return self._network

    def _own_in_container(self, directory: Path, user: int, group: int, image: Image) -> None:
        self._used = True
        container = self.docker.run(
            f"{self.name}-owner",
            image,
            entrypoint=["chown", "-R", f"{user}:{group}", "/tree"],
            command=[],
            mounts={directory: "/tree"},
            user="0:0",
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
    try:
        yield sandbox
    finally:
        sandbox.close()
