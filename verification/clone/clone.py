"""Makes a masked copy: brings the backup back in the sandbox and compares it, masks it there, and delivers only what is masked.

The raw copy never leaves the sandbox. However this ends, the target holds a whole masked copy or nothing.
Next files: `masks_file.py` (the rules), `backups/services/masked.py` (what a service does).
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from backups import plural, witness
from backups.errors import Damaged, LifeboatError
from backups.machine import disk, parallel, private, runs
from backups.machine.docker import Image
from backups.machine.runs import Run
from backups.repository import chains_in_use
from backups.services.continuous import continuous_copy
from backups.services.masked import Maskable, Masked, Masking, Masks, NotClean
from backups.site import Site
from verification.clone import masks_file
from verification.clone.cloned import Cloned, CloneOrder, CloneVerdict, MaskPart, OrphanPart, SearchPart, TablePart, UnruledPart
from verification.drill import moment, sandbox
from verification.drill.bring_back import BroughtBack, bring_back
from verification.drill.clock import Phase, Stopwatch
from verification.drill.outcome import Progress, failed_checks, image_part
from verification.drill.sandbox import DockerSandbox
from verification.evidence import words
from verification.evidence.evidence import BackupPart
from verification.restore import plan as planning
from verification.restore.order import Order, Timed
from verification.restore.plan import Plan
from verification.restore.target.container import ContainerTarget

log = logging.getLogger(__name__)

_COPIES = 2
"""Of the data: the original, and the masked one."""


def clone(
    site: Site,
    order: CloneOrder,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    monotonic: Callable[[], float] = time.monotonic,
) -> Cloned:
    """Make a masked copy. Raises LifeboatError when it cannot begin; what goes wrong later is in the result."""
    started_at = now()
    masks = masks_file.read(order.masks, fresh_key=order.fresh_key, looking=order.looking)
    with planning.in_use(site, order.to), runs.start(site.state) as run:
        plan = planning.plan(site, _restoring(order), run.docker, now=started_at)
        if not isinstance(plan.target, ContainerTarget):
            raise LifeboatError(
                f"a masked copy is made in a new container, and {plan.target} is none; nothing was changed",
                hint=f"lifeboat clone {order.service} --to docker:NAME --mask {order.masks}",
            )
        if not isinstance(plan.service, Maskable):
            raise LifeboatError(
                f"{order.service} is no MySQL, and nothing else can be masked",
                hint="a restore of it is unmasked: it holds what its source held",
            )
        disk.require(site.state, plan.needed * _COPIES, f"the masked copy of {plan.choice.backup.id}")
        work = _Clone(site, order, plan, plan.target, run, monotonic)
        try:
            work.carry_out(plan.service, masks)
        except Exception as error:
            log.debug("a fault ended the masked copy", exc_info=True)
            work.progress.fault = parallel.as_fault(error)
        result = work.result(started_at, now())
    if not order.looking:
        private.write(work.kept("json"), result.model_dump_json(indent=2) + "\n")
    return result


def _restoring(order: CloneOrder) -> Order:
    """Return the same as an order of a restore: a moment is compared with what the log makes of the witness before it."""
    flags = (("--fresh-key", order.fresh_key), ("--dry-run", order.looking))
    typed = ("--mask", str(order.masks), *(flag for flag, given in flags if given))
    return Order(order.service, order.to, order.backup, order.at, second_replay=False, image=order.image, masked=typed)


class _Clone:
    """One masked copy while it is made: the `Steps` of its target, the `Clock` of its original, and all that is known so far."""

    def __init__(
        self, site: Site, order: CloneOrder, plan: Plan, target: ContainerTarget, run: Run, monotonic: Callable[[], float]
    ) -> None:
        self.site, self.order, self.plan, self.target, self.run = site, order, plan, target, run
        self.progress = Progress(Stopwatch(monotonic))
        self.masking: Masking | None = None
        self.masked: Masked | None = None
        self.notes: list[str] = []
        self.lacking: list[str] = []
        self.delivered: str | None = None
        self.aside: str | None = None
        self.configuration: str | None = None
        self.touched = False
        self.stopped = False
        self.started: str | None = None

    def carry_out(self, service: Maskable, masks: Masks) -> None:
        """Bring back, compare, mask, search, deliver. Raises LifeboatError; what is known by then is kept."""
        choice = self.plan.choice
        name = f"clone-{choice.backup.id[-16:].lower()}"
        try:
            with (
                chains_in_use.chain(self.site.state, choice.chain[0].chain),
                sandbox.opened(self.run, name, self.site.settings.sandbox) as box,
            ):
                try:
                    back = self._bring_back(box)
                    self.begin_step("look", "Look for what is personal")
                    self.masking = service.masking(back.copy, masks, box)
                    if self.order.looking or self.masking.unruled:
                        return
                    self.begin_step("mask", "Write the masked rows into a new server")
                    self.masked = self.masking.make(self.note)
                    self._require_rows(back)
                except Damaged as fault:
                    raise box.excused(fault) from fault
                self._deliver(self.masked)
        finally:
            self.progress.watch.stop()

    def _bring_back(self, box: DockerSandbox) -> BroughtBack:
        """Bring the original back and compare it with its witness. Raises Damaged when it is not equal."""
        choice = self.plan.choice
        if choice.point and choice.later:
            self.progress.moment = moment.part(choice.point, choice.later)
        back = bring_back(
            self.plan.service,
            choice.chain,
            self.site.repository,
            box,
            self,
            self.progress,
            read=self.plan.manifests,
            later=choice.later,
            image=self.order.image,
        )
        self.begin_step(Phase.CHECK, "Compare everything with the witness")
        self.progress.checks = witness.compare(back.manifest.witness, list(back.copy.observe()))
        wrong = failed_checks(self.progress.checks) if self.progress.checks else f"{back.manifest.id} has no witness"
        if wrong:
            raise Damaged(f"{wrong}; nothing was masked", hint="take an older backup: --backup ID")
        if choice.point and back.log:
            self.begin_step(Phase.ADVANCE, f"Go on to {choice.point}")
            moment.reach(continuous_copy(back.copy), back.log, choice.point, self.progress)
            self.begin_step(Phase.THERE, "Compare it there with what the log makes of that witness")
            moment.compare(continuous_copy(back.copy), back.log, self.progress)
            moment.skip(self.progress, "a masked copy is not taken on to the witness after it")
            if self.progress.moment and (wrong := failed_checks(self.progress.moment.there)):
                raise Damaged(f"{choice.point} is not what the log makes of the witness before it: {wrong}; nothing was masked")
        return back

    def _require_rows(self, back: BroughtBack) -> None:
        """Raise LifeboatError unless the masked tables have the rows that the witness counted."""
        if self.masked is None or self.progress.moment:
            return
        counted = {fact.subject: fact.value for fact in back.manifest.witness if fact.metric == "rows"}
        # Of the server's own databases nothing is taken over, and the notes say which tables of users are in them.
        absent = [table for table in counted if table not in self.masked.tables and not table.startswith(("mysql.", "sys."))]
        if absent:
            raise LifeboatError(
                f"the masked copy lacks {plural.count(len(absent), 'table')} of the original, first {absent[0]}; "
                "nothing was handed over",
                hint="please report it",
            )
        for table, number in self.masked.tables.items():
            if table not in self.masked.without_history and counted.get(table, number) != number:
                raise LifeboatError(
                    f"the masked {table} has {number} rows, the witness counted {counted[table]}; nothing was handed over",
                    hint="please report it",
                )

    def _deliver(self, masked: Masked) -> None:
        """Start the container on the masked data; what cannot be started is removed again, with its volume."""
        manifest = self.plan.manifests(self.plan.choice.backup)
        self.notes += masked.delivery.notes
        account = self.kept("cnf")
        try:
            private.write(account, f"[client]\nuser={masked.user}\npassword={masked.password}\n")
            self.target.deliver(masked.delivery, manifest, self)
            self.target.begin(masked.delivery, manifest, self)
        except BaseException:
            account.unlink(missing_ok=True)
            self.delivered = None
            if self.touched:
                self.target.container.remove()
            raise

    def kept(self, suffix: str) -> Path:
        """Return a file about this copy in the state directory."""
        return self.site.state / "clones" / f"{self.target.container.name}.{suffix}"

    def begin(self, phase: Phase) -> None:
        """Begin a phase of `bring_back`: see its `Clock`."""
        titles = {
            Phase.FETCH: f"Fetch {plural.count(len(self.plan.choice.records), 'backup')} from the repository",
            Phase.START: "Start a server on it, without a network",
            Phase.REPLAY: "Bring it to the moment of its witness",
            Phase.READY: "Ask it a first question",
        }
        self.begin_step(phase, titles[phase])

    def begin_step(self, phase: str, title: str) -> None:
        """See Steps."""
        self.progress.watch.begin(phase)
        self.note(title[0].lower() + title[1:])
        self.run.raise_if_cancelled()

    @property
    def image(self) -> Image | None:
        """See Steps."""
        return self.progress.image

    def note(self, line: str) -> None:
        """See Steps."""
        log.info("%s: %s", self.order.service, line)

    def _verdict(self) -> CloneVerdict:
        fault = self.progress.fault
        if fault is not None:
            return "failed" if isinstance(fault, Damaged | NotClean) else "could-not-run"
        if self.masking and self.masking.unruled:
            return "needs-rules"
        return "masked" if self.delivered else "looked"

    def result(self, started_at: datetime, finished_at: datetime) -> Cloned:
        """Make the result of all that is known."""
        choice, fault, masked = self.plan.choice, self.progress.fault, self.masked
        unruled = self.masking.unruled if self.masking else ()
        columns = masked.columns if masked else self.masking.ruled if self.masking else ()
        searched = masked.searched if masked else None
        at = self.progress.moment
        result = Cloned(
            service=self.order.service,
            verdict=self._verdict(),
            started_at=started_at,
            finished_at=finished_at,
            backup=BackupPart(
                id=choice.backup.id,
                kind=choice.backup.kind,
                chain=tuple(record.id for record in choice.chain),
                taken_at=choice.backup.taken_at,
                bytes=self.plan.needed,
            ),
            image=image_part(self.progress.image) if self.progress.image else None,
            stands=at.stands if at else None,
            proof=words.proof(choice.backup.id, self.progress.checks, at, None),
            to=self.order.to,
            delivered=self.delivered,
            account_file=self.kept("cnf") if self.delivered else None,
            phases=tuple(Timed(name=name, seconds=round(took, 3)) for name, took in self.progress.watch.phases),
            columns=tuple(MaskPart(column=each.column, kind=each.kind, rule=each.rule, replaced=each.rows) for each in columns),
            unruled=tuple(UnruledPart(subject=each.subject, why=each.why, suggestion=each.suggestion) for each in unruled),
            suggestion=masks_file.suggestion(unruled),
            tables=tuple(TablePart(table=table, rows=rows) for table, rows in masked.tables.items()) if masked else (),
            orphans=tuple(OrphanPart(foreign_key=key, rows=rows) for key, rows in masked.orphans.items()) if masked else (),
            searched=SearchPart(
                values=searched.values,
                files=searched.files,
                bytes=searched.bytes,
                left_out=searched.left_out,
                kept=searched.kept,
                unsearched=tuple(searched.unsearched),
            )
            if searched
            else None,
            notes=(*self.notes, *([self.started] if self.started else [])),
            error=fault.message if fault else None,
            hint=fault.hint if fault else None,
        )
        log.info("%s: %s", result.service, result.words)
        return result
