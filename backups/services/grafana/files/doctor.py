"""Examines a Grafana for `lifeboat doctor`: its server, its files, its configuration, the image.

Changes nothing.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from backups.errors import LifeboatError
from backups.hosts import Hosts
from backups.machine.docker import Docker
from backups.places.parse import parse
from backups.services.base import Finding
from backups.services.grafana import health
from backups.services.grafana.client import Client
from backups.services.grafana.files import age, directories, in_force, outside, plausible, secrets, source, witness
from backups.services.grafana.files.configuration_files import CONFIG, fetch_configuration
from backups.services.grafana.files.database import FILE, opened
from backups.services.grafana.files.directories import Source
from backups.services.grafana.files.in_force import InForce, Outside
from backups.services.grafana.files.living import Living
from backups.services.grafana.files.not_restorable import NO_CONFIGURATION, why
from backups.services.grafana.files.objects import read
from backups.services.grafana.files.secrets import Judged
from backups.services.grafana.settings import GrafanaSettings

_LOCK_SECONDS = 10.0


def examine(settings: GrafanaSettings, docker: Docker, hosts: Hosts) -> Iterator[Finding]:
    """See `Service.examine`."""
    yield from health.examine(settings, docker)
    with tempfile.TemporaryDirectory(prefix="lifeboat-doctor-") as scratch:
        beyond = outside.of_source(settings, docker, hosts)
        yield from configuration(settings, docker, hosts, beyond, Path(scratch))
        yield from _database(settings, docker, hosts, Path(scratch), in_force.read(Path(scratch) / CONFIG, beyond))


def configuration(settings: GrafanaSettings, docker: Docker, hosts: Hosts, beyond: Outside, scratch: Path) -> Iterator[Finding]:
    """Fetch the configuration into `scratch` as a backup would, and say what no backup could take along of what it names."""
    config, unfound = scratch / CONFIG, []
    config.mkdir()
    if settings.config_place is None:
        yield Finding("configuration", ok=True, message=NO_CONFIGURATION)
    else:
        try:
            place = parse(settings.config_place, docker, hosts)
            unfound = fetch_configuration(settings, config, scratch / "config-of-source", docker, hosts)
        except LifeboatError as error:
            yield Finding("configuration", ok=False, message=error.message, remedy=error.hint)
            return
        own = in_force.own_file(config, beyond)
        if own is None:
            yield Finding(
                "configuration",
                ok=False,
                message=f"{in_force.candidates(beyond)[0]} is not in {place}",
                remedy="config_place is the directory that holds it, usually /etc/grafana",
            )
        else:
            yield Finding("configuration", ok=True, message=f"{own.name} can be read in {place}")
    source = Source(settings, in_force.read(config, beyond), docker, hosts)
    missing = [*unfound, *directories.examine(source, config, scratch / "provisioning-of-source")]
    for line in missing:
        remedy = "put it below config_place, or keep it by other means: a restored server needs it"
        yield Finding("provisioning", ok=False, message=line, remedy=remedy)
    named = directories.of_dashboards(config)
    if named and not missing:
        yield Finding("provisioning", ok=True, message=f"the directories of dashboards can be read: {', '.join(named)}")


def _database(settings: GrafanaSettings, docker: Docker, hosts: Hosts, scratch: Path, found: InForce) -> Iterator[Finding]:
    """Copy it as a backup would, and see whether the backup could open its secrets. found: the settings in force."""
    try:
        place = source.data_directory(settings, docker, hosts)
        living = source.locate(settings, place, docker, hosts)
        file = living.file
        if not place.exists(file):
            remedy = "the place is Grafana's data directory, usually /var/lib/grafana"
            yield Finding("database", ok=False, message=f"{file} is not in {place}", remedy=remedy)
            return
        version = _version(settings)
        compared = plausible.Comparison.begin(settings, answers=version is not None)
        journal = "; it is in WAL mode" if place.exists(f"{file}-wal") else ""
        place.fetch_sqlite(file, scratch / FILE, seconds=_LOCK_SECONDS)
        with opened(scratch / FILE) as database:
            if damage := database.fault():
                remedy = f"stop Grafana and try, as its user: sqlite3 {file} '.recover' | sqlite3 mended.db"
                yield Finding("database", ok=False, message=f"{file} in {place} is damaged: {damage}", remedy=remedy)
                return
            if fault := age.fault(database):
                yield Finding("database", ok=False, message=f"{file} in {place} {fault}", remedy=age.HINT)
                return
            age.require(database, version, f"{file} of {place}")
            objects = read(database)
            compared.require_same(database, objects, f"{file} of {place}")
            # Whatever a backup reads of it is read here, too.
            witness.facts(database, objects)
            yield Finding("database", ok=True, message=f"{file} in {place} can be copied while it is used{journal}")
            yield from _living(living, [*living.missing(), *compared.limits, *age.limits(database, version)])
            judged = secrets.judge(database, secrets.keys(found))
        yield _secrets(judged, found, settings)
    except LifeboatError as error:
        yield Finding("database", ok=False, message=error.message, remedy=error.hint)


def _version(settings: GrafanaSettings) -> str | None:
    """The server's version, "" where it answers and hides it; None where it does not answer."""
    try:
        return Client.anonymous(settings).health().version or ""
    except LifeboatError:
        return None


def _living(living: Living, faults: Sequence[str]) -> Iterator[Finding]:
    """Say who says that this is the server's database, what is not known of it, and what a backup of it would lack."""
    remedy = "give user and password of Grafana's administrator, whom the server tells its database"
    if living.doubt:
        yield Finding(
            "living", ok=True, message=f"not known: whether the server uses {living.file}: {living.doubt}", remedy=remedy
        )
    else:
        yield Finding("living", ok=True, message=f"{living.file} is the database that the server uses: {living.origin}")
    for fault in faults:
        yield Finding("living", ok=False, message=f"a backup would lack {fault}", remedy=remedy)


def _secrets(judged: Judged, found: InForce, settings: GrafanaSettings) -> Finding:
    """Say whether a backup could open its secrets, and which file outside the configuration holds the key, where one does."""
    setting = found.setting(*outside.SECRET_KEY)
    held = f"; the key is in the file {setting.path}, which has to be protected, too" if setting and setting.path else ""
    if judged.closed_words:
        return Finding("secrets", ok=False, message=f"{judged.closed_words}{held}", remedy=why(judged, found, settings))
    number = judged.values
    return Finding("secrets", ok=True, message=f"the backup's secret_key opens {number} of {number} secrets{held}")
