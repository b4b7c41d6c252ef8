"""Gathers what a recovery kit holds: the configuration, every file and variable that it names, and the repositories' ids.

What should be in it and is not is named in the kit, on its page and on the terminal: nothing is left out silently.
"""

import hashlib
import os
import platform
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from backups.config.exposed import named, secrets
from backups.config.settings import Settings
from backups.errors import LifeboatError
from backups.hosts.settings import HostSettings
from backups.repository import identity
from backups.secret import Secret
from backups.site import Site
from verification.evidence import keys
from verification.rescue import backends
from verification.rescue.contents import CONFIGURATION, FILES, KIT, STATE, Carried, Contents, Key, Told

_MOST_BYTES = 64 << 20
"""Of one file that the configuration names: keys, passwords and suites are small."""


@dataclass
class Found:
    """A configuration and all that it names. files: content by path; keys: what names each; missing: a sentence each."""

    configuration: bytes
    files: dict[Path, bytes] = field(default_factory=dict)
    keys: dict[Path, list[Key]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def found(site: Site, path: Path) -> Found:
    """Read the configuration in `path` and every file that it names; raises LifeboatError when `path` cannot be read.

    The key that signs evidence is one of the files, where Lifeboat made it, too.
    """
    here = Found(_read(path))
    for key, each in _paths(site.settings):
        here.keys.setdefault(each, []).append(key)
    if site.settings.evidence.key_file is None and not gone(keys.path(site)):
        here.keys[keys.path(site)] = []
    for each, by in here.keys.items():
        name = ".".join(by[0]) if by else "evidence key"
        try:
            here.files[each] = _read(each)
        except LifeboatError as error:
            here.missing.append(f"{name}: {error.message}")
    here.missing += _not_carried(site.settings)
    return here


def gone(path: Path) -> bool:
    """Return whether a file is there no more; one that this user may not look for is not said to be."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        pass
    return False


def variables(settings: Settings, around: Mapping[str, str]) -> list[str]:
    """Return the names of the environment variables that the configuration reads, and of those that backends find, sorted."""
    return sorted({*_named(settings), *backends.inherited(settings, around)})


def _named(settings: Settings) -> set[str]:
    urls = [Secret(each.url) for each in settings.every_repository.values()]
    return {name for secret in (*secrets(settings), *urls) for name in secret.variables}


def gather(
    site: Site, path: Path, *, now: datetime, pythons: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> tuple[Contents, dict[str, bytes]]:
    """Return what a kit of this configuration holds, and its members by their names; raises LifeboatError when it cannot be read.

    environment: what the configuration's variables are read from; left out: this process's
    """
    here, settings = found(site, path), site.settings
    around = os.environ if environment is None else environment
    wanted = variables(settings, around)
    unset = [
        f"the environment variable {name} is not set here, and lifeboat.yaml reads it" for name in wanted if not around.get(name)
    ]
    repositories, unknown = _repositories(site)
    members = {CONFIGURATION: here.configuration}
    carried = []
    for number, (each, content) in enumerate(here.files.items()):
        by = here.keys[each]
        name = f"{FILES}/{number:03}-{_plain(each.name)}" if by else f"{STATE}/{each.relative_to(site.state).as_posix()}"
        members[name] = content
        carried.append(Carried(member=name, path=str(each), keys=tuple(by), sha256=hashlib.sha256(content).hexdigest()))
    contents = Contents(
        lifeboat=version("lifeboat"),
        host=platform.node() or "unknown",
        made_at=now,
        configuration=str(path.resolve()),
        files=tuple(carried),
        written=tuple(_written(settings, here)),
        environment={name: around[name] for name in wanted if around.get(name)},
        repositories=repositories,
        services=tuple(settings.rescue_order),
        unplaced=tuple(name for name in settings.rescue_order if settings.services[name].restore.to is None),
        missing=(*here.missing, *unset, *backends.not_carried(settings, around), *unknown),
        pythons=tuple(pythons),
    )
    return contents, {KIT: contents.model_dump_json(indent=1).encode(), **members}


def _paths(settings: Settings) -> Iterator[tuple[Key, Path]]:
    """Yield every path that is to be carried, with its key; of a host without known_hosts, those of this user."""
    for key, path in named(settings):
        if key != ("state",):
            yield key, path
    for name, host in settings.hosts.items():
        if host.known_hosts is None:
            yield ("hosts", name, "known_hosts"), Path("~/.ssh/known_hosts").expanduser()


def _written(settings: Settings, here: Found) -> Iterator[tuple[Key, str]]:
    """Yield what a relative path in lifeboat.yaml means, by its key: a rescue has the file in another folder."""
    for key, path in _paths(settings):
        if path not in here.files:
            yield key, str(path)
    for number, (name, repository) in enumerate(settings.every_repository.items()):
        yield ("repositories", name, "url"), repository.url
        if number == 0:
            yield ("repository", "url"), repository.url


def _repositories(site: Site) -> tuple[dict[str, Told], list[str]]:
    """Return each repository's id, as this machine knows it or else as it is found there, and which are not known."""
    told, unknown = {}, []
    for name, repository in site.repositories.items():
        found = identity.known(repository.known) if repository.known else None
        if found is None:
            try:
                found = repository.identifier()
            except LifeboatError as error:
                unknown.append(f"the id of the repository {name}: {error.message}")
            else:
                unknown += [] if found else [f"the id of the repository {name}: there is none at {repository.shown_url} yet"]
        told[name] = Told(url=repository.shown_url, id=found)
    return told, unknown


def _not_carried(settings: Settings) -> Iterator[str]:
    """Name what is reached by keys that are this user's own, or an agent's."""
    for name, settings_of_host in settings.hosts.items():
        if _by_agent(settings_of_host):
            yield f"hosts.{name}: it is logged in to by the keys of an ssh-agent, which nobody can carry"
    for place, repository in settings.every_repository.items():
        host = repository.url.removeprefix("sftp:").partition(":")[0]
        if repository.url.startswith("sftp:") and host not in settings.hosts:
            yield f"the repository {place} is reached by this user's own keys, ~/.ssh: name it under hosts: to have them carried"


def _by_agent(host: HostSettings) -> bool:
    return host.agent if host.agent is not None else host.key_file is None


def _read(path: Path) -> bytes:
    try:
        about = path.stat()
        if stat.S_ISDIR(about.st_mode):
            raise LifeboatError(f"{path} is a directory, and no directory is carried", hint="name a file")
        if about.st_size > _MOST_BYTES:
            raise LifeboatError(
                f"{path} has more than {_MOST_BYTES:,} bytes, and is not carried", hint="what is so large is no key"
            )
        return path.read_bytes()
    except OSError as error:
        raise LifeboatError(f"{path} cannot be read: {error.strerror}", hint="check its mode and owner") from error


def _plain(name: str) -> str:
    return "".join(each if each.isascii() and (each.isalnum() or each in "._-") else "_" for each in name)[:100]
