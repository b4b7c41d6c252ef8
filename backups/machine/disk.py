"""Checks free disk space before anything is written, and reports a disk that fills."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backups.errors import LifeboatError

FULL = (errno.ENOSPC, errno.EDQUOT)
"""The system's error numbers for a full disk or quota."""

_RESERVE = 256 * 1024 * 1024
"""Bytes that always stay free: a full disk stops more than a backup."""


def size(count: float) -> str:
    """Write a number of bytes for a person: `512 B`, `1.4 GiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def with_reserve(needed: int) -> int:
    """Return the bytes that must be free where so many are to be written."""
    return needed + _RESERVE


def require(directory: Path, needed: int, purpose: str) -> None:
    """Raise LifeboatError unless `directory`'s disk has space for `needed` bytes and a reserve; `purpose` begins the message."""
    free = shutil.disk_usage(directory).free
    if free < with_reserve(needed):
        raise LifeboatError(
            f"{purpose} needs {size(with_reserve(needed))} in {directory}; {size(free)} are free",
            hint="free some space there, or set `state:` in lifeboat.yaml to a directory on a larger disk",
        )


@contextmanager
def full_disk_reported(directory: Path, purpose: str) -> Iterator[None]:
    """Raise LifeboatError when a disk fills within the block; `purpose` is what was being done."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise LifeboatError(
            f"the disk filled during {purpose}: {directory} has {size(shutil.disk_usage(directory).free)} left",
            hint="free some space there, or set `state:` in lifeboat.yaml to a larger disk; nothing was kept of this attempt",
        ) from error


def tree_size(directory: Path) -> int:
    """Return the bytes of all files below `directory`."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file() and not path.is_symlink())
