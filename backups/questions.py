"""Makes the questions that a service's next capture asks for dashboards, out of the newest backup of a Grafana.

Nothing that goes wrong on this way fails a backup: it is taken without questions, and says why. Next file: `panels/choose.py`.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from backups import held_boards, panel_values, plural
from backups.errors import LifeboatError
from backups.foreign import shown
from backups.manifest import DATA, BackupRecord
from backups.panels import asking, choose, spread
from backups.panels.boards import Boards, DataSource
from backups.panels.choose import Circumstances
from backups.panels.dashboards.times import MINUTE, Window
from backups.panels.question import FILE, Asker
from backups.repository.repository import Repository
from backups.services.base import PanelsJob, Service
from backups.services.panelled import HoldsBoards, NoBoards, Panelled, Timed

log = logging.getLogger(__name__)

_SHARE = 0.25
"""Of the time for questions, what finding the variables' values may take, before the capture begins."""
_PAST = 10 * MINUTE
"""How far back is asked where no Prometheus says up to when its past is complete."""


@dataclass(frozen=True)
class Wanted:
    """What a capture asks, and what the backup must say of it (limits, a line each)."""

    job: PanelsJob | None = None
    limits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Questions:
    """The configured services, by name, and where their backups are. clock: seconds, for how long something takes."""

    services: Mapping[str, Service]
    repository: Repository
    state: Path
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    clock: Callable[[], float] = time.monotonic

    def of(self, service: Service) -> Wanted:
        """The questions for the capture of a service, none for one that no dashboard asks. Never raises."""
        if not isinstance(service, Panelled):
            return Wanted()
        try:
            return self._of(service.name)
        except LifeboatError as error:
            why = error.message
        except Exception as error:  # noqa: BLE001 - whatever a dashboard holds must not cost the backup
            why = f"{type(error).__name__}: {shown(str(error), 200)}"
        log.warning("%s: dashboards are not asked: %s", service.name, why)
        return Wanted(limits=(f"what dashboards are answered is not in this backup: {why}",))

    def _of(self, name: str) -> Wanted:
        holders = [
            holder
            for holder in self.services.values()
            if isinstance(holder, HoldsBoards) and holder.panels.ask
        ]  # fmt: skip
        newest = self._newest() if holders else {}
        limits: list[str] = []
        for holder in holders:
            record = newest.get(holder.name)
            if record is None:
                log.info("%s: no dashboards are asked for, since there is no backup of %s yet", name, holder.name)
                continue
            try:
                boards = held_boards.read(self.repository, holder, record, self.state)
            except NoBoards as error:
                log.info("%s: nothing is asked for the dashboards of %s: %s", name, holder.name, error.message)
                continue
            except LifeboatError as error:
                log.warning("%s: the dashboards of %s are not asked for: %s", name, holder.name, error.message)
                limits.append(f"what the dashboards of {holder.name} are answered is not in this backup: {error.message}")
                continue
            asked = _Asked(self, holder, record, boards, newest)
            if any(service == name for service in asked.services.values()):
                return Wanted(asked.job(name), tuple(limits))
            log.info("%s: no data source of %s is this service, so nothing is asked for dashboards", name, record.id)
        return Wanted(limits=tuple(limits))

    def _newest(self) -> dict[str, BackupRecord]:
        """The newest backup of each service, of those that are not in the future; an empty repository has none."""
        now = self.now()
        return {record.service: record for record in self.repository.backups() if record.taken_at <= now}


