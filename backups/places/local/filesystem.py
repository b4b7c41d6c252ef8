"""Asks and tells this machine's filesystems what Python's library does not: mount points, and syncing to the disk."""

import ctypes
import os
import shutil
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
