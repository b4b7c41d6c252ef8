"""Puts together, service by service, what the kept backups and the kept evidence say over time.

Pure: it is made of snapshots' tags alone, which one listing of the repository gives. What was missed is a gap.
Next file: `verification/report/history.py`, the page.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict

from backups import chains as chaining
from backups.config.settings import Objectives, Settings
from backups.manifest import BACKUP, BackupRecord
from backups.repository.listing import Snapshot
from verification.evidence import drilled, gaps, rescues, trend
from verification.evidence.drilled import Detected, Drilled
from verification.evidence.gaps import Gap
from verification.evidence.selected import counts_as
from verification.evidence.trend import Trend

TAGS = (BACKUP, drilled.TAG, drilled.DAMAGE, rescues.TAG)
"""The tags of the snapshots that a history is made of."""


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class Taken(_Shape):
    """A backup: its own bytes, what its witness counted (`unit`: rows, samples or things), and how long writers waited.

    None where the Lifeboat that took it did not say; `lock_seconds` also of services that lock nothing.
    """

    id: str
    kind: str
    at: AwareDatetime
    bytes: int
    unit: str | None
    count: int | None
    lock_seconds: float | None


class ServiceHistory(_Shape):
    """One service over time, oldest first, up to `seen_at`.

    rto_seconds: the objective of today. detections: of the verifier's own drills
    drills: of backups in the first repository; elsewhere: of those in further ones, which take other times
    """

    service: str
    type: str
    seen_at: AwareDatetime
    rto_seconds: float
    backups: tuple[Taken, ...]
    missed_backups: tuple[Gap, ...]
    drills: tuple[Drilled, ...]
    missed_drills: tuple[Gap, ...]
    detections: tuple[Detected, ...]
    forecast: Trend
    elsewhere: tuple[Drilled, ...] = ()

    @property
    def timed(self) -> tuple[tuple[Drilled, ...], ...]:
        """The drills of which the restore was timed, those of one verification together; not of moments between backups."""
        together: dict[datetime, list[Drilled]] = {}
        for drill in self.drills:
            if drill.seconds is not None and drill.selection != "moment":
                together.setdefault(drill.at, []).append(drill)
        return tuple(tuple(drills) for _, drills in sorted(together.items()))

    @property
    def slowest(self) -> tuple[Drilled, ...]:
        """Of each verification the slowest restore: that one is what the objective is about."""
        return tuple(max(drills, key=lambda drill: drill.seconds or 0.0) for drills in self.timed)

    @property
    def drilled(self) -> tuple[Drilled, ...]:
        """The newest drill of each backup of which it is stated when it was taken, in that order: also of one that is gone."""
        newest = {drill.backup: drill for drill in self.drills if drill.taken_at}
        return tuple(sorted(newest.values(), key=lambda drill: drill.taken_at or drill.at))

    @property
    def comparable(self) -> tuple[Drilled, ...]:
        """Of `slowest` those that can be compared with one another: where the longest chain is drilled, only such verifications.

        A drill of the latest backup alone, every night, would zigzag between them.
        """
        whole = {drills[0].at for drills in self.timed if any("worst" in counts_as(drill) for drill in drills)}
        return tuple(drill for drill in self.slowest if not whole or drill.at in whole)

    @property
    def shown_at(self) -> list[datetime]:
        """When drills have shown something: one that could not run has not."""
        return list(dict.fromkeys(each.at for each in self.drills if each.verdict != "could-not-run"))

    def within(self, begin: datetime, end: datetime, objectives: Objectives) -> "ServiceHistory":
        """Return what of it lies from `begin` on, before `end`: also a gap that began before, and one before all that is kept."""
        backups = gaps.before_first([each.at for each in self.backups], objectives.rpo, begin)
        drills = gaps.before_first(self.shown_at, objectives.proof, begin)

        def there(gap: Gap) -> bool:
            return gap.after < end and (gap.until is None or gap.until > begin)

        return self.model_copy(
            update={
                "backups": tuple(each for each in self.backups if begin <= each.at < end),
                "missed_backups": tuple(filter(there, (*backups, *self.missed_backups))),
                "drills": tuple(each for each in self.drills if begin <= each.at < end),
                "missed_drills": tuple(filter(there, (*drills, *self.missed_drills))),
                "detections": tuple(each for each in self.detections if begin <= each.at < end),
                "elsewhere": tuple(each for each in self.elsewhere if begin <= each.at < end),
            }
        )


def of(
    settings: Settings,
    services: Mapping[str, str],
    backups: Sequence[BackupRecord],
    snapshots: Iterable[Snapshot],
    now: datetime,
    *,
    listed_at: datetime | None = None,
) -> list[ServiceHistory]:
    """Put together the history of services (name -> type): of their backups, and of the evidence among `snapshots`.

    What is dated after now, since a clock was once ahead, is left out. listed_at: when all of it was listed, where `now` is the
    end of a period in the past: what is missing in that may have been deleted since.
    """
    there = sorted((each for each in snapshots if not chaining.in_future(each.time, now)), key=lambda each: each.time)
    taken = _by_service(sorted(backups, key=lambda each: each.taken_at))
    drills, detections = _by_service(drilled.read(there)), _by_service(drilled.detections(there))
    return [
        _of_service(
            settings, (name, kind), taken.get(name, ()), drills.get(name, ()), detections.get(name, ()), now, listed_at or now
        )
        for name, kind in services.items()
    ]


class _OfOne(Protocol):
    @property
    def service(self) -> str: ...


_About = TypeVar("_About", bound=_OfOne)


def _by_service(things: Iterable[_About]) -> dict[str, list[_About]]:
    """Group what is about one service each, in its order: to look through all of it for each service takes too long with many."""
    found: dict[str, list[_About]] = {}
    for each in things:
        found.setdefault(each.service, []).append(each)
    return found


def _of_service(
    settings: Settings,
    service: tuple[str, str],
    backups: Sequence[BackupRecord],
    drills: Sequence[Drilled],
    detections: Sequence[Detected],
    now: datetime,
    listed_at: datetime,
) -> ServiceHistory:
    name = next(iter(settings.every_repository))
    objectives, retention, first = settings.objectives, settings.retention_of(name), {None, name}
    taken = [_taken(each) for each in backups if not chaining.in_future(each.taken_at, now)]
    bare = ServiceHistory(
        service=service[0],
        type=service[1],
        seen_at=now,
        rto_seconds=objectives.rto.total_seconds(),
        backups=tuple(taken),
        missed_backups=gaps.gaps([each.at for each in taken], objectives.rpo, retention.whole_for, now, listed_at=listed_at),
        drills=tuple(each for each in drills if each.repository in first),
        elsewhere=tuple(each for each in drills if each.repository not in first),
        missed_drills=(),
        detections=tuple(detections),
        forecast=Trend(words=""),
    )
    measured = [(each.at, each.seconds) for each in bare.comparable if each.seconds is not None]
    missed = gaps.gaps(bare.shown_at, objectives.proof, retention.evidence_after, now, listed_at=listed_at)
    return bare.model_copy(update={"missed_drills": missed, "forecast": trend.trend(measured, objectives.rto, now)})


def _taken(record: BackupRecord) -> Taken:
    unit, _, count = (record.holds or "").partition(":")
    return Taken(
        id=record.id,
        kind=record.kind,
        at=record.taken_at,
        bytes=record.size,
        unit=unit or None,
        count=int(count) if count else None,
        lock_seconds=record.lock_seconds,
    )
