"""Opens, gives away and moves what is below a directory without following any link, for directories that a container wrote in.

Whatever runs in a container may put anything there at any moment: a link to a file of this machine in a file's place, or in that
of a directory on the way to it. So every step goes from the handle of a directory to a name in it, and never by a whole path.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from typing import BinaryIO

from backups.errors import Damaged

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_HERE = PurePath()
_FOREIGN = "who could write to the repository? restore another backup"
_DEEPEST = 100
"""Directories inside one another: no server makes as many."""
_KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFSOCK: "a socket",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@contextmanager
def directory(root: Path, inside: PurePath = _HERE) -> Iterator[int]:
    """Give the handle of a directory below `root`. Raises OSError when there is none, or a link on the way."""
    handle = _open(root, inside.parts)
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def opened(root: Path, inside: PurePath) -> Iterator[BinaryIO]:
    """Open a regular file below `root` for reading. Raises OSError when there is none, or a link on the way or in its place."""
    with directory(root, inside.parent) as handle:
        file = os.open(inside.name, _FILE, dir_fd=handle)
    with os.fdopen(file, "rb") as reading:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(0, f"{inside} is no regular file")
        yield reading


def text(root: Path, inside: PurePath) -> str:
    """Read a file below `root` as text; empty when there is none that may be opened."""
    with suppress(OSError), opened(root, inside) as file:
        return file.read().decode(errors="replace")
    return ""


def create(root: Path, name: str) -> None:
    """Create an empty file in a directory. Raises OSError when anything has that name already."""
    with directory(root) as handle:
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=handle))


@contextmanager
def socket(root: Path, inside: PurePath) -> Iterator[Path]:
    """Give a path at which exactly the socket that is now below `root` is connected to, whatever takes its name afterwards."""
    handle = held_socket(root, inside)
    try:
        yield Path(f"/proc/{os.getpid()}/fd/{handle}")
    finally:
        os.close(handle)


def held_socket(root: Path, inside: PurePath) -> int:
    """Return a handle of a socket below `root`, which the caller closes. Raises OSError when there is none."""
    with directory(root, inside.parent) as above:
        handle = os.open(inside.name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
    if not stat.S_ISSOCK(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(0, f"{inside} is no socket")
    return handle


def walk(root: Path) -> Iterator[tuple[PurePath, os.stat_result]]:
    """Yield what is below `root`, sorted in each directory: its path from there, and what it is itself, link or not.

    Raises Damaged when it is deeper than any server makes its directories.
    """
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        parts = waiting.pop()
        if len(parts) > _DEEPEST:
            raise Damaged(f"{root} has more than {_DEEPEST} directories inside one another", hint=_FOREIGN)
        entries = []
        # A server that runs removes what it no longer needs.
        with suppress(FileNotFoundError), directory(root, PurePath(*parts)) as handle:
            for name in sorted(os.listdir(handle)):  # noqa: PTH208 - of a handle
                with suppress(FileNotFoundError):
                    entries.append((name, os.stat(name, dir_fd=handle, follow_symlinks=False)))
        yield from ((PurePath(*parts, name), found) for name, found in entries)
        waiting += [(*parts, name) for name, found in reversed(entries) if stat.S_ISDIR(found.st_mode)]


def files(root: Path) -> list[PurePath]:
    """List the regular files below `root`, by their paths from there, sorted."""
    return sorted(path for path, found in walk(root) if stat.S_ISREG(found.st_mode))


def own(root: Path, user: int, group: int, *, within: bool = False) -> None:
    """Give a directory and everything in it to a user, links themselves too; `within`: not the directory itself."""
    if not within:
        os.chown(root, user, group, follow_symlinks=False)
    if not root.is_symlink() and root.is_dir():
        for path, _ in walk(root):
            with directory(root, path.parent) as handle:
                os.chown(path.name, user, group, dir_fd=handle, follow_symlinks=False)


def move_into(files: Sequence[Path], root: Path, inside: PurePath = _HERE) -> None:
    """Move files of ours into a directory below `root`. What has their names there is replaced, never followed."""
    with directory(root, inside) as handle:
        for file in files:
            os.rename(file, file.name, dst_dir_fd=handle)


def require_plain(root: Path, what: str) -> None:
    """Raise Damaged when there is anything but files and directories below `root`, or a file that runs as its owner."""
    for path, found in walk(root):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode))
        if kind is None and stat.S_ISREG(found.st_mode) and found.st_mode & (stat.S_ISUID | stat.S_ISGID):
            kind = "a program that runs as its owner"
        if kind is not None:
            raise Damaged(
                f"{path} in {what} is {kind}, which no server leaves there: nothing of it is handed over",
                hint=_FOREIGN,
            )


def _open(root: Path, parts: Sequence[str]) -> int:
    handle = os.open(root, _DIRECTORY)
    for part in parts:
        above = handle
        try:
            if part == ".." or part.startswith("/"):
                raise OSError(0, f"{PurePath(*parts)} leads out of its directory")
            handle = os.open(part, _DIRECTORY, dir_fd=above)
        finally:
            os.close(above)
    return handle
