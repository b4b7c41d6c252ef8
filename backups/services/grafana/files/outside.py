"""Reads what a source's settings take from outside its configuration's directory, and keeps it in the backup.

What a container was started with is known by `docker inspect`, a process of a machine by /proc (`process.py`). Of files only
small ones are read, and what a file holds is kept only as the key that was seen to open the source's secrets: a grafana.ini may
name any file.
"""

import json
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from backups.errors import LifeboatError
from backups.hosts import Hosts
from backups.machine.docker import Docker
from backups.places.parse import parse
from backups.services.grafana.files import process
from backups.services.grafana.files.in_force import InForce, Outside, Setting
from backups.services.grafana.settings import GrafanaSettings

NOTED = "outside.json"
"""The file of a backup that keeps it."""
SECRET_KEY = ("security", "secret_key")
_BYTES = 4096
"""No key is longer."""


def of_source(settings: GrafanaSettings, docker: Docker, hosts: Hosts) -> Outside:
    """What can be seen of a source's outside: of a container its environment and its files, else the files of its machine."""
    places = [place for place in (settings.place, settings.config_place) if place]
    containers = [place.split(":")[1] for place in places if place.startswith("docker:") and place.count(":") > 1]
    seen: process.Started | None = None
    try:
        if containers:
            seen = process.of_container(docker, containers[0])
        elif settings.place:
            seen = process.of_machine(parse(settings.place, docker, hosts))
    except LifeboatError:
        # Whoever reads the place itself says what is wrong with it.
        seen = None
    return Outside(
        seen.environment if seen else None, _reader(places, docker, hosts) if places else None, seen.arguments if seen else ()
    )


def _reader(places: list[str], docker: Docker, hosts: Hosts) -> Callable[[str], bytes]:
    """Read files of the container that the server runs in, where a place names one, else of the machine of the last place."""
    where = next((place for place in places if place.startswith("docker:")), places[-1])
    machine = "local:" if where.startswith("local:") else ":".join(where.split(":")[:2]) + ":"

    def read(path: str) -> bytes:
        named = PurePosixPath(path)
        if not named.is_absolute() or ".." in named.parts:
            raise LifeboatError(f"{path} is no absolute path", hint="write the whole path into grafana.ini")
        place = parse(f"{machine}{named.parent}", docker, hosts)
        place.check()
        found = place.files(named.name)
        # The links of a whole machine are not looked through.
        real = found[0].path if found else None if named.parent == named.parent.parent else place.links().get(named.name)
        listed = found or (place.files(real) if real else [])
        size = next((file.size for file in listed if file.path == real), None)
        if real is None or size is None:
            raise LifeboatError(f"{named.name} of {place} is no file", hint="is its path right?")
        if size > _BYTES:
            raise LifeboatError(
                f"{named.name} of {place} has {size} bytes, a key has at most {_BYTES}", hint="is its path right?"
            )
        with tempfile.TemporaryDirectory(prefix="lifeboat-key-") as scratch:
            place.fetch([real], Path(scratch))
            return (Path(scratch) / real).read_bytes()

    return read


def note(found: InForce, wanted: Iterable[tuple[str, str]], into: Path, *, opens: bool) -> None:
    """Keep those of the wanted settings that came from outside, in a file that only its owner reads; none where there are none.

    opens: whether the secret_key opens the source's secrets; else it is not kept, and nothing that a file holds ever is
    """
    kept = []
    for name in wanted:
        setting = found.setting(*name)
        if setting and setting.outside and setting.readings and (opens if name == SECRET_KEY else setting.path is None):
            kept.append([*name, list(setting.readings), setting.origin, setting.path])
    if kept:
        path = into / NOTED
        path.touch(mode=0o600)
        path.write_text(json.dumps(kept), encoding="ascii")


def noted(data: Path) -> dict[tuple[str, str], Setting]:
    """What a backup has kept of its source's outside; nothing in backups that were taken before it was kept."""
    path = data / NOTED
    if not path.is_file():
        return {}
    found: dict[tuple[str, str], Setting] = {}
    try:
        for section, key, readings, origin, held in json.loads(path.read_text(encoding="ascii")):
            found[str(section), str(key)] = Setting(
                tuple(map(str, readings)), str(origin), outside=True, path=None if held is None else str(held)
            )
    except (ValueError, TypeError):
        # What is no longer readable is compared with the manifest elsewhere; here the key is simply not known.
        return {}
    return found
