"""Runs a verification: plan, drill side by side, conclude.

It needs the repository and Docker, never a source's secret. Next file: `verification/drill/drill.py`, one drill.
"""

import logging
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

from backups import durations, plural
from backups.config.settings import further
from backups.errors import LifeboatError
from backups.machine import parallel, runs
from backups.machine.runs import Run
from backups.repository import chains_in_use
from backups.services.base import Copy, Point, Service
from backups.site import Site
from verification import keeping
from verification.drill import sandbox
from verification.drill.bring_back import bring_back
from verification.drill.clock import Hurried
from verification.drill.culprits import Before, Tracing
from verification.drill.drill import drill
from verification.drill.outcome import Progress, could_not_begin
from verification.drill.partners import Partner
from verification.drill.plan import Planned
from verification.drill.tamper import Tamper
from verification.evidence import evidence as shapes
from verification.evidence import proven, ran, store
from verification.evidence.evidence import Considered, DrillResult, Evidence
from verification.evidence.forecast import forecast
from verification.evidence.together import TogetherPart
from verification.report import files
from verification.restore.moment_drills import drills
from verification.together import plan as joint
from verification.together.drill import could_not_run
from verification.together.drill import together as drill_together

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Steps:
    """How the steps of a verification are done: by this process, or as tasks of a scheduler.

    plan:     chooses the drills
    drill:    runs them, so many at once; results in their order, a fault in the place of its result
    conclude: takes the drills, their results, that of the joint drill, and when the verification started and finished
    together: runs the joint drill, after the others; None where it is not wanted
    """

    plan: Callable[[], Sequence[Planned]]
    drill: Callable[[Sequence[Planned], int], Sequence[DrillResult | Exception]]
    conclude: Callable[[Sequence[Planned], Sequence[DrillResult], TogetherPart | None, datetime, datetime], Evidence]
    together: Callable[[], TogetherPart | None] = lambda: None


