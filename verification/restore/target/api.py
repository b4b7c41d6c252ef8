"""Restores into a running server through its API; what it held before is kept in a directory on this machine.

That directory also tells a later try of the same restore, which was ended in the middle, what of the server is its own work.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from backups import plural
from backups.errors import LifeboatError
from backups.machine import runs
from backups.manifest import BackupRecord, Manifest
from backups.repository.repository import Repository
from backups.services.base import Copy, Delivery, Service
from backups.services.received import GivesObjects, Received, Receiver
from verification.drill import fetch
from verification.restore.target.base import Replacement, Steps

_WRITTEN_OVER = Replacement(
    "write over what has the same name there with lifeboat restore --replace (all else stays)",
    "writes over what has the same name of what it holds",
)
_UNFINISHED: Final = "unfinished.json"
_GOES_ON: Final = timedelta(days=1)
"""How long after it began a restore that was ended in the middle may be gone on with: later, what is there may be people's."""


@dataclass
class ApiTarget:
    """See Target. state: the site's; in its `restores` go copies of what servers held. service: its name.

    first: where what the server held before an earlier try is, if that was ended in the middle
    kept: where what it holds now is
    """

    receiver: Receiver
    state: Path
    service: str
    replacement: Replacement | None = _WRITTEN_OVER
    stop: str | None = None
    start: str | None = None
    first: Path | None = field(default=None, init=False)
    kept: Path | None = field(default=None, init=False)
    _backup: str = field(default="", init=False)
    _held: Sequence[str] | None = field(default=None, init=False)
    _over: bool = field(default=False, init=False)

    def __str__(self) -> str:
        return str(self.receiver)

    def require_takes(self, service: Service, manifest: Manifest) -> None:
        """See Target: it takes every backup with objects, as far as `foresee` sees none of it in the way of another."""
        if isinstance(service, Received) and (other := service.objects_in(manifest)):
            raise LifeboatError(
                f"{manifest.id} holds nothing that can be put to {self}: its data are in the backups of {other}",
                hint=f"restore the database: lifeboat restore {other}; then the configuration: --to local:/directory",
            )

    def foresee(
        self, service: Service, record: BackupRecord, manifests: Callable[[BackupRecord], Manifest], repository: Repository
    ) -> list[str]:
        """Compare the backup with what the server holds; returns what the operator has to know before, a line each.

        Writes nothing there. Raises LifeboatError, naming all, for what the server cannot hold beside what it holds.
        """
        manifest = manifests(record)
        self._backup = manifest.id
        self.first = self.unfinished(manifest.id, datetime.now(UTC))
        again = [f"goes on with the restore that was ended in the middle: what it held before is in {self.first}"]
        notes = again if self.first else []
        if not (isinstance(service, Received) and service.by_api_only(manifest)):
            return [*notes, "what is in its way there is looked for when the copy runs, before anything is written"]
        with runs.start(self.state) as run:
            contents = fetch.contents([record], manifests, repository)
            (fetched,) = fetch.files(service, [record], contents, repository, run.directory)
            seen = self.receiver.foresee(fetched.data, manifest.id, self.first)
        if seen.clashes:
            raise LifeboatError(
                f"{self} cannot take {manifest.id}, {plural.count(len(seen.clashes), 'clash', 'clashes')}: "
                f"{'; '.join(seen.clashes)}; nothing was changed",
                hint="rename or delete there what is in the way, each of them, and restore again",
            )
        self._held = seen.held
        return [*notes, *seen.notes]

    def require_room(self, needed: int, what: str) -> None:
        """See Target: how much room the server has is not known."""

    def entries(self) -> Sequence[str]:
        """See Target. What is equal to the backup, and an earlier try's work, are in nobody's way."""
        if self._held is not None:
            return self._held
        entries = self.receiver.entries()
        if self.first is None:
            return entries
        known = set(self.receiver.kept(self.first))
        return [entry for entry in entries if entry in known]

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
        steps.begin_step("keep", f"Keep what {self} holds")
        self.kept = self.first
        if self.kept is None:
            now = datetime.now(UTC)
            self.kept = self.state / "restores" / f"{self.service}.before-restore-{now:%Y%m%dT%H%M%SZ}"
            # Whole at once: what a kill leaves of it is no restore to go on with, and is cleared by the next one.
            half = self.kept.with_name(f".{self.service}.half")
            shutil.rmtree(half, ignore_errors=True)
            self.receiver.keep(half)
            said = {"to": str(self), "backup": self._backup, "at": now.isoformat(), "replaces": bool(held)}
            (half / _UNFINISHED).write_text(json.dumps(said), encoding="utf-8")
            half.rename(self.kept)
        self._over = bool(held)
        # What an earlier try has written over is equal to the backup by now, and its only copy is the one kept then.
        if held or self._replaced():
            steps.aside = str(self.kept)
            steps.note(f"what it held is also in {self.kept}")

    def deliver(self, delivery: Delivery, manifest: Manifest, steps: Steps) -> None:
        """See Target."""
        steps.begin_step("deliver", f"Put everything into {self}, and read it back")
        try:
            steps.notes += self.receiver.receive(delivery.data, manifest.id, self.first, over=self._over)
        except LifeboatError:
            if not self.receiver.written:
                self._forget(steps)
            raise
        finally:
            steps.touched = self.receiver.written
        steps.lacking += self.receiver.lacking
        steps.delivered = str(self)
        self._forget(steps)

    def begin(self, delivery: Delivery, manifest: Manifest, steps: Steps) -> None:
        """See Target: it has been running all the time."""

    def _forget(self, steps: Steps) -> None:
        """No later try goes on from here; a copy of an empty server is of no use to anybody."""
        if self.kept is None or (self.kept == self.first and steps.delivered is None):
            return
        (self.kept / _UNFINISHED).unlink(missing_ok=True)
        if steps.aside is None:
            shutil.rmtree(self.kept, ignore_errors=True)

    def _replaced(self) -> bool:
        """Whether an earlier try wrote over what the server held; where it does not say so, as if it had."""
        if self.first is None:
            return False
        try:
            return bool(json.loads((self.first / _UNFINISHED).read_text(encoding="utf-8")).get("replaces", True))
        except (OSError, ValueError, AttributeError):
            return True

    def unfinished(self, backup: str, now: datetime) -> Path | None:
        """Where what the server held before the first try of this restore is, when that was ended in the middle."""
        for path in sorted((self.state / "restores").glob(f"{self.service}.before-restore-*/{_UNFINISHED}")):
            try:
                said = json.loads(path.read_text(encoding="utf-8"))
                fits = (said["to"], said["backup"]) == (str(self), backup)
                if fits and now - datetime.fromisoformat(said["at"]) < _GOES_ON:
                    return path.parent
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return None
