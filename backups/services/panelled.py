"""Describes a service that answers dashboards' panels (MySQL, Prometheus), and one that holds the dashboards (Grafana)."""

import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, runtime_checkable

from backups import plural
from backups.errors import LifeboatError
from backups.foreign import shown
from backups.manifest import Manifest
from backups.panels import asking
from backups.panels.boards import Boards, DataSource
from backups.panels.question import FORM, Answer, Asker, Panels, Way
from backups.services.base import Fetched, PanelsJob
from backups.services.settings import PanelsSettings

Address = tuple[str, int]
"""A host, by name or by number, and a port."""


@runtime_checkable
class Panelled(Protocol):
    """A service whose data dashboards show. What it was asked is in `panels.json` of its backup."""

    def answers(self, source: DataSource) -> bool:
        """Return whether this data source's address is this service, as lifeboat.yaml names it; asks nobody."""
        ...

    def asker(self, sources: tuple[DataSource, ...]) -> AbstractContextManager[Asker]:
        """Ask the live server directly, reading only and each question within its time. sources: as Grafana knows this server."""
        ...


@runtime_checkable
class PanelledCopy(Protocol):
    """A copy that answers panels directly, where no real Grafana stands before it."""

    def asker(self, sources: tuple[DataSource, ...]) -> AbstractContextManager[Asker]:
        """As `Panelled.asker`, of the copy."""
        ...


@runtime_checkable
class Timed(Protocol):
    """A panelled service that holds series over time: what is asked of it lies in its past, and in blocks."""

    def settled(self) -> float:
        """Ask the live server up to which instant (unix seconds, by its own clock) its past is complete. Raises LifeboatError."""
        ...

    def blocks(self, manifest: Manifest) -> Sequence[tuple[int, int]]:
        """Return the blocks in a backup: where each begins and ends (exclusive), in milliseconds. Raises Damaged."""
        ...


class NoBoards(LifeboatError):
    """A backup holds no dashboards, as its service is configured: they are in another service's."""


@runtime_checkable
class HoldsBoards(Protocol):
    """A service in whose backups the dashboards are."""

    @property
    def name(self) -> str:
        """See Service."""
        ...

    @property
    def panels(self) -> PanelsSettings:
        """Whether, and how much, its dashboards' questions are asked."""
        ...

    @property
    def claimed(self) -> Mapping[str, str]:
        """Which service a data source is, by its uid or name, as lifeboat.yaml says it."""
        ...

    def board_files(self, manifest: Manifest) -> Sequence[str]:
        """Return the paths below `data/` that `boards` reads; raises NoBoards where its backups hold no dashboards."""
        ...

    def boards(self, backup: Fetched) -> Boards:
        """Read every dashboard, library panel, alert rule and data source of every organisation; raises Damaged."""
        ...

    def grafana(self) -> Asker | None:
        """Return an asker of the live Grafana, by the credentials in lifeboat.yaml; None where there are none that may."""
        ...


def same_server(one: Address, other: Address, resolve: Callable[[str], Sequence[str]] | None = None) -> bool:
    """Return whether two addresses are one server's, as far as this machine's resolver tells; asks no server."""
    if one[1] != other[1]:
        return False
    hosts = [address[0].strip("[]").rstrip(".").lower() for address in (one, other)]
    if hosts[0] == hosts[1]:
        return True
    found = [set((resolve or _resolved)(host)) for host in hosts]
    return not found[0].isdisjoint(found[1])


def keep(job: PanelsJob, way: Way, answers: Sequence[Answer], directory: Path) -> list[str]:
    """Write a capture's answers to `panels.json` in its directory; returns what of them is a limit of the backup, a line each."""
    panels = Panels(
        form=FORM,
        grafana=job.grafana,
        asked=way,
        questions=tuple(job.questions),
        answers=tuple(answers),
        not_asked=tuple(job.not_asked),
        sources=tuple(job.sources),
    )
    try:
        asking.write(directory, panels)
    except LifeboatError as error:
        return [f"what dashboards are answered is not kept: {error.message}"]
    titles = {question.id: f"{shown(question.title)}, {shown(question.panel)}" for question in panels.questions}
    return [
        f"what dashboards are answered: {plural.count(len(found), 'question')} of {len(panels.questions)} {what}, "
        f"first: {titles[found[0].question]}: {shown(found[0].why or '', 200)}"
        for outcome, what in (("not-asked", "not asked"), ("not-fixed", "answered in two ways, so not compared"))
        if (found := [answer for answer in panels.answers if answer.outcome == outcome])
    ]


def _resolved(host: str) -> list[str]:
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        return [host]
