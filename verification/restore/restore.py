"""Restores for real: brings the copy back as a drill does, compares it with its witness, and only then touches the target.

A moment between two backups has no witness. Before it is delivered, a second copy of it goes on through the same log to the
later backup's witness and is compared there, so that a log that does not tell what the source did is found.

So a restore that finds damage, runs out of room or is killed leaves the target as it was. What was there before is moved aside,
never deleted. What it does as a masked copy does, too: `work.py`.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from backups import durations
from backups.errors import Damaged, LifeboatError
from backups.machine import runs
from backups.machine.runs import Run
from backups.services.base import Fetched
from backups.services.continuous import ContinuousCopy, continuous_copy
from backups.site import Site
from verification.drill import moment
from verification.drill.bring_back import BroughtBack
from verification.drill.clock import Phase
from verification.drill.outcome import failed_checks, verdict
from verification.drill.sandbox import DockerSandbox
from verification.evidence import words
from verification.restore import deliver, second_witness
from verification.restore import plan as planning
from verification.restore.order import Order, Restoration
from verification.restore.plan import Plan
from verification.restore.runbook import Runbook
from verification.restore.target.files import settled
from verification.restore.work import Work

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
    site = site.at(order.repository) if order.repository else site
    with planning.in_use(site, order.to), runs.start(site.state) as run:
        plan = planning.plan(site, order, run.docker, now=started_at)
        work = _Restore(site, plan, run, monotonic)
        with work.book.listening():
            try:
                work.try_out(now)
            except BaseException:
                # Interrupted: whoever looks at the target next has to know what was moved where.
                work.progress.fault = LifeboatError("interrupted", hint="the runbook says what was done, and what is where")
                left = work.leave(started_at, now(), runbook)
                log.warning("%s: interrupted: what was done, and what is where, says %s", left.service, left.runbook)
                raise
        ended_at = now()
    return work.leave(started_at, ended_at, runbook)


class _Restore(Work):
    """One restore while it is done, with its runbook."""

    kind = "restore"
    hands_over = True

    def __init__(self, site: Site, plan: Plan, run: Run, monotonic: Callable[[], float]) -> None:
        super().__init__(site, plan, run, monotonic)
        self.book = Runbook()

    def carry_out(self) -> None:
        """Bring the copy back, then deliver it: the target comes last."""
        manifest = self.plan.manifests(self.plan.choice.backup)
        with self.in_sandbox() as box:
            try:
                back = self._proven(box)
            except Damaged as fault:
                raise box.excused(fault) from fault
            target = self.plan.target
            if self.plan.order.tables:
                delivery = deliver.tables(back.copy, self.plan.order.tables, box.directory / "tables")
            else:
                delivery = target.take(back.copy, box.directory / "objects", self)
            self.notes += delivery.notes
            if self.progress.moment and back.log:
                self._prove_log(continuous_copy(back.copy), back.log, box)
            self._require_borne_out()
            self._look_at_rest()
            target.make_way(delivery, self.plan.held, self)
            target.deliver(delivery, manifest, self)
            target.begin(delivery, manifest, self)

    def _look_at_rest(self) -> None:
        """Look once more whether something runs on what the target holds: hours may have passed. Raises LifeboatError then."""
        if not self.plan.order.anyway:
            planning.require_at_rest(self.plan.target, planning.ANYWAY)
        elif why := self.plan.target.in_use():
            self.notes.append(
                f"restart it now: {why}; what it saves until then goes to the old files, and is lost at its next start"
            )

    def _require_borne_out(self) -> None:
        """Raise LifeboatError when nobody asked for this restore, and the service's machine does not bear the alarm out."""
        name = self.plan.service.name
        if self.plan.order.by_itself and (
            why := second_witness.objection(self.site, self.run.docker, name, self.plan.choice.chain)
        ):
            raise LifeboatError(
                f"{name} is not restored by itself: {why}; {self.plan.target} was not touched",
                hint=f"look at it yourself: lifeboat watch {name}",
            )

    def _proven(self, box: DockerSandbox) -> BroughtBack:
        """Bring the copy to the wanted moment and compare it with its witness. Raises Damaged when it is not equal."""
        order = self.plan.order
        back = self.bring_back(box)
        if self.wrong and not order.anyway:
            raise Damaged(
                f"{self.wrong}; {self.plan.target} was not touched",
                hint="restore an older backup: --backup ID; or deliver it all the same: --anyway",
            )
        self.go_on(back)
        if order.second_replay and not self.wrong and (there := self.compare_there(back)) and not order.anyway:
            raise self._withheld(Damaged, f"it is not what the log makes of the witness before it: {there}")
        return back

    def _prove_log(self, copy: ContinuousCopy, log: Fetched, box: DockerSandbox) -> None:
        """Have a second copy go on from the moment to the later witness, and compare. Raises LifeboatError when that fails."""
        order, later = self.plan.order, log.manifest.id
        if not order.second_replay:
            moment.skip(self.progress, "the second replay was left out, as was asked for (--no-second-replay)")
        elif not log.manifest.witness:
            moment.skip(self.progress, moment.NO_WITNESS)
        elif not all(check.passed for check in self.progress.checks):
            moment.skip(self.progress, "the copy was not equal to its own witness already")
        else:
            self._second_replay(copy, log, box)
        if self.progress.moment:
            self.note(words.proof(self.plan.choice.backup.id, self.progress.checks, self.progress.moment))
            if self.progress.moment.failures and not order.anyway:
                wrong = failed_checks(self.progress.moment.checks)
                raise self._withheld(Damaged, f"its log does not lead to the witness of {later}: {wrong}")

    def _second_replay(self, copy: ContinuousCopy, log: Fetched, box: DockerSandbox) -> None:
        if self.plan.order.tables:
            settled(copy, self)
        self.begin_step(Phase.SECOND_REPLAY, f"Go on with a second copy to the witness of {log.manifest.id}, and compare that")
        try:
            moment.prove(copy, log, self.progress, box, settled=True)
        except LifeboatError as fault:
            if self.plan.order.anyway:
                return
            if isinstance(fault, Damaged):
                what = f"its log does not lead to the witness of {log.manifest.id}: {fault.message}"
                raise self._withheld(Damaged, what) from fault
            what = f"whether its log leads to the witness of {log.manifest.id} could not be tried: {fault.message}"
            raise self._withheld(LifeboatError, what, fault.hint) from fault

    def _withheld(self, kind: type[LifeboatError], why: str, hint: str | None = None) -> LifeboatError:
        """Make the fault of a moment that is not delivered."""
        backup, point = self.plan.choice.backup.id, self.plan.choice.point
        return kind(
            f"{point} is withheld: {why}; {self.plan.target} was not touched",
            hint=(f"{hint}; or " if hint else "")
            + f"restore the proven backup before it: --backup {backup}; or deliver the moment all the same: --anyway",
        )

    def begin(self, phase: Phase) -> None:
        """See Work."""
        super().begin(phase)
        if phase == Phase.FETCH:
            self.book.note(f"restic was given RESTIC_REPOSITORY={self.site.repository.shown_url} and RESTIC_PASSWORD")

    def begin_step(self, phase: str, title: str) -> None:
        """See Steps."""
        self.book.begin(title)
        super().begin_step(phase, title)

    def note(self, line: str) -> None:
        """See Steps."""
        self.book.note(line)
        super().note(line)

    def _asked(self) -> str | None:
        """Say which time was asked for, where the newest backup before it comes back instead."""
        at, choice = self.plan.order.at, self.plan.choice
        return words.utc(at) if isinstance(at, datetime) and not choice.point and at != choice.backup.taken_at else None

    def leave(self, started_at: datetime, finished_at: datetime, runbook: Path | None) -> Restoration:
        """Write the runbook, here and where it was asked for; returns the result."""
        kept = self.site.state / "restores" / f"{self.plan.order.service}-{started_at:%Y%m%dT%H%M%SZ}.md"
        result = self.result(started_at, finished_at).model_copy(update={"runbook": runbook or kept})
        for path in dict.fromkeys([kept, *([runbook] if runbook else [])]):
            self.book.write(result, path)
        return result

    def result(self, started_at: datetime, finished_at: datetime) -> Restoration:
        """Make the result of all that is known."""
        result = Restoration(
            **self.told(started_at, finished_at),
            type=self.plan.service.settings.type,
            verdict=verdict(self.progress, delivered=self.delivered is not None),
            asked=self._asked(),
            moment=self.progress.moment,
            partial=self.partial,
            tables=tuple(self.plan.order.tables),
            touched=self.touched,
            stopped=self.stopped,
            started=self.started,
            checks=tuple(self.progress.checks),
            aside=self.aside,
            configuration=self.configuration,
            notes=tuple(self.notes),
            lost_seconds=self.plan.lost_since(self.progress.moment, started_at),
            lost=tuple(self.plan.lost),
        )
        log.info("%s: %s in %s", result.service, result.verdict, durations.describe(result.seconds))
        return result
