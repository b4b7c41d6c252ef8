"""Defines the report of a rescue and of its drill, the cold start, and keeps it in the repository, apart from proofs."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from backups import chains as chaining
from backups import durations
from backups.foreign import BackupId, Moment, Seconds, ServiceName, ServiceType, Sha256
from backups.repository.listing import Snapshot
from backups.repository.repository import Repository
from verification.evidence.evidence import EXIT_CODES, Kept, Verdict
from verification.evidence.words import proven

TAG = "lifeboat-rescue"
"""The tag of such a snapshot; of a drill, `kind=cold-start` is beside it."""
REPORT = "rescue.json"
"""The file of such a snapshot that holds all of it."""
COLD = "cold-start"

Kind = Literal["rescue", "cold-start"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KitPart(_Part):
    """The kit that a rescue began with. missing: what it did not hold, a sentence each."""

    host: str
    made_at: Moment
    lifeboat: str
    sha256: Sha256
    missing: tuple[str, ...] = ()


class ReachedPart(_Part):
    """A repository. why: it could not be used, with the hint; None of one that could."""

    name: str
    url: str
    why: str | None = None


class RescuedPart(_Part):
    """What became of a service, in the order in which they were brought back.

    repository: the one that it came from. seconds: of its restore. earlier: an earlier start of this rescue had brought it back
    proof: what was compared with what, as a sentence; why: it was not brought back, or is not proven
    """

    service: ServiceName
    type: ServiceType
    repository: str | None = None
    to: str | None = None
    backup: BackupId | None = None
    taken_at: Moment | None = None
    verdict: Verdict
    seconds: Seconds = 0.0
    proof: str = ""
    partial: str | None = None
    delivered: str | None = None
    notes: tuple[str, ...] = ()
    why: str | None = None
    hint: str | None = None
    earlier: bool = False


class StepPart(_Part):
    """A step of a cold start: what was typed, and its seconds. A step of the rescue itself is the name of a service."""

    name: str
    seconds: Seconds


class Rescue(_Part):
    """A whole rescue: rescue.json.

    machine: the one that it ran on. steps: of a cold start, from the first command on
    shared: what a drill had of the machine that it ran on, besides the kit: so much is not proven. rto_seconds: the objective
    """

    schema_version: Literal[1] = 1
    kind: Kind
    lifeboat: str
    machine: str
    started_at: Moment
    finished_at: Moment
    kit: KitPart
    repositories: tuple[ReachedPart, ...] = ()
    services: tuple[RescuedPart, ...] = ()
    steps: tuple[StepPart, ...] = ()
    shared: tuple[str, ...] = ()
    rto_seconds: Seconds
    error: str | None = None
    hint: str | None = None
    kept: Kept | None = None

    @property
    def seconds(self) -> float:
        """From the first command to the end."""
        return (self.finished_at - self.started_at).total_seconds()

    @property
    def rto_met(self) -> bool:
        """Whether all of it took no longer than a restore may."""
        return self.seconds <= self.rto_seconds

    @property
    def verdict(self) -> Literal["verified", "failed", "could-not-run"]:
        """verified: every service is back and equal. A cold start that took longer than the RTO has failed."""
        codes = {EXIT_CODES[each.verdict] for each in self.services}
        if self.error or not self.services or 2 in codes:
            return "could-not-run"
        return "failed" if 1 in codes or (self.kind == COLD and not self.rto_met) else "verified"

    @property
    def exit_code(self) -> int:
        """What a command ends with: 0 all are back and equal, 1 one is not equal, 2 one is not back."""
        return EXIT_CODES[self.verdict]

    @property
    def words(self) -> str:
        """What came of it, as a sentence."""
        back = sum(EXIT_CODES[each.verdict] == 0 for each in self.services)
        earlier = sum(each.earlier for each in self.services)
        before = f", {earlier} of them by an earlier start" if earlier else ""
        took = f"{back} of {len(self.services)} services brought back and verified{before}, in {durations.describe(self.seconds)}"
        if self.kind != COLD:
            return took
        budget = durations.describe(self.rto_seconds)
        return f"{took} from the first command on; RTO {budget} {'kept' if self.rto_met else 'missed'}"


@dataclass(frozen=True)
class ColdStart:
    """The newest cold start as its snapshot's tags state it. proven_at: when the newest verified one was; None for never."""

    at: datetime
    verdict: str
    proven_at: datetime | None


@dataclass(frozen=True)
class FromNothing:
    """How it stands with a start from nothing.

    kit_at: when the last recovery kit was made; None where none was, or that cannot be told
    kit_old: whether it is older than the configuration, or that cannot be told; None where none was made
    """

    kit_at: datetime | None = None
    kit_old: bool | None = None
    cold: ColdStart | None = None


def tags(rescue: Rescue) -> list[str]:
    """Write the tags of its snapshot."""
    return [TAG, f"kind={rescue.kind}", f"verdict={rescue.verdict}"]


def keep(rescue: Rescue, directory: Path, repository: Repository) -> str:
    """Store the files in `directory` as the report and return the snapshot's id; raises LifeboatError."""
    return repository.save(directory, host=rescue.machine, tags=tags(rescue), at=rescue.finished_at)


def newest_cold_start(snapshots: Iterable[Snapshot], now: datetime) -> ColdStart | None:
    """Read the newest cold start from the tags; None where there is none. What is dated in the future does not count."""
    found = sorted(
        (
            each
            for each in snapshots
            if TAG in each.tags and f"kind={COLD}" in each.tags and not chaining.in_future(each.time, now)
        ),
        key=lambda each: each.time,
    )
    if not found:
        return None
    well = [each.time for each in found if "verdict=verified" in each.tags]
    said = [tag.removeprefix("verdict=") for tag in found[-1].tags if tag.startswith("verdict=")]
    known = said[0] if said and said[0] in {"verified", "failed", "could-not-run"} else "could-not-run"
    return ColdStart(found[-1].time, known, max(well, default=None))


def cold_words(cold: ColdStart, now: datetime) -> str:
    """Say when everything was last brought back from nothing, and whether the newest attempt did."""
    return proven(cold.proven_at, cold.at, cold.verdict, now)
