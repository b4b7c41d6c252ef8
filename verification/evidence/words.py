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
            f"{_compared(moment.checks, moment.later)}; the {since} since {backup} {are} from that log, "
            "and the moment itself was compared with nothing"
        )
    log = f"{first}; the {since} since {are} from the log"
    if moment.checks:
        return f"{log}, which does not lead to what the source held later: {_compared(moment.checks, moment.later)}"
    if moment.refuted:
        return f"{log}, which does not lead to the witness of {moment.later}: {moment.why_not}"
    return f"{log} and unproven: {moment.why_not or f'nothing was compared with the witness of {moment.later} yet'}"


def unequal(checks: Sequence[Check]) -> str:
    """Name the subjects that differ (`agama.client, agama.orders and 3 more`); empty when none does."""
    subjects = list(dict.fromkeys(check.subject for check in _failed(checks)))
    more = f" and {len(subjects) - _NAMED} more" if len(subjects) > _NAMED else ""
    return ", ".join(subjects[:_NAMED]) + more


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
