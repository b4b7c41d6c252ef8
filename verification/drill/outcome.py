"""Holds what is known of a drill while it runs, and makes its result and verdict of that.

It is pure: it runs and reads nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from backups import durations, plural
from backups.errors import Damaged, LifeboatError
from backups.machine.docker import Image
from backups.manifest import BackupRecord, Manifest
from backups.witness import Check, Value
from verification.drill.clock import Phase, Stopwatch
from verification.drill.plan import Planned
from verification.drill.tamper import Tamper
from verification.evidence import words
from verification.evidence.evidence import (
    BackupPart,
    CulpritsPart,
    DrillResult,
    ExpectationPart,
    ImagePart,
    MomentPart,
    PhasePart,
    Verdict,
)
from verification.evidence.rehearsed import RehearsalPart

_SHOWN = 80
"""Characters of a value in a message."""


@dataclass
class Progress:
    """What is known so far of a copy that is being brought back: all of it is reported, however that ends.

    manifest: of the backup that comes back. image: found for it, on which the copy will run
    moment: the moment after that backup that the copy goes on to, where it does
    unproven: what there was no time to look at, a sentence each
    culprits: the rows by which tables differ
    rehearsal: the upgrade that was tried once the copy was proven, where one was
    """

    watch: Stopwatch
    manifest: Manifest | None = None
    image: Image | None = None
    checks: list[Check] = field(default_factory=list)
    expectations: list[ExpectationPart] = field(default_factory=list)
    fault: LifeboatError | None = None
    moment: MomentPart | None = None
    unproven: list[str] = field(default_factory=list)
    culprits: tuple[CulpritsPart, ...] = ()
    rehearsal: RehearsalPart | None = None


def result(
    planned: Planned, progress: Progress, image: Image | None, started_at: datetime, rto: timedelta, tamper: Tamper | None
) -> DrillResult:
    """Make the result of a drill. image: what the copy ran on, None when nothing ran."""
    seconds = progress.watch.restore_seconds if progress.moment is None else progress.watch.moment_seconds
    rto_met = None if seconds is None else seconds <= rto.total_seconds()
    late = seconds is not None and seconds > rto.total_seconds()
    size = sum(record.size for record in planned.chain)
    proven, rehearsal = verdict(progress, late=late), progress.rehearsal
    fault = progress.fault or rehearsal
    return DrillResult(
        service=planned.service,
        type=planned.type,
        selection=planned.selection,
        also=planned.also,
        verdict=rehearsal.verdict if rehearsal and proven == "verified" else proven,
        started_at=started_at,
        backup=_backup(planned.chain),
        source_version=progress.manifest.source.version if progress.manifest else None,
        image=image_part(image) if image else None,
        phases=tuple(PhasePart(name=Phase(phase).value, seconds=round(took, 3)) for phase, took in progress.watch.phases),
        restore_seconds=None if seconds is None else round(seconds, 3),
        rto_met=rto_met,
        margin_seconds=None if seconds is None else round(rto.total_seconds() - seconds, 3),
        rate_bytes_per_second=round(size / seconds, 1) if seconds else None,
        checks=tuple(progress.checks),
        expectations=tuple(progress.expectations),
        reasons=(*_reasons(progress, seconds if late else None, rto), *(_rehearsed(rehearsal) if rehearsal else ())),
        error=progress.fault.message if progress.fault else None,
        hint=fault.hint if fault else None,
        tampered=tamper.description if tamper else None,
        limits=(*(progress.manifest.limits if progress.manifest else ()), *progress.unproven),
        partial=_partial(progress),
        measured=progress.manifest.measured if progress.manifest else None,
        asked=planned.asked,
        moment=progress.moment,
        proof=words.proof(planned.chain[-1].id, progress.checks, progress.moment, _partial(progress)),
        culprits=progress.culprits,
        repository=planned.repository,
        rehearsal=rehearsal,
    )


def _partial(progress: Progress) -> str | None:
    return progress.manifest.partial if progress.manifest else None


def could_not_begin(planned: Planned, error: LifeboatError, at: datetime) -> DrillResult:
    """Make the result of a drill that could not begin: there is no backup, no repository, or the chain is broken."""
    return DrillResult(
        service=planned.service,
        type=planned.type,
        selection=planned.selection,
        also=planned.also,
        verdict="failed" if isinstance(error, Damaged) else "could-not-run",
        started_at=at,
        backup=_backup(planned.chain) if planned.chain else None,
        reasons=(error.message,),
        error=error.message,
        hint=error.hint,
        asked=planned.asked,
        proof="nothing was compared",
        repository=planned.repository,
    )


def verdict(progress: Progress, *, late: bool = False, delivered: bool = False) -> Verdict:
    """Decide the verdict. Damage, a failed check and a missed RTO (`late`) beat a copy that could not be brought back.

    delivered: a real restore has handed the copy over
    A moment between two backups is never verified: no witness is of that moment.
    """
    moment = progress.moment
    wrong = [check for check in (*progress.checks, *(moment.compared if moment else ())) if not check.passed]
    if late or wrong or isinstance(progress.fault, Damaged) or (moment and moment.refuted):
        return "failed"
    if progress.fault:
        return "could-not-run"
    if not progress.checks or (moment and moment.stands is None):
        return "unproven" if delivered else "could-not-run"
    if moment is None:
        return "verified"
    return "between-witnesses" if moment.checks else "unproven"


def _reasons(progress: Progress, late: float | None, rto: timedelta) -> Iterator[str]:
    """Say why the verdict is not `verified`. late: the seconds of a restore that took too long."""
    if progress.fault:
        yield progress.fault.message
    if wrong := failed_checks(progress.checks):
        yield wrong
    moment = progress.moment
    if moment and (wrong := failed_checks(moment.there)):
        yield f"{moment.asked} is not what the log makes of the witness before it: {wrong}"
    if moment and (wrong := failed_checks(moment.checks)):
        yield f"the log does not lead to the witness of {moment.later}: {wrong}"
    if late is not None:
        yield f"the restore took {durations.describe(late)}, the objective is {durations.describe(rto)}"
    if not progress.fault and not progress.checks and late is None:
        yield "nothing was checked"


def _rehearsed(part: RehearsalPart) -> Iterator[str]:
    """Say why an upgrade is not `rehearsed`, a sentence each."""
    title = f"the upgrade to {part.maker} {part.after}"
    if part.error:
        yield f"{title}: {part.error}"
    if part.look:
        first = part.look[0]
        values = f"{short(first.before)} has become {short(first.after)}"
        facts = plural.count(len(part.look), "fact")
        are = "is" if len(part.look) == 1 else "are"
        yield f"{title} has changed {facts} that {are} not expected of it, first {first.subject} {first.metric}: {values}"


def failed_checks(checks: Sequence[Check]) -> str | None:
    """Say how many checks failed, and of the first what was expected and observed; None when none failed."""
    wrong = [check for check in checks if not check.passed]
    if not wrong:
        return None
    first = wrong[0]
    values = f"expected {short(first.expected)}, observed {short(first.observed)}"
    return f"{len(wrong)} of {len(checks)} checks failed, first {first.subject} {first.metric}: {values}"


def short(value: Value) -> str:
    """Write a value on one line, cut where it is long: the report has all of it."""
    text = "nothing" if value is None else " ".join(str(value).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _backup(chain: Sequence[BackupRecord]) -> BackupPart:
    last = chain[-1]
    return BackupPart(
        id=last.id,
        kind=last.kind,
        chain=tuple(record.id for record in chain),
        taken_at=last.taken_at,
        bytes=sum(record.size for record in chain),
    )


def image_part(image: Image) -> ImagePart:
    """Describe the image that ran, for a report."""
    sentence = f"ran on {image.name}"
    if image.standin:
        sentence = (
            f"ran on {image.name}, a stand-in that is not the real server: the data is proven, the real server's start is not"
        )
    return ImagePart(name=image.name, id=image.id, standin=image.standin, words=sentence)
