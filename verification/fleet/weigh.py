"""Weighs the drills that are due by the evidence of past ones: how long each takes, what it needs, how urgent it is."""

from collections.abc import Sequence
from datetime import datetime
from statistics import median

from backups.chains import in_future
from backups.config.settings import Settings
from backups.machine import disk
from backups.site import Site
from verification.drill.plan import Planned
from verification.evidence import drilled
from verification.evidence.drilled import Drilled
from verification.fleet.order import with_firsts
from verification.fleet.work import POOL, Due

ORCHESTRATION = 3.0
"""Seconds that a drill takes besides its phases: to be begun, to be cleared up after, to be reported."""
_NEWEST = 5
"""Of a service's drills so many are counted: its data grow."""
_LEAST = 30.0
"""Seconds that a drill which was never measured takes, beside its bytes: to start a server, and to compare."""
_ASSUMED = 25 * 2**20
"""Bytes a second where nothing was ever measured: what a verification of a few services on two cores does."""


def due(settings: Settings, planned: Sequence[Planned], drills: Sequence[Drilled], now: datetime) -> list[Due]:
    """Weigh each planned drill, in their order, by the drills that the evidence states. One that cannot begin takes no time."""
    past = [each for each in drills if not in_future(each.at, now)]
    by_service: dict[str, list[Drilled]] = {}
    for each in sorted(past, key=lambda each: each.at):
        by_service.setdefault(each.service, []).append(each)
    return with_firsts([_due(settings, each, by_service.get(each.service, []), past) for each in planned])


def of_site(site: Site, planned: Sequence[Planned], now: datetime) -> list[Due]:
    """Weigh each planned drill by the evidence in the site's repository; raises LifeboatError where that cannot be read."""
    return due(site.settings, planned, list(drilled.read(site.repository.snapshots(drilled.TAG))), now)


def seconds_of(drill: Drilled) -> float | None:
    """Return how long a whole drill took, its comparison with the restore; None where nothing came back."""
    if drill.seconds is None:
        return None
    # An older Lifeboat stated the restore alone.
    return max(drill.seconds, sum(phase.seconds for phase in drill.phases))


def _due(settings: Settings, planned: Planned, own: Sequence[Drilled], every: Sequence[Drilled]) -> Due:
    judged = [each for each in own if each.verdict in ("verified", "failed")]
    last = max((each.at for each in judged), default=None)
    needed = sum(record.size for record in (*planned.chain, *planned.partner))
    seconds, measured = _seconds(planned, needed, own, every)
    return Due(
        service=planned.service,
        selection=planned.selection,
        seconds=seconds,
        measured=measured,
        pool=settings.services[planned.service].pool or POOL,
        proven_at=max((each.at for each in judged if each.verdict == "verified"), default=None),
        # Of one verification's drills the failed one counts.
        failed=any(each.verdict == "failed" for each in judged if each.at == last),
        tried_at=last,
        drilled_at=max((each.at for each in judged if each.selection == planned.selection), default=None),
        memory=settings.sandbox.memory * (2 if planned.partner else 1) if planned.chain else 0,
        disk=disk.with_reserve(needed) if planned.chain else 0,
        backup=planned.chain[-1].id if planned.chain else None,
    )


def _seconds(planned: Planned, needed: int, own: Sequence[Drilled], every: Sequence[Drilled]) -> tuple[float, bool]:
    """Return how long a drill takes, and whether drills of that service and selection say so."""
    if planned.error or not planned.chain:
        return 0.0, True
    same = [took for each in own if each.selection == planned.selection and (took := seconds_of(each)) is not None]
    if same:
        return median(same[-_NEWEST:]) + ORCHESTRATION, True
    rate = _rate(own) or _rate(every) or _ASSUMED
    return _LEAST + needed / rate + ORCHESTRATION, False


def _rate(drills: Sequence[Drilled]) -> float | None:
    """Return the bytes a second of these drills all told; None where none of them states both."""
    timed = [(each.bytes, took) for each in drills if each.bytes and (took := seconds_of(each))]
    return sum(size for size, _ in timed) / sum(took for _, took in timed) if timed else None
