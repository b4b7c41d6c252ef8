"""Decides which evidence is deleted, and why: a pure function.

Evidence is small, but a year of it makes every listing slower.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from backups import durations, prune, retention
from backups.chains import in_future
from backups.manifest import BackupRecord
from backups.repository.listing import Snapshot
from backups.site import Site
from verification.evidence import store


@dataclass(frozen=True)
class EvidenceDecision:
    """What happens to the evidence of one verification, and why; `proven`: how many backups it covers."""

    snapshot: str
    proven: int
    keep: bool
    reason: str


def plan(
    evidence: Sequence[Snapshot], held: Collection[str], delete_after: timedelta, *, now: datetime, doubt: str | None = None
) -> list[EvidenceDecision]:
    """Decide every evidence snapshot, oldest first.

    held:  the ids of the backups that the repository holds
    doubt: why the clock is not believed (`backups.retention.doubt`); then nothing goes
    Evidence is deleted when it is older than `delete_after` and every backup that it covers was deleted. The newest stays in any
    case, and so does the newest whose verdict is `verified`.
    """
    ordered = sorted(evidence, key=lambda snapshot: snapshot.time)
    # What is dated in the future takes nobody's place; its own age lets it stay.
    now_there = [snapshot for snapshot in ordered if not in_future(snapshot.time, now)]
    newest = now_there[-1:]
    verified = [snapshot for snapshot in now_there if "verdict=verified" in snapshot.tags][-1:]
    decisions = []
    for snapshot in ordered:
        covered = store.proven_by(snapshot)
        age = now - snapshot.time
        old = f"it is {durations.describe(max(age, timedelta()))} old"
        kept = sorted(covered & set(held))
        if age <= delete_after:
            keep, reason = True, f"{old}; evidence goes after {durations.describe(delete_after)}"
        elif kept:
            keep, reason = (
                True,
                f"{old}, but the repository holds {len(kept)} of the backups that it covers: {kept[0]}",
            )
        elif snapshot in newest:
            keep, reason = True, f"{old}, but it is the newest"
        elif snapshot in verified:
            keep, reason = True, f"{old}, but it is the newest with the verdict verified"
        elif doubt:
            keep, reason = True, f"{old} by a clock that is doubted: {doubt}"
        else:
            keep, reason = False, f"{old}, and every backup that it covers is gone"
        decisions.append(EvidenceDecision(snapshot.id, len(covered), keep, reason))
    return decisions


def decide(
    site: Site,
    evidence: Sequence[Snapshot],
    backups: Sequence[BackupRecord],
    *,
    now: datetime,
    trust_clock: bool = False,
) -> list[EvidenceDecision]:
    """Decide the evidence in the site's repository, which holds `backups`, also those that are deleted tonight.

    Their evidence goes next time.
    """
    times = [*(snapshot.time for snapshot in evidence), *(backup.taken_at for backup in backups)]
    doubt = retention.doubt(times, now, prune.rules(site, trust_clock=trust_clock))
    return plan(evidence, {backup.id for backup in backups}, site.retention.evidence_after, now=now, doubt=doubt)
