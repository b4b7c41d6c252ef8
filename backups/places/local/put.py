"""Puts a directory tree at a place on this machine: renamed where possible, else copied, compared and synced first."""

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
class LocalTarget:
    """The root of a place, to be filled or moved aside; `name` is shown in messages."""

    root: Path
    name: str

    @property
    def real(self) -> Path:
        """The root itself, where the configured path is a link to it."""
        return self.root.resolve()

    def names(self) -> list[str] | None:
        """Return every name directly below the root; None when it does not exist."""
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
        """Return the bytes that are free on the root's disk, also when the root does not exist yet."""
        try:
            return shutil.disk_usage(filesystem.nearest_directory(self.real)).free
        except OSError as error:
            raise LifeboatError(
                f"the free space of {self.name} cannot be read: {error.strerror}", hint="may Lifeboat read that directory?"
            ) from error

    def put(self, tree: Path, ownership: Ownership) -> None:
        """See `Place.put`."""
        names = self.names()
        putting.require_empty(self.name, names or [])
        mounted = names is not None and filesystem.is_mount(self.real)
        partial = self.real / PARTIAL if mounted else self.real.with_name(f"{self.real.name}{PARTIAL}")
        with self._cleared(partial):
            _make_way(self.real.parent)
            filesystem.remove(partial)
            self._copy_beside(tree, partial)
            _change_owner(partial, *self._owner(ownership, exists=names is not None), self.name)
            filesystem.sync(partial)
            if mounted:
                _move_in(partial, self.real)
            else:
                # A rename over an empty directory is one step, too.
                partial.rename(self.real)
            filesystem.sync(self.real.parent)

    def move_aside(self, suffix: str) -> Path:
        """Rename the root; returns its new path."""
        real = self.real
        aside = real.with_name(f"{real.name}.{suffix}")
        hint = "move its contents elsewhere by hand, or restore to another place"
        if self.names() is None:
            raise LifeboatError(f"{self.name} does not exist, so it cannot be moved aside", hint="leave --replace out")
        if filesystem.is_mount(real):
            raise LifeboatError(f"{self.name} is a mount point, which cannot be renamed", hint=hint)
        if os.path.lexists(aside):
            raise LifeboatError(f"{self.name} cannot be moved aside: {aside} exists already", hint="move that one away first")
        try:
            real.rename(aside)
        except OSError as error:
            raise LifeboatError(f"{self.name} cannot be moved aside to {aside}: {error.strerror}", hint=hint) from error
        return aside

    @contextlib.contextmanager
    def _cleared(self, partial: Path) -> Iterator[None]:
        """Remove `partial` after an error, and translate the system's errors."""
        try:
            yield
        except BaseException as error:
            with contextlib.suppress(OSError):
                filesystem.remove(partial)
            if not isinstance(error, OSError):
                raise
            if error.errno in disk.FULL:
                raise putting.disk_full(self.name, self.free()) from error
            culprit = f"{error.filename}: " if error.filename else ""
            raise LifeboatError(
                f"nothing can be put into {self.name}: {culprit}{error.strerror or error}",
                hint="run Lifeboat as root or as the owner of the directory above; nothing was kept of this attempt",
            ) from error

    def _copy_beside(self, tree: Path, partial: Path) -> None:
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

    def _owner(self, ownership: Ownership, *, exists: bool) -> tuple[int, int, int]:
        """Return user, group and mode for the root: those of an empty root that exists, else the given ones."""
        if exists:
            status = self.real.stat()
            return status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)
        return *numbers(ownership), ownership.mode


def numbers(ownership: Ownership) -> tuple[int, int]:
    """Return user and group by their names, where this machine knows them, else the given numbers."""
    user, _, group = ownership.names.partition(":")
    found = [ownership.user, ownership.group]
    with contextlib.suppress(KeyError):
        found[0] = int(user) if user.isdecimal() else pwd.getpwnam(user).pw_uid
    with contextlib.suppress(KeyError):
        found[1] = int(group) if group.isdecimal() else grp.getgrnam(group).gr_gid
    return found[0], found[1]


def _change_owner(tree: Path, user: int, group: int, mode: int, name: str) -> None:
    if os.geteuid() == 0:
        for path in (tree, *tree.rglob("*")):
            os.chown(path, user, group, follow_symlinks=False)
    elif (user, group) != (os.geteuid(), os.getegid()):
        log.warning(
            "the files of %s belong to user %d, not to %d:%d, since Lifeboat does not run as root; change that before the start",
            *(name, os.geteuid(), user, group),
        )
    tree.chmod(mode)


def _make_way(directory: Path) -> None:
    """Create the directories above a root, by which the service's own user reaches it, whatever the umask is."""
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir()
        path.chmod(0o711)


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
    """Move everything one level up; when one move fails, the others are undone."""
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
