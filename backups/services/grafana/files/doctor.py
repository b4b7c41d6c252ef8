"""Examines a Grafana for `lifeboat doctor`: its server, its files, its configuration, the image.

Changes nothing.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from backups.errors import LifeboatError
from backups.hosts import Hosts
from backups.machine.docker import Docker
from backups.places.parse import parse
from backups.services.base import Finding
from backups.services.grafana import health
from backups.services.grafana.files import secrets
from backups.services.grafana.files.database import FILE, opened
from backups.services.grafana.files.not_restorable import GIVE_THE_KEY, NO_CONFIGURATION
from backups.services.grafana.settings import GrafanaSettings

_LOCK_SECONDS = 10.0


def examine(settings: GrafanaSettings, docker: Docker, hosts: Hosts) -> Iterator[Finding]:
    """See `Service.examine`."""
    yield from health.examine(settings, docker)
    with tempfile.TemporaryDirectory() as scratch:
        config = Path(scratch) / "config"
        config.mkdir()
        yield _configuration(settings, docker, hosts, config)
        yield from _database(settings, docker, hosts, Path(scratch), config)


def _configuration(settings: GrafanaSettings, docker: Docker, hosts: Hosts, config: Path) -> Finding:
    if settings.config_place is None:
        return Finding("configuration", ok=True, message=NO_CONFIGURATION)
    try:
        place = parse(settings.config_place, docker, hosts)
        place.check()
        if not place.exists("grafana.ini"):
            return Finding(
                "configuration",
                ok=False,
                message=f"grafana.ini is not in {place}",
                remedy="config_place is the directory that holds it, usually /etc/grafana",
            )
        place.fetch(["grafana.ini"], config)
    except LifeboatError as error:
        return Finding("configuration", ok=False, message=error.message, remedy=error.hint)
    return Finding("configuration", ok=True, message=f"grafana.ini can be read in {place}")


def _database(settings: GrafanaSettings, docker: Docker, hosts: Hosts, scratch: Path, config: Path) -> Iterator[Finding]:
    """Copy it as a backup would, and see whether the backup could open its secrets."""
    try:
        place = parse(str(settings.place), docker, hosts)
        place.check()
        if not place.exists(FILE):
            remedy = "the place is Grafana's data directory, usually /var/lib/grafana"
            yield Finding("database", ok=False, message=f"{FILE} is not in {place}", remedy=remedy)
            return
        journal = "; it is in WAL mode" if place.exists(f"{FILE}-wal") else ""
        place.fetch_sqlite(FILE, scratch / FILE, seconds=_LOCK_SECONDS)
        with opened(scratch / FILE) as database:
            fault = database.fault()
            remedy = f"stop Grafana and try, as its user: sqlite3 {FILE} '.recover' | sqlite3 mended.db"
            message = (
                f"{FILE} in {place} is damaged: {fault}"
                if fault
                else f"{FILE} in {place} can be copied while it is used{journal}"
            )
            yield Finding("database", fault is None, message, remedy if fault else None)
            values, missing, opens = (str(fact.value) for fact in secrets.facts(database, secrets.secret_key(config)))
        ok = opens == f"{values} of {values}" and missing == "none"
        yield Finding("secrets", ok, f"the backup's secret_key opens {opens} secrets", None if ok else GIVE_THE_KEY)
    except LifeboatError as error:
        yield Finding("database", ok=False, message=error.message, remedy=error.hint)
