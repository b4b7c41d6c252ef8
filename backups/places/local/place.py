"""Reads and writes the files of a place on this machine."""

import os
import shutil
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from backups.errors import LifeboatError
from backups.machine import disk, processes
from backups.places import put as putting
from backups.places.base import Ownership, PlacedFile
from backups.places.links import inside
from backups.places.local import filesystem, sqlite
from backups.places.local.put import LocalTarget

_PIECE = 128 * 1024 * 1024
"""Bytes that are copied at once."""


@dataclass(frozen=True)
class LocalPlace:
    """`local:/path`. `name` is shown in messages: a container's place is a local one with another name."""

    root: Path
    name: str = ""

    def __str__(self) -> str:
        return self.name or f"local:{self.root}"

    def check(self) -> None:
        """See Place."""
        if not self.root.is_dir():
            raise LifeboatError(
                f"{self} is not a directory on this machine",
                hint="is the path right, and is it on the machine where Lifeboat runs?",
            )
        try:
            next(self.root.iterdir(), None)
        except PermissionError as error:
            raise LifeboatError(
                f"{self} cannot be read: {error.strerror}", hint="run Lifeboat as root or as the owner of the files"
            ) from error

    def exists(self, path: str) -> bool:
        """See Place."""
        return self._inside(path).exists()

    def files(self, path: str = ".") -> list[PlacedFile]:
        """See Place."""
        start = self._inside(path)
        if not start.exists():
            raise LifeboatError(f"{path} is not in {self}", hint="is the place the directory that the service writes to?")
        found = [start] if start.is_file() else self._walk(start)
        sizes = ((entry.relative_to(self.root).as_posix(), _size(entry)) for entry in found)
        return sorted((PlacedFile(path, size) for path, size in sizes if size is not None), key=lambda file: file.path)

    def links(self) -> dict[str, str | None]:
        """See Place."""
        found: dict[str, str | None] = {}
        root = self.root.resolve()
        for link in self._walk(self.root, directories=True):
            if link.is_symlink():
                path = link.relative_to(self.root).as_posix()
                found[path] = inside(path, str(root), os.path.realpath(link), there=link.exists())
        return found

    def fetch(self, paths: Sequence[str], into: Path) -> None:
        """See Place."""
        with disk.full_disk_reported(into, f"the copy from {self}"):
            for path in paths:
                (root, real), target = self._real(path), into / path
                target.parent.mkdir(parents=True, exist_ok=True)
                try:
                    with filesystem.opened(root, real) as file, target.open("wb", buffering=0) as copy:
                        here = 0
                        while piece := os.sendfile(copy.fileno(), file, None, _PIECE):
                            here += piece
                        there = os.fstat(file).st_size
                except OSError as error:
                    if error.errno in disk.FULL:
                        raise
                    raise LifeboatError(
                        f"{path} of {self} cannot be read: {error.strerror or error}",
                        hint="did the service remove it meanwhile? may Lifeboat read it?",
                    ) from error
                if there != here:
                    raise LifeboatError(
                        f"{path} of {self} changed while it was copied: {here} bytes were copied, it has {there}",
                        hint="try again",
                    )

    def remove(self, path: str) -> None:
        """See Place."""
        target = self._inside(path)
        if target.resolve() == self.root.resolve():
            raise ValueError(f"refusing to remove the whole of {self}")
        try:
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)
            else:
                target.unlink(missing_ok=True)
        except FileNotFoundError:
            return
        except OSError as error:
            raise LifeboatError(
                f"{path} of {self} cannot be removed: {error.strerror}",
                hint="run Lifeboat as root or as the owner of the files; it has to remove what it made there",
            ) from error

    def fetch_sqlite(self, path: str, destination: Path, *, seconds: float) -> None:
        """See Place."""
        source = self._inside(path)
        if not source.is_file():
            raise LifeboatError(f"{path} is not in {self}", hint="is the place the directory that holds it?")
        root, real = self._real(path)
        sqlite.copy(root, real.as_posix(), destination, seconds=seconds, name=str(self))

    def entries(self) -> list[str] | None:
        """See Place."""
        names = self._target.names()
        return None if names is None else putting.occupying(names)

    def free(self) -> int:
        """See Place."""
        return self._target.free()

    def put(self, tree: Path, ownership: Ownership) -> None:
        """See Place."""
        self._target.put(tree, ownership)

    def move_aside(self, suffix: str) -> str:
        """See Place."""
        return f"local:{self._target.move_aside(suffix)}"

    def run(self, command: str, *, seconds: float) -> tuple[int, str]:
        """See Place."""
        limit = ["timeout", "--kill-after=10", f"{seconds:g}", "sh", "-c", f"exec 2>&1\n{command}"]
        started = time.monotonic()
        completed = processes.run(limit)
        output = completed.output.decode(errors="replace").strip()
        if completed.code in (124, -9, 137) and time.monotonic() - started >= seconds:
            printed = " ".join(output[-500:].split())
            raise LifeboatError(
                f"`{command}` did not end within {seconds:g} s on this machine; it printed: {printed or 'nothing'}",
                hint="run it by hand to see why",
            )
        return completed.code, output

    @property
    def _target(self) -> LocalTarget:
        return LocalTarget(self.root, str(self))

    def _walk(self, start: Path, *, directories: bool = False) -> Iterator[Path]:
        """Yield every file below `start`, and every directory where asked for; no link is followed.

        Files removed meanwhile are left out; what may not be read is an error.
        """

        def report(error: OSError) -> None:
            if not isinstance(error, FileNotFoundError):
                raise LifeboatError(
                    f"{error.filename} of {self} cannot be listed: {error.strerror}",
                    hint="run Lifeboat as root or as the owner of the files",
                ) from error

        for directory, below, names in os.walk(start, onerror=report):
            yield from (Path(directory) / name for name in (*names, *(below if directories else ())))

    def _inside(self, path: str) -> Path:
        self._real(path)
        return self.root / path

    def _real(self, path: str) -> tuple[Path, Path]:
        """Return the root and the path below it, both without links; raises LifeboatError for one that leads out."""
        try:
            root, real = self.root.resolve(), (self.root / path).resolve()
        except (OSError, RuntimeError) as error:
            # A link that was one no more when it was read, or links in a circle.
            raise LifeboatError(
                f"{path} of {self} cannot be found: {error}", hint="did somebody exchange it meanwhile? may Lifeboat read it?"
            ) from error
        if ".." in Path(path).parts or not real.is_relative_to(root):
            raise LifeboatError(
                f"{path} leads out of {self}", hint="give paths below the place, without links that lead out of it"
            )
        return root, real.relative_to(root)


def _size(path: Path) -> int | None:
    """Return the bytes of a regular file; None for anything else, and for one that has just been removed."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
