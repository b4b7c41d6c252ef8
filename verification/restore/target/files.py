"""What the targets that take a service's files have in common: a place, and a new container."""

from pathlib import Path

from backups.errors import LifeboatError
from backups.machine import disk
from backups.manifest import Manifest
from backups.services.base import Copy, Delivery, Service
from backups.services.received import Received
from verification.restore.target.base import Steps


class FilesTarget:
    """See Target: it takes a data directory that a server starts on. A subclass says how much room it has."""

    def free(self) -> int:
        """Return the bytes that are free there."""
        raise NotImplementedError

    def require_takes(self, service: Service, manifest: Manifest) -> None:
        """See Target: it takes every backup with files."""
        if isinstance(service, Received) and service.by_api_only(manifest):
            raise LifeboatError(
                f"{manifest.id} was taken through the API and holds no files: it cannot be put to {self}",
                hint="--to api: the service's own url; or --to api:https://another.example",
            )

    def require_room(self, needed: int, what: str) -> None:
        """See Target."""
        if (free := self.free()) < needed:
            raise LifeboatError(
                f"{what} needs {disk.size(needed)} in {self}, {disk.size(free)} are free",
                hint="free some space there, or name another place by --to",
            )

    def take(self, copy: Copy, into: Path, steps: Steps) -> Delivery:  # noqa: ARG002 - files are handed over where they are
        """See Target."""
        return settled(copy, steps)


def settled(copy: Copy, steps: Steps) -> Delivery:
    """Have the copy's server end in order and hand its files over."""
    steps.begin_step("settle", "End the server in order")
    return copy.settle()
