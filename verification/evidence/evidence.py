"""Defines the shape of report.json, and how the verdicts of drills add up."""

from collections.abc import Iterable
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from backups.manifest import Kind
from backups.witness import Check

Verdict = Literal["verified", "failed", "could-not-run"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Budget(_Part):
    """An objective beside what was measured, in seconds; None: nothing could be measured."""

    budget_seconds: float
    measured_seconds: float | None
    met: bool | None


class BackupPart(_Part):
    """The backup that was brought back: `chain` names every backup that it took, the full first; `bytes` is their sum."""

    id: str
    kind: Kind
    chain: tuple[str, ...]
    taken_at: AwareDatetime
    bytes: int


class ImagePart(_Part):
    """The image that the copy ran on. standin: not the real server; words: the same as a sentence."""

    name: str
    id: str
    standin: bool
    words: str


class PhasePart(_Part):
    """A phase and its seconds."""

    name: Literal["fetch", "start", "replay", "ready", "check", "inspect"]
    seconds: float


class ExpectationPart(_Part):
    """One expectation as Great Expectations judged it; `unexpected`: how many rows were not as expected."""

    suite: str
    name: str
    passed: bool
    unexpected: int | None


class Growth(_Part):
    """When growth will use up the margin to the RTO: `at`, None where that is not foreseen; `words`: the same as a sentence."""

    at: AwareDatetime | None
    words: str


class DrillResult(_Part):
    """One drill. What could not be measured is None; `reasons`: why the verdict is not `verified`, a sentence each.

    limits: what the backup does not hold though the source has it, as was recorded when it was taken, and what there was no time
    to look at, a sentence each
    """

    service: str
    type: str
    selection: Literal["latest", "worst", "random", "id"]
    verdict: Verdict
    started_at: AwareDatetime
    backup: BackupPart | None = None
    source_version: str | None = None
    image: ImagePart | None = None
    phases: tuple[PhasePart, ...] = ()
    restore_seconds: float | None = None
    rto_met: bool | None = None
    margin_seconds: float | None = None
    rate_bytes_per_second: float | None = None
    growth: Growth | None = None
    checks: tuple[Check, ...] = ()
    expectations: tuple[ExpectationPart, ...] = ()
    reasons: tuple[str, ...] = ()
    error: str | None = None
    hint: str | None = None
    tampered: str | None = None
    limits: tuple[str, ...] = ()

    @property
    def failures(self) -> list[Check]:
        """The checks that did not pass."""
        return [check for check in self.checks if not check.passed]


class Kept(_Part):
    """Where the evidence is: a snapshot of the repository, or the reason why it is in none."""

    snapshot: str | None
    reason: str | None


class Evidence(_Part):
    """A whole verification: report.json."""

    schema_version: Literal[1] = 1
    lifeboat: str
    host: str
    verdict: Verdict
    started_at: AwareDatetime
    finished_at: AwareDatetime
    rto: Budget
    rpo: Budget
    drills: tuple[DrillResult, ...]
    kept: Kept | None = None

    @property
    def exit_code(self) -> int:
        """What a command ends with: 0 verified, 1 failed, 2 could not run."""
        return {"verified": 0, "failed": 1, "could-not-run": 2}[self.verdict]


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict over all: failed beats could-not-run beats verified; of nothing, nothing is proven."""
    every = set(verdicts)
    if "failed" in every:
        return "failed"
    return "verified" if every == {"verified"} else "could-not-run"


def budget(allowed: float, measured: Iterable[float | None]) -> Budget:
    """Compare the largest of `measured` with what is allowed; not met when one is too large, unknown while one is missing."""
    every = list(measured)
    known = [seconds for seconds in every if seconds is not None]
    worst = max(known, default=None)
    if worst is not None and worst > allowed:
        met: bool | None = False
    else:
        met = True if every and len(known) == len(every) else None
    return Budget(budget_seconds=allowed, measured_seconds=worst, met=met)
