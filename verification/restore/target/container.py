"""Restores into a new container, with its data in a volume of its own."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass, field

from backups import durations
from backups.errors import LifeboatError
from backups.machine.docker import Container, Docker
from backups.machine.wait import wait_until
from backups.manifest import Manifest
from backups.places.container import NewContainer
from backups.services.base import Delivery, Service
from verification.restore.target.base import (
    READY,
    Replacement,
    Steps,
    ask,
    ownership,
)
from verification.restore.target.files import FilesTarget


@dataclass
class ContainerTarget(FilesTarget):
    """See Target. None of its names may be in use."""

    container: NewContainer
    service: Service
    docker: Docker
    replacement: Replacement | None = None
    stop: str | None = None
    start: str | None = None
    _volumes: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return str(self.container)

    def free(self) -> int:
        """See FilesTarget."""
        return self.container.free()

    def entries(self) -> Sequence[str]:
        """See Target."""
        return self.container.entries() or ()

    def in_use(self) -> str | None:
        """See Target: nothing is there."""
        return None

    def make_way(self, delivery: Delivery, held: Sequence[str], steps: Steps) -> None:
        """See Target: nothing is there."""

    def deliver(self, delivery: Delivery, manifest: Manifest, steps: Steps) -> None:  # noqa: ARG002 - files tell what they are
        """See Target. A configuration is put into a volume of its own."""
        steps.begin_step("deliver", f"Fill the volume {self.container.volume}, and start container {self.container.name} on it")
        owner = ownership(delivery, self.service.settings.restore)
        steps.touched = True
        self.container.fill(delivery.data, owner)
        self._volumes = {self.container.volume: delivery.inside}
        if delivery.configuration:
            steps.configuration = self.container.keep_configuration(delivery.configuration, owner)
            if delivery.configuration_inside:
                self._volumes[self.container.configuration] = delivery.configuration_inside
        if delivery.outside:
            self._volumes |= self.container.keep_outside(delivery.outside, owner)

    def begin(self, delivery: Delivery, manifest: Manifest, steps: Steps) -> None:
        """See Target. It counts as delivered once the container runs, and is said to be there once it answers.

        A server that would ruin what was delivered to it, since something of its world is not here, is made and not started.
        """
        image, unready = steps.image, list(delivery.unready)
        if image is None:
            raise AssertionError("a copy runs on an image")
        environment, options = dict(delivery.environment), list(delivery.options)
        if delivery.beside and self._source_lives(manifest):
            steps.notes.append(delivery.beside.words)
            environment |= delivery.beside.environment
            options += delivery.beside.options
        container = self.container.begin(image, self._volumes, options, environment, start=not unready)
        steps.delivered = str(self)
        if unready:
            steps.started = f"container {self.container.name} was made and not started: {'; '.join(unready)}"
            steps.notes.append(f"when that is mended, start it: docker start {self.container.name}")
            return
        first, port = delivery.first_start, delivery.port

        def answers() -> bool:
            if not container.running():
                return True
            address = container.address()
            return first.ready(address) if first else port is None or _listens(address, port)

        if not wait_until(answers, seconds=READY, interval=0.5):
            steps.notes.append(f"{durations.describe(READY)} after its start it is not ready: docker logs {self.container.name}")
        self._require_running(container)
        address = container.address()
        ask(first, self.container.files(), address, self.service.settings, steps)
        self._require_running(container)
        if port is not None:
            steps.notes.append(f"it answers at {address}:{port}, from this machine alone: no port is published")

    def _require_running(self, container: Container) -> None:
        if not container.running():
            raise LifeboatError(
                f"container {self.container.name} ended while it started: {container.log_line(8)}",
                hint=f"its data are in the volume {self.container.volume}; see: docker logs {self.container.name}",
            )

    def _source_lives(self, manifest: Manifest) -> bool:
        """Whether the source serves: then two of it are there. One that cannot be looked at is taken for alive."""
        try:
            return not any(problem.kind == "down" for problem in self.service.health(manifest.witness, 1.0))
        except LifeboatError:
            return True


def _listens(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=5).close()
    except OSError:
        return False
    return True
