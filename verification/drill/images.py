"""Chooses the image that a copy runs on: the configured one, whatever a manifest out of the repository names.

A backup from before an upgrade names another tag of the configured image. It runs on that one where this machine has it, as it
does where the backup was taken; it is never pulled for that, since only the repository names it.
"""

import re
from collections.abc import Callable

from backups.errors import ConfigError, LifeboatError
from backups.machine.docker import Docker, Image
from backups.manifest import Source

_DEFAULT_REGISTRY = re.compile(r"^((index\.)?docker\.io/)?(library/)?")


def choose(service: str, configured: str, source: Source, asked: str | None, present: Callable[[str], Image | None]) -> str:
    """Return the name of the image to run.

    configured: the service's `image:`; source: what the manifest says; asked: the image that a person has named, who may name any
    present: finds an image on this machine
    Raises LifeboatError when the backup names an image that is neither the configured one nor another tag of it.
    """
    if asked is not None:
        return asked
    if _full(source.image) == _full(configured):
        return configured
    if _untagged(source.image) == _untagged(configured):
        return source.image if present(source.image) else configured
    if source.image_id is not None and (here := present(configured)) and here.id == source.image_id:
        return configured
    raise LifeboatError(
        f"the backup names the image {source.image}, lifeboat.yaml names {configured} for {service}: no copy was started",
        hint=f"if you know that image: --image {source.image} allows it, this time",
    )


def described(name: str, docker: Docker) -> str:
    """Return an image's name and id, for a plan; where it is not on this machine, that it will be pulled."""
    try:
        found = docker.present(name)
    except ConfigError:
        raise
    except LifeboatError:
        return f"{name} (Docker does not answer, so its id is not known)"
    return f"{name} ({found.id})" if found else f"{name} (not on this machine: it is pulled first)"


def _full(name: str) -> str:
    tagged = name if name != _untagged(name, registry=True) else f"{name}:latest"
    return _DEFAULT_REGISTRY.sub("", tagged, count=1)


def _untagged(name: str, *, registry: bool = False) -> str:
    """Return a name without tag and digest; `registry`: with Docker's own registry before it, where it is written."""
    path, slash, last = name.partition("@")[0].rpartition("/")
    bare = path + slash + last.partition(":")[0]
    return bare if registry else _DEFAULT_REGISTRY.sub("", bare, count=1)
