"""What a place can do. Services speak only to this; a new kind of place is one module and one line in `parse.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class PlacedFile:
    """A file below a place's root: relative path with `/`, size in bytes."""

    path: str
    size: int


@dataclass(frozen=True)
class Ownership:
    """Who files shall belong to: names where the machine knows them (`mysql:mysql`), else the official image's numbers.

    mode: of the root directory.
    """

    names: str
    user: int
    group: int
    mode: int = 0o750


class Place(Protocol):
    """A directory of a source. Paths are relative to its root; a path that leads outside is refused with LifeboatError."""

    def __str__(self) -> str:
        """As it is written in lifeboat.yaml."""
        ...

    def check(self) -> None:
        """Raise LifeboatError, saying what to do, unless the root is a directory that can be read."""
        ...

    def exists(self, path: str) -> bool:
        """Whether there is a file or directory."""
        ...

    def files(self, path: str = ".") -> list[PlacedFile]:
        """Every regular file at or below `path`, sorted; raises LifeboatError when `path` is not there."""
        ...

    def links(self) -> dict[str, str | None]:
        """Every symbolic link below the root, and the path below the root of the file or directory that it leads to.

        None where it leads outside, in a circle, or to nothing: such a link is never followed.
        """
        ...

    def fetch(self, paths: Sequence[str], into: Path) -> None:
        """Copy these files below `into`, keeping their relative paths. Never leaves a short file unnoticed: raises instead."""
        ...

    def remove(self, path: str) -> None:
        """Remove a directory or file below the root; already gone is fine."""
        ...

    def fetch_sqlite(self, path: str, destination: Path, *, seconds: float) -> None:
        """Copy a live SQLite database, consistent, by SQLite's online backup. Waits up to `seconds` for its lock.

        Raises LifeboatError when it is missing, is not a database, or stays locked.
        """
        ...

    def entries(self) -> list[str] | None:
        """The names directly below the root, hidden ones too (`lost+found` is none); None when the root is not there."""
        ...

    def free(self) -> int:
        """Bytes that are free where the root is, or would be."""
        ...

    def put(self, tree: Path, ownership: Ownership) -> None:
        """Make the root a copy of the directory `tree`, which is used up by it; modes of its files are kept.

        The root must be absent or empty (raises LifeboatError else). Everything arrives beside it first, as
        `<root>.lifeboat-partial`, is compared there, and is renamed last: a put that dies leaves the root as it was, and may
        be begun again. Ownership is that of an empty root that is there, else the given one.
        """
        ...

    def move_aside(self, suffix: str) -> str:
        """Rename the root, adding `.suffix` to its name, and return the place that it is now. Raises LifeboatError when it cannot
        be renamed (a mount point).
        """
        ...

    def run(self, command: str, *, seconds: float) -> tuple[int, str]:
        """Run a shell command on the place's machine, for at most `seconds`; its exit code and what it said."""
        ...
