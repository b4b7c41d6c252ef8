"""The story of a real restore: bring the copy back as a drill does, prove it, and only then touch the target.

So a restore that finds damage, runs out of room or dies leaves the target as it was. What was there before is moved aside, never
deleted.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from backups import durations, plural, witness
from backups.errors import Damaged, LifeboatError
from backups.machine import disk, parallel, runs
from backups.machine.runs import Run
from backups.places.container import NewContainer
from backups.repository import chains_in_use
from backups.services.base import Copy, Delivery, Receiver
from backups.site import Site
from verification.drill import fetch, sandbox
from verification.drill.outcome import image_part
from verification.drill.sandbox import DockerSandbox
from verification.evidence.evidence import BackupPart, ImagePart, Verdict
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
        work = _Work(site, plan, run, monotonic)
        fault = None
        with work.book.listening():
            try:
                work.do()
            except Exception as error:
                log.debug("a fault ended the restore", exc_info=True)
                fault = parallel.as_fault(error)
        result = work.result(started_at, now(), fault)
    kept = site.state / "restores" / f"{order.service}-{started_at:%Y%m%dT%H%M%SZ}.md"
    result = result.model_copy(update={"runbook": runbook or kept})
    for path in dict.fromkeys([kept, *([runbook] if runbook else [])]):
        work.book.write(result, path)
    return result


class _Work:
    """One restore while it is done; what is known of it can be told at any moment."""

    def __init__(self, site: Site, plan: Plan, run: Run, monotonic: Callable[[], float]) -> None:
        self.site, self.plan, self.run = site, plan, run
        self.book = Runbook()
        self.image: ImagePart | None = None
        self.checks: list[witness.Check] = []
        self.notes: list[str] = []
        self.stands: str | None = None
        self.delivered: str | None = None
        self.aside: str | None = None
        self.configuration: str | None = None
        self._clock = monotonic
        self._begun: list[tuple[str, float]] = []

    def do(self) -> None:
        """The order is the contract of `Copy`; the target comes last."""
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
                elif isinstance(self.plan.target, Receiver):
                    delivery = deliver.objects(copy, box.directory / "objects")
                else:
                    self._begin("settle", "End the server in order")
                    delivery = copy.settle()
                self.notes += delivery.notes
                self._deliver(delivery)
        finally:
            self._begin("end", "")

    def _bring_back(self, box: DockerSandbox) -> Copy:
        """A copy that stands at the wanted moment, its witness compared. Raises Damaged when it is not equal."""
        plan, choice, service = self.plan, self.plan.choice, self.plan.service
        self._begin("fetch", f"Fetch {plural.count(len(choice.records), 'backup')} from the repository")
        self.book.say(f"restic was told by RESTIC_REPOSITORY={self.site.repository.shown_url} and RESTIC_PASSWORD")
        manifests = fetch.manifests(choice.records, self.site.repository)
        manifest = manifests[len(choice.chain) - 1]
        self.image = image_part(box.image(manifest.source.image))
        fetched = fetch.files(service, choice.chain, manifests[: len(choice.chain)], self.site.repository, box.directory)
        fetch.count(fetched, service)
        later = choice.later and fetch.log(service, choice.later, manifests[-1], self.site.repository, box.directory)
        copy = service.copy(fetched, box, lasting=True)
        copy.assemble()
        self._begin("start", f"Start {manifest.source.image} on it, without a network")
        copy.start()
        self._begin("replay", "Bring it to the moment of its witness")
        copy.replay()
        self._begin("ready", "Ask it a first question")
        copy.first_answer()
        self._begin("check", "Compare everything with the witness")
        self.checks = witness.compare(manifest.witness, list(copy.observe()))
        wrong = [check for check in self.checks if not check.passed]
        self._say(f"{len(self.checks) - len(wrong)} of {len(self.checks)} checks equal to the witness of {manifest.id}")
        if wrong and not plan.order.anyway:
            raise Damaged(
                f"{len(wrong)} of {len(self.checks)} checks failed, first {wrong[0].subject} {wrong[0].metric}: expected "
                f"{wrong[0].expected}, observed {wrong[0].observed}; {plan.target} was not touched",
                hint="restore an older backup: --backup ID; or take what is left: --anyway",
            )
        if choice.point and later:
            self._begin("advance", f"Go on to {choice.point}")
            self.stands = copy.advance(later, choice.point)
            self._say(self.stands)
        return copy

    def _deliver(self, delivery: Delivery) -> None:
        plan = self.plan
        ownership = deliver.ownership(delivery, plan.service.settings.restore)
        if isinstance(plan.target, Receiver):
            self._hand_in(plan.target, delivery)
            return
        if isinstance(plan.target, NewContainer):
            self._begin("deliver", f"Fill the volume {plan.target.volume}, and start container {plan.target.name} on it")
            plan.target.fill(delivery.data, ownership)
            if delivery.configuration:
                self.configuration = plan.target.keep_configuration(delivery.configuration, ownership)
            image = self.run.docker.image(self.image.name if self.image else plan.service.settings.image)
            plan.target.begin(image, delivery.inside, delivery.options)
            self.delivered = str(plan.target)
            return
        size = disk.tree_size(delivery.data)
        if (free := plan.target.free()) < size:
            raise LifeboatError(
                f"what came back has {disk.size(size)}, {disk.size(free)} are free in {plan.target}, which was not touched",
                hint="free some space, or name another place",
            )
        commands = plan.service.settings.restore
        if commands.stop and plan.in_place:
            self._begin("stop", "Stop the service")
            self._say(deliver.run(plan.target, commands.stop, "restore.stop"))
        self._begin("deliver", f"Put it to {plan.target}")
        if plan.held:
            suffix = f"before-restore-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
            self.aside = plan.target.move_aside(suffix)
            self._say(f"what was there is now in {self.aside}")
            deliver.keep_root(plan.target, self.aside, suffix)
        plan.target.put(delivery.data, ownership)
        self.delivered = str(plan.target)
        self._say(f"{disk.size(size)} are in {plan.target}")
        if delivery.configuration:
            self.configuration = deliver.put_configuration(plan.order.to, delivery, ownership, self.site, self.run.docker)
            self._say(f"its configuration is in {self.configuration}")
        if commands.start and plan.in_place:
            self._begin("begin", "Start the service")
            self._say(deliver.run(plan.target, commands.start, "restore.start"))
            self.notes += deliver.alive(self.site, plan.service, plan.choice.backup)

    def _hand_in(self, target: Receiver, delivery: Delivery) -> None:
        """Give it to a running server, which keeps its own name for what was there before."""
        if self.plan.held:
            self._begin("keep", f"Keep what {target} holds")
            kept = self.site.state / "restores" / f"{self.plan.service.name}.before-restore-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
            target.keep(kept)
            self.aside = str(kept)
            self._say(f"what it held is also in {kept}")
        self._begin("deliver", f"Put everything into {target}, and read it back")
        self.notes += target.receive(delivery.data, self.plan.choice.backup.id)
        self.delivered = str(target)

    def _begin(self, phase: str, title: str) -> None:
        self._begun.append((phase, self._clock()))
        if title:
            self.book.begin(title)
            log.info("%s: %s", self.plan.service.name, title[0].lower() + title[1:])
            self.run.go_on()

    def _say(self, line: str) -> None:
        self.book.say(line)
        log.info("%s: %s", self.plan.service.name, line)

    def result(self, started_at: datetime, finished_at: datetime, fault: LifeboatError | None) -> Restoration:
        """All that is known."""
        plan, choice = self.plan, self.plan.choice
        phases = [
            Timed(name=name, seconds=round(after - begun, 3))
            for (name, begun), (_, after) in zip(self._begun, self._begun[1:], strict=False)
        ]
        result = Restoration(
            service=plan.service.name,
            type=plan.service.settings.type,
            verdict=self._verdict(fault),
            started_at=started_at,
            finished_at=finished_at,
            backup=BackupPart(
                id=choice.backup.id,
                kind=choice.backup.kind,
                chain=tuple(record.id for record in choice.chain),
                taken_at=choice.backup.taken_at,
                bytes=plan.needed,
            ),
            image=self.image,
            stands=self.stands,
            phases=tuple(phases),
            checks=tuple(self.checks),
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

    def _verdict(self, fault: LifeboatError | None) -> Verdict:
        if any(not check.passed for check in self.checks) or isinstance(fault, Damaged):
            return "failed"
        return "could-not-run" if fault or not self.checks else "verified"
