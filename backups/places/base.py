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
