"""Finds what the newest verification of a service has shown, and says whether that is good and young enough.

Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from backups import durations
from verification.evidence.store import Proof

Standing = Literal["verified", "failed", "stale", "never-proven"]


@dataclass(frozen=True)
class Newest:
    """When a backup was last drilled, which, whether any drill of that verification failed, its slowest restore in seconds."""

    at: datetime | None
    backup: str | None
    failed: bool
    slowest: float | None


def newest(backups: Iterable[str], proofs: Mapping[str, Proof]) -> Newest:
    """Find it for these backups, by their ids; with nothing in it where none of them was ever drilled."""
    drilled = sorted((proofs[backup].at, backup) for backup in backups if backup in proofs)
    at, proven = drilled[-1] if drilled else (None, None)
    # Of the drills of one verification the failed one counts: `drilled` holds one entry a backup, all at the same time.
    latest = [proofs[backup] for when, backup in drilled if when == at]
    slowest = max((proof.restore_seconds for proof in latest if proof.restore_seconds is not None), default=None)
    return Newest(at, proven, any(proof.verdict != "verified" for proof in latest), slowest)


def standing(seen: Newest, *, allowed: timedelta, now: datetime) -> Standing:
    """Say how it stands with a service; allowed: how old the newest proof may be."""
    if seen.at is None:
        return "never-proven"
    if seen.failed:
        return "failed"
    return "stale" if now - seen.at > allowed else "verified"


def older(what: str, age: timedelta, allowed: timedelta) -> str:
    """Say that something is older than is allowed."""
    return f"{what} is {durations.describe(age)} old, {durations.describe(allowed)} are allowed"
