"""Defines what a place can do, whichever machine its files are on.

Services use only this protocol; a new kind of place is one module and one line in `parse.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Protocol


@dataclass(frozen=True)
class PlacedFile:
    """A file below a place's root: relative path with `/`, size in bytes."""

    path: str
    size: int


@dataclass(frozen=True)
class Ownership:
    """The owner that files get: by name where the machine knows it (`mysql:mysql`), else by the official image's numbers.

    mode: of the root directory.
    """

    names: str
    user: int
    group: int
    mode: int = 0o750


class Place(Protocol):
    """A directory of a source. Paths are relative to its root; a path that leads outside is refused with LifeboatError."""

    def __str__(self) -> str:
        """Write it as lifeboat.yaml does."""
        ...

    @property
    def root(self) -> PurePath | str:
        """The directory's path on its machine."""
        ...

    def check(self) -> None:
        """Raise LifeboatError, with what to do, unless the root is a directory that can be read."""
        ...

    def exists(self, path: str) -> bool:
        """Return whether a file or directory exists at `path`."""
        ...

    def files(self, path: str = ".") -> list[PlacedFile]:
        """Return every regular file at or below `path`, sorted; raises LifeboatError when `path` does not exist."""
        ...

    def links(self) -> dict[str, str | None]:
        """Every symbolic link below the root, and the path below the root of the file or directory that it leads to.

        None where it leads outside, in a circle, or to nothing: such a link is never followed.
        """
        ...

    def fetch(self, paths: Sequence[str], into: Path) -> None:
        """Copy these files below `into`, keeping their relative paths. Raises LifeboatError rather than leave a short file."""
        ...

    def remove(self, path: str) -> None:
        """Remove a directory or file below the root; one that does not exist is fine."""
        ...

    def fetch_sqlite(self, path: str, destination: Path, *, seconds: float) -> None:
        """Copy a live SQLite database, consistent, by SQLite's online backup. Waits up to `seconds` for its lock.

        Raises LifeboatError when it is missing, is not a database, or stays locked.
        """
        ...

    def entries(self) -> list[str] | None:
        """Return the names directly below the root, hidden ones too, without `lost+found`; None when the root does not exist."""
        ...

    def free(self) -> int:
        """Return the bytes that are free on the root's disk, also when the root does not exist yet."""
        ...

    def put(self, tree: Path, ownership: Ownership) -> None:
        """Make the root a copy of the directory `tree`, which is moved or removed; modes of its files are kept.

        The root must be absent or empty, else LifeboatError is raised. The files are first written beside it, to
        `<root>.lifeboat-partial`, compared there, and renamed last: a put that is killed leaves the root as it was, and may be
        started again. The owner is that of an empty root that exists, else the given one.
        """
        ...

    def move_aside(self, suffix: str) -> str:
        """Rename the root, adding `.suffix` to its name, and return its new place.

        Raises LifeboatError when it cannot be renamed (a mount point).
        """
        ...

    def run(self, command: str, *, seconds: float) -> tuple[int, str]:
        """Run a shell command on the place's machine, for at most `seconds`; returns its exit code and its output."""
        ...
