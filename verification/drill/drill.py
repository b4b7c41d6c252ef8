"""Runs one drill: brings a chain back in a sandbox, compares it with its witness, and says what that proves.

Next file: `bring_back.py`, the steps up to the first answer.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from backups import witness
from backups.errors import Damaged, LifeboatError
from backups.machine import parallel
from backups.machine.docker import Image
from backups.manifest import BackupRecord, Manifest
from backups.repository.repository import Repository
from backups.services.base import Copy, Fetched, Point, Service
from backups.services.continuous import ContinuousCopy, continuous_copy
from backups.services.inspected import Inspected
from backups.services.joined import Joined
from backups.services.settings import SqlServiceSettings
from backups.services.upgraded import Upgradable
from backups.witness import Check, Fact
from verification.drill import culprits, expectations, fetch, moment, partners, rehearsal, suites
from verification.drill.bring_back import bring_back
from verification.drill.clock import Phase, Stopwatch
from verification.drill.culprits import Tracing
from verification.drill.outcome import Progress, result, verdict
from verification.drill.partners import Partner
from verification.drill.plan import Planned
from verification.drill.sandbox import DockerSandbox
from verification.drill.tamper import HARMLESS, Tamper
from verification.evidence.evidence import DrillResult, ExpectationPart

log = logging.getLogger(__name__)


def drill(
    service: Service,
    planned: Planned,
    repository: Repository,
    sandbox: DockerSandbox,
    *,
    rto: timedelta,
    tamper: Tamper | None = None,
    partner: Partner | None = None,
    tracing: Tracing | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> DrillResult:
    """Drill the planned chain in the sandbox. Every fault becomes part of the result; only an interrupt is raised.

    partner: the service that holds its database, where it has none of its own. tracing: how to look for rows that differ, where
    that is wanted. `monotonic` gives the seconds by which phases are timed.
    """
    started_at = now()
    progress = Progress(Stopwatch(monotonic))
    try:
        with _faults_kept(progress, sandbox, planned.chain, repository):
            # Before the clock: a suite that cannot be read is found without fetching anything.
            by_operator = suites.read_all(service.settings.suites) if isinstance(service.settings, SqlServiceSettings) else {}
            harm = tamper or HARMLESS
            if planned.point and planned.later:
                progress.moment = moment.part(planned.point, planned.later)
            upgrade = _upgrade(service, planned, repository, sandbox)
            back = bring_back(
                service,
                planned.chain,
                repository,
                sandbox,
                progress.watch,
                progress,
                later=planned.later,
                tamper=harm,
                image=None if upgrade else planned.image,
                partner=partner,
            )
            progress.unproven += partners.unproven(service.name, back.copy, partner)
            progress.watch.begin(Phase.CHECK)
            if harm.running:
                harm.running(back.copy)
            _check(back.copy, back.manifest, by_operator, progress)
            if tracing:
                took = progress.watch.restore_seconds or 0.0
                progress.culprits = culprits.find(service, back.copy, progress.checks, tracing, restore_seconds=took)
            if isinstance(back.copy, Inspected):
                progress.watch.begin(Phase.INSPECT)
                found = back.copy.inspect(rto.total_seconds())
                progress.checks += found.checks
                progress.unproven += found.unproven
            if planned.point and back.log and all(check.passed for check in progress.checks):
                _go_on(continuous_copy(back.copy), back.log, planned.point, progress, sandbox)
            progress.watch.stop()
            if upgrade and verdict(progress) != "verified":
                progress.unproven.append("no upgrade was tried, since the copy is not proven on the backup's own version")
            elif upgrade:
                progress.rehearsal = rehearsal.rehearse(
                    back.copy,
                    back.manifest,
                    upgrade,
                    sandbox,
                    tamper=harm,
                    suites=lambda: _judge_suites(back.copy, back.manifest, by_operator)[0],
                    monotonic=monotonic,
                )
    finally:
        progress.watch.stop()
    return result(planned, progress, _ran(sandbox, progress), started_at, rto, tamper)


def _upgrade(service: Service, planned: Planned, repository: Repository, sandbox: DockerSandbox) -> rehearsal.Route | None:
    """Find the upgrade to try, where the named image asks for one: before the clock, and before anything is fetched."""
    if planned.image is None or not isinstance(service, Upgradable):
        return None
    return rehearsal.route(service, planned, repository.manifest(planned.chain[-1]), sandbox)


def _go_on(copy: ContinuousCopy, log: Fetched, point: Point, progress: Progress, sandbox: DockerSandbox) -> None:
    """Go on to the moment `point`, compare there, go on to the witness of the backup whose log that was, and compare again."""
    progress.watch.begin(Phase.ADVANCE)
    moment.reach(copy, log, point, progress)
    progress.watch.begin(Phase.THERE)
    expected, there = moment.compare(copy, log, progress)
    if expected and progress.moment:
        progress.expectations += expectations.judge(expected, there, progress.moment.there)
    if not log.manifest.witness:
        moment.skip(progress, moment.NO_WITNESS)
        return
    progress.watch.begin(Phase.SECOND_REPLAY)
    observed = moment.prove(copy, log, progress, sandbox)
    if progress.moment:
        progress.expectations += expectations.judge(log.manifest.witness, observed, progress.moment.checks)


def _check(copy: Copy, manifest: Manifest, by_operator: dict[str, suites.Suite], progress: Progress) -> None:
    """Compare the copy with the witness, twice (our own comparison and Great Expectations), then run the operator's suites."""
    if not manifest.witness:
        raise Damaged(
            f"backup {manifest.id} has no witness: there is nothing to compare its copy with",
            hint="take a full: lifeboat backup --kind full",
        )
    stated = [*manifest.witness, *(copy.stated() if isinstance(copy, Joined) else ())]
    observed: list[Fact] = []
    try:
        # One by one: a copy may answer some, and end.
        observed.extend(copy.observe())
    except Damaged:
        # What it could still say tells what is damaged.
        known = {(fact.subject, fact.metric) for fact in observed}
        progress.checks = witness.compare([fact for fact in stated if (fact.subject, fact.metric) in known], observed)
        raise
    progress.checks = witness.compare(stated, observed)
    progress.expectations = expectations.judge(stated, observed, progress.checks)
    checks, parts = _judge_suites(copy, manifest, by_operator)
    progress.checks += checks
    progress.expectations += parts


