"""What the standard library does not say about directories of this machine: mounts, and what is on the disk for good."""

import ctypes
import os
import shutil
from pathlib import Path


def standing(path: Path) -> Path:
    """The nearest directory that is there."""
    return next(parent for parent in (path, *path.parents) if parent.is_dir())


def is_mount(path: Path) -> bool:
    """Whether something is mounted there, also a directory of the same filesystem."""
    if path.is_mount():
        return True
    try:
        lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except OSError:
        return False
    points = (line.split()[4].decode("unicode_escape").encode("latin-1") for line in lines)
    return os.fsencode(path) in points


def remove(path: Path) -> None:
    """Remove a file or a tree; already gone is fine."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def sync(path: Path) -> None:
    """Have the whole filesystem of `path` on its disk: one call, however many files, and it tells what a disk refused."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(descriptor)
