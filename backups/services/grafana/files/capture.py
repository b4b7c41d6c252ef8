"""Backs up Grafana's files: the database by SQLite's online backup, and the configuration that opens its secrets.

Next file: `witness.py`.
"""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from backups.errors import Damaged, LifeboatError
from backups.hosts import Hosts
from backups.machine import disk
from backups.machine.docker import Docker
from backups.places import names
from backups.places.base import Place
from backups.services.base import Captured, Job
from backups.services.grafana.client import Client
from backups.services.grafana.files import (
    age,
    answers,
    configuration,
    deep,
    directories,
    environment,
    in_force,
    not_restorable,
    other_files,
    outside,
    plausible,
    secrets,
    source,
    witness,
)
from backups.services.grafana.files.configuration_files import CONFIG, fetch_configuration
from backups.services.grafana.files.database import FILE, Database, Lacking, opened
from backups.services.grafana.files.directories import Source
from backups.services.grafana.files.objects import read
from backups.services.grafana.settings import GrafanaSettings
from backups.witness import Fact

UNKNOWN = "unknown"


def capture(settings: GrafanaSettings, job: Job, docker: Docker, hosts: Hosts, *, lock_seconds: float) -> Captured:
    """See `Service.capture`. The live server is asked what it is and what it holds; nothing is ever written there.

    lock_seconds: how long a database that is locked is waited for
    """
    place = source.data_directory(settings, docker, hosts)
    version = version_of(settings, job)
    living = source.locate(settings, place, docker, hosts)
    if not place.exists(living.file):
        named = "" if living.file == FILE else f", and the server's database is that file, as {living.origin} says"
        raise LifeboatError(
            f"{living.file} is not in {place}{named}",
            hint="the place is Grafana's data directory ([paths] data, usually /var/lib/grafana); a Grafana on MySQL or "
            "PostgreSQL keeps no file: back up that database",
        )
    size = sum(file.size for file in place.files(living.file))
    disk.require(job.directory, size, f"the copy of {living.file}")
    taken_at = job.now()
    job.say(f"copying {living.file}, {disk.size(size)}, from {place}")
    compared = plausible.Comparison.begin(settings, answers=version != UNKNOWN)
    place.fetch_sqlite(living.file, job.directory / FILE, seconds=lock_seconds)
    odd = fetch_configuration(settings, job.directory / CONFIG, job.work / CONFIG, docker, hosts)
    beyond = outside.of_source(settings, docker, hosts)
    found = in_force.read(job.directory / CONFIG, beyond)
    configured = in_force.own_file(job.directory / CONFIG, beyond) is not None
    taken = Source(settings, found, docker, hosts)
    odd += directories.take(taken, job.directory / CONFIG, job.directory, job.work / directories.DIRECTORIES)
    environment.note(beyond, job.directory / CONFIG, job.directory)
    plugins = plugins_of(place, job.work, taken)
    try:
        with opened(job.directory / FILE) as database:
            _check(database, place, living.file)
            age.require(database, version, f"{living.file} of {place}")
            objects = read(database)
            compared.require_same(database, objects, f"{living.file} of {place}")
            judged = secrets.judge(database, secrets.keys(found))
            silent = answers.without_alerting(found, objects.organisations)
            facts = [
                *witness.facts(database, objects),
                *judged.facts,
                *answers.expected(database, objects, silent, muting=not judged.closed),
            ]
            limits = [
                *odd,
                *living.limits(),
                *compared.limits,
                *age.limits(database, version),
                *not_restorable.look(judged, found, plugins, settings, configured=configured),
                *deep.look(database, objects).limits(),
            ]
            outside.note(found, configuration.kept(found), job.directory, opens=judged.key is not None)
            facts += other_files.facts(job.directory)
            written_by = age.words(database, job)
    except Lacking as error:
        raise LifeboatError(f"{living.file} of {place} cannot be read: {error.message}", hint=error.hint) from error
    except Damaged as error:
        raise LifeboatError(f"{living.file} of {place} is damaged: {error.message}", hint=_repair(living.file)) from error
    if version == UNKNOWN:
        limits.append(f"the source's version, which it did not say: {written_by}")
    for limit in limits:
        job.say(f"limit of this backup: {limit}")
    details = {
        "plugins": plugins,
        "configuration": configured,
        "layout": "resource" if objects.unified else "dashboard",
        "limits": limits,
        "partial": [*([judged.closed_words] if judged.closed_words else []), *living.partial()],
        "file": living.file,
        "version_before": age.version_before(job) if version == UNKNOWN else None,
    }
    return Captured(taken_at, version, facts, details)


