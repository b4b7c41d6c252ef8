"""Judges what further repositories hold of each service: how far behind the first, when proven, and how fast it came back.

Pure: it judges what it is given. What was proven in one repository says nothing of another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict

from backups import chains as chaining
from backups import durations, plural
from backups.config.settings import Objectives
from backups.errors import LifeboatError
from backups.manifest import BackupRecord
from backups.repository.listing import Snapshot
from verification.evidence import store
from verification.evidence.store import Held, Proof
from verification.watch.newest import Standing, newest, older, standing

_WORST: tuple[Standing, ...] = ("failed", "never-proven", "stale", "verified")
_NAMED = 6
"""Complaints about one repository that are named."""


class InRepository(BaseModel):
    """What a further repository holds of one service; where it cannot be read, `error` says why, and what it holds is None.

    behind: how many backups in the first are still to be copied there, of one that cannot be read as far as this machine knows;
    behind_since: when the oldest of them was taken
    standing, proven_backup, proven_at, restore_seconds, rto_kept: by what was brought back from there alone
    """

    model_config = ConfigDict(frozen=True)

    repository: str
    error: str | None = None
    backups: int | None = None
    last_backup: str | None = None
    last_backup_at: AwareDatetime | None = None
    behind: int | None = None
    behind_since: AwareDatetime | None = None
    standing: Standing | None = None
    proven_backup: str | None = None
    proven_at: AwareDatetime | None = None
    restore_seconds: float | None = None
    rto_kept: bool | None = None
    complaints: tuple[str, ...] = ()


def allowed_age(objectives: Objectives, further: int) -> timedelta:
    """Return how old the newest proof in a further repository may be: they take turns, so each has one so much more seldom."""
    return objectives.proof * max(1, further)


def proofs_there(name: str, first: Sequence[Snapshot], there: Held, now: datetime) -> dict[str, Proof]:
    """Return each backup's newest proof in the repository of that name: by evidence in the first, and in that repository itself.

    first: the snapshots of the first one that are about it (`store.about`): it keeps the evidence as long as it can be reached
    """
    found = dict(there.proofs)
    for backup, proof in store.read_proofs(first, now, frozenset({name})).items():
        if backup not in found or found[backup].at <= proof.at:
            found[backup] = proof
    return found


def assess(
    services: Sequence[str],
    found: Mapping[str, Held | LifeboatError],
    proofs: Mapping[str, Mapping[str, Proof]],
    missing: Mapping[str, Sequence[BackupRecord]],
    objectives: Objectives,
    *,
    now: datetime,
) -> dict[str, tuple[InRepository, ...]]:
    """Judge every service in every further repository; by the name of the service.

    found: what each of them holds; proofs: in each, by a backup's id the newest; missing: the backups that are to be copied there
    """
    allowed = allowed_age(objectives, len(found))
    judged: dict[str, list[InRepository]] = {service: [] for service in services}
    for name, held in found.items():
        # By service once: there may be hundreds of them, each with as many backups.
        lacking = _by_service(missing.get(name, ()))
        backups = {} if isinstance(held, LifeboatError) else _by_service(held.backups)
        for service, every in judged.items():
            behind = lacking.get(service, [])
            if isinstance(held, LifeboatError):
                every.append(_unread(name, held, behind))
            else:
                every.append(_assess(name, backups.get(service, []), proofs.get(name, {}), behind, objectives, allowed, now))
    return {service: tuple(every) for service, every in judged.items()}


def _by_service(backups: Sequence[BackupRecord]) -> dict[str, list[BackupRecord]]:
    found: dict[str, list[BackupRecord]] = {}
    for backup in backups:
        found.setdefault(backup.service, []).append(backup)
    return found


def _unread(name: str, fault: LifeboatError, behind: Sequence[BackupRecord]) -> InRepository:
    return InRepository(
        repository=name,
        error=fault.message,
        behind=len(behind),
        behind_since=min((each.taken_at for each in behind), default=None),
        complaints=(f"cannot be read: {fault.message}",),
    )


def _assess(
    name: str,
    every: Sequence[BackupRecord],
    proofs: Mapping[str, Proof],
    behind: Sequence[BackupRecord],
    objectives: Objectives,
    allowed: timedelta,
    now: datetime,
) -> InRepository:
    backups = [each for each in every if not chaining.in_future(each.taken_at, now)]
    last = max(backups, key=lambda backup: backup.taken_at, default=None)
    seen = newest([backup.id for backup in backups], proofs)
    since = min((each.taken_at for each in behind), default=None)
    stands = standing(seen, allowed=allowed, now=now)
    rto_kept = None if seen.slowest is None else seen.slowest <= objectives.rto.total_seconds()
    complaints = []
    # A copy that is missed once is caught up with the next time.
    if since is not None and now - since > objectives.rpo:
        complaints.append(f"lacks {plural.count(len(behind), 'backup')}, since {durations.describe(now - since)}")
    if stands == "never-proven":
        complaints.append("no backup in it was ever proven")
    elif stands == "failed":
        complaints.append("the last verification from there failed")
    elif stands == "stale" and seen.at is not None:
        complaints.append(older("the last proof from there", now - seen.at, allowed))
    if rto_kept is False and seen.slowest is not None:
        took, objective = durations.describe(seen.slowest), durations.describe(objectives.rto)
        complaints.append(f"the last restore from there took {took}, the objective is {objective}")
    return InRepository(
        repository=name,
        backups=len(backups),
        last_backup=last.id if last else None,
        last_backup_at=last.taken_at if last else None,
        behind=len(behind),
        behind_since=since,
        standing=stands,
        proven_backup=seen.backup,
        proven_at=seen.at,
        restore_seconds=seen.slowest,
        rto_kept=rto_kept,
        complaints=tuple(complaints),
    )


@dataclass(frozen=True)
class Overall:
    """A further repository over all services; what is not known is None.

    standing, proven_at: of the service that is worst off, and of the one whose proof is oldest; restore_seconds: the slowest
    complaints: no more than a few, each with its service
    """

    repository: str
    backups: int | None
    behind: int
    behind_since: datetime | None
    standing: Standing | None
    proven_at: datetime | None
    restore_seconds: float | None
    complaints: tuple[str, ...]


def overall(services: Mapping[str, Sequence[InRepository]]) -> list[Overall]:
    """Put together how it stands with each further repository, by the services."""
    found: dict[str, list[tuple[str, InRepository]]] = {}
    for service, every in services.items():
        for there in every:
            found.setdefault(there.repository, []).append((service, there))
    return [_overall(name, every) for name, every in found.items()]


def _overall(name: str, every: Sequence[tuple[str, InRepository]]) -> Overall:
    parts = [there for _, there in every]
    unread = any(there.error for there in parts)
    stands = {there.standing for there in parts}
    standing = next((word for word in _WORST if word in stands), None)
    proven = [there.proven_at for there in parts if there.proven_at]
    if unread:
        complaints = list(parts[0].complaints)
    else:
        complaints = [f"{service} {words}" for service, there in every for words in there.complaints]
    more = [f"and {len(complaints) - _NAMED} more"] if len(complaints) > _NAMED else []
    return Overall(
        repository=name,
        backups=None if unread else sum(there.backups or 0 for there in parts),
        behind=sum(there.behind or 0 for there in parts),
        behind_since=min((there.behind_since for there in parts if there.behind_since), default=None),
        standing=standing,
        # Beside `never-proven` the proof of another service would be taken for one of this.
        proven_at=None if standing == "never-proven" else min(proven, default=None),
        restore_seconds=max((there.restore_seconds for there in parts if there.restore_seconds is not None), default=None),
        complaints=(*complaints[:_NAMED], *more),
    )