def carry_out(
    site: Site, steps: Steps, out: Path | None = None, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Evidence:
    """Verify by these steps: plan, drill as many at once as `sandbox.side_by_side` allows, drill together, conclude.

    out: where `conclude` writes the report; raises LifeboatError where it cannot be written, before anything is drilled
    """
    if out:
        files.require_writable(out)
    started_at = now()
    planned = steps.plan()
    outcomes = steps.drill(planned, site.settings.sandbox.side_by_side)
    results = [
        could_not_begin(each, parallel.as_fault(outcome), now()) if isinstance(outcome, Exception) else outcome
        for each, outcome in zip(planned, outcomes, strict=True)
    ]
    return steps.conclude(planned, results, steps.together(), started_at, now())


def verify(
    site: Site,
    names: Sequence[str],
    *,
    selections: Sequence[str] = (),
    at: datetime | Point | None = None,
    image: str | None = None,
    out: Path | None = None,
    tamper: Tamper | None = None,
    together: bool = False,
    triggered_by: str | None = None,
    repository: str | None = None,
    rotate: bool = False,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Evidence:
    """Verify the named services here; see `moment_drills.drills` for `selections`, `at`, `image`, `repository` and `rotate`,
    `conclude` for `out`.

    together: then all that dashboards ask, too, side by side
    """
    steps = Steps(
        plan=lambda: drills(site, names, selections, at, now, image, repository=repository, rotate=rotate),
        drill=lambda planned, at_once: _drill_here(site, planned, at_once, tamper, now),
        conclude=lambda planned, results, joint, started_at, finished_at: conclude(
            site,
            planned,
            results,
            started_at=started_at,
            finished_at=finished_at,
            out=out,
            together=joint,
            triggered_by=triggered_by or ran.person(),
        ),
        together=lambda: drill_joint(site, repository=repository, now=now) if together else None,
    )
    return carry_out(site, steps, out, now=now)


def drill_joint(
    site: Site,
    *,
    tampers: Mapping[str, Tamper] | None = None,
    repository: str | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> TogetherPart:
    """Plan and run the joint drill, in a run of its own. Faults are in the result. tampers: damage to do, by service.

    repository: the name of the one to bring all back from; None for the first
    """
    try:
        site = site.at(repository)
        with runs.start(site.state) as run:
            part = drill_together(site, joint.plan(site, now=now), run, tampers=tampers, now=now)
        where = (f"all of it was brought back from the repository {site.further_name}",) if site.further_name else ()
        return part.model_copy(update={"notes": (*where, *part.notes)})
    except LifeboatError as fault:
        return could_not_run(fault, now())


def _drill_here(
    site: Site, planned: Sequence[Planned], at_once: int, tamper: Tamper | None, now: Callable[[], datetime]
) -> list[DrillResult | LifeboatError]:
    """Run the drills in one run of this machine: a service's one after another, services side by side."""
    services = [list(group) for _, group in groupby(planned, key=lambda drill: drill.service)]
    with runs.start(site.state) as run:

        def drill_all(drills: Sequence[Planned]) -> list[DrillResult]:
            return [drill_one(site, each, run, tamper=tamper, now=now) for each in drills]

        outcomes = parallel.side_by_side(drill_all, services, at_once=at_once)
    return [
        result
        for drills, outcome in zip(services, outcomes, strict=True)
        for result in ([outcome] * len(drills) if isinstance(outcome, LifeboatError) else outcome)
    ]


def drill_one(
    site: Site,
    planned: Planned,
    run: Run,
    *,
    tamper: Tamper | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> DrillResult:
    """Run one planned drill in a sandbox of its own; safe in threads. Faults are in the result, only an interrupt is raised."""
    title = planned.title
    try:
        site, error = site.at(planned.repository) if planned.repository else site, planned.error
    except LifeboatError as fault:
        # Planned on another machine, whose lifeboat.yaml names more repositories.
        error = fault
    if error:
        result = could_not_begin(planned, error, now())
    else:
        onward = f", then on to {planned.point}" if planned.point else ""
        log.info(
            "%s: bringing back %s from %s%s", title, planned.chain[-1].id, plural.count(len(planned.chain), "backup"), onward
        )
        service = site.service(planned.service, run.docker)
        name = f"{planned.service}-{planned.selection}-{planned.chain[-1].id[-16:].lower()}"
        partner = _partner(site, planned, run)
        with ExitStack() as held:
            for chain in sorted({planned.chain[0].chain, *(each.chain for each in planned.partner)}):
                held.enter_context(chains_in_use.chain(site.state, chain))
            box = held.enter_context(sandbox.opened(run, name, site.settings.sandbox))
            result = drill(
                service,
                planned,
                site.repository,
                box,
                rto=site.settings.objectives.rto,
                tamper=tamper,
                partner=partner,
                tracing=Tracing(_before(site, planned, service, run, name), site.settings.report.values),
                now=now,
            )
    took = "" if result.restore_seconds is None else f", back in {durations.describe(result.restore_seconds)}"
    log.info("%s: %s%s%s", title, result.verdict, took, "".join(f"; {reason}" for reason in result.reasons))
    growth = forecast(result, planned.fulls, site.settings.objectives.rto, now())
    return result.model_copy(update={"growth": growth})


def _before(site: Site, planned: Planned, service: Service, run: Run, name: str) -> Before | None:
    """The backup before the drilled one in its chain; before a full, the full before it. None where there is none."""
    earlier = planned.chain[:-1]
    if not earlier:
        older = [full for full in planned.fulls if full.taken_at < planned.chain[-1].taken_at]
        earlier = (older[-1],) if older else ()
    if not earlier or planned.partner:
        return None

    @contextmanager
    def opened(seconds: float) -> Iterator[Copy]:
        log.info("%s: bringing back %s too, to find the rows that differ", planned.service, earlier[-1].id)
        with (
            chains_in_use.chain(site.state, earlier[0].chain),
            sandbox.opened(run, f"{name}-before", site.settings.sandbox) as box,
        ):
            watch = Hurried(time.monotonic, seconds=seconds)
            yield bring_back(service, earlier, site.repository, box, watch, Progress(watch), image=planned.image).copy

    return Before(earlier[-1].id, opened)


def _partner(site: Site, planned: Planned, run: Run) -> Partner | None:
    """The service that protects the database of the drilled one, where it has none of its own."""
    if not planned.partner:
        return None
    log.info("%s: its database comes back from %s", planned.service, planned.partner[-1].id)
    return Partner(site.service(planned.partner[-1].service, run.docker), planned.partner)


def conclude(
    site: Site,
    planned: Sequence[Planned],
    results: Sequence[DrillResult],
    *,
    started_at: datetime,
    finished_at: datetime,
    out: Path | None,
    together: TogetherPart | None = None,
    triggered_by: str | None = None,
) -> Evidence:
    """Add the results up, write the report's files into `out`, and keep them in the first repository.

    The evidence of a tampered drill is not kept. When the repository cannot take it, the evidence says why; then one that was
    drilled takes it.
    Raises LifeboatError when `out` cannot be written, once the evidence is kept.
    """
    evidence = Evidence(
        lifeboat=version("lifeboat"),
        host=platform.node() or "unknown",
        verdict=shapes.overall(each.verdict for each in (*results, *([together] if together else ())) if each.verdict),
        started_at=started_at,
        finished_at=finished_at,
        rto=shapes.budget(site.settings.objectives.rto.total_seconds(), [result.restore_seconds for result in results]),
        rpo=shapes.budget(site.settings.objectives.rpo.total_seconds(), _ages(planned, started_at)),
        drills=tuple(results),
        together=together,
        triggered_by=triggered_by,
        considered=_considered(planned),
        ran=ran.programs(),
    )
    signer = keeping.signer_of(site)
    if out:
        # It is there before the repository, which may be slow, is asked; a disk that has filled up meanwhile is told at the end.
        with suppress(LifeboatError):
            files.write(evidence, out, signer=signer)
    drilled = (site.at(each.repository).repository_name for each in planned if each.repository)
    takers = {name: site.at(name).repository for name in dict.fromkeys([site.at(None).repository_name, *drilled])}
    before = keeping.page_of_history(site.settings, takers, evidence)
    evidence = evidence.model_copy(update={"kept": keeping.keep(evidence, takers, before, signer)})
    if not store.tampered(results):
        whole = [
            each
            for each, result in zip(planned, results, strict=True)
            # What is restored by itself comes out of the first repository alone.
            if result.backup_verdict == "verified" and not site.at(each.repository).further_name
        ]
        try:
            proven.note(site.state, [each.chain for each in whole])
        except LifeboatError as error:
            log.warning("no service is restored by itself from these backups: %s", error.message)
    if out:
        files.write(evidence, out, before=before, signer=signer)
    return evidence


def _ages(planned: Sequence[Planned], now: datetime) -> list[float | None]:
    """Return how old each service's newest backup is, in seconds: what would be lost with its source now."""
    newest: dict[str, datetime | None] = {}
    for each in planned:
        # A further repository may lag behind.
        newest[each.service] = max(filter(None, (each.newest, newest.get(each.service))), default=None)
    return [None if taken_at is None else (now - taken_at).total_seconds() for taken_at in newest.values()]


def _considered(planned: Sequence[Planned]) -> tuple[Considered, ...]:
    """Return what could have been drilled, once for each service in each repository."""
    every = {(each.service, each.repository): each.considered for each in planned}
    return tuple(
        Considered(service=service, backups=backups, repository=further(repository))
        for (service, repository), backups in every.items()
    )
