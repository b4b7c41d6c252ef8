"""Finds the database that the running Grafana uses, so that a dead file is never backed up as if it lived.

Asked in this order: the server itself (`/api/admin/settings`, which answers its own administrator), then what it was started
with (environment, command line, ini files), read as it reads them.

Next file: `named.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from posixpath import dirname, normpath
from shlex import quote
from typing import Any

from backups.errors import LifeboatError
from backups.foreign import relative_path
from backups.machine.docker import Docker
from backups.places.base import Place
from backups.services.grafana.client import Client
from backups.services.grafana.files.database import FILE
from backups.services.grafana.files.in_force import InForce, Setting
from backups.services.grafana.files.named import MYSQL, POSTGRES, SQLITE, Named, Unclear, named
from backups.services.grafana.settings import GrafanaSettings
from backups.text import shown

_SECONDS = 20.0
_SERVER = "the server itself"


class NotLiving(LifeboatError):
    """The running Grafana keeps its data elsewhere than in a file of the place."""


@dataclass(frozen=True)
class Living:
    """The file of the place that the running server uses. doubt: why that is not known for certain, a sentence; "" when it is.

    origin: who says so, in a few words. elsewhere: where folders and dashboards are kept, when it is not there
    """

    file: str
    origin: str
    doubt: str = ""
    elsewhere: str = ""

    def partial(self) -> list[str]:
        """What makes a backup of this file a partial one."""
        return [f"folders and dashboards are kept in {self.elsewhere}"] if self.elsewhere else []

    def limits(self) -> list[str]:
        """What a backup of this file has to say of itself, a line each."""
        doubt = [f"whether {self.file} is the database that the running server uses: {self.doubt}"] if self.doubt else []
        return [*doubt, *self.missing()]

    def missing(self) -> list[str]:
        """What of Grafana's data is not in this file."""
        return [f"folders and dashboards, which it keeps in {self.elsewhere}"] if self.elsewhere else []


def said(settings: GrafanaSettings) -> tuple[InForce | None, str]:
    """What the running server says of its settings; None, and why, when it does not say. It tells only its administrator."""
    if not settings.has_credentials:
        return None, "it tells only its administrator, and no user with password is configured"
    try:
        # At once: a server that is busy is asked for nothing that something else does not tell, too.
        answer = replace(Client.of(settings), pause=lambda _: None).get("api", "admin", "settings")
    except LifeboatError as error:
        return None, f"it does not say ({error.message})"
    sections = answer if isinstance(answer, Mapping) else {}
    if not isinstance(sections.get("database"), Mapping):
        return None, "it says nothing of its database"
    return InForce(known=dict(_settings(sections))), ""


def _settings(sections: Mapping[str, Any]) -> dict[tuple[str, str], Setting]:
    return {
        (str(section), str(key)): Setting((str(value),), f"{_SERVER} ([{section}] {key})")
        for section, keys in sections.items()
        if isinstance(keys, Mapping)
        for key, value in keys.items()
        if value not in ("", None)
    }


def find(
    settings: GrafanaSettings,
    place: Place,
    found: InForce,
    docker: Docker,
    *,
    configured: bool,
    said: Callable[[GrafanaSettings], tuple[InForce | None, str]] = said,
) -> Living:
    """Return the file below `place` that the running server uses.

    found: its settings, as far as they are seen. configured: whether its own ini file is among them. said: see `said`
    Raises NotLiving, naming what it uses instead, when that is no file of the place.
    """
    answer, silence = said(settings)
    unclear = ""
    seen = found.outside.environment is not None
    # A process of a machine was found by its data directory, which is the place.
    serves = seen and not (settings.place or "").startswith("docker:")
    if answer is not None:
        try:
            database = named(answer)
            return _located(replace(database, origin=database.origin or _SERVER), settings, place, docker, serves=serves)
        except Unclear as why:
            silence = f"it does not say: {why}"
    try:
        database = named(found)
    except Unclear as why:
        database, unclear = Named(SQLITE, path=FILE), str(why)
    located = _located(database, settings, place, docker, serves=serves)
    unseen = [what for what, there in (("its ini file", configured), ("the environment of its process", seen)) if not there]
    doubt = unclear or (f"{' and '.join(unseen)} cannot be seen" if unseen else "")
    return replace(
        located,
        origin=located.origin or "nothing that can be seen says otherwise",
        doubt="; ".join(part for part in (located.doubt, f"{doubt}, and the server: {silence}" if doubt else "") if part),
    )


def _located(database: Named, settings: GrafanaSettings, place: Place, docker: Docker, *, serves: bool) -> Living:
    """Where a database is below the place; raises NotLiving when it is not. serves: the server's data directory is the place."""
    _require_file(database, place)
    file, doubt = _below(database, settings, place, docker, serves=serves)
    try:
        relative_path(file)
    except ValueError as error:
        raise NotLiving(
            f"Grafana's database is {database.words}, as {database.origin} says, and its path {error}",
            hint="give it a plain name below Grafana's data directory",
        ) from error
    return Living(file, database.origin, doubt, database.elsewhere)


def _require_file(database: Named, place: Place) -> None:
    if database.kind == SQLITE:
        return
    hints = {
        MYSQL: "configure a service of type mysql for that database, and name it here: database: ITS-NAME",
        POSTGRES: "Lifeboat does not protect PostgreSQL: back it up with pg_dump; or set method: api, for what the API returns",
    }
    raise NotLiving(
        f"Grafana's database is {database.words}, as {database.origin} says: no file of {place} is in use",
        hint=hints.get(database.kind, "Grafana knows sqlite3, mysql and postgres: is [database] type right?"),
    )


def _below(database: Named, settings: GrafanaSettings, place: Place, docker: Docker, *, serves: bool) -> tuple[str, str]:
    """The database's path below the place, and what is in doubt about it.

    The server's paths are those that it sees. A container's place has them too; another may be that container's directory as
    the machine sees it, whose path the server does not know.
    """
    path, data = database.path, database.data
    if not path.startswith("/"):
        return path, ""
    inside = normpath(settings.place.split(":", 2)[-1]) if settings.place else ""
    if (file := _relative(path, inside)) is not None:
        return file, ""
    kind, _, rest = (settings.place or "").partition(":")
    if kind == "docker":
        real = docker.host_path(rest.partition(":")[0], path)
        file = _relative(str(real), str(place.root))
    elif data and (below := _relative(path, data)) is not None:
        if serves or _same(place, data):
            return below, ""
        if not _is_there(place, path):
            return (
                below,
                f"the server's data directory is {shown(data)}, which has no such file on that machine: {place} was taken for it",
            )
    elif _same(place, dirname(path)):
        file = PurePosixPath(path).name
    if file is None:
        raise NotLiving(
            f"Grafana's database is {database.words}, as {database.origin or 'its data directory'} says, which is not in {place}",
            hint="set place: to Grafana's data directory, which holds that file",
        )
    return file, ""


def _relative(path: str, directory: str) -> str | None:
    parts = PurePosixPath(path)
    if not directory or parts == PurePosixPath(directory) or not parts.is_relative_to(directory):
        return None
    return str(parts.relative_to(directory))


def _same(place: Place, directory: str) -> bool:
    """Whether a directory of the place's machine is the place."""
    return place.run(f"[ {quote(directory)} -ef {quote(str(place.root))} ]", seconds=_SECONDS)[0] == 0


def _is_there(place: Place, path: str) -> bool:
    return place.run(f"[ -e {quote(path)} ]", seconds=_SECONDS)[0] == 0
