"""Tells whether somebody writes a Grafana's database: while it migrates, a server that starts answers nobody yet."""

from backups.errors import LifeboatError
from backups.hosts import Hosts
from backups.machine.docker import Docker
from backups.places.parse import parse
from backups.services.grafana.files.database import FILE
from backups.services.grafana.settings import GrafanaSettings


def sizes(settings: GrafanaSettings, docker: Docker, hosts: Hosts, file: str = FILE) -> tuple[tuple[str, int], ...] | None:
    """The files that a migration writes, and their sizes; None where they cannot be seen. file: the database's path."""
    try:
        place = parse(str(settings.place), docker, hosts)
        found = tuple(
            (file.path, file.size)
            for name in (file, f"{file}-journal", f"{file}-wal")
            if place.exists(name)
            for file in place.files(name)
        )
    except LifeboatError:
        return None
    return found or None
