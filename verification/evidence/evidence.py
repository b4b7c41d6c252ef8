"""Defines the shape of report.json, and how the verdicts of drills add up."""

from collections.abc import Iterable
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from backups.config.settings import further
from backups.foreign import BackupId, MachineName, Moment, RepositoryName, ServiceName, ServiceType, Sha256, Size, SnapshotId
from backups.manifest import Kind, Measured
from backups.witness import Check
from verification.evidence import selected
from verification.evidence.rehearsed import RehearsalPart
from verification.evidence.selected import Selection
from verification.evidence.together import TogetherPart

Verdict = Literal["verified", "between-witnesses", "rehearsed", "unproven", "failed", "could-not-run"]
"""verified: equal to the witness of the very moment. between-witnesses: a moment between two backups, whose witnesses were both
equal. rehearsed: verified, and then an upgrade was tried on it, which is no proof. unproven: delivered all the same, though what
the log did since the backup was not proven. could-not-run: neither."""

EXIT_CODES: dict[Verdict, int] = {
    "verified": 0,
    "between-witnesses": 0,
    "rehearsed": 0,
    "unproven": 1,
    "failed": 1,
    "could-not-run": 2,
}
"""What a command ends with."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Budget(_Part):
    """An objective beside what was measured, in seconds; None: nothing could be measured."""

    budget_seconds: float
    measured_seconds: float | None
    met: bool | None


class BackupPart(_Part):
    """The backup that was brought back: `chain` names every backup that it took, the full first; `bytes` is their sum."""

    id: BackupId
    kind: Kind
    chain: tuple[BackupId, ...]
    taken_at: Moment
    bytes: Size


class ImagePart(_Part):
    """The image that the copy ran on. standin: not the real server; words: the same as a sentence."""

    name: str
    id: str
    standin: bool
    words: str


class PhasePart(_Part):
    """A phase and its seconds."""

    name: Literal["fetch", "start", "replay", "ready", "check", "inspect", "advance", "there", "second-replay"]
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


class Untold(_Part):
    """A table of which the log does not tell what it holds at a moment, and why: the witnesses around the moment alone do."""

    subject: str
    why: str


class MomentPart(_Part):
    """A moment between two backups, for which the log of the later one was used; there is no witness of the moment itself.

    asked: the time or the position. stands: where the copy stood in the log; transactions: how many it took since the backup;
    both None as long as it was not there. until: all that was committed before then is in it; None where that is not known
    later, later_at: the backup whose log was used, and the moment of its witness
    there: what the log makes of the witness before it, rows and fingerprints of tables, beside the copy at that very moment;
    empty when that was not compared. untold: the tables that are not among them
    checks: that witness beside the copy that went on through the log to it; empty when that was not compared
    unscanned: tables whose facts in that witness are from the same log (`carried`), so that their being equal proves no more
    why_not: why it was not compared, or could not be; refuted: whether that is the log's fault
    """

    asked: str
    later: BackupId
    later_at: Moment
    stands: str | None = None
    transactions: int | None = None
    until: Moment | None = None
    there: tuple[Check, ...] = ()
    untold: tuple[Untold, ...] = ()
    checks: tuple[Check, ...] = ()
    unscanned: tuple[str, ...] = ()
    why_not: str | None = None
    refuted: bool = False

    @property
    def compared(self) -> tuple[Check, ...]:
        """Every check, those of the moment itself first."""
        return self.there + self.checks

    @property
    def failures(self) -> list[Check]:
        """The checks that did not pass."""
        return [check for check in self.compared if not check.passed]


class RowPart(_Part):
    """A row of a table that differs; see `backups.services.traced.Row`."""

    kind: Literal["missing", "extra", "changed"]
    key: tuple[tuple[str, str], ...]
    columns: tuple[str, ...] = ()
    values: tuple[tuple[str, str | None, str | None], ...] = ()

    @property
    def words(self) -> str:
        """The same as a sentence: `missing: id = 4711`."""
        key = ", ".join(f"{name} = {value}" for name, value in self.key)
        shown = {name: f" ({expected} is {observed})" for name, expected, observed in self.values}
        differ = ", ".join(f"{name}{shown.get(name, '')}" for name in self.columns)
        return f"{self.kind}: {key}" + (f"; differs in {differ}" if differ else "")


class CulpritsPart(_Part):
    """The rows by which a table differs from its witness, 20 at most of `total` (None: not all were counted).

    beside: what the copy's rows were compared with; why_not: why none are named
    """

    subject: str
    beside: str | None = None
    rows: tuple[RowPart, ...] = ()
    total: Size | None = None
    why_not: str | None = None

    @property
    def words(self) -> str:
        """What was found, without the rows."""
        if self.why_not:
            return f"which rows differ is not known: {self.why_not}"
        count = f"more than {len(self.rows)}" if self.total is None else f"{self.total:,}"
        return f"{count} {'row differs' if self.total == 1 else 'rows differ'}, beside {self.beside}"


class DrillResult(_Part):
    """One drill. What could not be measured is None; `reasons`: why the verdict is not `verified`, a sentence each.

    also: what else chose the same backup: the one drill counts as each of them (`selected.py`)
    asked: the moment that was asked for, where one was; moment: when that lies between two backups, how it was reached
    proof: what was compared with what, a sentence
    limits: what the backup does not hold, compare or bring back, as was recorded when it was taken (`Manifest.limits`), and what
    there was no time to look at
    partial: why a copy that equals its witness is not all that the source was (`Manifest.partial`); None for whole ones
    measured: how the witness came by its values (`Manifest.measured`); None where everything was read
    culprits: of tables that differ, the rows that do
    repository: which one the backup was brought back from, by its name; None in what an older Lifeboat wrote: the first
    machine: which of `fleet.machines` ran it; None: the host of the evidence. reached: False where no machine came to it
    rehearsal: the upgrade that was tried once the copy was proven, where one was
    """

    service: ServiceName
    type: ServiceType
    selection: Selection
    also: tuple[Selection, ...] = ()
    verdict: Verdict
    started_at: Moment
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
    partial: str | None = None
    measured: Measured | None = None
    asked: str | None = None
    moment: MomentPart | None = None
    proof: str = ""
    culprits: tuple[CulpritsPart, ...] = ()
    repository: RepositoryName | None = None
    machine: MachineName | None = None
    reached: bool = True
    rehearsal: RehearsalPart | None = None

    @property
    def further(self) -> str | None:
        """The name of the repository that it came back from, where that is not the one that is called first."""
        return further(self.repository)

    @property
    def drilled(self) -> str:
        """What was drilled, for a person: every selection that it counts as, and where it came back from."""
        return f"{self.chosen} from {self.further}" if self.further else self.chosen

    @property
    def chosen(self) -> str:
        """Every selection that it counts as, for a person."""
        return selected.words(self)

    @property
    def words(self) -> str:
        """The verdict for a person, who shall not take a partial proof for a whole one."""
        if not self.reached:
            return "not reached"
        return f"{self.verdict}, partial" if self.partial else self.verdict

    @property
    def failures(self) -> list[Check]:
        """The checks that did not pass, those of a later witness after those of the backup."""
        return [check for check in self.compared if not check.passed]

    @property
    def compared(self) -> tuple[Check, ...]:
        """Every check, those of a moment and of a later witness after those of the backup."""
        return self.checks + (self.moment.compared if self.moment else ())

    @property
    def backup_verdict(self) -> Verdict:
        """What the drill proves of its backup alone, whatever came of a moment after it, or of an upgrade tried on it."""
        if self.rehearsal:
            return "failed" if self.rto_met is False else "verified"
        if self.moment is None:
            return self.verdict
        if not self.checks or all(phase.name != "advance" for phase in self.phases):
            # A fault on the way to the backup's own moment, or in the log that it does not need.
            return "could-not-run"
        return "verified" if all(check.passed for check in self.checks) and self.rto_met is not False else "failed"


class Considered(_Part):
    """The backups of a service that could have been drilled; repository: where they are, None for the first."""

    service: ServiceName
    backups: tuple[BackupId, ...]
    repository: RepositoryName | None = None


class Program(_Part):
    """A program that took part, and what its files hash to where they could be read."""

    name: str
    version: str
    sha256: Sha256 | None


class Kept(_Part):
    """Where the evidence is: a snapshot of the repository, or the reason why it is in none.

    repository: which one has the snapshot, where that is not the first, which could not take it (`reason`)
    """

    snapshot: SnapshotId | None
    reason: str | None
    repository: RepositoryName | None = None


class Evidence(_Part):
    """A whole verification: report.json.

    together: the joint drill, where there was one. triggered_by: who or what started it; ran: what took part, besides images
    """

    schema_version: Literal[1] = 1
    lifeboat: str
    host: str
    verdict: Verdict
    started_at: Moment
    finished_at: Moment
    rto: Budget
    rpo: Budget
    drills: tuple[DrillResult, ...]
    together: TogetherPart | None = None
    kept: Kept | None = None
    triggered_by: str | None = None
    considered: tuple[Considered, ...] = ()
    ran: tuple[Program, ...] = ()

    @property
    def partial(self) -> tuple[str, ...]:
        """Why drills whose copies are equal prove less than all, by service."""
        return tuple(dict.fromkeys(f"{drill.service}: {drill.partial}" for drill in self.drills if drill.partial))

    @property
    def words(self) -> str:
        """The verdict for a person, who shall not take a partial proof for a whole one."""
        return f"{self.verdict}, partial" if self.partial else self.verdict

    @property
    def exit_code(self) -> int:
        """What a command ends with: 0 all were equal, 1 failed, 2 could not run."""
        return EXIT_CODES[self.verdict]


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict over all, the worst: failed, could-not-run, what is unproven, rehearsed, verified; of nothing, none."""
    every = set(verdicts)
    worst: tuple[Verdict, ...] = ("failed", "could-not-run", "unproven", "rehearsed", "between-witnesses", "verified")
    return next((verdict for verdict in worst if verdict in every), "could-not-run")


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
