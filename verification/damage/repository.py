"""Puts faults into what a drill reads of a repository: a manifest as it is read, a pack of a repository of the drill's own."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from backups.manifest import BackupRecord, Manifest
from backups.repository.repository import Repository
from verification.damage.anywhere import ALTERED, damage_pack
from verification.damage.attempt import Attempt
from verification.damage.held import Held


def altered(held: Held, attempt: Attempt, chain: Sequence[BackupRecord]) -> Held:
    """Return the held backups with the fault in one of the chain's manifests."""

    def alter(manifest: Manifest) -> Manifest:
        changed, injected = ALTERED[attempt.kind.name](
            manifest,
            attempt.fault.target,
            attempt.chance(),
            chain[-1].id,
        )
        attempt.injected = injected or attempt.injected
        return changed

    return replace(held, alter=alter)


def damaged_repository(
    held: Held, attempt: Attempt, chain: Sequence[BackupRecord], into: Path
) -> tuple[Repository, list[BackupRecord]]:
    """Save the chain into a new repository in the directory `into`, and put the fault in; returns it, and the chain there."""
    repository, records = held.saved(chain, into)
    attempt.injected = damage_pack(Path(repository.url), attempt.chance())
    return repository, records
