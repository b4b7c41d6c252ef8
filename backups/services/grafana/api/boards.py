"""Reads what asks out of the objects of a backup that was read through the API."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from backups.panels.boards import AlertRule, Board, Boards, DataSource, LibraryPanel
from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import DIRECTORY, Objects, load

KINDS = (kinds.ORGANISATION, kinds.DASHBOARD, kinds.LIBRARY_PANEL, kinds.DATA_SOURCE, kinds.RULE_GROUP, kinds.FOLDER)
"""The kinds of objects that are read."""
_FOLDERS = frozenset(kind.replace(" ", "-") for kind in KINDS)


def is_read(path: str) -> bool:
    """Whether a file of a backup, by its path below `data/`, holds one of them."""
    parts = path.split("/")
    return len(parts) > 2 and parts[0] == DIRECTORY and parts[2] in _FOLDERS


def boards(data: Path, backup: str) -> Boards:
    """Read them; raises Damaged, naming the file, for what is no object."""
    return read(load(data, backup))


def read(objects: Objects) -> Boards:
    """Put together what asks, of every organisation."""
    found: dict[str, list[Any]] = {kind: [] for kind in KINDS}
    titles = {(key.organisation, key.name): str(body.get("title") or "") for key, body in _of(objects, kinds.FOLDER)}
    for key, body in _of(objects, kinds.DASHBOARD):
        spec, version = _mapping(body.get("spec")), str(body.get("apiVersion") or "")
        layout = "v2" if version.startswith("v2") else "classic"
        found[key.kind].append(Board(key.organisation, key.name, str(spec.get("title") or ""), layout, spec))  # type: ignore[arg-type]
    for key, body in _of(objects, kinds.LIBRARY_PANEL):
        model = _mapping(body.get("model"))
        found[key.kind].append(LibraryPanel(key.organisation, key.name, str(body.get("name") or ""), model))
    for key, body in _of(objects, kinds.DATA_SOURCE):
        found[key.kind].append(_source(key.organisation, key.name, body))
    for key, body in _of(objects, kinds.RULE_GROUP):
        folder = str(body.get("folderUid") or "")
        for rule in body.get("rules") or ():
            found[key.kind].append(_rule(key.organisation, titles.get((key.organisation, folder)) or folder, _mapping(rule)))
    return Boards(
        sources=tuple(found[kinds.DATA_SOURCE]),
        boards=tuple(found[kinds.DASHBOARD]),
        library=tuple(found[kinds.LIBRARY_PANEL]),
        rules=tuple(found[kinds.RULE_GROUP]),
    )


def _of(objects: Objects, kind: str) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    return ((key, objects.bodies[key]) for key in sorted(objects.bodies) if key.kind == kind)


def _source(organisation: int, uid: str, body: Mapping[str, Any]) -> DataSource:
    settings = _mapping(body.get("jsonData"))
    return DataSource(
        organisation=organisation,
        uid=uid,
        name=str(body.get("name") or ""),
        type=str(body.get("type") or ""),
        url=str(body.get("url") or ""),
        default=bool(body.get("isDefault")),
        user=str(body.get("user") or ""),
        database=str(body.get("database") or settings.get("database") or ""),
        settings=settings,
    )


def _rule(organisation: int, folder: str, rule: Mapping[str, Any]) -> AlertRule:
    data = rule.get("data")
    listed = tuple(one for one in data if isinstance(one, Mapping)) if isinstance(data, list) else ()
    return AlertRule(organisation, str(rule.get("uid") or ""), str(rule.get("title") or ""), folder, listed)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
