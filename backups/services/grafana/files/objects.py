"""Reads folders, dashboards, library panels and data sources of each organisation, whichever tables keep them.

Up to 12.3 dashboards are rows of `dashboard` (folders of `folder`, since 10); from 12.4 on both are objects in `resource`. Both
are always read: a database in the middle of a migration has some here, some there, and a copy that lacks one must show it.
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from backups.services.grafana.canonical import parse, sortable
from backups.services.grafana.files.database import Database, Row
from backups.services.grafana.namespaces import organisation_of

TABLE = "table"
RESOURCE = "resource"
_MIGRATED = "folders and dashboards"


@dataclass(frozen=True)
class Folder:
    """A folder. `parent` is the uid of the folder that holds it, "" at the top; `layout` is TABLE or RESOURCE."""

    organisation: int
    uid: str
    title: str
    parent: str
    layout: str


@dataclass(frozen=True)
class Dashboard:
    """A dashboard as it is stored. `version` is the API version of its JSON ("" where it is not recorded), `history` counts what
    was saved before; `in_bin`: deleted, but still there to be brought back. `stored` is parsed anew by each use of `spec`:
    a thousand parsed dashboards would fill the memory.
    """

    organisation: int
    uid: str
    title: str
    folder: str
    stored: str | bytes
    version: str
    layout: str
    history: int
    in_bin: bool = False

    @property
    def spec(self) -> Any:
        """Its JSON; text where the database holds something else."""
        value = parse(self.stored)
        return value if self.layout == TABLE else _spec(value)


@dataclass(frozen=True)
class LibraryPanel:
    """A panel that dashboards share."""

    organisation: int
    uid: str
    name: str
    folder: str
    model: Any
    row: Row


@dataclass(frozen=True)
class DataSource:
    """A data source. `sealed` holds its encrypted secrets by key, `secrets` what the secrets store keeps for it, whole."""

    organisation: int
    uid: str
    name: str
    row: Row
    sealed: Mapping[str, str]
    secrets: str

    @property
    def answered_secrets(self) -> tuple[str, ...]:
        """The keys of secrets that are not empty: the server names no others."""
        return tuple(key for key, text in self.sealed.items() if not _is_empty_text(text))


@dataclass(frozen=True)
class Resource:
    """An object of unified storage other than a folder or a dashboard."""

    organisation: int
    kind: str
    name: str
    value: Any


@dataclass(frozen=True)
class Objects:
    """Everything that has a uid, by organisation and uid. `unified`: the server reads folders and dashboards from `resource`."""

    organisations: tuple[int, ...]
    unified: bool
    folders: tuple[Folder, ...]
    dashboards: tuple[Dashboard, ...]
    library_panels: tuple[LibraryPanel, ...]
    data_sources: tuple[DataSource, ...]
    resources: tuple[Resource, ...]

    def served(self, kept: Folder | Dashboard) -> bool:
        """Whether the server serves this one: not out of the bin, and not the other layout's copy of it."""
        if isinstance(kept, Dashboard) and kept.in_bin:
            return False
        return kept.layout == (RESOURCE if self.unified else TABLE)


def read(database: Database) -> Objects:
    """Read them all."""
    folders, dashboards, resources = list(_table_folders(database)), list(_table_dashboards(database)), []
    history = _resource_history(database)
    for row in database.each("resource", order="name"):
        kind = f"{row['group']}/{row['resource']}"
        organisation = organisation_of(row["namespace"])
        if row["action"] == _DELETED:
            continue
        if kind == _FOLDERS:
            folders.append(_resource_folder(organisation, row))
        elif kind == _DASHBOARDS:
            dashboards.append(_resource_dashboard(organisation, row, history.get((organisation, kind, row["name"]), 0)))
        else:
            resources.append(Resource(organisation, kind, row["name"], parse(row["value"])))
    return Objects(
        organisations=tuple(row["id"] for row in database.rows("org")),
        unified=_migrated(database) or {one.layout for one in dashboards} == {RESOURCE},
        folders=tuple(sorted(folders, key=_place)),
        dashboards=tuple(sorted(dashboards, key=_place)),
        library_panels=tuple(sorted(_library_panels(database), key=_place)),
        data_sources=tuple(sorted(_data_sources(database), key=_place)),
        resources=tuple(resources),
    )


_FOLDERS = "folder.grafana.app/folders"
_DASHBOARDS = "dashboard.grafana.app/dashboards"
_DELETED = 3


