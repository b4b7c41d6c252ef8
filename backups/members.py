"""Holds the manifests of a chain, each of which is read when it is wanted: every one takes a start of restic."""

import threading
from collections.abc import Iterator, Sequence
from typing import overload

from backups.errors import ChainBroken, Damaged
from backups.machine import parallel
from backups.manifest import BackupRecord, Manifest
from backups.repository.repository import Repository

_READ_AT_ONCE = 4
"""Manifests that are read side by side."""


class Members(Sequence[Manifest]):
    """A chain's manifests, the full first. An incremental of most services needs the last one alone.

    Raises ChainBroken, wherever one is wanted, when that one is damaged, and LifeboatError when it cannot be read.
    """

    def __init__(self, repository: Repository, records: Sequence[BackupRecord]) -> None:
        self.records = tuple(records)
        self._repository = repository
        self._read: dict[int, Manifest] = {}
        self._guard = threading.Lock()

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Manifest]:
        return iter(self._wanted(range(len(self))))

    @overload
    def __getitem__(self, at: int) -> Manifest: ...
    @overload
    def __getitem__(self, at: slice) -> list[Manifest]: ...
    def __getitem__(self, at: int | slice) -> Manifest | list[Manifest]:
        numbers = range(len(self))[at]
        return self._wanted([numbers])[0] if isinstance(numbers, int) else self._wanted(numbers)

    def of(self, backup: str) -> Manifest | None:
        """Return the manifest of the backup of that id; None where it is not of this chain."""
        return next((self[at] for at, record in enumerate(self.records) if record.id == backup), None)

    def _wanted(self, numbers: Sequence[int]) -> list[Manifest]:
        with self._guard:
            unread = [number for number in numbers if number not in self._read]
            read = parallel.side_by_side(
                self._repository.manifest, [self.records[each] for each in unread], at_once=_READ_AT_ONCE
            )
            for number, found in zip(unread, read, strict=True):
                if isinstance(found, Damaged):
                    raise ChainBroken(found.message) from found
                if not isinstance(found, Manifest):
                    raise found
                self._read[number] = found
            return [self._read[number] for number in numbers]
