"""Finds the data source that a dashboard means: by uid, by name, by type, the default, or as a variable says."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from backups.panels.boards import DataSource
from backups.panels.dashboards.shape import Unaskable, mapping, text
from backups.panels.dashboards.sheet import EXPRESSION, MIXED, uid_of
from backups.text import without_password

ASKED_TYPES = ("prometheus", "mysql")
"""The types whose queries are filled in, asked and compared."""

_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)(?:[.:]\w+)*\}|\[\[(\w+)(?::\w+)?\]\]", re.ASCII)
_OTHERS = {
    MIXED: "its data source is -- Mixed --, and its query names none",
    "-- Dashboard --": "it shows what another panel answers",
    "-- Grafana --": "Grafana makes its data up itself",
    "grafana": "Grafana makes its data up itself",
    "-- Public --": "it is of a public dashboard",
}

Services = Mapping[tuple[int, str], str]
"""Which service protects a data source, by organisation and uid."""

Chosen = Callable[[str], str | None]
"""The uid or name that a variable has chosen; None where there is no such variable. Raises Unaskable."""


class Sources:
    """The data sources of one organisation."""

    def __init__(self, sources: Iterable[DataSource]) -> None:
        self.every = tuple(sources)
        self._uids: Mapping[str, DataSource] = {one.uid: one for one in self.every}
        self._names: Mapping[str, DataSource] = {one.name: one for one in self.every}
        self.default = next((one for one in self.every if one.default), None)

    def of_type(self, kind: str) -> tuple[DataSource, ...]:
        """Those of a type, the default first."""
        return tuple(sorted((one for one in self.every if one.type == kind), key=lambda one: not one.default))

    def known(self, uid: str) -> DataSource | None:
        """The one of that uid, or of that name."""
        return self._uids.get(uid) or self._names.get(uid)

    def find(self, reference: Any, chosen: Chosen) -> DataSource:
        """The one that a reference means; raises Unaskable, saying why there is none."""
        uid = uid_of(reference)
        kind = text(mapping(reference).get("type"))
        if uid is not None and (parts := _VARIABLE.fullmatch(uid)):
            name = next(filter(None, parts.groups()))
            uid = chosen(name)
            if uid is None:
                raise Unaskable(f"its data source is the placeholder {name[:80]}, which nobody has filled in")
        if uid is None or uid in ("", "default"):
            return self._default(kind)
        if uid in _OTHERS:
            raise Unaskable(_OTHERS[uid], "asks-nothing")
        if uid == EXPRESSION:
            raise Unaskable("it is an expression")
        found = self.known(uid)
        if found is None:
            raise Unaskable(f"there is no data source {uid[:80]}")
        return found

    def _default(self, kind: str) -> DataSource:
        """The default; of a type, where one is named and the default is of another."""
        if kind and not (self.default and self.default.type == kind):
            of_type = self.of_type(kind)
            if not of_type:
                raise Unaskable(_OTHERS.get(kind) or f"there is no data source of type {kind[:80]}")
            return of_type[0]
        if self.default is None:
            raise Unaskable("it asks the default data source, and there is none")
        return self.default


def service_of(source: DataSource, services: Services) -> str:
    """The service that protects a data source; raises Unaskable, saying where it is, for one that none does."""
    found = services.get((source.organisation, source.uid))
    if found is None:
        where = f" at {without_password(source.url)[:200]}" if source.url else ""
        raise Unaskable(f"no service protects the data source {source.name[:80]} ({source.type[:80]}{where})", "not-protected")
    return found
