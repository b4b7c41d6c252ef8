"""Makes a masked copy: brings the backup back in the sandbox and compares it, masks it there, and delivers only what is masked.

The raw copy never leaves the sandbox. However this ends, the target holds a whole masked copy or nothing.
Next files: `masks_file.py` (the rules), `backups/services/masked.py` (what a service does).
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from backups import plural
from backups.errors import Damaged, LifeboatError
from backups.machine import disk, private, runs
from backups.machine.runs import Run
from backups.places.container import NewContainer
from backups.services.base import Copy
from backups.services.masked import Maskable, Masked, Masking, NotClean
from backups.site import Site
from verification.clone import masks_file
from verification.clone.cloned import Cloned, CloneOrder, CloneVerdict, MaskPart, OrphanPart, SearchPart, TablePart, UnruledPart
from verification.drill import moment
from verification.drill.bring_back import BroughtBack
from verification.drill.sandbox import DockerSandbox
from verification.restore import plan as planning
from verification.restore.order import Order
from verification.restore.plan import Plan
from verification.restore.target.container import ContainerTarget
from verification.restore.work import Work

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
        service, target = _opened(site, order, run)
        plan = planning.planned(site, _restoring(order), run.docker, target, now=started_at)
        disk.require(site.state, plan.needed * _COPIES, f"the masked copy of {plan.choice.backup.id}")
        work = _Clone(site, order, plan, target, run, lambda copy, box: service.masking(copy, masks, box), monotonic)
        work.try_out(now)
        result = work.result(started_at, now())
    if not order.looking:
        private.write(work.kept("json"), result.model_dump_json(indent=2) + "\n")
    return result


def _opened(site: Site, order: CloneOrder, run: Run) -> tuple[Maskable, ContainerTarget]:
    """Open the service and the new container; raises LifeboatError for another place, and for a service that cannot be masked."""
    (name,) = site.chosen([order.service])
    service, container = site.service(name, run.docker), NewContainer.named(order.to, run.docker)
    if container is None:
        raise LifeboatError(
            f"a masked copy is made in a new container, and {order.to} is none; nothing was changed",
            hint=f"lifeboat clone {order.service} --to docker:NAME --mask {order.masks}",
        )
    if not isinstance(service, Maskable):
        raise LifeboatError(
            f"{order.service} is no MySQL, and nothing else can be masked",
            hint="a restore of it is unmasked: it holds what its source held",
        )
    return service, ContainerTarget(container, service, run.docker)


def _restoring(order: CloneOrder) -> Order:
    """Return the same as an order of a restore: a moment is compared with what the log makes of the witness before it."""
    flags = (("--fresh-key", order.fresh_key), ("--dry-run", order.looking))
    typed = ("--mask", str(order.masks), *(flag for flag, given in flags if given))
    return Order(order.service, order.to, order.backup, order.at, second_replay=False, image=order.image, masked=typed)


class _Clone(Work):
    """One masked copy while it is made."""

    kind = "clone"

    def __init__(
        self,
        site: Site,
        order: CloneOrder,
        plan: Plan,
        target: ContainerTarget,
        run: Run,
        mask: Callable[[Copy, DockerSandbox], Masking],
        monotonic: Callable[[], float],
    ) -> None:
        super().__init__(site, plan, run, monotonic)
        self.order, self.target, self.mask = order, target, mask
        self.masking: Masking | None = None
        self.masked: Masked | None = None

    def carry_out(self) -> None:
        """Bring back, compare, mask, search, deliver."""
        with self.in_sandbox() as box:
            try:
                back = self._proven(box)
                self.begin_step("look", "Look for what is personal")
                self.masking = self.mask(back.copy, box)
                if self.order.looking or self.masking.unruled:
                    return
                self.begin_step("mask", "Write the masked rows into a new server")
                self.masked = self.masking.make(self.note)
                self._require_rows(back)
            except Damaged as fault:
                raise box.excused(fault) from fault
            self._deliver(self.masked)

    def _proven(self, box: DockerSandbox) -> BroughtBack:
        """Bring the original to the wanted moment and compare it with its witness. Raises Damaged when it is not equal."""
        back = self.bring_back(box)
        if self.wrong:
            raise Damaged(f"{self.wrong}; nothing was masked", hint="take an older backup: --backup ID")
        self.go_on(back)
        there = self.compare_there(back)
        if self.progress.moment:
            moment.skip(self.progress, "a masked copy is not taken on to the witness after it")
        if there:
            raise Damaged(
                f"{self.plan.choice.point} is not what the log makes of the witness before it: {there}; nothing was masked",
                hint=f"take the proven backup before it: --backup {self.plan.choice.backup.id}",
            )
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

    def _verdict(self) -> CloneVerdict:
        fault = self.progress.fault
        if fault is not None:
            return "failed" if isinstance(fault, Damaged | NotClean) else "could-not-run"
        if self.masking and self.masking.unruled:
            return "needs-rules"
        return "masked" if self.delivered else "looked"

    def result(self, started_at: datetime, finished_at: datetime) -> Cloned:
        """Make the result of all that is known."""
        masked = self.masked
        unruled = self.masking.unruled if self.masking else ()
        columns = masked.columns if masked else self.masking.ruled if self.masking else ()
        searched = masked.searched if masked else None
        result = Cloned(
            **self.told(started_at, finished_at),
            verdict=self._verdict(),
            account_file=self.kept("cnf") if self.delivered else None,
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
        )
        log.info("%s: %s", result.service, result.words)
        return result
