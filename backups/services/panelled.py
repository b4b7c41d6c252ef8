"""Describes a service that answers dashboards' panels (MySQL, Prometheus), and one that holds the dashboards (Grafana)."""

from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from backups.panels.boards import Boards, DataSource
from backups.panels.question import Asker
from backups.services.base import Fetched


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
class HoldsBoards(Protocol):
    """A service in whose backups the dashboards are."""

    def boards(self, backup: Fetched) -> Boards:
        """Read every dashboard, library panel, alert rule and data source of every organisation; raises Damaged."""
        ...

    def grafana(self) -> Asker | None:
        """Return an asker of the live Grafana, by the credentials in lifeboat.yaml; None where there are none that may."""
        ...
