"""Restores for real: brings the copy back as a drill does, compares it with its witness, and only then touches the target.

So a restore that finds damage, runs out of room or is killed leaves the target as it was. What was there before is moved aside,
never deleted.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from backups import durations, plural, witness
from backups.errors import Damaged
from backups.machine import parallel, runs
from backups.machine.runs import Run
from backups.repository import chains_in_use
from backups.services.base import Copy
from backups.services.continuous import continuous_copy
from backups.site import Site
from verification.drill import sandbox
from verification.drill.bring_back import bring_back
from verification.drill.clock import Phase, Stopwatch
from verification.drill.outcome import Progress, failed_checks, image_part, verdict
from verification.drill.sandbox import DockerSandbox
from verification.evidence.evidence import BackupPart
from verification.restore import deliver
from verification.restore import plan as planning
from verification.restore.order import Order, Restoration, Timed
from verification.restore.plan import Plan
from verification.restore.runbook import Runbook

log = logging.getLogger(__name__)


def restore(
    site: Site,
    order: Order,
    *,
    runbook: Path | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    monotonic: Callable[[], float] = time.monotonic,
) -> Restoration:
    """Restore for real. Raises LifeboatError when it cannot begin; what goes wrong later is in the result, with what was done.

    runbook: where the runbook goes besides the state directory's `restores/`
    """
    started_at = now()
    with planning.in_use(site, order.to), runs.start(site.state) as run:
        plan = planning.plan(site, order, run.docker, now=started_at)
        work = _Restore(site, plan, run, monotonic)
        with work.book.listening():
            try:
                work.carry_out()
            except Exception as error:
                log.debug("a fault ended the restore", exc_info=True)
                work.progress.fault = parallel.as_fault(error)
        result = work.result(started_at, now())
    kept = site.state / "restores" / f"{order.service}-{started_at:%Y%m%dT%H%M%SZ}.md"
    result = result.model_copy(update={"runbook": runbook or kept})
    for path in dict.fromkeys([kept, *([runbook] if runbook else [])]):
        work.book.write(result, path)
    return result


class _Restore:
    """One restore while it is done: the `Steps` of its target, the `Clock` of its copy, and all that is known of it so far."""

    def __init__(self, site: Site, plan: Plan, run: Run, monotonic: Callable[[], float]) -> None:
        self.site, self.plan, self.run = site, plan, run
        self.book = Runbook()
        self.progress = Progress(Stopwatch(monotonic))
        self.notes: list[str] = []
        self.stands: str | None = None
        self.delivered: str | None = None
        self.aside: str | None = None
        self.configuration: str | None = None

    def carry_out(self) -> None:
        """Bring the copy back, then deliver it: the target comes last. Raises LifeboatError; what is known by then is kept."""
        choice = self.plan.choice
        name = f"restore-{choice.backup.id[-16:].lower()}"
        try:
            with (
                chains_in_use.chain(self.site.state, choice.chain[0].chain),
                sandbox.opened(self.run, name, self.site.settings.sandbox) as box,
            ):
                copy = self._bring_back(box)
                if self.plan.order.tables:
                    delivery = deliver.tables(copy, self.plan.order.tables, box.directory / "tables")
                else:
                    delivery = self.plan.target.take(copy, box.directory / "objects", self)
                self.notes += delivery.notes
                target = self.plan.target
                target.make_way(delivery, self.plan.held, self)
                target.deliver(delivery, self.plan.manifests(choice.backup), self)
                target.begin(delivery, self.plan.manifests(choice.backup), self)
        finally:
            self.progress.watch.stop()

    def _bring_back(self, box: DockerSandbox) -> Copy:
        """Bring the copy to the wanted moment and compare it with its witness. Raises Damaged when it is not equal."""
        plan, choice = self.plan, self.plan.choice
        back = bring_back(
            plan.service,
            choice.chain,
            self.site.repository,
            box,
            self,
            self.progress,
            read=plan.manifests,
            hand_over=True,
            later=choice.later,
        )
        self.begin_step("check", "Compare everything with the witness")
        self.progress.checks = witness.compare(back.manifest.witness, list(back.copy.observe()))
        checks = self.progress.checks
        passed = sum(check.passed for check in checks)
        self.note(f"{passed} of {plural.count(len(checks), 'check')} equal to the witness of {back.manifest.id}")
        wrong = failed_checks(checks)
        if wrong and not plan.order.anyway:
            raise Damaged(
                f"{wrong}; {plan.target} was not touched",
                hint="restore an older backup: --backup ID; or deliver it all the same: --anyway",
            )
        if choice.point and back.log:
            self.begin_step("advance", f"Go on to {choice.point}")
            self.stands = continuous_copy(back.copy).advance(back.log, choice.point)
            self.note(self.stands)
        return back.copy

    def begin(self, phase: Phase) -> None:
        """Begin a phase of `bring_back`: see its `Clock`."""
        image = self.progress.manifest.source.image if self.progress.manifest else ""
        titles = {
            Phase.FETCH: f"Fetch {plural.count(len(self.plan.choice.records), 'backup')} from the repository",
            Phase.START: f"Start {image} on it, without a network",
            Phase.REPLAY: "Bring it to the moment of its witness",
            Phase.READY: "Ask it a first question",
        }
        self.begin_step(phase, titles[phase])
        if phase == Phase.FETCH:
            self.book.note(f"restic was given RESTIC_REPOSITORY={self.site.repository.shown_url} and RESTIC_PASSWORD")

    def begin_step(self, phase: str, title: str) -> None:
        """See Steps."""
        self.progress.watch.begin(phase)
        self.book.begin(title)
        log.info("%s: %s", self.plan.service.name, title[0].lower() + title[1:])
        self.run.raise_if_cancelled()

    def note(self, line: str) -> None:
        """See Steps."""
        self.book.note(line)
        log.info("%s: %s", self.plan.service.name, line)

    def result(self, started_at: datetime, finished_at: datetime) -> Restoration:
        """Make the result of all that is known."""
        plan, choice, fault = self.plan, self.plan.choice, self.progress.fault
        phases = [Timed(name=name, seconds=round(took, 3)) for name, took in self.progress.watch.phases]
        result = Restoration(
            service=plan.service.name,
            type=plan.service.settings.type,
            verdict=verdict(self.progress),
            started_at=started_at,
            finished_at=finished_at,
            backup=BackupPart(
                id=choice.backup.id,
                kind=choice.backup.kind,
                chain=tuple(record.id for record in choice.chain),
                taken_at=choice.backup.taken_at,
                bytes=plan.needed,
            ),
            image=image_part(self.progress.image) if self.progress.image else None,
            stands=self.stands,
            phases=tuple(phases),
            checks=tuple(self.progress.checks),
            to=plan.order.to,
            delivered=self.delivered,
            aside=self.aside,
            configuration=self.configuration,
            notes=tuple(self.notes),
            lost_seconds=plan.lost_seconds,
            lost=tuple(plan.lost),
            error=fault.message if fault else None,
            hint=fault.hint if fault else None,
        )
        log.info("%s: %s in %s", result.service, result.verdict, durations.describe(result.seconds))
        return result
