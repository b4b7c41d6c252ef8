"""Checks that every kind of place makes when files are put: an empty root, room on the disk, files equal to those sent."""

import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from backups.errors import LifeboatError
from backups.machine import disk

PARTIAL = ".lifeboat-partial"
"""Added to a root's name: where files are written first. Below a mount point, which cannot be renamed over, the name alone."""

_IGNORED = frozenset({"lost+found", PARTIAL})


@dataclass(frozen=True)
class Entry:
    """One thing of a tree: its kind (`f`, `d`, `l`), its permission bits, and a file's size in bytes."""

    kind: str
    mode: int
    size: int = 0


def occupying(names: Iterable[str]) -> list[str]:
    """Return the names that make a root not empty, sorted."""
    return sorted(set(names) - _IGNORED)


def require_empty(place: object, names: Iterable[str]) -> None:
    """Raise LifeboatError when a root with these names below it is not empty."""
    names = list(names)
    if found := occupying(names):
        first = ", ".join(found[:3]) + (" …" if len(found) > 3 else "")
        killed = f"; {PARTIAL} in it is from a restore that was killed while it moved its files there" if PARTIAL in names else ""
        raise LifeboatError(
            f"{place} is not empty: it holds {len(found)} entries ({first}){killed}",
            hint="name an empty or a new directory, or move the old one aside with lifeboat restore --replace",
        )


def require_room(place: object, needed: int, free: int) -> None:
    """Raise LifeboatError, with both numbers, unless `needed` bytes fit into `free`."""
    if needed > free:
        raise LifeboatError(
            f"not enough space in {place}: {disk.size(needed)} are to be put there, {disk.size(free)} are free",
            hint="free some space there, or name a place on a larger disk; nothing was written",
        )


def disk_full(place: object, free: int) -> LifeboatError:
    """Return the error for a disk that filled in the middle."""
    return LifeboatError(
        f"the disk of {place} filled while files were put there: {disk.size(free)} are free",
        hint="free some space there, or name a place on a larger disk; nothing was kept of this attempt",
    )


def inventory(tree: Path) -> dict[str, Entry]:
    """Return everything below `tree` by its relative path, without sockets and pipes, which belong to processes that have ended.

    Raises LifeboatError for a device.
    """
    return dict(_walk(tree))


def _walk(tree: Path) -> Iterator[tuple[str, Entry]]:
    for path in tree.rglob("*"):
        status = path.lstat()
        kind, mode = status.st_mode, stat.S_IMODE(status.st_mode)
        name = path.relative_to(tree).as_posix()
        if stat.S_ISREG(kind):
            yield name, Entry("f", mode, status.st_size)
        elif stat.S_ISDIR(kind):
            yield name, Entry("d", mode)
        elif stat.S_ISLNK(kind):
            yield name, Entry("l", 0)
        elif not (stat.S_ISSOCK(kind) or stat.S_ISFIFO(kind)):
            raise LifeboatError(f"{path} is a device, which no backup can hold", hint="this is a bug in Lifeboat: report it")


def compare(place: object, sent: Mapping[str, Entry], found: Mapping[str, Entry]) -> None:
    """Raise LifeboatError unless what is found at the place is what was sent: names, kinds, modes and sizes."""
    for path in sorted(sent.keys() | found.keys()):
        ours, theirs = sent.get(path), found.get(path)
        if ours != theirs:
            raise LifeboatError(
                f"{path} in {place} is {_describe(theirs)} after the copy; sent was {_describe(ours)}",
                hint="is something else writing there? try again; the files of this attempt were removed",
            )


def _describe(entry: Entry | None) -> str:
    if entry is None:
        return "nothing"
    kind = {"f": f"a file of {entry.size} bytes", "d": "a directory", "l": "a link"}.get(entry.kind, "something else")
    return kind if entry.kind == "l" else f"{kind} with mode {entry.mode:04o}"
