"""Does what a restore and a masked copy do alike: brings a backup back for a target, compares it, and says what is known of it.

`restore.py` and `verification/clone/clone.py` say what is done with the copy then.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from backups import plural, witness
from backups.errors import Damaged, LifeboatError
from backups.machine import parallel
from backups.machine.docker import Image
from backups.machine.runs import Run
from backups.repository import chains_in_use
from backups.services.continuous import continuous_copy
from backups.site import Site
from verification.drill import moment, sandbox
from verification.drill.bring_back import BroughtBack, bring_back
from verification.drill.clock import Phase, Stopwatch
from verification.drill.outcome import Progress, failed_checks, image_part
from verification.drill.sandbox import DockerSandbox
from verification.evidence import words
from verification.evidence.evidence import BackupPart
from verification.restore import elsewhere
from verification.restore.order import Timed
from verification.restore.plan import Plan

log = logging.getLogger(__name__)


class Work:
    """One backup while it is brought back: the `Steps` of its target, the `Clock` of its copy, and all that is known so far.

    wrong: what of the copy is not equal to its witness; None where all is, and before it was compared
    """

    kind: str
    """Of its sandbox's name."""
    hands_over = False
    """Whether the copy is handed over as it is."""

    def __init__(self, site: Site, plan: Plan, run: Run, monotonic: Callable[[], float]) -> None:
        self.site, self.plan, self.run = site, plan, run
        self.progress = Progress(Stopwatch(monotonic))
        self.wrong: str | None = None
        self.notes: list[str] = []
        self.lacking: list[str] = []
        self.delivered: str | None = None
        self.aside: str | None = None
        self.configuration: str | None = None
        self.touched = False
        self.stopped = False
        self.started: str | None = None

    def carry_out(self) -> None:
        """Bring the copy back and do all the rest. Raises LifeboatError; what is known by then is kept."""
        raise NotImplementedError

    def try_out(self, now: Callable[[], datetime]) -> None:
        """Carry it out, and note the fault that ends it; only an interrupt is raised."""
        try:
            self.carry_out()
        except Exception as error:
            log.debug("a fault ended the %s", self.kind, exc_info=True)
            self.progress.fault = self._offered(parallel.as_fault(error), now())

    def _offered(self, fault: LifeboatError, now: datetime) -> LifeboatError:
        """Add to a fault of the backup, or of fetching it, what the other repositories could bring back."""
        phases = self.progress.watch.phases
        fetching = bool(phases) and phases[-1][0] == Phase.FETCH
        if self.touched or not (fetching or isinstance(fault, Damaged)):
            return fault
        return elsewhere.with_offers(self.site, self.plan.order, fault, now)

    @contextmanager
    def in_sandbox(self) -> Iterator[DockerSandbox]:
        """Hold the chain, and yield a sandbox; the clock stops at the end of the block."""
        choice = self.plan.choice
        name = f"{self.kind}-{choice.backup.id[-16:].lower()}"
        try:
            with (
                chains_in_use.chain(self.site.state, choice.chain[0].chain),
                sandbox.opened(self.run, name, self.site.settings.sandbox) as box,
            ):
                yield box
        finally:
            self.progress.watch.stop()

    def bring_back(self, box: DockerSandbox) -> BroughtBack:
        """Bring the copy back, and compare it with its witness: `wrong`."""
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
            hand_over=self.hands_over,
            later=choice.later,
            image=plan.order.image,
        )
        self.begin_step(Phase.CHECK, "Compare everything with the witness")
        self.progress.checks = witness.compare(back.manifest.witness, list(back.copy.observe()))
        checks = self.progress.checks
        self.note(words.proof(back.manifest.id, checks, None))
        self.wrong = failed_checks(checks) if checks else f"backup {back.manifest.id} has no witness to compare it with"
        return back

    def go_on(self, back: BroughtBack) -> None:
        """Have the copy go on to the moment that was asked for, where one was."""
        point = self.plan.choice.point
        if point and self.progress.moment and back.log:
            self.begin_step(Phase.ADVANCE, f"Go on to {point}")
            moment.reach(continuous_copy(back.copy), back.log, point, self.progress)
            self.note(str(self.progress.moment.stands))

    def compare_there(self, back: BroughtBack) -> str | None:
        """Compare the moment itself with what the log makes of the witness before it; returns what is not equal."""
        if not (self.progress.moment and back.log):
            return None
        self.begin_step(Phase.THERE, f"Compare it there with what the log makes of the witness of {self.plan.choice.backup.id}")
        moment.compare(continuous_copy(back.copy), back.log, self.progress)
        self.note(words.there(self.progress.moment))
        return failed_checks(self.progress.moment.there)

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
        if phase == Phase.FETCH and self.site.further_name:
            self.note(f"from the repository {self.site.further_name}, not the first")

    def begin_step(self, phase: str, title: str) -> None:
        """See Steps."""
        self.progress.watch.begin(phase)
        log.info("%s: %s", self.plan.service.name, title[0].lower() + title[1:])
        self.run.raise_if_cancelled()

    @property
    def image(self) -> Image | None:
        """See Steps."""
        return self.progress.image

    def note(self, line: str) -> None:
        """See Steps."""
        log.info("%s: %s", self.plan.service.name, line)

    @property
    def partial(self) -> str | None:
        """Why a copy that equals its witness is not all that the source was; None for whole ones."""
        whole = self.progress.manifest.partial if self.progress.manifest else None
        return "; ".join([*([whole] if whole else []), *self.lacking]) or None

    def told(self, started_at: datetime, finished_at: datetime) -> dict[str, Any]:
        """Return what is known of it whatever was to become of the copy: the fields that both results have."""
        choice, fault, there = self.plan.choice, self.progress.fault, self.progress.moment
        return {
            "service": self.plan.service.name,
            "started_at": started_at,
            "finished_at": finished_at,
            "backup": BackupPart(
                id=choice.backup.id,
                kind=choice.backup.kind,
                chain=tuple(record.id for record in choice.chain),
                taken_at=choice.backup.taken_at,
                bytes=self.plan.needed,
            ),
            "image": image_part(self.progress.image) if self.progress.image else None,
            "stands": there.stands if there else None,
            "proof": words.proof(choice.backup.id, self.progress.checks, there, self.partial),
            "phases": tuple(Timed(name=name, seconds=round(took, 3)) for name, took in self.progress.watch.phases),
            "to": self.plan.order.to,
            "delivered": self.delivered,
            "error": fault.message if fault else None,
            "hint": fault.hint if fault else None,
            "repository": self.site.repository_name,
        }
