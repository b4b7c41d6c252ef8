"""Brings a copy to a moment between two backups, and proves the moment by the log, and the log by the later backup's witness.

There is no witness of the moment itself. What can be shown: the copy was equal to the witness before it; there it holds, table by
table, what the log makes of that witness; and a copy that goes on from the moment through the same log is equal to the witness
after it.
"""

from collections.abc import Sequence

from backups import witness
from backups.errors import Damaged, LifeboatError
from backups.manifest import BackupRecord
from backups.services.base import Fetched, Point
from backups.services.continuous import ContinuousCopy, Expected
from backups.witness import Fact
from verification.drill.outcome import Progress
from verification.drill.sandbox import DockerSandbox
from verification.evidence.evidence import MomentPart, Untold

EVERY = "every table"
"""What is untold where nothing could be told."""

NO_WITNESS = "no backup was taken since: the log was followed, without a gap, and no witness comes after the moment"


def part(point: Point, later: BackupRecord) -> MomentPart:
    """Describe a moment that is not reached yet: `point`, by the log of `later`."""
    return MomentPart(asked=str(point), later=later.id, later_at=later.taken_at)


def reach(copy: ContinuousCopy, log: Fetched, point: Point, progress: Progress) -> None:
    """Go on to `point` by `log`, and note where the copy stands. `progress.moment` is set."""
    came = copy.advance(log, point)
    _note(progress, stands=came.stands, transactions=came.transactions, until=came.until)


def compare(copy: ContinuousCopy, log: Fetched, progress: Progress) -> tuple[Sequence[Fact], Sequence[Fact]]:
    """Compare the copy, which stands at the moment, with what the log says that it must hold there: `there` and `untold`.

    Returns what was expected, and what of that was observed. Raises Damaged for a log that cannot be read. A machine that stands
    in the way of it (no memory for a throw-away server) leaves all of it untold: the witness after the moment is still to come.
    """
    try:
        found = copy.expected(log)
    except Damaged:
        raise
    except LifeboatError as fault:
        found = Expected((), {EVERY: fault.message})
    wanted = {(fact.subject, fact.metric) for fact in found.facts}
    observed = [fact for fact in copy.observe() if (fact.subject, fact.metric) in wanted] if wanted else []
    _note(
        progress,
        there=tuple(witness.compare(found.facts, observed)),
        untold=tuple(Untold(subject=subject, why=why) for subject, why in sorted(found.untold.items())),
    )
    return found.facts, observed


def prove(
    copy: ContinuousCopy, log: Fetched, progress: Progress, box: DockerSandbox, *, settled: bool = False
) -> tuple[Fact, ...]:
    """Go on from the moment to the witness of `log`, and compare: the checks are in `progress.moment`, equal or not.

    settled: the copy was handed over, so a second copy of its files goes on. Returns what the copy was observed to hold.
    Raises Damaged when the log does not lead to that witness, LifeboatError when the machine stood in the way; either is noted.
    """
    try:
        try:
            if not log.manifest.witness:
                raise LifeboatError(f"backup {log.manifest.id} has no witness to compare with")
            if settled:
                copy.reopen()
            copy.advance_to_witness(log)
            observed = tuple(copy.observe())
        except Damaged as fault:
            # A server that the kernel ended says nothing about the log.
            raise box.excused(fault, "the log is not") from fault
    except LifeboatError as fault:
        _note(progress, why_not=fault.message, refuted=isinstance(fault, Damaged))
        raise
    scanned = copy.scanned(log)
    subjects = dict.fromkeys(fact.subject for fact in log.manifest.witness)
    _note(
        progress,
        checks=tuple(witness.compare(log.manifest.witness, observed)),
        unscanned=tuple(subject for subject in subjects if not scanned(subject)),
    )
    return observed


def skip(progress: Progress, why: str) -> None:
    """Note that the log is not proven, and why."""
    _note(progress, why_not=why)


def _note(progress: Progress, **found: object) -> None:
    if progress.moment is None:
        raise AssertionError("a moment is noted before a copy goes there")
    progress.moment = progress.moment.model_copy(update=found)
