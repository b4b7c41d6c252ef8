"""Fetches the files of a source's configuration, as a backup keeps them and `lifeboat doctor` looks at them."""

import shutil
from pathlib import Path

from backups.hosts import Hosts
from backups.machine import disk
from backups.machine.docker import Docker
from backups.places import links, names
from backups.places.parse import parse
from backups.services.grafana.settings import GrafanaSettings

CONFIG = "config"
"""The directory of a backup that holds them."""


def fetch_configuration(settings: GrafanaSettings, into: Path, root: Path, docker: Docker, hosts: Hosts) -> list[str]:
    """Copy grafana.ini and its neighbours, and provisioning/, also where links lead to them; returns what was left out.

    into: the directory that they are put into, made when there are any. root: a new directory for the way
    """
    if settings.config_place is None:
        return []
    place = parse(settings.config_place, docker, hosts)
    place.check()
    there = place.links()
    targets = tuple(target for path, target in there.items() if target is not None and _wanted(path))
    files = [
        file
        for file in place.files()
        if _wanted(file.path) or file.path.startswith(tuple(f"{one}/" for one in targets)) or file.path in targets
    ]
    disk.require(root.parent, sum(file.size for file in files), f"the configuration of {place}")
    paths, odd = names.keepable(file.path for file in files)
    place.fetch(paths, root)
    named, odd_links = names.keepable(there)
    unfollowed = links.follow({path: there[path] for path in named if _wanted(path)}, root)
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        if _wanted(inside := path.relative_to(root).as_posix()):
            (into / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, into / inside)
    return [
        *(names.limit(path, str(place)) for path in (*odd, *(path for path in odd_links if _wanted(path)))),
        *(f"{path} of {place}, a link that leads to nothing below it" for path in unfollowed),
    ]


def _wanted(path: str) -> bool:
    return "/" not in path or path.startswith("provisioning/")
