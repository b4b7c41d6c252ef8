"""Restores into a new container, with its data in a volume of its own."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass

from backups import durations
from backups.errors import LifeboatError
from backups.machine.docker import Docker
from backups.machine.wait import wait_until
from backups.manifest import Manifest
from backups.places.container import NewContainer
from backups.services.base import Delivery, Service
from verification.restore.target.base import (
    READY,
    Replacement,
    Steps,
    ownership,
    require_nothing_missing,
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
        if delivery.configuration:
            steps.configuration = self.container.keep_configuration(delivery.configuration, owner)

    def begin(self, delivery: Delivery, manifest: Manifest, steps: Steps) -> None:  # noqa: ARG002 - the copy knows its image
        """See Target. It counts as delivered once the container runs, and is said to be there once it answers."""
        image, mounted = steps.image, delivery.configuration_inside
        if image is None:
            raise AssertionError("a copy runs on an image")
        container = self.container.begin(image, delivery.inside, delivery.options, mounted if delivery.configuration else None)
        steps.delivered = str(self)
        first, port = delivery.first_start, delivery.port

        def answers() -> bool:
            if not container.running():
                return True
            address = container.address()
            return first.ready(address) if first else port is None or _listens(address, port)

        if not wait_until(answers, seconds=READY, interval=0.5):
            steps.notes.append(f"{durations.describe(READY)} after its start it is not ready: docker logs {self.container.name}")
        if not container.running():
            raise LifeboatError(
                f"container {self.container.name} ended while it started: {container.log_line(8)}",
                hint=f"its data are in the volume {self.container.volume}; see: docker logs {self.container.name}",
            )
        if first is not None:
            require_nothing_missing(first, self.container.files(), steps)


def _listens(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=5).close()
    except OSError:
        return False
    return True
