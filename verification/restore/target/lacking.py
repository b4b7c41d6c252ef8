"""Tells what of a delivered configuration is not where its service reads it.

A server that starts without it may ruin what was delivered: Grafana deletes what no provisioning file names.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from backups.errors import LifeboatError
from backups.hosts import Hosts
from backups.machine.docker import Docker
from backups.places.parse import parse
from backups.services.base import Service

log = logging.getLogger(__name__)


def files(configuration: Path) -> list[str]:
    """The files of a delivered configuration that its source had there: not what Lifeboat has put beside them."""
    paths = [path.relative_to(configuration).as_posix() for path in configuration.rglob("*") if path.is_file()]
    return sorted(path for path in paths if not path.startswith(("lifeboat-", "directories/")))


def lacking(
    text: str, service: Service, names: Sequence[str], docker: Docker, hosts: Hosts, elsewhere: Mapping[str, str] | None = None
) -> str | None:
    """Say which of the files `config_place` lacks; None where it has all, or is not on the machine of the place `text`.

    elsewhere: directories of the configuration that the service reads at another path, and that path
    """
    there = getattr(service.settings, "config_place", None)
    if not isinstance(there, str) or _machine(there) != _machine(text):
        return None
    for place, wanted in _places(there, names, elsewhere or {}):
        missing = _missing(place, wanted, docker, hosts)
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            return f"{place} lacks {missing[0]}{more} of its configuration"
    return None


def _places(there: str, names: Sequence[str], elsewhere: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """The places that have a part of it, and the names of the files there."""
    yield there, [name for name in names if not any(name.startswith(f"{part}/") for part in elsewhere)]
    for part, path in elsewhere.items():
        yield f"{there.rpartition(':')[0]}:{path}", [name[len(part) + 1 :] for name in names if name.startswith(f"{part}/")]


def _missing(text: str, names: Sequence[str], docker: Docker, hosts: Hosts) -> list[str]:
    """Those of the files that a place has not; none where that cannot be seen."""
    if not names:
        return []
    try:
        kind, _, rest = text.partition(":")
        container, _, path = rest.partition(":")
        if kind == "docker" and not docker.mounted(container, path) and not docker.runs(container):
            # Nobody sees the layer of a container that is stopped.
            return []
        place = parse(text, docker, hosts)
        return [name for name in names if not place.exists(name)]
    except LifeboatError as error:
        log.warning("whether the configuration is in %s is not known: %s", text, error.message)
        return []


def _machine(text: str) -> str:
    kind, _, rest = text.partition(":")
    return rest.partition(":")[0] if kind == "ssh" else ""
