"""Restores for real: brings the copy back as a drill does, compares it with its witness, and only then touches the target.

A moment between two backups has no witness. Before it is delivered, a second copy of it goes on through the same log to the
later backup's witness and is compared there, so that a log that does not tell what the source did is found.

So a restore that finds damage, runs out of room or is killed leaves the target as it was. What was there before is moved aside,
never deleted.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from backups import durations, plural, witness
from backups.errors import Damaged, LifeboatError
from backups.machine import parallel, runs
from backups.machine.docker import Image
from backups.machine.runs import Run
from backups.repository import chains_in_use
from backups.services.base import Fetched
from backups.services.continuous import ContinuousCopy, continuous_copy
from backups.site import Site
from verification.drill import moment, sandbox
from verification.drill.bring_back import BroughtBack, bring_back
from verification.drill.clock import Phase, Stopwatch
from verification.drill.outcome import Progress, failed_checks, image_part, verdict
from verification.drill.sandbox import DockerSandbox
from verification.evidence import words
from verification.evidence.evidence import BackupPart
from verification.restore import deliver, elsewhere, second_witness
from verification.restore import plan as planning
from verification.restore.order import Order, Restoration, Timed
from verification.restore.plan import Plan
from verification.restore.runbook import Runbook
from verification.restore.target.files import settled

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
                work.carry_out()
            except Exception as error:
                log.debug("a fault ended the restore", exc_info=True)
                work.progress.fault = work.offered(parallel.as_fault(error), now())
            except BaseException:
                # Interrupted: whoever looks at the target next has to know what was moved where.
                work.progress.fault = LifeboatError("interrupted", hint="the runbook says what was done, and what is where")
                left = work.leave(started_at, now(), runbook)
                log.warning("%s: interrupted: what was done, and what is where, says %s", left.service, left.runbook)
                raise
        ended_at = now()
    return work.leave(started_at, ended_at, runbook)


class _Restore:
    """One restore while it is done: the `Steps` of its target, the `Clock` of its copy, and all that is known of it so far."""

    def __init__(self, site: Site, plan: Plan, run: Run, monotonic: Callable[[], float]) -> None:
        self.site, self.plan, self.run = site, plan, run
        self.book = Runbook()
        self.progress = Progress(Stopwatch(monotonic))
        self.notes: list[str] = []
        self.lacking: list[str] = []
        self.delivered: str | None = None
        self.aside: str | None = None
        self.configuration: str | None = None
        self.touched = False
        self.stopped = False
        self.started: str | None = None

    def carry_out(self) -> None:
        """Bring the copy back, then deliver it: the target comes last. Raises LifeboatError; what is known by then is kept."""
        choice = self.plan.choice
        name = f"restore-{choice.backup.id[-16:].lower()}"
        try:
            with (
                chains_in_use.chain(self.site.state, choice.chain[0].chain),
                sandbox.opened(self.run, name, self.site.settings.sandbox) as box,
            ):
                try:
                    back = self._bring_back(box)
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
                target.deliver(delivery, self.plan.manifests(choice.backup), self)
                target.begin(delivery, self.plan.manifests(choice.backup), self)
        finally:
            self.progress.watch.stop()

    def offered(self, fault: LifeboatError, now: datetime) -> LifeboatError:
        """Add to a fault of the backup, or of fetching it, what the other repositories could bring back."""
        phases = self.progress.watch.phases
        fetching = bool(phases) and phases[-1][0] == Phase.FETCH
        if self.touched or not (fetching or isinstance(fault, Damaged)):
            return fault
        return elsewhere.with_offers(self.site, self.plan.order, fault, now)

    def _look_at_rest(self) -> None:
        """Look once more whether something runs on what the target holds: hours may have passed. Raises LifeboatError then."""
        if not self.plan.order.anyway:
            planning.require_at_rest(self.plan.target)
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

    def _bring_back(self, box: DockerSandbox) -> BroughtBack:
        """Bring the copy to the wanted moment and compare it with its witness. Raises Damaged when it is not equal."""
        plan, choice = self.plan, self.plan.choice
        if choice.point and choice.later:
            self.progress.moment = moment.part(choice.point, choice.later)
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
            image=plan.order.image,
        )
        self.begin_step(Phase.CHECK, "Compare everything with the witness")
        self.progress.checks = witness.compare(back.manifest.witness, list(back.copy.observe()))
        checks = self.progress.checks
        self.note(words.proof(back.manifest.id, checks, None))
        wrong = failed_checks(checks) if checks else f"backup {back.manifest.id} has no witness to compare it with"
        if wrong and not plan.order.anyway:
            raise Damaged(
                f"{wrong}; {plan.target} was not touched",
                hint="restore an older backup: --backup ID; or deliver it all the same: --anyway",
            )
        if choice.point and self.progress.moment and back.log:
            self.begin_step(Phase.ADVANCE, f"Go on to {choice.point}")
            moment.reach(continuous_copy(back.copy), back.log, choice.point, self.progress)
            self.note(str(self.progress.moment.stands))
            if plan.order.second_replay and not wrong:
                self._compare_there(continuous_copy(back.copy), back.log)
        return back

    def _compare_there(self, copy: ContinuousCopy, log: Fetched) -> None:
        """Compare the moment itself with what the log says of it. Raises Damaged when it is not equal."""
        self.begin_step(Phase.THERE, f"Compare it there with what the log makes of the witness of {self.plan.choice.backup.id}")
        moment.compare(copy, log, self.progress)
        found = self.progress.moment
        if found is None:
            raise AssertionError("a moment is noted before a copy goes there")
        self.note(words.there(found))
        if (wrong := failed_checks(found.there)) and not self.plan.order.anyway:
            raise self._withheld(Damaged, f"it is not what the log makes of the witness before it: {wrong}")

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
        """Begin a phase of `bring_back`: see its `Clock`."""
        image = self.progress.image.name if self.progress.image else ""
        titles = {
            Phase.FETCH: f"Fetch {plural.count(len(self.plan.choice.records), 'backup')} from the repository",
            Phase.START: f"Start {image} on it, without a network",
            Phase.REPLAY: "Bring it to the moment of its witness",
            Phase.READY: "Ask it a first question",
        }
        self.begin_step(phase, titles[phase])
        if phase == Phase.FETCH:
            if self.site.further_name:
                self.note(f"from the repository {self.site.further_name}, not the first")
            self.book.note(f"restic was given RESTIC_REPOSITORY={self.site.repository.shown_url} and RESTIC_PASSWORD")

    def begin_step(self, phase: str, title: str) -> None:
        """See Steps."""
        self.progress.watch.begin(phase)
        self.book.begin(title)
        log.info("%s: %s", self.plan.service.name, title[0].lower() + title[1:])
        self.run.raise_if_cancelled()

    @property
    def image(self) -> Image | None:
        """See Steps."""
        return self.progress.image

    def note(self, line: str) -> None:
        """See Steps."""
        self.book.note(line)
        log.info("%s: %s", self.plan.service.name, line)

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
        plan, choice, fault = self.plan, self.plan.choice, self.progress.fault
        phases = [Timed(name=name, seconds=round(took, 3)) for name, took in self.progress.watch.phases]
        whole = self.progress.manifest.partial if self.progress.manifest else None
        partial = "; ".join([*([whole] if whole else []), *self.lacking]) or None
        result = Restoration(
            service=plan.service.name,
            type=plan.service.settings.type,
            verdict=verdict(self.progress, delivered=self.delivered is not None),
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
            asked=self._asked(),
            stands=self.progress.moment.stands if self.progress.moment else None,
            moment=self.progress.moment,
            proof=words.proof(choice.backup.id, self.progress.checks, self.progress.moment, partial),
            partial=partial,
            tables=tuple(plan.order.tables),
            touched=self.touched,
            stopped=self.stopped,
            started=self.started,
            phases=tuple(phases),
            checks=tuple(self.progress.checks),
            to=plan.order.to,
            delivered=self.delivered,
            aside=self.aside,
            configuration=self.configuration,
            notes=tuple(self.notes),
            lost_seconds=plan.lost_since(self.progress.moment, started_at),
            lost=tuple(plan.lost),
            error=fault.message if fault else None,
            hint=fault.hint if fault else None,
            repository=self.site.repository_name,
        )
        log.info("%s: %s in %s", result.service, result.verdict, durations.describe(result.seconds))
        return result
