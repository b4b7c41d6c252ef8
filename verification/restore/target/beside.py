"""Finds where a configuration goes that is delivered beside the data of a place."""

from pathlib import Path
from typing import Protocol

from backups.hosts import Hosts
from backups.machine.docker import Docker
from backups.places.base import Ownership
from backups.places.container import NewVolume
from backups.places.local.place import LocalPlace
from backups.places.parse import parse


class Takes(Protocol):
    """What takes a directory tree: a place, or a new volume."""

    def entries(self) -> list[str] | None:
        """The names of what it holds; None when it is not there."""
        ...

    def put(self, tree: Path, ownership: Ownership) -> None:
        """Put the tree there."""
        ...


def beside(text: str, suffix: str, docker: Docker, hosts: Hosts) -> tuple[Takes, str]:
    """Return what is beside the place `text`, its name with the suffix, and how to name that to a person.

    Beside a container's mount is nothing that a container has, stopped or started anew: there it is beside the mount's source on
    this machine, or a volume of its own.
    """
    text = text.rstrip("/")
    wanted = f"{text}{suffix}"
    kind, _, rest = text.partition(":")
    container, _, path = rest.partition(":")
    data = docker.mounted(container, path) if kind == "docker" else None
    if data is None or not data.whole or docker.mounted(container, f"{path}{suffix}"):
        return parse(wanted, docker, hosts), wanted
    if data.volume:
        volume = NewVolume(docker, f"{data.volume}{suffix}")
        return volume, str(volume)
    place = LocalPlace(data.path.with_name(f"{data.path.name}{suffix}"))
    return place, f"{place} of this machine"
