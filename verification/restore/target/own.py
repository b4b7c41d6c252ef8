"""Tells whether a target is the service's own place: only there is it stopped and started."""

from os.path import normpath

from backups.errors import LifeboatError
from backups.hosts import Hosts
from backups.machine.docker import Docker
from backups.places.local.place import LocalPlace
from backups.places.parse import parse
from backups.services.base import Service


def source_place(service: Service) -> str | None:
    """Return the place of the service's files as lifeboat.yaml names it; None for a type that is reached over a network alone."""
    place = getattr(service.settings, "place", None)
    return place if isinstance(place, str) else None


def is_own(text: str, service: Service, docker: Docker, hosts: Hosts) -> bool:
    """Whether a place is the service's `restore.to` or its `place`, however it is written."""
    named = (service.settings.restore.to, source_place(service))
    return any(same(text, other, docker, hosts) for other in named if other)


def same(one: str, other: str, docker: Docker, hosts: Hosts) -> bool:
    """Whether two texts name one place: `docker:` and `local:` ones are compared by where the files are on this machine."""
    if _plain(one) == _plain(other):
        return True
    roots = [_root(text, docker, hosts) for text in (one, other)]
    return roots[0] is not None and roots[0] == roots[1]


def _plain(text: str) -> tuple[str, str]:
    before, mark, path = text.partition(":/")
    return before, normpath(f"/{path}") if mark else ""


def _root(text: str, docker: Docker, hosts: Hosts) -> object:
    if not text.startswith(("local:", "docker:")):
        return None
    try:
        place = parse(text, docker, hosts)
        return place.root.resolve() if isinstance(place, LocalPlace) else None
    except (LifeboatError, OSError, RuntimeError):
        # No such container, no such text: whoever opens it says so.
        return None
