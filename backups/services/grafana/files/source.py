"""Looks at a source before anything of it is copied: which settings its server runs on, and which file is its database."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from posixpath import basename, dirname

from backups.errors import LifeboatError
from backups.hosts import Hosts
from backups.machine.docker import Docker
from backups.places.base import Place
from backups.places.parse import parse
from backups.services.grafana.files import in_force, living, outside
from backups.services.grafana.files.database import FILE
from backups.services.grafana.files.in_force import DEFAULTS, InForce, Outside
from backups.services.grafana.files.living import Living, NotLiving
from backups.services.grafana.settings import GrafanaSettings

_OF_THE_IMAGE = "/etc/grafana/grafana.ini"
"""Where the official image has its ini file, unless it is told otherwise."""


def data_directory(settings: GrafanaSettings, docker: Docker, hosts: Hosts) -> Place:
    """Grafana's data directory; raises LifeboatError unless it can be read."""
    if settings.place is None:
        raise AssertionError("the settings see to it that whoever reads files has a place")
    place = parse(settings.place, docker, hosts)
    place.check()
    return place


def locate(settings: GrafanaSettings, place: Place, docker: Docker, hosts: Hosts) -> Living:
    """Find the file of the place that the running server uses; raises NotLiving, which names what it uses instead."""
    with tempfile.TemporaryDirectory(prefix="lifeboat-settings-") as scratch:
        found, configured = seen(settings, docker, hosts, Path(scratch))
        return living.find(settings, place, found, docker, configured=configured)


def living_file(settings: GrafanaSettings, docker: Docker, hosts: Hosts) -> str:
    """The path of that file; the usual one where nothing can be seen. Raises NotLiving as `locate` does."""
    try:
        return locate(settings, data_directory(settings, docker, hosts), docker, hosts).file
    except NotLiving:
        raise
    except LifeboatError:
        return FILE


def seen(settings: GrafanaSettings, docker: Docker, hosts: Hosts, scratch: Path) -> tuple[InForce, bool]:
    """The settings that the server runs on, as far as they can be seen, and whether its own ini file is among them.

    Of a container the file that it was told to read goes before the one in config_place. scratch: a directory for copies.
    """
    beyond = outside.of_source(settings, docker, hosts)
    for place, names in _configurations(settings, docker, hosts, beyond):
        with suppress(LifeboatError):
            place.check()
            there = [name for name in names if place.exists(name)]
            if any(name != DEFAULTS for name in there):
                _fetch(place, there, scratch)
                return in_force.read(scratch, beyond), True
    return in_force.read(scratch, beyond), False


def _fetch(place: Place, names: list[str], into: Path) -> None:
    """Copy these files into a directory, those that links lead to (as in Kubernetes) under the links' names."""
    links, copies = place.links(), into / "fetched"
    real = {name: links.get(name, name) for name in names}
    place.fetch(sorted({path for path in real.values() if path}), copies)
    for name, path in real.items():
        if path:
            shutil.copyfile(copies / path, into / name)
    shutil.rmtree(copies)


def _configurations(
    settings: GrafanaSettings, docker: Docker, hosts: Hosts, beyond: Outside
) -> Iterator[tuple[Place, list[str]]]:
    """The directories that may have its ini file, the surest first, and the names that it may have there."""
    if settings.place and settings.place.startswith("docker:"):
        container = settings.place.split(":")[1]
        path = beyond.config() or _OF_THE_IMAGE
        with suppress(LifeboatError):
            yield parse(f"docker:{container}:{dirname(path)}", docker, hosts), [basename(path), DEFAULTS]
    if settings.config_place:
        with suppress(LifeboatError):
            yield parse(settings.config_place, docker, hosts), [*in_force.candidates(beyond), DEFAULTS]
