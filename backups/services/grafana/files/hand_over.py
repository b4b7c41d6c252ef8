"""Hands a restored Grafana over: its database, its configuration and directories, and how a server is started on them."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from backups import foreign, plural
from backups.manifest import Manifest
from backups.places.base import Ownership
from backups.services.base import Delivery
from backups.services.grafana import server
from backups.services.grafana.details import Elsewhere, GrafanaDetails
from backups.services.grafana.files import (
    configuration,
    directories,
    environment,
    first_start,
    in_force,
    named_files,
    outside,
    secrets,
)
from backups.services.grafana.files.configuration_files import CONFIG
from backups.services.grafana.files.database import Database
from backups.services.grafana.files.first_start import ObjectsStay
from backups.services.grafana.files.in_force import InForce, Setting
from backups.services.grafana.files.provisioned import PROVISIONING, apps, providers
from backups.services.grafana.files.secrets import Judged

KEY = "lifeboat-secret-key"
"""The file of a delivered configuration that has a secret_key which its grafana.ini has not."""


def settings(data: Path) -> InForce:
    """The settings that a backup knows, by its files in `data`."""
    return in_force.read(data / CONFIG, environment.told(data), outside.noted(data))


def delivery(backup: Path, database: Database, manifest: Manifest, into: Path) -> Delivery:
    """Describe what is handed over. backup: its files. into: the data directory that is handed over, which holds the database."""
    config, found = backup / CONFIG, settings(backup)
    key = found.setting(*outside.SECRET_KEY)
    key_file = _note_key(key, config)
    configured = config.is_dir() and any(config.iterdir())
    inis = _ini_files(config, backup) if configured else []
    seen, judged = environment.noted(backup), secrets.judge(database, secrets.keys(found))
    at_source = replace(found, outside=in_force.Outside(seen))
    name = GrafanaDetails.of(manifest).file
    start = environment.start(found, config, seen, file=name, configured=configured, key_file=key_file)
    named, taken = providers(config), _lay_out(backup, config, at_source, into)
    opens, slowest = _opens(manifest), max((one.interval for one in named), default=0)
    return Delivery(
        into,
        Ownership("grafana:grafana", server.USER, server.GROUP, 0o750),
        server.INSIDE,
        configuration=config if configured else None,
        notes=[
            *_notes(manifest, key, configured=configured, opens=opens),
            *_elsewhere(taken),
            *_named(at_source, backup),
            *start.notes,
        ],
        configuration_inside=named_files.CONFIG_INSIDE,
        port=server.PORT,
        environment=start.environment,
        outside=taken,
        read_elsewhere=_read_elsewhere(at_source),
        unready=[*start.unready, *_unready(manifest, config, database, judged), *inis],
        first_start=ObjectsStay(manifest.witness, found, slowest, name),
        beside=first_start.BESIDE,
    )


def delivery_without_data(backup: Path, database: Elsewhere, manifest: Manifest, into: Path) -> Delivery:
    """Describe what is handed over of a Grafana whose database another service's backups hold: all but that, `into` empty."""
    config, found = backup / CONFIG, settings(backup)
    key = found.setting(*outside.SECRET_KEY)
    inis, seen = _ini_files(config, backup), environment.noted(backup)
    at_source = replace(found, outside=in_force.Outside(seen))
    start = environment.start(found, config, seen, file=None, configured=True, key_file=_note_key(key, config))
    taken = _lay_out(backup, config, at_source, into)
    return Delivery(
        into,
        Ownership("grafana:grafana", server.USER, server.GROUP, 0o750),
        server.INSIDE,
        configuration=config,
        notes=[
            f"its data are in database {database.name}, which this does not bring back: lifeboat restore {database.service}",
            f"first {database.service}, then its configuration, then start it",
            *_notes(manifest, key, configured=True, opens=True),
            *_elsewhere(taken),
            *_named(at_source, backup),
            *start.notes,
        ],
        configuration_inside=named_files.CONFIG_INSIDE,
        port=server.PORT,
        environment=start.environment,
        outside=taken,
        read_elsewhere=_read_elsewhere(at_source),
        unready=[
            *start.unready,
            *inis,
            f"its database {database.name} has to be there first: lifeboat restore {database.service}",
        ],
        beside=first_start.BESIDE,
    )


def _note_key(key: Setting | None, config: Path) -> str | None:
    """Put a key that no ini file has into a file of the configuration; returns that file's name."""
    if key is None or not key.outside or not key.readings:
        return None
    config.mkdir(exist_ok=True)
    _write_new(config / KEY, key.readings[0].encode("utf-8", "surrogateescape"))
    return KEY