def current_facts(settings: GrafanaSettings, docker: Docker, hosts: Hosts, stated: Sequence[Fact]) -> list[Fact]:
    """State the facts of the live database in the form of those stated, without those about its secrets and its server's answers.

    How the secrets of a data source from a provisioning file are sealed is left out: each start of Grafana seals them anew.
    """
    place = source.data_directory(settings, docker, hosts)
    living = source.locate(settings, place, docker, hosts)
    with tempfile.TemporaryDirectory(prefix="lifeboat-loss-") as scratch:
        place.fetch_sqlite(living.file, Path(scratch) / FILE, seconds=10)
        with opened(Path(scratch) / FILE) as database:
            provided = {
                f"org {row['org_id']} data source {row['uid']}" for row in database.rows("data_source") if row.get("read_only")
            }
            now = witness.facts(database, read(database), exact=witness.is_exact(stated))
            return [fact for fact in now if not (fact.metric == witness.SEALED and fact.subject in provided)]


def version_of(settings: GrafanaSettings, job: Job) -> str:
    """The server's version. One that cannot be asked does not stop the backup: its files are never more at rest than then."""
    try:
        version = Client.anonymous(settings).health().version
    except LifeboatError as error:
        job.say(f"{error.message}; its files are backed up all the same, without its version")
        return UNKNOWN
    if version is None:
        job.say("Grafana hides its version ([auth.anonymous] hide_version); the image's tag must be the source's")
    return version or UNKNOWN


def _check(database: Database, place: Place, file: str) -> None:
    """Raise LifeboatError unless this is a sound database of Grafana's that can be read. file: its path in the place."""
    if fault := database.fault():
        raise LifeboatError(f"{file} of {place} is damaged: {fault}", hint=_repair(file))
    if fault := age.fault(database):
        raise LifeboatError(f"{file} of {place} {fault}", hint=age.HINT)


def _repair(file: str) -> str:
    return f"stop Grafana and try, as its user: sqlite3 {file} '.recover' | sqlite3 mended.db; earlier backups are unharmed"


def plugins_of(place: Place, work: Path, source: Source) -> list[dict[str, Any]]:
    """Id and version of every installed plugin. Their files are not kept: they come from grafana.com again, not from a backup.

    One whose description cannot be read has the name of its directory as id, and the reason as `unreadable`.
    """
    path = directories.plugins(source)
    try:
        root, below = (source.place(path), ".") if path else (place, "plugins")
        if not root.exists(below):
            return []
        depths = {file.path: file.path.split("/") for file in root.files(below) if file.path.endswith("/plugin.json")}
        linked = {link for link in root.links() if PurePosixPath(link).parent == PurePosixPath(below)}
    except LifeboatError as error:
        return [{"id": names.shown(path or "plugins"), "version": None, "unreadable": error.message}]
    at = 0 if path else 1
    paths = [one for one, parts in depths.items() if len(parts) == at + 2 or (len(parts) == at + 3 and parts[at + 1] == "dist")]
    root.fetch(paths, work / "plugins-of-source")
    return [
        *(_plugin(work / "plugins-of-source" / one, depths[one][at]) for one in paths),
        *(
            {"id": names.shown(PurePosixPath(link).name), "version": None, "unreadable": "it is a link"}
            for link in sorted(linked)
        ),
    ]


def _plugin(description: Path, directory: str) -> dict[str, Any]:
    try:
        content = json.loads(description.read_text(encoding="utf-8-sig"))
        version = (content.get("info") or {}).get("version")
        return {"id": _plain(content["id"]), "version": None if version is None else _plain(version)}
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        return {"id": names.shown(directory), "version": None, "unreadable": f"{type(error).__name__}: {error}"}


def _plain(value: object) -> str:
    """Text that a manifest can hold: JSON may have halves of characters in it."""
    return str(value).encode("utf-8", "backslashreplace").decode()
