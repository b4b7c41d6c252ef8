"""Restores into a new container, with its data in a volume of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backups.machine.docker import Docker
from backups.manifest import Manifest
from backups.places.container import NewContainer
from backups.services.base import Copy, Delivery, Service
from verification.restore.target.base import Replacement, Steps, ownership, require_files, require_free, settled


@dataclass
class ContainerTarget:
    """See Target. None of its names may be in use."""

    container: NewContainer
    service: Service
    docker: Docker
    replacement: Replacement | None = None
    stop: str | None = None
    start: str | None = None

    def __str__(self) -> str:
        return str(self.container)

    def require_takes(self, service: Service, manifest: Manifest) -> None:
        """See Target."""
        require_files(service, manifest, self)

    def require_room(self, needed: int, what: str) -> None:
        """See Target."""
        require_free(self.container.free(), needed, what, self)

    def entries(self) -> Sequence[str]:
        """See Target."""
        return self.container.entries() or ()

    def take(self, copy: Copy, into: Path, steps: Steps) -> Delivery:  # noqa: ARG002 - files are handed over where they are
        """See Target."""
        return settled(copy, steps)

    def make_way(self, delivery: Delivery, held: Sequence[str], steps: Steps) -> None:
        """See Target: nothing is there."""

    def deliver(self, delivery: Delivery, manifest: Manifest, steps: Steps) -> None:  # noqa: ARG002 - files tell what they are
        """See Target. A configuration is put into a volume of its own."""
        steps.begin_step("deliver", f"Fill the volume {self.container.volume}, and start container {self.container.name} on it")
        owner = ownership(delivery, self.service.settings.restore)
        self.container.fill(delivery.data, owner)
        if delivery.configuration:
            steps.configuration = self.container.keep_configuration(delivery.configuration, owner)

    def begin(self, delivery: Delivery, manifest: Manifest, steps: Steps) -> None:
        """See Target. It counts as delivered once the container runs."""
        self.container.begin(self.docker.image(manifest.source.image), delivery.inside, delivery.options)
        steps.delivered = str(self)
