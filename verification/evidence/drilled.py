"""Writes what each drill showed as a tag of its evidence's snapshot, and reads those tags: history opens no report.

Evidence by an older Lifeboat has no such tags: of that, the proofs in its other tags tell the time of the whole restore.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Literal

from pydantic import model_validator

from backups.foreign import BackupId, Moment, RepositoryName, Seconds, ServiceName, Size, Tally, shown
from backups.manifest import Frozen
from backups.repository.listing import Odd, Snapshot
from backups.witness import Fact, tally
from verification.evidence import selected
from verification.evidence.evidence import DrillResult, PhasePart, Verdict
from verification.evidence.selected import Selection

TAG = "lifeboat-evidence"
DAMAGE = "lifeboat-verifier-drill"
"""The tag of what a drill of the verifier itself showed: kept apart from proofs."""
_DRILL, _DRILL_IN = "drill=", "drill-in="
"""From the first repository, and from the one that is named in the tag."""
_DAMAGE = "damage="
_WHEN = re.compile(r"-([0-9]{8}T[0-9]{6}Z)(-[0-9]+)?$")
"""What follows the service's name in a backup's id."""


class Timed(PhasePart):
    """A phase as a tag states it."""

    seconds: Seconds


class Drilled(Frozen):
    """One drill, of `backup`; what was not measured, or is not stated, is None.

    seconds: of the restore. bytes: of its chain. holds: what the backup's witness counted (`witness.tally`)
    repository: what it was brought back from; None for the first. also: what else chose the same backup (`selected.py`)
    """

    at: Moment
    service: ServiceName
    selection: Selection | None
    also: tuple[Selection, ...] = ()
    verdict: Verdict
    seconds: Seconds | None
    bytes: Size | None = None
    phases: tuple[Timed, ...] = ()
    backup: BackupId | None = None
    holds: Tally | None = None
    repository: RepositoryName | None = None

    @property
    def chosen(self) -> str:
        """Every selection that it counts as, for a person; empty where none is stated."""
        return selected.words(self)

    @property
    def taken_at(self) -> datetime | None:
        """When the backup was begun, as its id says; None where no backup is stated."""
        found = _WHEN.search(self.backup or "")
        try:
            return datetime.strptime(found[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) if found else None
        except ValueError:
            # The form of an id allows a month 13.
            return None


class Detected(Frozen):
    """Of how many faults that were put into copies of a service's backups the verifier noticed how many."""

    at: Moment
    service: ServiceName
    injected: Size
    noticed: Size

    @model_validator(mode="after")
    def _possible(self) -> "Detected":
        if self.noticed > self.injected:
            raise ValueError(f"{self.noticed} of {self.injected} were noticed")
        return self


class _Proven(Frozen):
    """A proof of a Lifeboat that wrote no drills into its tags."""

    backup: BackupId
    verdict: Literal["verified", "failed"]
    seconds: Seconds | None


def tag(drill: DrillResult) -> str:
    """Write a drill as a tag: service, selection, verdict, seconds of the restore, bytes of the chain, phases, backup, rows.

    Before them the repository, where it is not the first. A backup that several selections chose has all of them, with a `+`
    between. Of one that an upgrade was tried after, what it proved before that: a
    history is of proofs, and of restores.
    """
    verdict = drill.backup_verdict if drill.rehearsal else drill.verdict
    seconds = "" if drill.restore_seconds is None else f"{drill.restore_seconds:.3f}"
    phases = ";".join(f"{phase.name}:{phase.seconds:.3f}" for phase in drill.phases)
    size, backup = (drill.backup.bytes, drill.backup.id) if drill.backup else ("", "")
    holds = tally(Fact(check.subject, check.metric, check.expected) for check in drill.checks) if drill.checks else ""
    begin = f"{_DRILL_IN}{drill.further}|" if drill.further else _DRILL
    return (
        f"{begin}{drill.service}|{'+'.join((drill.selection, *drill.also))}|{verdict}|{seconds}|{size}|{phases}|{backup}|{holds}"
    )


def read(snapshots: Iterable[Snapshot]) -> Iterator[Drilled]:
    """Read the drills that evidence snapshots state; nothing of a snapshot with a tag that states none (`odd`)."""
    for snapshot in snapshots:
        found = _stated(snapshot) if TAG in snapshot.tags else []
        if None not in found:
            yield from (each for each in found if each)


def odd(snapshots: Iterable[Snapshot]) -> Iterator[Odd]:
    """Name the evidence whose tags state something that is no drill."""
    for snapshot in snapshots:
        bad = [tag for tag in snapshot.tags if tag.startswith((_DRILL, _DRILL_IN)) and _drill(tag, snapshot) is None]
        if TAG in snapshot.tags and bad:
            yield Odd(snapshot.id, f"it says that it is evidence, and states what is no drill: {shown(bad[0])}")


def detections(snapshots: Iterable[Snapshot]) -> Iterator[Detected]:
    """Read what the drills of the verifier showed, one for each service; a tag that states none is left out."""
    for snapshot in snapshots:
        if DAMAGE in snapshot.tags:
            yield from filter(None, (_detected(tag, snapshot) for tag in snapshot.tags if tag.startswith(_DAMAGE)))


def _stated(snapshot: Snapshot) -> list[Drilled | None]:
    drills = [_drill(tag, snapshot) for tag in snapshot.tags if tag.startswith((_DRILL, _DRILL_IN))]
    return drills or [_proof(tag, snapshot) for tag in snapshot.tags if tag.startswith("proof=")]


def _drill(tag: str, snapshot: Snapshot) -> Drilled | None:
    try:
        named = tag.startswith(_DRILL_IN)
        *where, service, chosen, verdict, seconds, size, phases, backup, holds = tag.removeprefix(
            _DRILL_IN if named else _DRILL
        ).split("|")
        if len(where) != named:
            return None
        selection, *also = chosen.split("+")
        return Drilled.model_validate(
            {
                "at": snapshot.time,
                "service": service,
                "selection": selection,
                "also": also,
                "verdict": verdict,
                "seconds": seconds or None,
                "bytes": size or None,
                "phases": [dict(zip(("name", "seconds"), each.split(":"), strict=True)) for each in phases.split(";") if each],
                "backup": backup or None,
                "holds": holds or None,
                "repository": where[0] if where else None,
            }
        )
    except ValueError:
        return None


def _proof(tag: str, snapshot: Snapshot) -> Drilled | None:
    try:
        backup, verdict, seconds, _ = tag.removeprefix("proof=").split("|")
        proven = _Proven.model_validate({"backup": backup, "verdict": verdict, "seconds": seconds or None})
        return Drilled(
            at=snapshot.time,
            service=_WHEN.sub("", proven.backup),
            selection=None,
            verdict=proven.verdict,
            seconds=proven.seconds,
            backup=proven.backup,
        )
    except ValueError:
        return None


def _detected(tag: str, snapshot: Snapshot) -> Detected | None:
    try:
        service, injected, noticed = tag.removeprefix(_DAMAGE).split("|")
        stated = {"at": snapshot.time, "service": service, "injected": injected, "noticed": noticed}
        return Detected.model_validate(stated)
    except ValueError:
        return None
