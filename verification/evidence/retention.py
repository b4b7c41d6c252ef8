"""Decides which evidence is deleted, and why: a pure function.

Reports of the verifier's own drills and of rescues go likewise. Evidence is small, but a year of it makes every listing slower.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from backups import durations, prune
from backups.chains import in_future
from backups.manifest import BackupRecord
from backups.repository.listing import Snapshot
from backups.site import Site
from verification.evidence import drilled, rescues, store

EVIDENCE, DAMAGE, RESCUE, COLD = "evidence", "verifier drill", "rescue", "cold start"
TAGS = (store.TAG, drilled.DAMAGE, rescues.TAG)
"""Of the snapshots that are decided here."""
_PROVEN, _NOTICED = "verdict=verified", "verdict=all-noticed"
"""The tags of what is well."""


@dataclass(frozen=True)
class EvidenceDecision:
    """What happens to the evidence of one verification, and why; `proven`: how many backups it covers.

    of: what kind of report it is; only evidence covers backups
    """

    snapshot: str
    proven: int
    keep: bool
    reason: str
    of: str = EVIDENCE


def plan(
    evidence: Sequence[Snapshot],
    held: Collection[str],
    delete_after: timedelta,
    *,
    now: datetime,
    doubt: str | None = None,
    well: str = _PROVEN,
) -> list[EvidenceDecision]:
    """Decide every snapshot of one kind, oldest first.

    held:  the ids of the backups that the repository holds
    doubt: why the clock is not believed (`backups.retention.doubt`); then nothing goes
    well:  the tag of one whose verdict is good
    Evidence is deleted when it is older than `delete_after` and every backup that it covers was deleted. The newest stays in any
    case, and so does the newest whose verdict is good.
    """
    ordered = sorted(evidence, key=lambda snapshot: snapshot.time)
    # What is dated in the future takes nobody's place; its own age lets it stay.
    now_there = [snapshot for snapshot in ordered if not in_future(snapshot.time, now)]
    newest = now_there[-1:]
    verified = [snapshot for snapshot in now_there if well in snapshot.tags][-1:]
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
            keep, reason = True, f"{old}, but it is the newest with the {well.replace('=', ' ')}"
        elif doubt:
            keep, reason = True, f"{old} by a clock that is doubted: {doubt}"
        else:
            keep, reason = False, f"{old}, and {'every backup that it covers is gone' if covered else 'it covers no backup'}"
        decisions.append(EvidenceDecision(snapshot.id, len(covered), keep, reason))
    return decisions


def decide(
    site: Site,
    reports: Sequence[Snapshot],
    backups: Sequence[BackupRecord],
    gone: Sequence[datetime] = (),
    *,
    now: datetime,
    trust_clock: bool = False,
) -> list[EvidenceDecision]:
    """Decide the reports (those with one of `TAGS`) in the site's repository, which holds `backups`, also those that go tonight.

    The evidence of these goes next time. gone: when the backups that prune has deleted had been taken (`prune.gone_before`)
    """
    times = [*gone, *(snapshot.time for snapshot in reports), *(backup.taken_at for backup in backups)]
    doubt = prune.doubt(site, times, now=now, trust_clock=trust_clock)
    held, delete_after = {backup.id for backup in backups}, site.retention.evidence_after
    by_kind: dict[str, list[Snapshot]] = {}
    for snapshot in reports:
        by_kind.setdefault(_kind(snapshot), []).append(snapshot)
    return [
        replace(decision, of=kind)
        for kind, each in by_kind.items()
        for decision in plan(each, held, delete_after, now=now, doubt=doubt, well=_NOTICED if kind == DAMAGE else _PROVEN)
    ]


def _kind(snapshot: Snapshot) -> str:
    if store.TAG in snapshot.tags:
        return EVIDENCE
    if drilled.DAMAGE in snapshot.tags:
        return DAMAGE
    return COLD if f"kind={rescues.COLD}" in snapshot.tags else RESCUE
