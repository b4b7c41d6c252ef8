"""Runs the joint drill: brings the copies back side by side, asks them what their sources were asked, and says what that proves.

Next files: `company.py` (the copies side by side), `ask.py` (asking them), `count.py`.
"""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from backups import durations, plural
from backups.errors import Damaged, LifeboatError
from backups.machine import parallel
from backups.machine.runs import Run
from backups.site import Site
from verification.drill.tamper import Tamper
from verification.evidence.together import WRONG, CopyPart, Outcome, TogetherPart, Verdict
from verification.together import ask, company
from verification.together.company import Back, Company
from verification.together.plan import PlannedTogether

log = logging.getLogger(__name__)

_ASKING = 1800.0
"""Seconds for all questions together."""
_PROVES = (
    "panels prove that dashboards answer as they did, not that all data are there: that, the drill of each service proves",
    "each question is asked at fixed moments of the past; what its dashboard would show at another one is not asked",
)


def together(
    site: Site,
    planned: PlannedTogether,
    run: Run,
    *,
    tampers: Mapping[str, Tamper] | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> TogetherPart:
    """Run it. Every fault becomes part of the result; only an interrupt is raised. tampers: damage to do, by service."""
    harm = tampers or {}
    tampered = "; ".join(tamper.description for tamper in harm.values()) or None
    started_at, begun = now(), monotonic()
    nothing = TogetherPart(verdict=None, started_at=started_at, tampered=tampered, limits=planned.missing)
    if planned.skipped:
        return nothing.model_copy(update={"skipped": planned.skipped})
    if planned.error:
        return could_not_run(planned.error, started_at, nothing)
    log.info("together: bringing %s back side by side", ", ".join(side.service for side in planned.every))
    try:
        with company.brought_back(site, planned, run, harm, monotonic) as those:
            back = monotonic() - begun
            for name, tamper in harm.items():
                if tamper.running and (damaged := those.copies[name].copy):
                    tamper.running(damaged)
            found = ask.ask(those, until=monotonic() + _ASKING, monotonic=monotonic)
            seconds = monotonic() - begun
            short = those.cut_short() if found.wrong else None
            result = _result(site, planned, those, found, seconds, back, short)
    except Exception as fault:
        log.debug("a fault ended the joint drill", exc_info=True)
        return could_not_run(parallel.as_fault(fault), started_at, nothing)
    result = result.model_copy(update={"started_at": started_at, "tampered": tampered})
    log.info("together: %s: %s%s", result.verdict, result.headline, "".join(f"; {reason}" for reason in result.reasons))
    return result


def could_not_run(error: LifeboatError, at: datetime, known: TogetherPart | None = None) -> TogetherPart:
    """Make the result of one that came to nothing; damage has failed it. known: what the result says besides."""
    verdict: Verdict = "failed" if isinstance(error, Damaged) else "could-not-run"
    told = {"verdict": verdict, "reasons": (error.message,), "hint": error.hint}
    return (known or TogetherPart(verdict=None, started_at=at)).model_copy(update=told)


def _result(
    site: Site, planned: PlannedTogether, those: Company, found: ask.Found, seconds: float, back: float, short: str | None
) -> TogetherPart:
    rto = site.settings.objectives.rto
    counts = found.counted.counts
    faults = [*(each.fault for each in those.copies.values() if each.fault), *found.errors]
    reasons = [
        *(fault.message for fault in faults),
        *([f"{short}, so what does not answer proves nothing"] if short else ()),
        *found.faults,
        *_wrong(counts, found),
    ]
    late = seconds > rto.total_seconds()
    if late:
        took = durations.describe(seconds)
        reasons.append(f"the last panel answered after {took}, the objective is {durations.describe(rto)}")
    verdict = _verdict(faults, counts, altered=bool(found.faults), late=late, short=short)
    if verdict == "could-not-run" and not reasons:
        reasons.append("no panel that answered at the source was asked: there is nothing that is proven")
    judged = found.judged
    return TogetherPart(
        verdict=verdict,
        started_at=datetime.now(UTC),
        way=found.way,
        words=found.words,
        copies=tuple(_copy(each) for each in those.copies.values()),
        seconds=round(seconds, 3),
        back_seconds=round(back, 3),
        rto_met=not late,
        questions=sum(each.now is not None for each in judged),
        equal=sum(each.outcome == "equal" for each in judged),
        boards=found.counted.boards,
        different=found.counted.different,
        more_different=found.counted.more_different,
        left_out=found.counted.left_out,
        more_left_out=found.counted.more_left_out,
        reasons=tuple(reasons),
        hint=next((fault.hint for fault in faults if fault.hint), None),
        notes=tuple(found.notes),
        limits=(*planned.missing, *_PROVES),
    )


def _verdict(
    faults: list[LifeboatError], counts: Mapping[Outcome, int], *, altered: bool, late: bool, short: str | None
) -> Verdict:
    """Decide: damage, a wrong answer and a missed RTO beat what could not be brought back; nothing proven is not verified."""
    wrong = any(counts.get(outcome) for outcome in WRONG)
    if late or any(isinstance(fault, Damaged) for fault in faults) or ((wrong or altered) and not short):
        return "failed"
    return "could-not-run" if faults or short or not counts.get("equal") else "verified"


def _wrong(counts: Mapping[Outcome, int], found: ask.Found) -> list[str]:
    number = sum(counts.get(outcome, 0) for outcome in WRONG)
    if not number:
        return []
    first = found.counted.different[0]
    every = plural.count(number, "panel")
    do = "does" if number == 1 else "do"
    which = f"{first.title}, {first.panel} ({first.service}): {first.why}"
    return [f"{every} that answered at the source {do} not answer equally, first {which}"]


def _copy(each: Back) -> CopyPart:
    return CopyPart(
        service=each.side.service,
        type=each.side.type,
        backup=each.side.backup.id,
        taken_at=each.side.backup.taken_at,
        chain=len(each.side.chain),
        dashboards=each.side.panels is None,
        image=each.image.name if each.image else None,
        standin=bool(each.image and each.image.standin),
        seconds=None if each.seconds is None else round(each.seconds, 3),
        error=each.fault.message if each.fault else None,
    )
