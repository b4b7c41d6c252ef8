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
from functools import cached_property
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

    @cached_property
    def real(self) -> Path:
        """The root itself, where the configured path is a link: looked up once, whatever the link leads to later."""
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
        self._require_own_links()
        names = self.names()
        putting.require_empty(self.name, names or [])
        mounted = names is not None and filesystem.is_mount(self.real)
        partial = self.real / PARTIAL if mounted else self.real.with_name(f"{self.real.name}{PARTIAL}")
        with self._cleared(partial), contextlib.ExitStack() as stack:
            _make_way(self.real.parent)
            filesystem.remove(partial)
            # Whoever may write beside it may put another directory, or a link, in its place: all is done by what was opened.
            opened = self._copy_beside(tree, partial, stack)
            _change_owner(opened, *self._owner(ownership, exists=names is not None), self.name)
            filesystem.sync(opened.path)
            if mounted:
                _move_in(opened, self.real)
                partial.rmdir()
                filesystem.sync(self.real)
            else:
                # A rename over an empty directory is one step, too.
                partial.rename(self.real)
                if not os.path.samestat(self.real.lstat(), os.fstat(opened.descriptor)):
                    raise OSError(errno.ESTALE, "what was put there was exchanged by somebody", str(self.real))
            filesystem.sync(self.real.parent)

    def move_aside(self, suffix: str) -> Path:
        """Rename the root; returns its new path."""
        self._require_own_links()
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

    def _require_own_links(self) -> None:
        """Raise LifeboatError where a link on the way to the root is somebody else's, who may have it lead anywhere."""
        for path in (self.root, *self.root.parents) if os.geteuid() == 0 else ():
            if path.is_symlink() and not filesystem.is_roots(path):
                raise LifeboatError(
                    f"{path}, on the way to {self.name}, is a symbolic link that others than root may change",
                    hint=f"name what it leads to: {self.real}",
                )

    def _copy_beside(self, tree: Path, partial: Path, stack: contextlib.ExitStack) -> "_Opened":
        sent = putting.inventory(tree)
        opened = stack.enter_context(_opened(tree))
        if os.geteuid() == 0:
            # Nobody else comes in until its files have their owner.
            os.fchown(opened.descriptor, 0, 0)
            os.fchmod(opened.descriptor, 0o700)
        try:
            tree.rename(partial)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            putting.require_room(self.name, sum(entry.size for entry in sent.values()), self.free())
            partial.mkdir(mode=0o700)
            opened = stack.enter_context(_opened(partial))
            if os.fstat(opened.descriptor).st_uid != os.geteuid():
                raise OSError(errno.ESTALE, "it was exchanged by somebody", str(partial)) from error
            _copy(tree, opened.path, sent)
            putting.compare(self.name, sent, putting.inventory(opened.path))
            shutil.rmtree(tree)
        else:
            for path in [path for path in opened.path.rglob("*") if path.is_socket() or path.is_fifo()]:
                path.unlink()
        return opened

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


@dataclass(frozen=True)
class _Opened:
    """A directory that is open: `path` leads to it whatever its name leads to."""

    descriptor: int

    @property
    def path(self) -> Path:
        return Path(f"/proc/self/fd/{self.descriptor}")


@contextlib.contextmanager
def _opened(directory: Path) -> Iterator[_Opened]:
    """Open a directory; raises OSError when it is a link."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield _Opened(descriptor)
    finally:
        os.close(descriptor)


def _change_owner(opened: _Opened, user: int, group: int, mode: int, name: str) -> None:
    """Give the files below, then the directory itself: until then its new owner cannot come in and exchange them."""
    if os.geteuid() == 0:
        for path in opened.path.rglob("*"):
            os.chown(path, user, group, follow_symlinks=False)
        os.fchown(opened.descriptor, user, group)
    elif (user, group) != (os.geteuid(), os.getegid()):
        log.warning(
            "the files of %s belong to user %d, not to %d:%d, since Lifeboat does not run as root; change that before the start",
            *(name, os.geteuid(), user, group),
        )
    os.fchmod(opened.descriptor, mode)


def _make_way(directory: Path) -> None:
    """Create the directories above a root, by which the service's own user reaches it, whatever the umask is."""
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir()
        path.chmod(0o711)


def _copy(tree: Path, partial: Path, sent: Mapping[str, Entry]) -> None:
    for path, entry in sent.items():
        if entry.kind == "d":
            (partial / path).mkdir()
        else:
            shutil.copy2(tree / path, partial / path, follow_symlinks=False)
    # Last, and from below: a directory may forbid to write into it.
    for path in sorted((path for path, entry in sent.items() if entry.kind == "d"), reverse=True):
        shutil.copystat(tree / path, partial / path)


def _move_in(opened: _Opened, root: Path) -> None:
    """Move everything into the root; when one move fails, the others are undone."""
    moved: list[str] = []
    above = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        for name in sorted(path.name for path in opened.path.iterdir()):
            os.rename(name, name, src_dir_fd=opened.descriptor, dst_dir_fd=above)
            moved.append(name)
    except BaseException:
        for name in moved:
            os.rename(name, name, src_dir_fd=above, dst_dir_fd=opened.descriptor)
        raise
    finally:
        os.close(above)
