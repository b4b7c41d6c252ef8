"""Weighs the drills that are due by the evidence of past ones: how long each takes, what it needs, how urgent it is."""

import logging
from collections.abc import Sequence
from datetime import datetime
from statistics import median

from backups.chains import in_future
from backups.config.settings import Settings
from backups.errors import LifeboatError
from backups.machine import disk
from backups.site import Site
from verification.drill.plan import Planned
from verification.evidence import drilled, store
from verification.evidence.drilled import Drilled
from verification.evidence.selected import counts_as
from verification.fleet.order import with_firsts
from verification.fleet.work import POOL, Due

log = logging.getLogger(__name__)

ORCHESTRATION = 3.0
"""Seconds that a drill takes besides its phases: to be begun, to be cleared up after, to be reported."""
_NEWEST = 5
"""Of a service's drills so many are counted: its data grow."""
_LEAST = 30.0
"""Seconds that a drill which was never measured takes, beside its bytes: to start a server, and to compare."""
_ASSUMED = 25 * 2**20
"""Bytes a second where nothing was ever measured: what a verification of a few services on two cores does."""


def due(settings: Settings, planned: Sequence[Planned], drills: Sequence[Drilled], now: datetime) -> list[Due]:
    """Weigh each planned drill, in their order, by the drills that the evidence states. One that cannot begin takes no time.

    A service is proven by drills from the first repository: those from further ones come after every service has its proof.
    """
    first = next(iter(settings.every_repository))
    past = [each for each in drills if not in_future(each.at, now)]
    by_service: dict[str, list[Drilled]] = {}
    for each in sorted(past, key=lambda each: each.at):
        by_service.setdefault(each.service, []).append(each)
    return with_firsts([_due(settings, each, by_service.get(each.service, []), past) for each in planned], first)


def of_site(site: Site, planned: Sequence[Planned], now: datetime) -> list[Due]:
    """Weigh each planned drill by the evidence in the first repository; where that cannot be read, by its bytes alone.

    Then drills from a further repository are to run all the more.
    """
    try:
        past = evidence(site)
    except LifeboatError as fault:
        log.warning("how long drills take is reckoned from their bytes, since no evidence can be read: %s", fault.message)
        past = []
    return due(site.settings, planned, past, now)


def evidence(site: Site) -> list[Drilled]:
    """Read what evidence in the first repository states of past drills; raises LifeboatError where that cannot be read."""
    first = site.at(None).repository
    return list(drilled.read(store.about(first, first.snapshots(drilled.TAG))))


def seconds_of(drill: Drilled) -> float | None:
    """Return how long a whole drill took, its comparison with the restore; None where nothing came back."""
    if drill.seconds is None:
        return None
    # An older Lifeboat stated the restore alone.
    return max(drill.seconds, sum(phase.seconds for phase in drill.phases))


def _due(settings: Settings, planned: Planned, own: Sequence[Drilled], every: Sequence[Drilled]) -> Due:
    first = next(iter(settings.every_repository))
    there = planned.further or first
    every_one = [each for each in own if each.verdict in ("verified", "failed")]
    judged = [each for each in every_one if (each.repository or first) == first]
    from_there = [each for each in every_one if (each.repository or first) == there]
    # Of a drill that counts as several, the past ones of the first that has any: the worst says most of its time.
    alike = ([each for each in from_there if one in counts_as(each)] for one in counts_as(planned))
    same = next(filter(None, alike), [])
    last = max((each.at for each in judged), default=None)
    needed = sum(record.size for record in (*planned.chain, *planned.partner))
    seconds, measured = _seconds(planned, needed, same, own, every)
    return Due(
        service=planned.service,
        selection=planned.selection,
        also=planned.also,
        seconds=seconds,
        measured=measured,
        pool=settings.services[planned.service].pool or POOL,
        proven_at=max((each.at for each in judged if each.verdict == "verified"), default=None),
        # Of one verification's drills the failed one counts.
        failed=any(each.verdict == "failed" for each in judged if each.at == last),
        tried_at=last,
        drilled_at=max((each.at for each in same), default=None),
        memory=settings.sandbox.memory * (2 if planned.partner else 1) if planned.chain else 0,
        disk=disk.with_reserve(needed) if planned.chain else 0,
        backup=planned.chain[-1].id if planned.chain else None,
        repository=there,
    )


def _seconds(
    planned: Planned, needed: int, same: Sequence[Drilled], own: Sequence[Drilled], every: Sequence[Drilled]
) -> tuple[float, bool]:
    """Return how long a drill takes, and whether `same`, drills of that service, selection and repository, say so."""
    if planned.error or not planned.chain:
        return 0.0, True
    if timed := [took for each in same if (took := seconds_of(each)) is not None]:
        return median(timed[-_NEWEST:]) + ORCHESTRATION, True
    rate = _rate(own) or _rate(every) or _ASSUMED
    return _LEAST + needed / rate + ORCHESTRATION, False


def _rate(drills: Sequence[Drilled]) -> float | None:
    """Return the bytes a second of these drills all told; None where none of them states both."""
    timed = [(each.bytes, took) for each in drills if each.bytes and (took := seconds_of(each))]
    return sum(size for size, _ in timed) / sum(took for _, took in timed) if timed else None
