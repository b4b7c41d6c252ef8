"""Keeps on this machine what was pulled of a log since the last backup: a directory for each step, whole or not there.

It outlives a kill, and the source: what of it is in no snapshot yet is saved when the follower begins again.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from backups.errors import Damaged
from backups.machine import private
from backups.manifest import DATA, FILE_NAME, Manifest
from backups.services.base import Fetched

_SAVED = "saved"
_AFTER = "after"


class Spool:
    """What was pulled of one service's log, below `directory`. Steps are numbered from 1."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        private.make(directory)
        self._last = max((int(path.name) for path in directory.iterdir() if path.name.isdecimal()), default=0)

    @property
    def after(self) -> str | None:
        """The id of the backup that the steps go on from; None where nothing was begun."""
        return self._text(_AFTER)

    @property
    def saves(self) -> list[int]:
        """The last step of each save, in order."""
        return [int(line) for line in (self._text(_SAVED) or "").split()]

    @property
    def last(self) -> int:
        """The number of the last step; 0 where there is none."""
        return self._last

    def begin_anew(self, after: str) -> None:
        """Forget every step, and go on from another backup."""
        # In this order: what is killed in between is taken for a spool of no backup.
        (self._directory / _AFTER).unlink(missing_ok=True)
        shutil.rmtree(self._directory)
        private.make(self._directory)
        private.write(self._directory / _AFTER, after)
        self._last = 0

    def room(self) -> Path:
        """Return an empty directory for the next step to be pulled into."""
        pulling = self._directory / "pulling"
        shutil.rmtree(pulling, ignore_errors=True)
        (pulling / DATA).mkdir(parents=True, mode=0o700)
        return pulling

    def add(self, pulled: Path, manifest: Manifest) -> int:
        """Make the directory that `room` gave the next step; returns its number."""
        manifest.write(pulled)
        number = self._last + 1
        pulled.rename(self._directory / f"{number:09d}")
        self._last = number
        return number

    def step(self, number: int) -> Fetched:
        """Return a step; raises Damaged when it is not whole."""
        directory = self._directory / f"{number:09d}"
        try:
            content = (directory / FILE_NAME).read_bytes()
        except FileNotFoundError as error:
            raise Damaged(f"step {number} of the log that was pulled is missing: {directory}") from error
        found = Fetched(Manifest.read(content, f"step {number} of a log"), directory / DATA)
        for entry in found.manifest.files:
            path = found.data / entry.path
            if not path.is_file() or path.stat().st_size != entry.size:
                raise Damaged(f"step {number} of the log that was pulled is not whole: {path} has not its {entry.size} bytes")
        return found

    def steps(self, first: int, last: int) -> Iterator[Fetched]:
        """Yield steps, from the first to the last."""
        return (self.step(number) for number in range(first, last + 1))

    def drop_torn(self) -> int:
        """Forget the steps from the first one on that is in no save and not whole (after a power failure); returns how many."""
        begin = (self.saves or [0])[-1] + 1
        for number in range(begin, self._last + 1):
            try:
                self.step(number)
            except Damaged:
                dropped = self._last - number + 1
                for each in range(self._last, number - 1, -1):
                    shutil.rmtree(self._directory / f"{each:09d}", ignore_errors=True)
                self._last = number - 1
                return dropped
        return 0

    def note_saved(self, last: int) -> None:
        """Note that the steps up to that one are in the repository."""
        private.write(self._directory / _SAVED, "".join(f"{number}\n" for number in [*self.saves, last]))

    def forget_saves(self, beyond: int) -> None:
        """Note that the steps beyond that one are in the repository no more."""
        private.write(self._directory / _SAVED, "".join(f"{number}\n" for number in self.saves if number <= beyond))

    def _text(self, name: str) -> str | None:
        path = self._directory / name
        return path.read_text() if path.is_file() else None


def pulled_since(backup: str, directory: Path) -> list[Fetched]:
    """Return what was pulled since a backup, in order, as far as it is whole; nothing where the log behind it is not followed."""
    if not directory.is_dir():
        return []
    spool = Spool(directory)
    found: list[Fetched] = []
    if spool.after == backup:
        with suppress(Damaged):
            found.extend(spool.steps(1, spool.last))
    return found


def range_to_save(saves: Sequence[int], last: int, *, together: int = 8) -> tuple[int, int]:
    """Return the steps that the next save holds: those since the last one; each 8th save also those of the 7 before it, each
    64th those of the 63 before, and so on: so at most 7 pieces of each size have to be fetched.
    """
    number = len(saves) + 1
    run = 1
    while number % (run * together) == 0:
        run *= together
    before = number - run
    return (saves[before - 1] if before else 0) + 1, last
