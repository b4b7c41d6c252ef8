"""Restores into a running server through its API; what it held before is kept in a directory on this machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from backups.errors import LifeboatError
from backups.manifest import Manifest
from backups.services.base import Copy, Delivery, Service
from backups.services.received import GivesObjects, Receiver
from verification.restore.target.base import Replacement, Steps

_WRITTEN_OVER = Replacement(
    "write over what has the same name there with --replace (all else stays)",
    "writes over what has the same name of what it holds",
)


@dataclass
class ApiTarget:
    """See Target. directory: where a copy of what the server held goes, in a directory of its own. service: its name."""

    receiver: Receiver
    directory: Path
    service: str
    replacement: Replacement | None = _WRITTEN_OVER
    stop: str | None = None
    start: str | None = None

    def __str__(self) -> str:
        return str(self.receiver)

    def require_takes(self, service: Service, manifest: Manifest) -> None:
        """See Target: it takes every backup of its service."""

    def require_room(self, needed: int, what: str) -> None:
        """See Target: how much room the server has is not known."""

    def entries(self) -> Sequence[str]:
        """See Target."""
        return self.receiver.entries()

    def in_use(self) -> str | None:
        """See Target: the server does it itself, and so it must run."""
        return None

    def take(self, copy: Copy, into: Path, steps: Steps) -> Delivery:  # noqa: ARG002 - the copy's server still runs
        """See Target."""
        if not isinstance(copy, GivesObjects):
            raise LifeboatError("only Grafana takes a restore through its API", hint="name a place: local:, ssh: or docker:")
        into.mkdir()
        return copy.objects(into)

    def make_way(self, delivery: Delivery, held: Sequence[str], steps: Steps) -> None:  # noqa: ARG002 - it stays where it is
        """See Target. The server keeps what it holds under its name; a copy of it is kept here, too."""
        if held:
            steps.begin_step("keep", f"Keep what {self} holds")
            kept = self.directory / f"{self.service}.before-restore-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
            self.receiver.keep(kept)
            steps.aside = str(kept)
            steps.note(f"what it held is also in {kept}")

    def deliver(self, delivery: Delivery, manifest: Manifest, steps: Steps) -> None:
        """See Target."""
        steps.begin_step("deliver", f"Put everything into {self}, and read it back")
        steps.touched = True
        steps.notes += self.receiver.receive(delivery.data, manifest.id)
        steps.delivered = str(self)

    def begin(self, delivery: Delivery, manifest: Manifest, steps: Steps) -> None:
        """See Target: it has been running all the time."""
