"""Reads which database a Grafana's settings name, as Grafana reads them; it asks nobody.

`[database] url` goes before `type` and the rest, but never names a file: the file is `path`, below `[paths] data` where it is
relative, or what `connection_string` says, which counts only without a `url`.
"""

import re
from dataclasses import dataclass
from posixpath import isabs, join, normpath
from urllib.parse import unquote, urlsplit

from backups.services.grafana.files.in_force import InForce
from backups.text import shown

SQLITE, MYSQL, POSTGRES = "sqlite3", "mysql", "postgres"
WORDS = {SQLITE: "SQLite", MYSQL: "MySQL", POSTGRES: "PostgreSQL", "postgresql": "PostgreSQL"}
_DEFAULT_FILE = "grafana.db"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")


class Unclear(Exception):
    """Says why the settings do not tell."""


@dataclass(frozen=True)
class Named:
    """A database. path: of a file, as the server's machine has it, relative where `data` is not known.

    data: the server's data directory, where it is set to an absolute path. address, database: of a database server.
    origin: which setting says so, a few words; "" where nothing is set and Grafana's default counts.
    elsewhere: where folders and dashboards are kept, when that is not this database; no credentials in either
    """

    kind: str
    path: str = ""
    data: str | None = None
    address: str = ""
    database: str = ""
    origin: str = ""
    elsewhere: str = ""

    @property
    def words(self) -> str:
        """The database in a message: its kind, and its name and address."""
        if self.kind == SQLITE:
            return f"the file {shown(self.path)}"
        kind = WORDS.get(self.kind, shown(self.kind))
        where = f"database {shown(self.database)}" if self.database else ""
        where += f" at {shown(self.address)}" if self.address else ""
        return f"{kind} ({where.strip()})" if where else kind


def named(found: InForce) -> Named:
    """Return the database that these settings name; raises Unclear when they cannot be read for certain."""
    url, origin = _value(found, "database", "url")
    data, data_origin = _value(found, "paths", "data")
    data = normpath(data) if isabs(data) else ""
    if url:
        address, database, connection = *_of_url(url), ""
        kind = url.partition(":")[0]
        if not _SCHEME.fullmatch(kind):
            raise Unclear("its url names no kind of database")
    else:
        kind, origin = _value(found, "database", "type")
        address, database = _value(found, "database", "host")[0], _value(found, "database", "name")[0]
        connection, connection_origin = _value(found, "database", "connection_string")
        if connection:
            origin = connection_origin
    kind = kind.lower() or SQLITE
    elsewhere = _elsewhere(found)
    if kind != SQLITE:
        return Named(kind, address=address, database=database, origin=origin, elsewhere=elsewhere)
    path, path_origin = (_of_connection(connection), origin) if connection else _value(found, "database", "path")
    path = path or _DEFAULT_FILE
    whole = join(data, path) if data or isabs(path) else path
    return Named(
        SQLITE,
        path=normpath(whole),
        data=data or None,
        origin=path_origin or data_origin or origin,
        elsewhere=elsewhere,
    )


def _value(found: InForce, section: str, key: str) -> tuple[str, str]:
    """A setting's value and origin, empty where it is not set."""
    setting = found.setting(section, key)
    if setting is None:
        return "", ""
    if setting.unknown:
        raise Unclear(f"[{section}] {key} is not known: {setting.unknown}")
    values = set(setting.readings)
    if len(values) != 1:
        raise Unclear(f"[{section}] {key} can be read in {len(values)} ways")
    return values.pop(), setting.origin


def _of_url(url: str) -> tuple[str, str]:
    """The address and the name of the database in a url; empty where they cannot be told from its password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    if "@" in url and "@" not in parts.netloc:
        return "", ""
    return parts.netloc.rpartition("@")[2], unquote(parts.path[1:].partition("/")[0])


def _of_connection(text: str) -> str:
    """The file of an SQLite connection string: `file:PATH?parameters`, or a path."""
    path, _, parameters = text.partition("?")
    path = path.removeprefix("file:")
    if path.startswith("//"):
        path = "/" + path[2:].partition("/")[2]
    if path in ("", ":memory:") or "mode=memory" in parameters:
        raise Unclear("its connection_string names a database in memory, which is gone with the server")
    if not isabs(path):
        raise Unclear(f"its connection_string names {shown(path)}, below the directory that the server was started in")
    return unquote(path)


def _elsewhere(found: InForce) -> str:
    """Where unified storage keeps folders and dashboards, when it is told to keep them outside Grafana's own database."""
    kind = _value(found, "resource_api", "db_type")[0]
    if kind:
        name, host = (_value(found, "resource_api", key)[0] for key in ("db_name", "db_host"))
        return f"{WORDS.get(kind, shown(kind))} {shown(name)} at {shown(host)} ([resource_api])"
    storage = _value(found, "grafana-apiserver", "storage_type")[0]
    if storage in ("etcd", "unified-grpc", "file"):
        where = _value(found, "grafana-apiserver", "address")[0]
        return f"{storage} {shown(where)}".rstrip() + " ([grafana-apiserver] storage_type)"
    return ""
