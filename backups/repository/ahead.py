"""Saves some files of a backup while the rest is still being captured, so that the source and this machine work side by side.

What is saved ahead is a snapshot that is no backup: nothing lists it, restores it or builds on it. The backup's own snapshot is
made when all of it is there, and reads again only what has changed since. Then the first one is forgotten; one that a kill left
goes with the next backup of the service, or with a prune. Where nothing may be deleted, nothing is saved ahead.
"""

import contextlib
import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from backups.errors import LifeboatError
from backups.machine import below, parallel
from backups.machine.runs import Run
from backups.manifest import BACKUP
from backups.repository.listing import Snapshot
from backups.repository.repository import Repository

TAG = "lifeboat-ahead"
"""The tag of every snapshot that is saved ahead."""
_IN_USE = timedelta(days=2)
"""For so long a backup may still be at work that such a snapshot is of: another machine's, as far as a prune can see."""
WORTH = 256 << 20
"""Bytes. Saving ahead takes two more starts of restic: a full of 50 MB took longer with it. Where it begins to pay is a guess."""
_PATIENCE = 2.0
"""Seconds: enough to remove the lock of a restic that has died, and to try again."""

log = logging.getLogger(__name__)


def left_by(service: str, snapshots: Iterable[Snapshot]) -> list[str]:
    """Return what earlier backups of a service left: its lock on this machine must be held."""
    return [each.id for each in snapshots if _is_ahead(each) and f"service={service}" in each.tags]


def obsolete(snapshots: Iterable[Snapshot], now: datetime) -> list[Snapshot]:
    """Return those that are too old to be of a backup that is still at work."""
    return [each for each in snapshots if _is_ahead(each) and now - each.time > _IN_USE]


def _is_ahead(snapshot: Snapshot) -> bool:
    return TAG in snapshot.tags and BACKUP not in snapshot.tags


@dataclass
class Ahead:
    """Saves ahead for one backup. directory: what its snapshot will hold. left: see `left_by`."""

    repository: Repository
    service: str
    directory: Path
    run: Run
    left: Sequence[str] = ()
    _stop: threading.Event = field(default_factory=threading.Event, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)
    _outcome: str | LifeboatError | None = field(default=None, init=False)

    def begin(self, path: Path) -> None:
        """Begin to save what is below `path`, which stays as it is from now on. Returns at once.

        Nothing is done where there is too little to save, or where what is saved ahead could not be forgotten again.
        """
        size = sum(found.st_size for _, found in below.walk(path))
        if self._thread or self.left or size < WORTH or self.repository.is_append_only():
            return
        inside = path.relative_to(self.directory).as_posix()
        self._thread = threading.Thread(target=self._save, args=(inside,), name=f"lifeboat-ahead-{self.service}")
        self._thread.start()

    def finished(self) -> str | None:
        """Wait for the end, and return the snapshot; None where nothing was saved ahead."""
        if self._thread is None:
            return None
        while self._thread.is_alive():
            # In short waits: a signal that comes just before a long one begins does not wake Python from it.
            self._thread.join(0.5)
            self.run.raise_if_cancelled()
        if isinstance(self._outcome, LifeboatError):
            log.warning("%s: nothing could be saved ahead: %s", self.service, self._outcome.message)
            return None
        return self._outcome

    def _save(self, inside: str) -> None:
        tags = [TAG, f"service={self.service}"]
        try:
            self._outcome = parallel.guarded(
                lambda: self.repository.save_ahead(self.directory, inside, host=self.service, tags=tags, stop=self._stop)
            )
        except LifeboatError as fault:
            self._outcome = fault

    def end(self) -> None:
        """Stop what is being saved, and forget what was; what cannot be forgotten now goes later."""
        self._stop.set()
        if self._thread:
            self._thread.join()
        if isinstance(self._outcome, str) and self._outcome:
            forget(self.repository, [self._outcome], self.service)


@contextlib.contextmanager
def saving(repository: Repository, service: str, directory: Path, run: Run, left: Sequence[str]) -> Iterator[Ahead]:
    """Within the block files may be saved ahead; what earlier backups left is forgotten first."""
    ahead = Ahead(repository, service, directory, run, [] if forget(repository, left, service) else left)
    try:
        yield ahead
    finally:
        ahead.end()


def forget(repository: Repository, snapshots: Sequence[str], service: str) -> bool:
    """Forget such snapshots, without waiting long for others that use the repository; returns whether none is left."""
    try:
        # Recognised it is already, and to do that again would cost a start of restic.
        replace(repository, patience=_PATIENCE, known=None).forget(snapshots)
    except LifeboatError as fault:
        log.info("%s: what was saved ahead of a backup is not removed yet: %s", service, fault.message)
        return False
    return True