def _judge_suites(
    copy: Copy, manifest: Manifest, by_operator: dict[str, suites.Suite]
) -> tuple[list[Check], list[ExpectationPart]]:
    """Run the operator's suites on the copy; returns what each found, for us and as Great Expectations puts it."""
    checks: list[Check] = []
    parts: list[ExpectationPart] = []
    for name, suite in by_operator.items():
        url = copy.database_url(suite.database)
        if url is None:
            raise LifeboatError(
                f"the suite {name} cannot be run: {manifest.service} answers no SQL",
                hint=f"remove it from services.{manifest.service}.suites in lifeboat.yaml",
            )
        found = expectations.judge_suite(name, suite, url)
        checks += found
        parts += [
            ExpectationPart(suite=name, name=expectation.name, passed=check.passed, unexpected=int(check.observed or 0))
            for expectation, check in zip(suite.expectations, found, strict=True)
        ]
    return checks, parts


@contextmanager
def _faults_kept(
    progress: Progress, sandbox: DockerSandbox, records: Sequence[BackupRecord], repository: Repository
) -> Iterator[None]:
    """Keep whatever goes wrong as the drill's fault. A bug of ours proves nothing about the backup, and is reported as a bug."""
    try:
        yield
    except Exception as fault:
        log.debug("a fault ended the drill", exc_info=True)
        progress.fault = parallel.as_fault(fault)
    if progress.fault:
        progress.fault = sandbox.excused(progress.fault)
    if progress.fault and (gone := fetch.deleted(records, repository)):
        were = "was" if gone == 1 else "were"
        progress.fault = LifeboatError(
            f"{gone} of the {len(records)} backups of chain {records[0].chain} {were} deleted while it was being "
            f"drilled, so "
            f"nothing is proven: {progress.fault.message}",
            hint="another machine has pruned the chain; choose again: lifeboat verify",
        )


def _ran(sandbox: DockerSandbox, progress: Progress) -> Image | None:
    """Find the image of the server that ran, as its container had it: a service may start other containers first."""
    return next((image for image in sandbox.images if image == progress.image), next(iter(sandbox.images), None))
