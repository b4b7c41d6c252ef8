"""Names the rows by which a copy's tables differ from their witness, for the report: a fingerprint says that, and not where.

They are found on the copy, beside the live source where it still holds the table as the witness has it, else beside a copy of the
backup before this one. It proves nothing and changes no verdict; whatever goes wrong is told in its place.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from backups.machine import parallel
from backups.services.base import Copy, Service
from backups.services.traced import HasRows, Trace, Traced
from backups.witness import Check
from verification.evidence.evidence import CulpritsPart, RowPart

log = logging.getLogger(__name__)

SECONDS = 60.0
"""For all of it."""
SOURCE = "the source, which holds the table as the witness has it"


@dataclass(frozen=True)
class Tracing:
    """How rows that differ are looked for. before: where the source cannot tell; values: whether the report may show values."""

    before: "Before | None" = None
    values: bool = False


@dataclass(frozen=True)
class Before:
    """The backup before the drilled one: its id, and how a copy of it is brought back in a sandbox, in so many seconds."""

    backup: str
    opened: Callable[[float], AbstractContextManager[Copy]]


def find(
    service: Service,
    copy: Copy,
    checks: Sequence[Check],
    tracing: Tracing,
    *,
    restore_seconds: float,
    monotonic: Callable[[], float] = time.monotonic,
) -> tuple[CulpritsPart, ...]:
    """Name the differing rows of every table whose rows or fingerprint failed; empty where no service could tell them.

    checks: all of the drill. restore_seconds: how long this copy took to come back, as that of the backup before it would
    """
    before, values = tracing.before, tracing.values
    if all(check.passed for check in checks) or not isinstance(copy, Traced):
        return ()
    until = monotonic() + SECONDS
    found = _beside_source(service, copy, checks, until - monotonic(), values=values)
    missed = {part.subject for part in found if part.why_not}
    if not missed or before is None:
        return found
    left = until - monotonic()
    if restore_seconds >= left / 2:
        words = f"bringing back {before.backup} to compare with would take longer than {SECONDS:.0f} s"
        return tuple(_told_too(part, words) if part.subject in missed else part for part in found)
    some = [check for check in checks if check.subject in missed]
    second = {part.subject: part for part in _beside_backup(copy, some, before, until, monotonic, values=values)}
    return tuple(_better(part, second.get(part.subject)) if part.subject in missed else part for part in found)


def _beside_source(
    service: Service, copy: Traced, checks: Sequence[Check], seconds: float, *, values: bool
) -> tuple[CulpritsPart, ...]:
    if not isinstance(service, HasRows):
        return ()
    try:
        with service.rows() as live:
            return _parts(copy.trace(checks, live, exactly=True, seconds=seconds, values=values), SOURCE)
    except Exception as fault:  # noqa: BLE001 - nothing of this may end a drill
        return _none(checks, f"the source could not be asked: {_told(fault)}")


def _beside_backup(
    copy: Traced, checks: Sequence[Check], before: Before, until: float, monotonic: Callable[[], float], *, values: bool
) -> tuple[CulpritsPart, ...]:
    words = f"backup {before.backup}; rows that were changed since it are among them"
    try:
        with before.opened(until - monotonic()) as earlier:
            if not isinstance(earlier, HasRows):
                return ()
            with earlier.rows() as rows:
                found = copy.trace(checks, rows, exactly=False, seconds=max(0.0, until - monotonic()), values=values)
                return _parts(found, words)
    except Exception as fault:  # noqa: BLE001 - as above
        return _none(checks, f"backup {before.backup} could not be compared with: {_told(fault)}")


def _told(fault: Exception) -> str:
    log.debug("rows could not be compared", exc_info=fault)
    return parallel.as_fault(fault).message


def _none(checks: Sequence[Check], why: str) -> tuple[CulpritsPart, ...]:
    """Say of each table that failed why its rows are not named."""
    subjects = dict.fromkeys(check.subject for check in checks if not check.passed and check.metric in ("rows", "fingerprint"))
    return tuple(CulpritsPart(subject=subject, why_not=why) for subject in subjects)


def _parts(traces: Sequence[Trace], beside: str) -> tuple[CulpritsPart, ...]:
    return tuple(
        CulpritsPart(
            subject=trace.subject,
            beside=None if trace.why_not else beside,
            rows=tuple(RowPart(kind=row.kind, key=row.key, columns=row.columns, values=row.values) for row in trace.rows),
            total=trace.total,
            why_not=trace.why_not,
        )
        for trace in traces
    )


def _told_too(part: CulpritsPart, words: str) -> CulpritsPart:
    return part.model_copy(update={"why_not": f"{part.why_not}; {words}"})


def _better(first: CulpritsPart, second: CulpritsPart | None) -> CulpritsPart:
    if second is None:
        return first
    return _told_too(first, second.why_not) if second.why_not else second
