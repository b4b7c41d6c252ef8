"""Finds the files of a configuration that other users of this machine may read or write, and should not."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from backups.config.settings import Settings
from backups.repository.restic_errors import holds_password
from backups.secret import Secret
from backups.services.base import Finding

READABLE = frozenset({"ca_file", "known_hosts", "state", "suites", "tls_ca"})
"""Settings that name what everybody may read. Any other file is taken for a secret, so that a new setting is looked at."""

_WORDS = {(True, True): "read and written", (True, False): "read", (False, True): "written"}


def exposed(settings: Settings, file: Path) -> list[Finding]:
    """Return a finding for each file that others may use: passwords, keys, what connections trust, the state, `file` itself."""
    repositories = settings.every_repository
    secret = any(each.is_written_out for each in secrets(settings)) or any(
        holds_password(section.url) for section in repositories.values()
    )
    asked = {file: ("lifeboat.yaml", secret), settings.state: ("state directory", True)}
    for section in repositories.values():
        if (repository := Path(section.url)).is_dir():
            asked[repository] = ("repository", False)
    for key, path in named(settings):
        place = ".".join(key[:-1] if key[-1].isdecimal() else key)
        name = place.rpartition(".")[2]
        # A directory is a service's own, with its own users.
        if not path.is_dir():
            asked.setdefault(path, (place, name not in READABLE))
    if settings.hosts:
        asked.setdefault(Path("~/.ssh/known_hosts").expanduser(), ("known_hosts", False))
    found = [finding for path, (place, secret) in asked.items() for finding in _look(place, path, secret=secret)]
    return found or [
        Finding("files", ok=True, message="no other user of this machine reads a password or a key, or writes what is trusted")
    ]


def named(value: Any, key: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Path]]:
    """Yield every path in the settings, at any depth, with the key that names it; an entry of a list by its number, from 0."""
    for name, child in _members(value):
        here = (*key, name)
        if isinstance(child, Path):
            yield here, child
        elif isinstance(child, tuple):
            yield from (((*here, str(number)), each) for number, each in enumerate(child) if isinstance(each, Path))
        else:
            yield from named(child, here)


def secrets(value: Any) -> Iterator[Secret]:
    """Yield every password in the settings, at any depth."""
    for _, child in _members(value):
        if isinstance(child, Secret):
            yield child
        else:
            yield from secrets(child)


def _members(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, BaseModel):
        return [(name, getattr(value, name)) for name in type(value).model_fields]
    return [(str(name), each) for name, each in value.items()] if isinstance(value, dict) else []


def _look(place: str, path: Path, *, secret: bool) -> Iterator[Finding]:
    try:
        found, above = path.stat(), path.resolve().parent.stat()
    except OSError:
        # One that is missing is told by whoever needs it.
        return
    read, written = _others(found, stat.S_IRGRP, stat.S_IROTH) and secret, _others(found, stat.S_IWGRP, stat.S_IWOTH)
    directory = stat.S_ISDIR(found.st_mode)
    if read or written:
        mode = "700" if directory and secret else "600" if secret else "go-w"
        message = f"{path} (mode {stat.S_IMODE(found.st_mode):04o}) can be {_WORDS[read, written]} by other users of this machine"
        yield Finding(place, ok=False, message=message, remedy=f"chmod {mode} {path}")
    if found.st_uid not in (0, os.geteuid()):
        message = f"{path} belongs to user {found.st_uid}, who may write it"
        yield Finding(place, ok=False, message=message, remedy=f"chown {os.geteuid()} {path}")
    # Whoever may write a directory puts another file in the place of this one, unless it is sticky, as /tmp.
    if _others(above, stat.S_IWGRP, stat.S_IWOTH) and not above.st_mode & stat.S_ISVTX:
        parent = path.resolve().parent
        message = f"{path} can be replaced by other users: {parent} (mode {stat.S_IMODE(above.st_mode):04o}) is theirs to write"
        yield Finding(place, ok=False, message=message, remedy=f"chmod go-w {parent}")


def _others(found: os.stat_result, of_group: int, of_all: int) -> bool:
    """Whether users other than the own one may: everybody, or a group that is not the own one."""
    return bool(found.st_mode & of_all or (found.st_mode & of_group and found.st_gid not in (0, os.getegid())))
