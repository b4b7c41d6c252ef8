"""Brings all copies back at once, side by side in one network, each where its source stood."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from backups.errors import LifeboatError
from backups.machine import parallel
from backups.machine.docker import Image
from backups.machine.runs import Run
from backups.panels.boards import Boards, DataSource
from backups.panels.question import Question
from backups.repository import chains_in_use
from backups.services.base import Copy, Fetched, Service
from backups.services.panelled import HoldsBoards
from backups.services.standing import Shows, Stand, Stands
from backups.site import Site
from verification.drill import sandbox
from verification.drill.bring_back import bring_back
from verification.drill.clock import Stopwatch
from verification.drill.outcome import Progress
from verification.drill.sandbox import DockerSandbox
from verification.drill.tamper import HARMLESS, Tamper
from verification.together import places, pod
from verification.together.places import Places
from verification.together.plan import PlannedTogether, Side
from verification.together.pod import Pod

log = logging.getLogger(__name__)


@dataclass
class Back:
    """A copy that came back, or did not. seconds: from the first byte to its first answer."""

    side: Side
    service: Service
    box: DockerSandbox
    copy: Copy | None = None
    image: Image | None = None
    fault: LifeboatError | None = None
    seconds: float | None = None


@dataclass
class Company:
    """The copies side by side, by service. boards, places, pod: None, or empty, where no dashboards came back.

    shower, shower_host: the service of the dashboards, and the host where its source is, as far as lifeboat.yaml says
    """

    copies: dict[str, Back]
    shower: str | None
    shower_host: str = ""
    boards: Boards | None = None
    places: Places = field(default_factory=Places)
    pod: Pod | None = None

    @property
    def shows(self) -> Shows | None:
        """The copy that shows dashboards, where it stands among the others."""
        back = self.copies.get(self.shower or "")
        if back is None or self.pod is None or back.fault:
            return None
        copy = back.copy
        if isinstance(copy, Shows):
            return copy
        return None

    @property
    def standin(self) -> bool:
        """Whether that copy is not the real server."""
        back = self.copies.get(self.shower or "")
        return bool(back and back.image and back.image.standin)

    def sources(self, service: str) -> tuple[DataSource, ...]:
        """Return the data sources that the service's questions are put to, as they were when these were asked."""
        panels = self.copies[service].side.panels
        return panels.sources if panels else ()

    def cut_short(self) -> str | None:
        """Say what ended a copy that is not its data, where something did."""
        return next((short for back in self.copies.values() if (short := back.box.cut_short())), None)


@contextmanager
def brought_back(
    site: Site, planned: PlannedTogether, run: Run, tampers: Mapping[str, Tamper], monotonic: Callable[[], float]
) -> Iterator[Company]:
    """Bring them back; what does not come back has its fault. Nothing is left of them when the block ends."""
    with ExitStack() as last, ExitStack() as held:
        for chain in sorted({side.chain[0].chain for side in planned.every}):
            held.enter_context(chains_in_use.chain(site.state, chain))
        copies = {
            side.service: Back(
                side,
                site.service(side.service, run.docker),
                held.enter_context(sandbox.opened(run, f"together-{side.service}", site.settings.sandbox)),
            )
            for side in planned.every
        }
        shower = planned.shower.service if planned.shower else None
        those = Company(copies, shower, _host(site, shower) if shower else "")
        meeting = _Meeting(site, run, planned, those, last)
        parallel.side_by_side(
            lambda back: _bring_back(site, back, meeting, tampers.get(back.side.service, HARMLESS), monotonic),
            copies.values(),
            at_once=len(copies),
        )
        yield those


@dataclass
class _Meeting:
    """Has every copy wait for the one with the dashboards, which knows where the others have to stand."""

    site: Site
    run: Run
    planned: PlannedTogether
    those: Company
    held: ExitStack
    known: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        if self.planned.shower is None:
            self.known.set()

    def take_place(self, back: Back, copy: Copy, fetched: Sequence[Fetched]) -> None:
        """Give a copy its place, before its start; it is alone where there is none."""
        if back.side.panels is None:
            self._lay_out(back, fetched)
            self.known.set()
        self.known.wait()
        pod = self.those.pod
        if pod is None:
            return
        found = self.those.places.of.get(back.side.service)
        if isinstance(copy, Shows):
            copy.stand(Stand(pod.container))
        elif isinstance(copy, Stands) and found:
            copy.stand(Stand(pod.container, found.addresses, found.port, found.path))

    def _lay_out(self, back: Back, fetched: Sequence[Fetched]) -> None:
        """Read the dashboards, find where everybody stands, and make the network for that."""
        service, those = back.service, self.those
        if not isinstance(service, HoldsBoards) or back.box.chosen is None:
            raise AssertionError("the plan chose a service that holds dashboards")
        those.boards = service.boards(fetched[-1])
        asked = [
            (source, side.service)
            for side in self.planned.sides
            for source in _sources(side.panels.questions if side.panels else (), those.boards)
        ]
        hosts = {side.service: _host(self.site, side.service) for side in self.planned.sides}
        those.places = places.places(asked, hosts, those.shower_host)
        those.pod = self.held.enter_context(pod.opened(self.run, self.site.settings.sandbox, back.box.chosen, those.places))


def _bring_back(site: Site, back: Back, meeting: _Meeting, tamper: Tamper, monotonic: Callable[[], float]) -> None:
    progress, begun = Progress(Stopwatch(monotonic)), monotonic()
    try:
        found = bring_back(
            back.service,
            back.side.chain,
            site.repository,
            back.box,
            progress.watch,
            progress,
            tamper=tamper,
            ready=lambda copy, fetched: meeting.take_place(back, copy, fetched),
        )
        back.copy, back.seconds = found.copy, monotonic() - begun
    except Exception as fault:
        log.debug("%s did not come back", back.side.service, exc_info=True)
        back.fault = back.box.excused(parallel.as_fault(fault))
    finally:
        back.image = progress.image
        if back.side.panels is None:
            # Whatever became of it: the others go on.
            meeting.known.set()


def _sources(questions: Sequence[Question], boards: Boards | None) -> tuple[DataSource, ...]:
    """Return the data sources of questions, the most asked first."""
    asked = Counter((question.organisation, question.source) for question in questions)
    known = {(source.organisation, source.uid): source for source in (boards.sources if boards else ())}
    return tuple(known[key] for key in sorted(asked, key=lambda key: (-asked[key], key)) if key in known)


def _host(site: Site, service: str) -> str:
    """Return the host that lifeboat.yaml names for a service; empty where it names none."""
    section = site.settings.services[service]
    if host := getattr(section, "host", None):
        return str(host)
    try:
        return urlsplit(str(getattr(section, "url", None) or "")).hostname or ""
    except ValueError:
        return ""
