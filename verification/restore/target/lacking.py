"""Tells what of a delivered configuration is not where its service reads it.

A server that starts without it may ruin what was delivered: Grafana deletes what no provisioning file names.
"""

import logging
from collections.abc import Sequence
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


def lacking(text: str, service: Service, names: Sequence[str], docker: Docker, hosts: Hosts) -> str | None:
    """Say which of the files `config_place` lacks; None where it has all, or is not on the machine of the place `text`."""
    there = getattr(service.settings, "config_place", None)
    if not isinstance(there, str) or _machine(there) != _machine(text):
        return None
    try:
        kind, _, rest = there.partition(":")
        container, _, path = rest.partition(":")
        if kind == "docker" and not docker.mounted(container, path) and not docker.runs(container):
            # Nobody sees the layer of a container that is stopped.
            return None
        place = parse(there, docker, hosts)
        missing = [name for name in names if not place.exists(name)]
    except LifeboatError as error:
        log.warning("whether the configuration is in %s is not known: %s", there, error.message)
        return None
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    return f"{there} lacks {missing[0]}{more} of its configuration" if missing else None


def _machine(text: str) -> str:
    kind, _, rest = text.partition(":")
    return rest.partition(":")[0] if kind == "ssh" else ""
