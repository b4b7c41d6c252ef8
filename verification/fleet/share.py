"""Shares the drills of a verification among the machines of a site's fleet.

Next files: `coordinate.py`, which sees to it that each is run once, and `carry.py`, which runs one on its machine.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from backups.services.base import Point
from backups.site import Site
from verification.drill.outcome import could_not_begin
from verification.drill.plan import Planned
from verification.evidence.evidence import DrillResult, Evidence
from verification.fleet import weigh
from verification.fleet.alive import Alive
from verification.fleet.coordinate import Coordinator
from verification.fleet.desk import Desk
from verification.fleet.machines import machines
from verification.fleet.post import Post
from verification.fleet.results import Collector
from verification.fleet.sequence import sequence
from verification.fleet.work import Due, Machine, Slot

_PATIENCE = 3
"""So many times `fleet.silence` machines are waited for that are not heard, where no other one can run what waits."""
_LEAST = timedelta(seconds=90)
"""A worker that is started again is heard within that, whatever `fleet.silence` is."""


@dataclass
class Fleet:
    """The fleet at work on one verification, which `verification` is the id of."""

    site: Site
    verification: str
    _collector: Collector | None = field(default=None, init=False)

    def drill(
        self,
        planned: Sequence[Planned],
        at: datetime | Point | None,
        post: Post,
        *,
        now: Callable[[], datetime],
        pause: Callable[[], None],
    ) -> list[DrillResult]:
        """Have the planned drills run; returns their results in order. Raises only an interrupt, or what hinders it to begin.

        at: the moment that was asked for, where one was. post: carries tickets. pause: waits a moment
        """
        settings, begun = self.site.settings, now()
        until = begun + settings.fleet.window if settings.fleet.window else None
        there = machines(settings)
        due = weigh.of_site(self.site, planned, begun)
        numbers = {id(each): number for number, each in enumerate(due) if not planned[number].error}
        limits = settings.fleet.repositories

        def arranged(waiting: Sequence[Due], there: Sequence[Machine], at: datetime, running: Sequence[Slot]) -> list[Due]:
            return sequence(waiting, there, settings.objectives, at, until=until, repositories=limits, running=running)

        ordered = arranged([due[number] for number in numbers.values()], there, begun, ())
        drills = [numbers[id(each)] for each in ordered]
        first, chosen = self.site.at(None), self.site
        read = {first.repository_name: first.repository, chosen.repository_name: chosen.repository}
        # One that no drill can begin from is not asked for results either: it may be away.
        used = {due[number].repository for number in drills} - set(read)
        read |= {name: self.site.at(name).repository for name in sorted(used)}
        self._collector = Collector(self.verification, read)
        coordinator = Coordinator(
            self.verification,
            [planned[number] for number in drills],
            Desk(ordered, there, begun, limits, until, _PATIENCE * max(settings.fleet.silence, _LEAST), arranged),
            post,
            self._collector,
            Alive(settings.fleet.silence),
            at,
        )
        results = dict(zip(drills, coordinator.run(now, pause), strict=True))
        return [
            could_not_begin(each, each.error, begun) if each.error else results[number] for number, each in enumerate(planned)
        ]

    def clear(self, evidence: Evidence) -> None:
        """Remove the single results, once the evidence that they became is kept."""
        if self._collector and evidence.kept and evidence.kept.snapshot:
            self._collector.clear()