def _migrated(database: Database) -> bool:
    """Whether the server has moved its dashboards into unified storage, and reads them there."""
    log = database.rows("unifiedstorage_migration_log")
    return any(_MIGRATED in row["migration_id"] and row["success"] for row in log)


def _place(one: Folder | Dashboard | LibraryPanel | DataSource) -> tuple[tuple[str, Any], ...]:
    return sortable(one.organisation, one.uid, getattr(one, "layout", ""))


def _table_folders(database: Database) -> Iterator[Folder]:
    """`folder` (10 and newer) knows the parents; `dashboard` has every folder up to 12.3."""
    known = {(row["org_id"], row["uid"]): row for row in database.rows("folder")}
    older = {(row["org_id"], row["uid"]): row for row in database.rows("dashboard") if row["is_folder"]}
    for key in known.keys() | older.keys():
        row = known.get(key) or older[key]
        yield Folder(key[0], str(key[1]), row["title"], row.get("parent_uid") or "", TABLE)


def _table_dashboards(database: Database) -> Iterator[Dashboard]:
    rows = database.rows("dashboard")
    folders = {row["id"]: row["uid"] for row in rows if row["is_folder"]}
    history = database.counts("dashboard_version", "dashboard_id")
    for row in rows:
        if not row["is_folder"]:
            yield Dashboard(
                organisation=row["org_id"],
                uid=str(row["uid"]),
                title=row["title"],
                folder=row.get("folder_uid") or folders.get(row["folder_id"], ""),
                stored=row["data"],
                version=(row.get("api_version") or "").rpartition("/")[2],
                layout=TABLE,
                history=history.get((row["id"],), 0),
                in_bin=bool(row.get("deleted")),
            )


def _resource_history(database: Database) -> dict[tuple[int, str, str], int]:
    counts = database.counts("resource_history", "namespace", "group", "resource", "name")
    return {
        (organisation_of(namespace), f"{group}/{resource}", name): count
        for (namespace, group, resource, name), count in counts.items()
    }


def _is_empty_text(text: object) -> bool:
    """Whether an encrypted value is that of an empty text. Its length tells, no key is needed: after the names of data key and
    algorithm come 8 bytes of salt, 16 of initialisation vector (aes-cfb), and then as many as the text has.
    """
    try:
        body = base64.b64decode(str(text or ""), validate=True)
    except ValueError:
        return False
    if body.startswith(b"#"):
        body = body[1:].partition(b"#")[2]
    if body.startswith(b"*"):
        body = body[1:].partition(b"*")[2]
    return len(body) <= 24


def _annotation(value: Any, name: str) -> str:
    metadata = value.get("metadata") if isinstance(value, Mapping) else None
    return str(((metadata or {}).get("annotations") or {}).get(f"grafana.app/{name}") or "")


def _spec(value: Any) -> Any:
    return value.get("spec", value) if isinstance(value, Mapping) else value


def _title(spec: Any) -> str:
    return str(spec.get("title") or "") if isinstance(spec, Mapping) else ""


def _resource_folder(organisation: int, row: Row) -> Folder:
    value = parse(row["value"])
    return Folder(organisation, row["name"], _title(_spec(value)), _annotation(value, "folder"), RESOURCE)


def _resource_dashboard(organisation: int, row: Row, history: int) -> Dashboard:
    value = parse(row["value"])
    version = str(value.get("apiVersion") or "") if isinstance(value, Mapping) else ""
    return Dashboard(
        organisation=organisation,
        uid=row["name"],
        title=_title(_spec(value)),
        folder=_annotation(value, "folder"),
        stored=row["value"],
        version=version.rpartition("/")[2],
        layout=RESOURCE,
        history=history,
    )


def _library_panels(database: Database) -> Iterator[LibraryPanel]:
    folders = {row["id"]: row["uid"] for row in database.rows("dashboard") if row["is_folder"]}
    for row in database.rows("library_element"):
        folder = row.get("folder_uid") or folders.get(row["folder_id"], "")
        yield LibraryPanel(row["org_id"], row["uid"], row["name"], folder, parse(row["model"]), row)


def _data_sources(database: Database) -> Iterator[DataSource]:
    stored = {
        (row["org_id"], row["namespace"]): str(row["value"] or "")
        for row in database.rows("secrets")
        if row["type"] == "datasource"
    }
    for row in database.rows("data_source"):
        sealed = parse(row["secure_json_data"])
        yield DataSource(
            organisation=row["org_id"],
            uid=str(row["uid"]),
            name=row["name"],
            row=row,
            sealed=sealed if isinstance(sealed, Mapping) else {},
            secrets=stored.get((row["org_id"], row["name"]), ""),
        )
