"""Defines what a plan of many drills on several machines is made of: drills that are due, machines, and a timetable."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backups.config.settings import FIRST, further
from verification.evidence import selected

POOL = "verification"
"""The work pool of verifications, which runs the drills of services that name no other."""


@dataclass(frozen=True)
class Due:
    """One drill that is due, as a plan weighs it.

    pool:      the pool whose machines may run it; None is the one of verifications
    seconds:   how long it takes; measured: whether drills of it say so, or it was reckoned
    proven_at: when the service was last proven, None for never; failed: its last drill failed
    tried_at:  when a drill of the service last came to a verdict, whichever; None for never; drilled_at: one of this selection,
               from this repository
    further:   another drill of the service comes before this one, and renews its proof
    memory, disk: bytes that it needs of a machine
    backup:    the id of the backup that it brings back; repository: the name of the one that it fetches from
    also:      what else chose the same backup
    """

    service: str
    selection: str
    seconds: float
    measured: bool = True
    pool: str | None = None
    proven_at: datetime | None = None
    failed: bool = False
    tried_at: datetime | None = None
    drilled_at: datetime | None = None
    further: bool = False
    memory: int = 0
    disk: int = 0
    backup: str | None = None
    repository: str = FIRST
    also: Sequence[str] = ()

    @property
    def title(self) -> str:
        """Name it for a person."""
        return f"{self.service}, {self.drilled}"

    @property
    def drilled(self) -> str:
        """Say what is drilled of the service, and where from, where that is not the repository that is called first."""
        chosen = selected.words(self)
        return f"{chosen} from {self.repository}" if further(self.repository) else chosen


@dataclass(frozen=True)
class Machine:
    """A machine that runs drills. memory, disk: bytes that it has for them; at_once: drills at the same time.

    pool: the one that its worker serves; None is the one of verifications
    """

    name: str
    memory: int
    disk: int
    at_once: int = 1
    pool: str | None = None


@dataclass(frozen=True)
class Slot:
    """A drill on a machine, from `starts` to `ends`."""

    due: Due
    machine: str
    starts: datetime
    ends: datetime


@dataclass(frozen=True)
class NotReached:
    """A drill that no machine comes to, and why. for_time: only since the time was too short for all."""

    due: Due
    why: str
    for_time: bool = False


@dataclass(frozen=True)
class Timetable:
    """Every due drill once: in a slot, or not reached."""

    slots: Sequence[Slot]
    not_reached: Sequence[NotReached] = ()

    @property
    def ends(self) -> datetime | None:
        """When the last drill ends; None without any."""
        return max((slot.ends for slot in self.slots), default=None)
