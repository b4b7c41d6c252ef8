"""What places do the same way when a tree arrives: what may be there before, what is compared, how faults are told."""

import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from backups.errors import LifeboatError
from backups.machine import disk

PARTIAL = ".lifeboat-partial"
"""Added to a root's name, what arrives beside it; below a mount point, which nothing can be renamed over, a name of its own."""

_NOTHING = frozenset({"lost+found", PARTIAL})


@dataclass(frozen=True)
class Entry:
    """One thing of a tree: its kind (`f`, `d`, `l`), its permission bits, and a file's size in bytes."""

    kind: str
    mode: int
    size: int = 0


def held(names: Iterable[str]) -> list[str]:
    """The names that make a root not empty, sorted."""
    return sorted(set(names) - _NOTHING)


def require_empty(place: object, names: Iterable[str]) -> None:
    """Raise LifeboatError when a root with these names below it is not empty."""
    names = list(names)
    if found := held(names):
        told = ", ".join(found[:3]) + (" …" if len(found) > 3 else "")
        died = f"; {PARTIAL} in it says that a restore died while it moved its files in" if PARTIAL in names else ""
        raise LifeboatError(
            f"{place} is not empty: it holds {len(found)} entries ({told}){died}",
            hint="name an empty or a new directory, or have the old one moved aside by --replace",
        )


def require_room(place: object, needed: int, free: int) -> None:
    """Raise LifeboatError, with both numbers, unless `needed` bytes fit into `free`."""
    if needed > free:
        raise LifeboatError(
            f"{place} has no room: {disk.size(needed)} are to be put there, {disk.size(free)} are free",
            hint="free some space there, or name a place on a larger disk; nothing was written",
        )


def filled(place: object, free: int) -> LifeboatError:
    """The error for a disk that filled in the middle."""
    return LifeboatError(
        f"the disk of {place} filled while files were put there: {disk.size(free)} are free",
        hint="free some space there, or name a place on a larger disk; nothing was kept of this attempt",
    )


def inventory(tree: Path) -> dict[str, Entry]:
    """Everything below `tree` by its relative path. Sockets and pipes, which no process is behind any more, are passed by.

    Raises LifeboatError for a device.
    """
    return dict(_look(tree))


def _look(tree: Path) -> Iterator[tuple[str, Entry]]:
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
            raise LifeboatError(f"{path} is a device, which no backup holds", hint="this is a bug in Lifeboat: report it")


def compare(place: object, sent: Mapping[str, Entry], arrived: Mapping[str, Entry]) -> None:
    """Raise LifeboatError unless what arrived is what was sent: names, kinds, modes and sizes."""
    for path in sorted(sent.keys() | arrived.keys()):
        ours, theirs = sent.get(path), arrived.get(path)
        if ours != theirs:
            raise LifeboatError(
                f"{path} arrived in {place} as {_words(theirs)}; it was sent as {_words(ours)}",
                hint="is something else writing there? try again; what had arrived is removed",
            )


def _words(entry: Entry | None) -> str:
    if entry is None:
        return "nothing"
    kind = {"f": f"a file of {entry.size} bytes", "d": "a directory", "l": "a link"}.get(entry.kind, "something else")
    return kind if entry.kind == "l" else f"{kind} with mode {entry.mode:04o}"
