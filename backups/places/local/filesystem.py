"""Asks and tells this machine's filesystems what Python's library does not: mount points, and syncing to the disk."""

import ctypes
import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def nearest_directory(path: Path) -> Path:
    """Return the directory itself, or its nearest parent that exists."""
    return next(parent for parent in (path, *path.parents) if parent.is_dir())


def is_mount(path: Path) -> bool:
    """Return whether something is mounted there, also when it is a directory of the same filesystem."""
    if path.is_mount():
        return True
    try:
        lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except OSError:
        return False
    points = (line.split()[4].decode("unicode_escape").encode("latin-1") for line in lines)
    return os.fsencode(path) in points


def is_roots(path: Path) -> bool:
    """Return whether root alone may exchange what is at `path`: by its owner, and the directory above it."""
    above, itself = path.parent.stat(), path.lstat()
    others = above.st_mode & 0o022 and not above.st_mode & stat.S_ISVTX
    return above.st_uid == 0 and not others and itself.st_uid == 0


@contextmanager
def opened(root: Path, file: Path) -> Iterator[int]:
    """Open the regular file `file` below `root`, both without links: none is followed, whoever plants one in the meantime.

    Raises OSError for anything else.
    """
    *directories, name = file.parts or (".",)
    current = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in directories:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=current)
            os.close(current)
            current = below
        # Not blocking: a pipe would be waited for.
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=current)
    finally:
        os.close(current)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is not a file", str(file))
        yield descriptor
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file or a tree; one that does not exist is fine."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def sync(path: Path) -> None:
    """Write the whole filesystem of `path` to its disk: one call, however many files; raises OSError when the disk refuses."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(descriptor)
