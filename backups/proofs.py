"""Says what a backup has to know of proofs: which chains failed their drill, read from the listing that is made anyway."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from backups.manifest import BackupRecord
from backups.repository.listing import Snapshot
from backups.repository.repository import Repository

Failed = Callable[[Repository, Sequence[Snapshot], Sequence[BackupRecord], datetime], Mapping[str, datetime]]
"""Reads from a repository's snapshots and backups which chains failed, by id, and when (UTC), as of a moment; never raises."""


def _none(*_: object) -> Mapping[str, datetime]:
    return {}


@dataclass(frozen=True)
class Proofs:
    """How to find the chains that failed their drill. tags: of the snapshots that tell, which `failed` is given besides."""

    tags: tuple[str, ...] = ()
    failed: Failed = _none
