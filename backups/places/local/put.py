"""A tree becomes a root of this machine: renamed where that is possible, else copied, compared and synced first."""

import contextlib
import errno
import grp
import logging
import os
import pwd
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from backups.errors import LifeboatError
from backups.machine import disk
from backups.places import put as putting
from backups.places.base import Ownership
from backups.places.local import filesystem
from backups.places.put import PARTIAL, Entry

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LocalArrival:
    """Arrivals at one root; `name` is what messages call it."""

    root: Path
    name: str

    @property
    def real(self) -> Path:
        """The root itself, where the configured path is a link to it."""
        return self.root.resolve()

    def names(self) -> list[str] | None:
        """Every name directly below the root; None when it is not there."""
        try:
            return [entry.name for entry in self.real.iterdir()]
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LifeboatError(
                f"{self.name} cannot be listed: {error.strerror}",
                hint="a place is a directory; run Lifeboat as root or as its owner",
            ) from error

    def free(self) -> int:
        """Bytes that are free where the root is, or would be."""
        try:
            return shutil.disk_usage(filesystem.standing(self.real)).free
        except OSError as error:
            raise LifeboatError(
                f"the room for {self.name} cannot be told: {error.strerror}", hint="may Lifeboat look there?"
            ) from error

    def put(self, tree: Path, ownership: Ownership) -> None:
        """See `Place.put`."""
        names = self.names()
        putting.require_empty(self.name, names or [])
        mounted = names is not None and filesystem.is_mount(self.real)
        partial = self.real / PARTIAL if mounted else self.real.with_name(f"{self.real.name}{PARTIAL}")
        with self._told(partial):
            self.real.parent.mkdir(parents=True, exist_ok=True)
            filesystem.remove(partial)
            self._arrive(tree, partial)
            _give(partial, *self._owner(ownership, there=names is not None), self.name)
            filesystem.sync(partial)
            if mounted:
                _move_in(partial, self.real)
            else:
                # Over an empty directory this is one step, too.
                partial.rename(self.real)
            filesystem.sync(self.real.parent)

    def move_aside(self, suffix: str) -> Path:
        """Rename the root; returns what it is now."""
        real = self.real
        aside = real.with_name(f"{real.name}.{suffix}")
        hint = "move what it holds elsewhere by hand, or restore to another place"
        if self.names() is None:
            raise LifeboatError(f"{self.name} is not there, so it cannot be moved aside", hint="leave --replace out")
        if filesystem.is_mount(real):
            raise LifeboatError(f"{self.name} is a mount point, which cannot be renamed", hint=hint)
        if os.path.lexists(aside):
            raise LifeboatError(f"{self.name} cannot be moved aside: {aside} is there already", hint="move that one away first")
        try:
            real.rename(aside)
        except OSError as error:
            raise LifeboatError(f"{self.name} cannot be moved aside to {aside}: {error.strerror}", hint=hint) from error
        return aside

    @contextlib.contextmanager
    def _told(self, partial: Path) -> Iterator[None]:
        """Leave no piece behind, and tell the faults of a disk."""
        try:
            yield
        except BaseException as error:
            with contextlib.suppress(OSError):
                filesystem.remove(partial)
            if not isinstance(error, OSError):
                raise
            if error.errno in disk.FULL:
                raise putting.filled(self.name, self.free()) from error
            raise LifeboatError(
                f"nothing can be put into {self.name}: {error.filename or ''}: {error.strerror or error}",
                hint="run Lifeboat as root or as the owner of the directory above; nothing was kept of this attempt",
            ) from error

    def _arrive(self, tree: Path, partial: Path) -> None:
        sent = putting.inventory(tree)
        try:
            tree.rename(partial)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            putting.require_room(self.name, sum(entry.size for entry in sent.values()), self.free())
            _copy(tree, partial, sent)
            putting.compare(self.name, sent, putting.inventory(partial))
            shutil.rmtree(tree)
        else:
            for path in [path for path in partial.rglob("*") if path.is_socket() or path.is_fifo()]:
                path.unlink()

    def _owner(self, ownership: Ownership, *, there: bool) -> tuple[int, int, int]:
        """User, group and mode of the root: those of an empty one that is there, else the given ones."""
        if there:
            status = self.real.stat()
            return status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)
        return *numbers(ownership), ownership.mode


def numbers(ownership: Ownership) -> tuple[int, int]:
    """User and group by their names, where this machine knows them, else the given numbers."""
    user, _, group = ownership.names.partition(":")
    found = [ownership.user, ownership.group]
    with contextlib.suppress(KeyError):
        found[0] = int(user) if user.isdecimal() else pwd.getpwnam(user).pw_uid
    with contextlib.suppress(KeyError):
        found[1] = int(group) if group.isdecimal() else grp.getgrnam(group).gr_gid
    return found[0], found[1]


def _give(tree: Path, user: int, group: int, mode: int, name: str) -> None:
    if os.geteuid() == 0:
        for path in (tree, *tree.rglob("*")):
            os.chown(path, user, group, follow_symlinks=False)
    elif (user, group) != (os.geteuid(), os.getegid()):
        log.warning(
            "the files of %s belong to user %d, not to %d:%d, since Lifeboat does not run as root; change that before the start",
            *(name, os.geteuid(), user, group),
        )
    tree.chmod(mode)


def _copy(tree: Path, partial: Path, sent: Mapping[str, Entry]) -> None:
    partial.mkdir(mode=0o700)
    for path, entry in sent.items():
        if entry.kind == "d":
            (partial / path).mkdir()
        else:
            shutil.copy2(tree / path, partial / path, follow_symlinks=False)
    # Last, and from below: a directory may forbid to write into it.
    for path in sorted((path for path, entry in sent.items() if entry.kind == "d"), reverse=True):
        shutil.copystat(tree / path, partial / path)


def _move_in(partial: Path, root: Path) -> None:
    """Move everything one level up; a move that fails takes the others back."""
    moved: list[Path] = []
    try:
        for path in sorted(partial.iterdir()):
            path.rename(root / path.name)
            moved.append(root / path.name)
    except BaseException:
        for path in moved:
            path.rename(partial / path.name)
        raise
    partial.rmdir()
    filesystem.sync(root)