class _Asked:
    """The dashboards of one backup, and who is asked."""

    def __init__(
        self, site: Questions, holder: HoldsBoards, record: BackupRecord, boards: Boards, newest: Mapping[str, BackupRecord]
    ) -> None:
        self._site = site
        self._holder = holder
        self._record = record
        self._boards = boards
        self._newest = newest
        self.services = who_answers(boards.sources, site.services, holder.claimed)

    def job(self, name: str) -> PanelsJob:
        """Find the variables' values, then choose what a service is asked."""
        bounds = self._holder.panels
        given = Circumstances(self.services, self._end(), most=bounds.questions, blocks={})
        given = replace(given, blocks=self._blocks(given.end))
        with ExitStack() as stack:
            askers = panel_values.Askers(stack, self._site.services, self._sources, self._through())
            replies = panel_values.values(
                self._boards, given, askers, self._site.clock() + bounds.seconds * _SHARE, self._site.clock
            )
            through = askers.through
        given = replace(given, through=through is not None, replies=replies, seen=self._seen(name))
        choice = choose.choose(self._boards, given)
        mine = tuple(question for question in choice.questions if question.service == name)
        log.info(
            "%s: %s of the dashboards in %s; %s without a question",
            name,
            plural.count(len(mine), "question"),
            self._record.id,
            plural.count(len(choice.not_asked), "panel, variable or rule", "panels, variables or rules"),
        )
        return PanelsJob(self._record.id, mine, self._sources(name), choice.not_asked, through, bounds.seconds)

    def _sources(self, name: str) -> tuple[DataSource, ...]:
        return tuple(one for one in self._boards.sources if self.services.get((one.organisation, one.uid)) == name)

    def _through(self) -> Asker | None:
        try:
            return self._holder.grafana()
        except LifeboatError as error:
            log.warning("%s is not asked, its data sources are, directly: %s", self._holder.name, error.message)
            return None

    def _timed(self) -> dict[str, Timed]:
        found = {name: self._site.services[name] for name in dict.fromkeys(self.services.values())}
        return {name: service for name, service in found.items() if isinstance(service, Timed)}

    def _end(self) -> int:
        """The instant, in milliseconds, at which all is asked: complete everywhere, at a whole minute."""
        now = int(self._site.now().timestamp() * 1000)
        ends = []
        for name, service in self._timed().items():
            try:
                ends.append(min(now, int(service.settled() * 1000)))
            except LifeboatError as error:
                log.warning("%s does not say up to when its past is complete: %s", name, error.message)
        end = min(ends, default=now - _PAST)
        return end - end % MINUTE

    def _blocks(self, end: int) -> dict[str, Sequence[Window]]:
        """What each service's newest backup held, and what came since."""
        found: dict[str, Sequence[Window]] = {}
        for name, service in self._timed().items():
            if record := self._newest.get(name):
                try:
                    blocks = service.blocks(self._site.repository.manifest(record))
                except LifeboatError as error:
                    log.warning("no panel looks into the blocks of %s: %s", record.id, error.message)
                else:
                    found[name] = spread.stretches([Window(*one) for one in blocks], end)
        return found

    def _seen(self, name: str) -> frozenset[str]:
        """The questions that the service's newest backup has an answer to, with rows; none where it was not asked."""
        record = self._newest.get(name)
        if record is None or name not in self._timed():
            return frozenset()
        try:
            manifest = self._site.repository.manifest(record)
            if not any(entry.path == FILE for entry in manifest.files):
                return frozenset()
            held = asking.read(self._site.repository.read(record.snapshot, f"/{DATA}/{FILE}"), f"{FILE} of backup {record.id}")
        except LifeboatError as error:
            log.warning("what %s was asked is not known: %s", record.id, error.message)
            return frozenset()
        return frozenset(answer.question for answer in held.answers if answer.outcome == "answered")


def who_answers(
    sources: Sequence[DataSource], services: Mapping[str, object], claimed: Mapping[str, str]
) -> dict[tuple[int, str], str]:
    """Say which service each data source is: as lifeboat.yaml says (by uid or name), else by its address."""
    found: dict[tuple[int, str], str] = {}
    known: dict[tuple[str, str], str | None] = {}
    panelled = {name: service for name, service in services.items() if isinstance(service, Panelled)}
    for source in sources:
        name = claimed.get(source.uid) or claimed.get(source.name)
        if name is None:
            address = (source.type, source.url)
            if address not in known:
                known[address] = next((each for each, service in panelled.items() if service.answers(source)), None)
            name = known[address]
        if name in panelled:
            found[source.organisation, source.uid] = name
    return found
