"""Holds what a Grafana backup says of dashboards: what asks, and of which data source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Json = Mapping[str, Any]


@dataclass(frozen=True)
class DataSource:
    """A data source of an organisation. url: as it stands there (MySQL: `host:port`); settings: its jsonData, never a secret.

    user, database: of a MySQL
    """

    organisation: int
    uid: str
    name: str
    type: str
    url: str
    default: bool = False
    user: str = ""
    database: str = ""
    settings: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Board:
    """A dashboard. layout: `classic` (panels, rows) or `v2` (elements); content: its JSON."""

    organisation: int
    uid: str
    title: str
    layout: Literal["classic", "v2"]
    content: Json


@dataclass(frozen=True)
class LibraryPanel:
    """A panel that dashboards share by its uid; `model` holds the queries."""

    organisation: int
    uid: str
    name: str
    model: Json


@dataclass(frozen=True)
class AlertRule:
    """An alert rule. data: its queries and expressions as Grafana keeps them (refId, datasourceUid, relativeTimeRange, model)."""

    organisation: int
    uid: str
    title: str
    folder: str
    data: Sequence[Json]


@dataclass(frozen=True)
class Boards:
    """Everything of a Grafana that asks, and whom it asks."""

    sources: Sequence[DataSource]
    boards: Sequence[Board]
    library: Sequence[LibraryPanel] = ()
    rules: Sequence[AlertRule] = ()