def _lay_out(backup: Path, config: Path, found: InForce, data: Path) -> dict[str, Path]:
    """Put the directories of providers into the data and the configuration where they were there; returns the others."""
    others: dict[str, Path] = {}
    for path, tree in directories.kept(backup, config).items():
        at = PurePosixPath(path)
        if any(at == PurePosixPath(own) for own in (server.INSIDE, named_files.CONFIG_INSIDE)):
            continue
        whole = True
        for own, root in (
            (directories.data_directory(found), data),
            (server.INSIDE, data),
            (named_files.CONFIG_INSIDE, config),
        ):
            if at.is_relative_to(own) and at != PurePosixPath(own):
                target = root / at.relative_to(own)
                if not target.exists():
                    shutil.copytree(tree, target)
                whole = whole and own not in (server.INSIDE, named_files.CONFIG_INSIDE)
        if whole:
            others[path] = tree
    return others


def _read_elsewhere(at_source: InForce) -> dict[str, str]:
    """Where the source's server reads its provisioning files, when that is not in its configuration's directory."""
    setting = at_source.setting("paths", PROVISIONING)
    path = setting.readings[0].rstrip("/") if setting and setting.readings else ""
    ini = PurePosixPath(at_source.outside.config() or f"{named_files.CONFIG_INSIDE}/{in_force.FILES[0]}")
    try:
        return {} if path == str(ini.parent / PROVISIONING) else {PROVISIONING: foreign.directory_path(path)}
    except ValueError:
        return {}


def _ini_files(config: Path, backup: Path) -> list[str]:
    """Say when it is not known which of the ini files Grafana reads. Where there is none to read, one that sets nothing is put.

    Without it a new container, whose image's own is hidden by the configuration, would end.
    """
    if in_force.own_file(config, environment.told(backup)):
        return []
    others = sorted(path.name for path in config.glob("*.ini") if path.name not in (in_force.DEFAULTS, environment.NO_INI))
    _write_new(config / environment.NO_INI, b"; the backup has no ini file of Grafana's: this one sets nothing\n")
    return [f"which ini file Grafana reads is not known, it may be one of {', '.join(others)}"] if others else []


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that only its owner reads; whatever the backup has of that name is not written through."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(content)


def _opens(manifest: Manifest) -> bool:
    stated = {fact.metric: fact.value for fact in manifest.witness if fact.subject == "secrets"}
    return stated.get(secrets.OPENED) == f"{stated.get('values')} of {stated.get('values')}"


def _notes(manifest: Manifest, key: Setting | None, *, configured: bool, opens: bool) -> Iterator[str]:
    if plugins := GrafanaDetails.of(manifest).plugins:
        yield f"its plugins have to be installed again: {' '.join(map(str, plugins))}"
    if configured:
        yield (
            "put its configuration in place before the first start: Grafana deletes what no provisioning file names; "
            "a new container has it"
        )
    if key and key.outside and key.readings:
        where = f"make the file {key.path} of it" if key.path else "give it to Grafana as its secret_key"
        yield f"its secret_key is {key.origin}: it is in {KEY} of the configuration; {where} before the first start"
    if not opens:
        yield "some secrets cannot be opened by the backup's key: start Grafana with the source's own secret_key to open them"


def _elsewhere(taken: dict[str, Path]) -> Iterator[str]:
    if taken:
        yield (
            f"its providers of dashboards read {', '.join(sorted(taken))}: a new container has them; any other target has "
            f"them in {directories.DIRECTORIES}/ of the configuration, to be put there before the first start"
        )


def _named(at_source: InForce, backup: Path) -> Iterator[str]:
    for setting, path in named_files.named_files(at_source):
        if not named_files.has_file(backup / CONFIG, path):
            yield f"{setting} names the file {path}, which is not in the backup"


def _unready(manifest: Manifest, config: Path, database: Database, judged: Judged) -> Iterator[str]:
    """Why a server that starts on this would delete or spoil some of it."""
    provisioned = config / PROVISIONING
    there = provisioned.is_dir() and any(path.is_file() for path in provisioned.rglob("*"))
    if not there and (number := configuration.provided(database)):
        what = plural.count(number, "provided object")
        yield f"the backup has no provisioning files, and a server without them deletes {what}"
    if judged.values and judged.key is None:
        yield f"{judged.closed_words}: the backup has not the secret_key that sealed them"
    installed = {plugin.id for plugin in GrafanaDetails.of(manifest).plugins}
    if missing := sorted(set(apps(config)) & installed):
        yield f"provisioning files configure {', '.join(missing)}, which has to be installed first"
