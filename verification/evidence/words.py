"""Says in sentences what a drill or a restore has compared, and what it has not.

Pure.
"""

from collections.abc import Sequence
from datetime import datetime

from backups import durations, plural
from backups.witness import Check
from verification.evidence.evidence import Evidence, MomentPart

_NAMED = 5
"""Checks that are named of those that failed."""


def proof(backup: str, checks: Sequence[Check], moment: MomentPart | None, partial: str | None = None) -> str:
    """Say what was compared with which witness; with `moment`, also what is from the log alone.

    backup: its id. partial: why being equal is not enough (`Manifest.partial`)
    """
    first = f"{_compared(checks, backup)}{f', but partial: {partial}' if partial else ''}"
    if moment is None:
        return first
    if moment.stands is None or moment.transactions is None:
        return f"{first}; {moment.asked} was not reached, so nothing of it was compared"
    since = plural.count(moment.transactions, "transaction")
    are = "is" if moment.transactions == 1 else "are"
    if moment.checks and not moment.failures and not _failed(checks):
        return (
            f"between two witnesses that were both equal: {first} before it, and after it, through the same log, "
            f"{_compared(moment.checks, moment.later)}{_unscanned(moment)}; the {since} since {backup} {are} from that log; "
            f"{there(moment)}"
        )
    return f"{first}; the {since} since {are} from the log{_refuted(moment)}"


def proven(proven_at: datetime | None, at: datetime, verdict: str, now: datetime, beside: str = "") -> str:
    """Say when something was last proven, and what the newest attempt, of `at`, came to where that is no proof.

    beside: what is to be said of the newest attempt besides
    """
    last = f"proven {durations.describe(now - proven_at)} ago" if proven_at else "never proven"
    if verdict == "verified":
        return f"{last}{beside}"
    return f"{last}; the last time, {durations.describe(now - at)} ago, it came to {verdict}{beside}"


def _refuted(moment: MomentPart) -> str:
    """Say what is wrong with a moment and its log, or that nothing proves them."""
    if _failed(moment.there):
        return f", and the moment is not what it makes of that witness: {there(moment)}"
    if moment.checks:
        return f", which does not lead to what the source held later: {_compared(moment.checks, moment.later)}"
    if moment.refuted:
        return f", which does not lead to the witness of {moment.later}: {moment.why_not}"
    why = moment.why_not or f"nothing was compared with the witness of {moment.later} yet"
    return f" and unproven: {why}{f'; {there(moment)}' if moment.there or moment.untold else ''}"


def there(moment: MomentPart) -> str:
    """Say what of the moment itself was compared with what the log says of it, and which tables were not."""
    tables = {check.subject for check in moment.there}
    equal = tables - {check.subject for check in _failed(moment.there)}
    others = _named([each.subject for each in moment.untold])
    why = f" ({moment.untold[0].why})" if len({each.why for each in moment.untold}) == 1 else ""
    if not tables:
        return "the moment itself was compared with nothing" + (
            f": the log alone does not tell of {others}{why}" if others else ""
        )
    every = plural.count(len(tables), "table")
    said = f"at the moment itself {len(equal):,} of {every} equal to what the log makes of the witness before it"
    differ = unequal(moment.there)
    witnesses = "the witness before it" if moment.why_not else "the witnesses around it"
    around = f"only by {witnesses}: {others}{why}; " if others else ""
    return f"{said}{f' (not equal: {differ})' if differ else ''}; {around}all else of that moment is from the log"


def _unscanned(moment: MomentPart) -> str:
    """Say of which tables the later witness tells no more than the log itself."""
    return f" (of {_named(moment.unscanned)} that witness is itself from the log)" if moment.unscanned else ""


def _named(subjects: Sequence[str]) -> str:
    more = f" and {len(subjects) - _NAMED:,} more" if len(subjects) > _NAMED else ""
    return ", ".join(subjects[:_NAMED]) + more


def unequal(checks: Sequence[Check]) -> str:
    """Name the subjects that differ (`agama.client, agama.orders and 3 more`); empty when none does."""
    return _named(list(dict.fromkeys(check.subject for check in _failed(checks))))


def pace(evidence: Evidence) -> str | None:
    """Say how long the slowest restore took, and whether that kept the objective, where it is known; None when none came back."""
    measured = evidence.rto.measured_seconds
    if measured is None:
        return None
    allowed = durations.describe(evidence.rto.budget_seconds)
    known = {True: "met", False: "not met", None: ""}[evidence.rto.met]
    if not known:
        absent = sum(drill.restore_seconds is None for drill in evidence.drills)
        known = f"met by what came back; {plural.count(absent, 'drill')} of {len(evidence.drills)} did not"
    return f"slowest restore {durations.describe(measured)}, objective {allowed}: {known}"


def utc(time: datetime) -> str:
    """Write a moment for a person, to the second, or to the microsecond where it has a fraction."""
    return f"{time:%Y-%m-%d %H:%M:%S}{f'.{time:%f}' if time.microsecond else ''} UTC"


def _compared(checks: Sequence[Check], backup: str) -> str:
    if not checks:
        return f"nothing was compared with the witness of {backup}"
    equal = f"{len(checks) - len(_failed(checks)):,} of {plural.count(len(checks), 'check')} equal to the witness of {backup}"
    differ = unequal(checks)
    return f"{equal} (not equal: {differ})" if differ else equal


def _failed(checks: Sequence[Check]) -> list[Check]:
    return [check for check in checks if not check.passed]
