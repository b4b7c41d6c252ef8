"""Keeps what Lifeboat writes from the other users of this machine: rows, secrets and locks go through its files.

A process of Lifeboat creates files for its own user alone (`umask`), and the state directory admits nobody else. Docker's daemon,
which is root, opens what is mounted into a container: a container's user needs no way through the directories above it, and what
it must read below the mount is given to it, or opened to others, where that is made.
"""

import logging
import os
import stat
from collections.abc import Collection
from fnmatch import fnmatch
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO
"""The bits of a mode that let anybody in but the owner."""

OURS = (
    *("cache", "clones", "cold-start", "evidence", "follow", "kit.json", "locks", "proven", "restores", "runs", "prune-owed*"),
    *("prune-deleted", "prune-deleted-*"),
    *("repository.id", "repository-*.id", "repository.config", "repository-*.config", "snapshots.seen", "snapshots-*.seen"),
)
"""What Lifeboat makes directly below the state directory; a * stands for the name of a repository."""

log = logging.getLogger(__name__)


def umask() -> None:
    """From now on, have this process and its children create files that nobody else may read; each process begins with this."""
    os.umask(OTHERS)


def make(directory: Path) -> None:
    """Create a directory, and those above it, for the owner alone, whatever the umask is. Raises OSError."""
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)


def write(file: Path, content: str | bytes) -> None:
    """Write a file that is whole or not there, for the owner alone, and the directories above it. Raises OSError."""
    part = file.with_name(f".{file.name}.{os.getpid()}")
    make(file.parent)
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:
            opened.write(content.encode() if isinstance(content, str) else content)
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def narrow(state: Path, *, besides: Collection[str] = ()) -> None:
    """Close a state directory that an older Lifeboat, or an umask, left open to others, and say so.

    One that holds anything else than Lifeboat's own files and `besides` may be somebody else's directory too: of that, only what
    is Lifeboat's is closed. What belongs to another user is left to `lifeboat doctor`, which names it.
    """
    state = state.resolve()
    try:
        names = {entry.name for entry in os.scandir(state)}
    except OSError:
        return
    # Only where there is something of Lifeboat's is it Lifeboat's directory at all.
    ours = {name for name in names if any(fnmatch(name, pattern) for pattern in OURS)}
    alone = bool(ours) and names <= ours | set(besides)
    for path in [state] if alone else [state / name for name in sorted(ours)]:
        if bits := _open_to_others(path):
            try:
                path.chmod(bits & ~OTHERS)
            except OSError:
                continue
            log.warning("%s was open to other users (mode %04o); it is closed to them now", path, bits)


def _open_to_others(path: Path) -> int:
    """Return the mode of a file or directory that others may use, else 0; nothing is said of a link."""
    mode = path.lstat().st_mode
    return stat.S_IMODE(mode) if mode & OTHERS and not stat.S_ISLNK(mode) else 0
