"""Chooses the backup that brings a moment back, and how far its log is followed, from what the repository lists.

Pure.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from backups import plural
from backups.chains import Chain
from backups.errors import LifeboatError
from backups.follow.beyond import Beyond, beyond
from backups.follow.piece import Piece
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


def require_log(service: Service, point: Point) -> None:
    """Raise LifeboatError for a position in the log of a service that has none."""
    if continuous(service) is None:
        raise _no_log(service.name, point)


def _no_log(name: str, point: Point) -> LifeboatError:
    return LifeboatError(f"{name} has no log, so no position {point.position}", hint="give a time: --at TIME")


class RestorePoints:
    """The moments of one service that its backups can bring back."""

    def __init__(self, service: Service, members: Sequence[Chain], manifest: ReadManifest, pieces: Sequence[Piece] = ()) -> None:
        self._name = service.name
        self._log = continuous(service)
        self._chains = members
        self._every = sorted((backup for chain in members for backup in chain.backups), key=lambda backup: backup.taken_at)
        self._manifest = manifest
        self._pieces = pieces
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
            hint=self._to_come()
            if self._log is not None and time > self._every[-1].taken_at
            else "give a moment of these, or none for the newest backup: lifeboat list shows them",
        )

    def at_position(self, point: Point) -> Choice:
        """Choose the moment at a transaction of the log, by its position (MySQL: a GTID, or where it begins).

        Raises LifeboatError when no two backups have it between them, or two pairs of them have.
        """
        position = str(point.position)
        if self._log is None:
            raise _no_log(self._name, point)
        held = {backup.id for chain in self._chains if self._holds(chain.last, position) for backup in chain.backups}
        pairs = (
            (earlier, later)
            for earlier in reversed(self._every)
            if (later := self._following(earlier)) is not None and (later.id in held or isinstance(later, Beyond))
        )
        found = [pair for pair in pairs if self._holds(pair[1], position) and not self._holds(pair[0], position)]
        if len(found) > 1:
            between = ", and between ".join(f"{earlier.id} and {later.id}" for earlier, later in found)
            raise LifeboatError(
                f"{self._name} has {position} more than once, since its log was reset: between {between}",
                hint=f"name the time of the one that you mean: --at TIME; lifeboat log {self._name} shows both",
            )
        if not found:
            raise LifeboatError(
                f"no two backups of {self._name} have {position} between them: {self._where(position)}; {self._restorable()}",
                hint=f"see which transactions have a moment of their own, and how they are named: lifeboat log {self._name}"
                + ("" if any(self._holds(backup, position) for backup in self._every) else f"; {self._to_come()}"),
            )
        return self._choice(found[0][0], point, found[0][1])

    def pairs(self) -> Iterator[tuple[BackupRecord, BackupRecord | None]]:
        """Yield each backup, the oldest first, with the one whose log goes on from it; None where none does."""
        return ((backup, self._following(backup)) for backup in self._every)

    def _holds(self, backup: BackupRecord, position: str) -> bool:
        return self._log is not None and self._log.holds(self._manifest(backup), position)

    def _to_come(self) -> str:
        """Say what to type for a moment after the newest backup, whose log nothing holds yet."""
        since = "what was committed after the newest backup comes with the next one, as long as the source lives"
        return f"{since}: lifeboat backup {self._name}, and then again"

    def _where(self, position: str) -> str:
        """Say where a transaction is that no two backups have between them."""
        first = next((backup for backup in self._every if self._holds(backup, position)), None)
        if first is None:
            return f"none of them holds it, the newest is {self._every[-1].id}, of {self._every[-1].taken_at:{_TIME}}"
        return f"{first.id}, of {first.taken_at:{_TIME}}, holds it already, and no log leads there from a backup before it"

    def _choice(self, backup: BackupRecord, point: Point | None = None, later: BackupRecord | None = None) -> Choice:
        chain = next(chain for chain in self._chains if chain.id == backup.chain)
        return Choice(chain.up_to(backup.id), point, later)

    def _following(self, backup: BackupRecord) -> BackupRecord | None:
        """Return what has the log that goes on where `backup` ends: the next of its chain, a full that kept the log between, or
        what was followed of it.
        """
        chain = next(chain for chain in self._chains if chain.id == backup.chain)
        for earlier, later in pairwise(chain.backups):
            if earlier.id == backup.id:
                # With a backup gone between them, its log is gone, too, but for what was followed of it.
                return later if later.sequence == earlier.sequence + 1 else self._beyond(backup)
        fulls = (each for each in self._every if each.sequence == 0 and not each.standalone and each.taken_at > backup.taken_at)
        full = next(fulls, None)
        if full is not None and self._log is not None and self._log.follows(self._manifest(full), backup):
            return full
        return self._beyond(backup)

    def _beyond(self, backup: BackupRecord) -> Beyond | None:
        """Return what was followed of the log after a backup, though no backup goes on from there."""
        return beyond(backup, self._pieces) if self._log is not None else None

    def _restorable(self) -> str:
        """Say to which moments the service can be brought back."""
        if self._log is None:
            oldest, every = f"{self._every[0].taken_at:{_TIME}}", plural.count(len(self._every), "backup")
            return f"it can be brought back to the moments of its {every}, of which the oldest is from {oldest}"
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
        ends = ((begin, beyond(end, self._pieces) or end) for begin, end in spans)
        ranges = ", ".join(f"from {begin:{_TIME}} to {end.taken_at:{_TIME}}" for begin, end in ends)
        return f"it can be brought back to any moment {ranges}"
