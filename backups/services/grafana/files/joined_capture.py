"""Backs up a Grafana whose database another service protects: its configuration, with the key that opens that database.

What is in the database is in the backups of that service, and is compared there table by table. Both come back together: the
drill starts Grafana on the database that was brought back.

Next file: `joined_copy.py`.
"""

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from backups.errors import LifeboatError
from backups.hosts import Hosts
from backups.machine.docker import Docker
from backups.places.parse import parse
from backups.services.base import Captured, Finding, Job
from backups.services.grafana import health
from backups.services.grafana.files import configuration, directories, doctor, environment, in_force, living, outside, source
from backups.services.grafana.files.capture import UNKNOWN, plugins_of, version_of
from backups.services.grafana.files.configuration_files import CONFIG, fetch_configuration
from backups.services.grafana.files.directories import Source
from backups.services.grafana.files.living import NotLiving
from backups.services.grafana.files.named import MYSQL, Named, Unclear, named
from backups.services.grafana.settings import GrafanaSettings
from backups.witness import Fact

_HINT = "write [database] type, host and name, or its url, into the grafana.ini of config_place; or leave database: out"

CONFIGURATION = "configuration"
"""What the first fact of such a backup is about, and of no other."""


def capture(settings: GrafanaSettings, job: Job, docker: Docker, hosts: Hosts) -> Captured:
    """See `Service.capture`."""
    version = version_of(settings, job)
    database = _database(settings, docker, hosts)
    taken_at = job.now()
    odd, taken = _configuration(settings, job.directory, job.work, docker, hosts)
    found, beyond = taken.found, taken.found.outside
    if in_force.own_file(job.directory / CONFIG, beyond) is None:
        raise LifeboatError(f"grafana.ini is not in {settings.config_place}", hint="config_place is the directory that holds it")
    key = found.setting(*outside.SECRET_KEY)
    # A file may be any file: what it holds is kept only where it is seen to open secrets, which nobody sees here.
    outside.note(found, configuration.kept(found), job.directory, opens=key is not None and key.path is None)
    environment.note(beyond, job.directory / CONFIG, job.directory)
    plugins = plugins_of(parse(settings.place, docker, hosts), job.work, taken) if settings.place else []
    limits = [
        *odd,
        f"the data of Grafana's own {database.words}: they are in the backups of {settings.database}",
        *([f"the file {key.path}, which has the secret_key: protect it, too"] if key and key.path else []),
        *([f"the secret_key: {key.unknown}"] if key and key.unknown else []),
        *([f"the plugins: {', '.join(str(one['id']) for one in plugins)} have to be installed again"] if plugins else []),
        *([] if settings.place else ["its plugins, which are not even listed: place: does not name its data directory"]),
        *([f"folders and dashboards, which it keeps in {database.elsewhere}"] if database.elsewhere else []),
        *(["the source's version, which it did not say"] if version == UNKNOWN else []),
    ]
    for limit in limits:
        job.say(f"limit of this backup: {limit}")
    details = {
        "plugins": plugins,
        "configuration": True,
        "limits": limits,
        "partial": [f"folders and dashboards are kept in {database.elsewhere}"] if database.elsewhere else [],
        "database": {"service": settings.database, "name": database.database},
    }
    return Captured(taken_at, version, facts(job.directory / CONFIG), details)


def _configuration(settings: GrafanaSettings, into: Path, work: Path, docker: Docker, hosts: Hosts) -> tuple[list[str], Source]:
    """Copy the configuration, and what it names elsewhere, into a backup's directory; returns what was left out."""
    odd = fetch_configuration(settings, into / CONFIG, work / CONFIG, docker, hosts)
    taken = Source(settings, in_force.read(into / CONFIG, outside.of_source(settings, docker, hosts)), docker, hosts)
    return [*odd, *directories.take(taken, into / CONFIG, into, work / directories.DIRECTORIES)], taken


def facts(config: Path) -> list[Fact]:
    """State every file of a configuration: its size, and a hash of it."""
    files = sorted(path for path in config.rglob("*") if path.is_file())
    return [
        Fact(CONFIGURATION, "files", len(files)),
        *(
            fact
            for path in files
            for content in [path.read_bytes()]
            for subject in [f"configuration file {path.relative_to(config).as_posix()}"]
            for fact in (Fact(subject, "bytes", len(content)), Fact(subject, "sha256", hashlib.sha256(content).hexdigest()))
        ),
    ]


def current_facts(settings: GrafanaSettings, docker: Docker, hosts: Hosts) -> list[Fact]:
    """State the source's configuration as it is now."""
    with tempfile.TemporaryDirectory(prefix="lifeboat-loss-") as scratch:
        data, work = Path(scratch) / "data", Path(scratch) / "work"
        data.mkdir()
        work.mkdir()
        _configuration(settings, data, work, docker, hosts)
        return facts(data / CONFIG)


def examine(settings: GrafanaSettings, docker: Docker, hosts: Hosts) -> Iterator[Finding]:
    """See `Service.examine`."""
    yield from health.examine(settings, docker)
    with tempfile.TemporaryDirectory(prefix="lifeboat-doctor-") as scratch:
        beyond = outside.of_source(settings, docker, hosts)
        yield from doctor.configuration(settings, docker, hosts, beyond, Path(scratch))
        key = in_force.read(Path(scratch) / CONFIG, beyond).setting(*outside.SECRET_KEY)
        if key and key.unknown:
            remedy = "write the key into grafana.ini, or keep it where you will find it on the bad day"
            yield Finding("secrets", ok=False, message=f"the secret_key is not known: {key.unknown}", remedy=remedy)
    try:
        database = _database(settings, docker, hosts)
        message = f"{database.words}, as {database.origin} says: it is in the backups of {settings.database}"
        yield Finding("database", ok=True, message=message)
    except LifeboatError as error:
        yield Finding("database", ok=False, message=error.message, remedy=error.hint)


def _database(settings: GrafanaSettings, docker: Docker, hosts: Hosts) -> Named:
    """The database that the server uses; raises LifeboatError when it is not known to be one of MySQL, with a name."""
    answer, silence = living.said(settings)
    with tempfile.TemporaryDirectory(prefix="lifeboat-settings-") as scratch:
        found, _ = source.seen(settings, docker, hosts, Path(scratch))
        try:
            database = named(answer if answer is not None else found)
        except Unclear as why:
            raise LifeboatError(
                f"it is not known which database Grafana uses: {why}, and the server: {silence}", hint=_HINT
            ) from why
    if database.kind != MYSQL:
        raise NotLiving(
            f"database: names {settings.database}, and Grafana's database is {database.words}, "
            f"as {database.origin or 'nothing that says otherwise'} has it",
            hint="leave database: out, and give place: the directory of that file" if not database.address else _HINT,
        )
    if not database.database:
        raise LifeboatError(f"the name of Grafana's database in {settings.database} is not known", hint=_HINT)
    return database
