"""Decides which backups of the first repository a further one lacks, and in which order they are copied: pure functions.

A copy of a backup is the same backup, by its id, in another snapshot. An incremental is copied after what it builds on: killed
anywhere, copying leaves whole chains, or shorter ones.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from backups.chains import Chain, chains
from backups.manifest import BackupRecord
from backups.retention import Policy, plan


@dataclass(frozen=True)
class Behind:
    """How far a further repository is behind: how many backups it lacks, and when the oldest of these was taken (UTC)."""

    backups: int
    since: datetime


def missing(first: Iterable[BackupRecord], there: Collection[str], let_go: Collection[str] = ()) -> list[BackupRecord]:
    """Return the backups that are to be copied, each after what it builds on.

    there:  the ids of the backups that the further repository holds
    let_go: the ids of chains that its retention does not keep
    Of a chain that is broken in the first repository only the part before the gap can be brought back, and is copied.
    """
    found: list[BackupRecord] = []
    for members in chains(first).values():
        for chain in members:
            if chain.id not in let_go:
                found += [backup for backup in _unbroken(chain) if backup.id not in there]
    return sorted(found, key=lambda backup: (backup.sequence, backup.taken_at, backup.id))


def waves(backups: Iterable[BackupRecord]) -> list[list[BackupRecord]]:
    """Part what `missing` returns such that no backup builds on another one of its part: the order within one is of no matter."""
    parts: dict[int, list[BackupRecord]] = {}
    for backup in backups:
        parts.setdefault(backup.sequence, []).append(backup)
    return [parts[sequence] for sequence in sorted(parts)]


def behind(first: Iterable[BackupRecord], there: Collection[str], let_go: Collection[str] = ()) -> Behind | None:
    """Say how far a further repository is behind; None when it has all. For the arguments see `missing`."""
    return summed(missing(first, there, let_go))


def summed(lacking: Sequence[BackupRecord]) -> Behind | None:
    """Say how far a repository is behind that lacks these; None when it lacks nothing."""
    return Behind(len(lacking), min(backup.taken_at for backup in lacking)) if lacking else None


def let_go(first: Iterable[BackupRecord], further: Iterable[BackupRecord], policy: Policy, now: datetime) -> set[str]:
    """Return the ids of the chains that a further repository's retention does not keep, of all that either holds.

    What it has deleted, or would delete at once, is not copied. A doubted clock deletes nothing, and copies nothing old either.
    """
    union = {backup.id: backup for backup in (*first, *further)}
    return {each.chain.id for each in plan(chains(union.values()), {}, policy, now=now) if each.doubted or not each.keep}


def _unbroken(chain: Chain) -> Sequence[BackupRecord]:
    """Return the backups of a chain up to the first gap; of two in one place none is known to be right."""
    numbers = [backup.sequence for backup in chain.backups]
    for at, number in enumerate(numbers):
        if number != at or numbers.count(number) != 1:
            return chain.backups[:at]
    return chain.backups
