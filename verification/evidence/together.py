"""Defines what a report says of the joint drill: all services brought back side by side, and their dashboards asked again."""

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from backups.foreign import BackupId, Moment, Seconds, ServiceName, ServiceType, Size

Verdict = Literal["verified", "failed", "could-not-run"]

Outcome = Literal[
    "equal",
    "otherwise",
    "silent",
    "empty-at-source",
    "error-at-source",
    "not-fixed",
    "not-protected",
    "cannot-be-asked",
    "not-asked",
    "asks-nothing",
]

WORDS: dict[Outcome, str] = {
    "equal": "answered equal",
    "otherwise": "answered otherwise",
    "silent": "did not answer",
    "empty-at-source": "empty at the source",
    "error-at-source": "error at the source",
    "not-fixed": "not fixed: asked twice, it answered two things",
    "not-protected": "not protected: its data source is no service's",
    "cannot-be-asked": "cannot be asked",
    "not-asked": "not asked at the source",
    "asks-nothing": "without a query",
}
"""Each outcome for a person, in the order in which reports have them."""

WRONG: frozenset[Outcome] = frozenset({"otherwise", "silent"})
"""What answered at the source, and does not answer equally."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CopyPart(_Part):
    """A copy that was brought back beside the others, by its backup and image. seconds: from the first byte to its first answer.

    dashboards: whether it is the one that shows them
    error: why it did not come back; None where it did
    """

    service: ServiceName
    type: ServiceType
    backup: BackupId
    taken_at: Moment
    chain: Size
    dashboards: bool = False
    image: str | None = None
    standin: bool = False
    seconds: Seconds | None = None
    error: str | None = None


class BoardPart(_Part):
    """A dashboard, or a folder of alert rules (uid empty), and how many of its panels, variables and rules have each outcome.

    panels: of all outcomes. why: why the restored one does not open, where it does not
    """

    organisation: Size
    uid: str
    title: str
    panels: Size
    counts: dict[Outcome, Size]
    why: str | None = None


class DifferentPart(_Part):
    """A question that answered at the source, and did not answer equally: what was asked, and both answers, shortened."""

    service: ServiceName
    title: str
    panel: str
    outcome: Outcome
    query: str
    start: Moment
    end: Moment
    expected: str
    observed: str
    why: str


class LeftOutPart(_Part):
    """What was not proven to answer as it did, and why: a panel, a variable or an alert rule."""

    organisation: Size
    title: str
    panel: str
    outcome: Outcome
    why: str


class TogetherPart(_Part):
    """The joint drill. Panels: panels, variables and alert rules of dashboards, each by the worst outcome of its questions.

    verdict: None where there was nothing to prove, and `skipped` says why
    way: who was asked, as at the source: the restored Grafana, or each copy itself (`words` says it as a sentence)
    seconds: from the first byte to the last panel; back_seconds: to the last copy's first answer
    questions: how many were asked; equal: how many of them were answered equally
    different, left_out: no more than fit; more_different, more_left_out: how many are not among them
    notes: what was found on the way (accounts, addresses); limits: what this does not prove
    """

    verdict: Verdict | None
    started_at: Moment
    skipped: str | None = None
    way: Literal["grafana", "direct"] | None = None
    words: str = ""
    copies: tuple[CopyPart, ...] = ()
    seconds: Seconds | None = None
    back_seconds: Seconds | None = None
    rto_met: bool | None = None
    questions: Size = 0
    equal: Size = 0
    boards: tuple[BoardPart, ...] = ()
    different: tuple[DifferentPart, ...] = ()
    more_different: Size = 0
    left_out: tuple[LeftOutPart, ...] = ()
    more_left_out: Size = 0
    reasons: tuple[str, ...] = ()
    hint: str | None = None
    tampered: str | None = None
    notes: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[Outcome, int]:
        """How many panels of all dashboards have each outcome."""
        return added(board.counts for board in self.boards)

    @property
    def answered(self) -> int:
        """How many panels answered at the source, and were asked again."""
        return sum(self.counts.get(outcome, 0) for outcome in ("equal", *WRONG))

    @property
    def headline(self) -> str:
        """Say in one line how many panels answer as they did."""
        if self.verdict is None:
            return f"not drilled together: {self.skipped}"
        if not self.boards:
            return "no panel was asked"
        counts = self.counts
        others = [f"{counts[outcome]:,} {WORDS[outcome].partition(':')[0]}" for outcome in WORDS if counts.get(outcome)]
        beside = "; ".join(line for line in others if not line.endswith(WORDS["equal"]))
        return f"{counts.get('equal', 0):,} of {self.answered:,} panels answer as they did{f' ({beside})' if beside else ''}"


def added(counts: Iterable[dict[Outcome, int]]) -> dict[Outcome, int]:
    """Add counts up, in the order of `WORDS`."""
    every = list(counts)
    sums = {outcome: sum(each.get(outcome, 0) for each in every) for outcome in WORDS}
    return {outcome: number for outcome, number in sums.items() if number}
