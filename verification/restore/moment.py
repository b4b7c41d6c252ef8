"""Chooses the backup that brings a moment back, and how far its log is followed, from what the repository lists.

Pure.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from backups.chains import Chain
from backups.errors import LifeboatError
from backups.manifest import BackupRecord, Manifest
from backups.services.base import Point, Service
from backups.services.continuous import continuous

_TIME = "%Y-%m-%d %H:%M:%S UTC"

ReadManifest = Callable[[BackupRecord], Manifest]


@dataclass(frozen=True)
class Choice:
    """Says what comes back: the backups of a chain, the full first, and the moment of the last; with `point`, a moment after it,
    up to which the log of the backup `later` goes on.
    """

    chain: tuple[BackupRecord, ...]
    point: Point | None = None
    later: BackupRecord | None = None

    @property
    def backup(self) -> BackupRecord:
        """The backup whose witness is compared."""
        return self.chain[-1]

    @property
    def records(self) -> tuple[BackupRecord, ...]:
        """Every backup that is read."""
        return (*self.chain, self.later) if self.later else self.chain


class RestorePoints:
    """The moments of one service that its backups can bring back."""

    def __init__(self, service: Service, members: Sequence[Chain], manifest: ReadManifest) -> None:
        self._name = service.name
        self._log = continuous(service)
        self._chains = members
        self._every = sorted((backup for chain in members for backup in chain.backups), key=lambda backup: backup.taken_at)
        self._manifest = manifest
        if not self._every:
            raise LifeboatError(
                f"{service.name} has no backup in the repository", hint="is it the right repository? `lifeboat list` shows all"
            )

    def of_backup(self, backup: str) -> Choice:
        """Choose the moment of one backup, by its id, or of the newest: `latest`. Raises LifeboatError where there is none."""
        if backup == "latest":
            return self._choice(self._every[-1])
        found = next((each for each in self._every if each.id == backup), None)
        if found is None:
            raise LifeboatError(f"{self._name} has no backup {backup}", hint=f"see: lifeboat list {self._name}, or name latest")
        return self._choice(found)

    def at(self, time: datetime) -> Choice:
        """Choose that very moment where the service's log tells it, else the newest backup at or before it.

        Raises LifeboatError, naming the ranges that can be served, when no backup reaches it.
        """
        before = [backup for backup in reversed(self._every) if backup.taken_at <= time]
        if before and (before[0].taken_at == time or self._log is None):
            return self._choice(before[0])
        for backup in before:
            later = self._following(backup)
            if later is not None and later.taken_at >= time:
                return self._choice(backup, Point(time=time), later)
        raise LifeboatError(
            f"{self._name} cannot be brought back to {time:{_TIME}}; {self._restorable()}",
            hint="give a moment of these, or none for the newest backup: lifeboat list shows them",
        )

    def at_position(self, position: str) -> Choice:
        """Choose the moment right after a position of the log (MySQL: a GTID).

        Raises LifeboatError when no two backups have it between them.
        """
        if self._log is None:
            raise LifeboatError(f"{self._name} has no log, so no position {position}", hint="give a time: --at TIME")
        for earlier in reversed(self._every):
            later = self._following(earlier)
            if later is None or not self._log.holds(self._manifest(later), position):
                continue
            if not self._log.holds(self._manifest(earlier), position):
                return self._choice(earlier, Point(position=position), later)
        raise LifeboatError(
            f"no two backups of {self._name} have {position} between them; {self._restorable()}",
            hint="a GTID is written source:number; what is older than the oldest of these is in it, but has no moment of its own",
        )

    def _choice(self, backup: BackupRecord, point: Point | None = None, later: BackupRecord | None = None) -> Choice:
        chain = next(chain for chain in self._chains if chain.id == backup.chain)
        return Choice(chain.up_to(backup.id), point, later)

    def _following(self, backup: BackupRecord) -> BackupRecord | None:
        """Return the backup whose log goes on where `backup` ends: the next of its chain, or a full that kept the log between."""
        chain = next(chain for chain in self._chains if chain.id == backup.chain)
        for earlier, later in pairwise(chain.backups):
            if earlier.id == backup.id:
                # With a backup gone between them, its log is gone, too.
                return later if later.sequence == earlier.sequence + 1 else None
        fulls = (each for each in self._every if each.sequence == 0 and not each.standalone and each.taken_at > backup.taken_at)
        full = next(fulls, None)
        return full if full is not None and self._log is not None and self._log.follows(self._manifest(full), backup) else None

    def _restorable(self) -> str:
        """Say to which moments the service can be brought back."""
        if self._log is None:
            oldest = f"{self._every[0].taken_at:{_TIME}}"
            return (
                f"it can be brought back to the moments of its {len(self._every)} backups, of which the oldest is from {oldest}"
            )
        spans: list[tuple[datetime, BackupRecord]] = []
        for chain in self._chains:
            whole = [backup for number, backup in enumerate(chain.backups) if backup.sequence == number]
            if not whole:
                continue
            first, last = whole[0], whole[-1]
            joined = next((number for number, (_, end) in enumerate(spans) if self._following(end) == first), None)
            if joined is None:
                spans.append((first.taken_at, last))
            else:
                spans[joined] = (spans[joined][0], last)
        if not spans:
            return "it can be brought back to no moment: no chain is whole"
        ranges = ", ".join(f"from {begin:{_TIME}} to {end.taken_at:{_TIME}}" for begin, end in spans)
        return f"it can be brought back to any moment {ranges}"
