"""Judges a site by the tags in its repository: how old is the last backup of each service, and how old its last proof.

Pure: it judges what it is given. It also notices a scheduler that has stopped, since it needs nothing to have run.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict

from backups import chains as chaining
from backups import durations, suspicion
from backups.chains import Chain
from backups.config.settings import Objectives
from backups.manifest import BackupRecord
from backups.repository.trust import Trust
from verification.evidence.store import Proof
from verification.watch.followed import Kept
from verification.watch.newest import Standing, newest, older, standing
from verification.watch.repositories import InRepository


class ServiceStatus(BaseModel):
    """One service. `standing` is the newest proof's verdict, `stale` when it is too old; `complaints`: what is wrong.

    partial: why the last backup is not all that the source was, though it may be verified (`Manifest.partial`)
    suspicious: the backups that look like ransomware, and that nobody trusts, oldest first; nothing is pruned meanwhile
    log_until: up to when its log is kept beyond the last backup, None where it is not followed
    rpo_seconds: what was committed for so long would be lost with the source now; None without a backup
    repositories: what further repositories hold of it, and what is proven there; all else is about the first one
    """

    model_config = ConfigDict(frozen=True)

    service: str
    type: str
    backups: int
    first_backup_at: AwareDatetime | None
    last_backup: str | None
    last_backup_at: AwareDatetime | None
    rpo_kept: bool
    standing: Standing
    proven_backup: str | None
    proven_at: AwareDatetime | None
    restore_seconds: float | None
    rto_kept: bool | None
    partial: str | None = None
    suspicious: tuple[str, ...] = ()
    log_until: AwareDatetime | None = None
    rpo_seconds: float | None = None
    repositories: tuple[InRepository, ...] = ()
    complaints: tuple[str, ...]

    @property
    def of_the_first(self) -> tuple[str, ...]:
        """The complaints that are not about a further repository."""
        return self.complaints[: len(self.complaints) - sum(len(there.complaints) for there in self.repositories)]


def assess(
    services: Mapping[str, str],
    chains: Mapping[str, Sequence[Chain]],
    proofs: Mapping[str, Proof],
    objectives: Objectives,
    *,
    now: datetime,
    logs: Mapping[str, Kept] | None = None,
    trusts: Mapping[str, Trust] | None = None,
    further: Mapping[str, tuple[InRepository, ...]] | None = None,
) -> list[ServiceStatus]:
    """Judge every service (name -> type) against the objectives.

    proofs: by a backup's id its newest proof. logs: by service, how far its log is kept where it is followed
    trusts: by a backup's id who trusts it, though it looks suspicious. further: by service, how it stands with it in further
    repositories
    """
    return [
        _with_doubts(
            _assess(
                name,
                kind,
                chains.get(name, ()),
                proofs,
                objectives,
                now,
                (logs or {}).get(name, Kept()),
                (further or {}).get(name, ()),
            ),
            suspicion.doubted((backup for chain in chains.get(name, ()) for backup in chain.backups), trusts or {}),
        )
        for name, kind in services.items()
    ]


def _with_doubts(status: ServiceStatus, doubted: Sequence[BackupRecord]) -> ServiceStatus:
    """Return the same with the backups that look suspicious; one of them is complained of, the others counted."""
    if not doubted:
        return status
    first = doubted[0]
    more = f", and {len(doubted) - 1} more since" if len(doubted) > 1 else ""
    line = (
        f"backup {first.id} looks suspicious: {suspicion.words(first)}{more}; nothing of it is pruned until somebody has looked; "
        f"if that was meant: lifeboat trust {status.service} --reason WHY"
    )
    own = status.of_the_first
    complaints = (*own, line, *status.complaints[len(own) :])
    return status.model_copy(update={"suspicious": tuple(each.id for each in doubted), "complaints": complaints})


def _assess(
    name: str,
    kind: str,
    chains: Sequence[Chain],
    proofs: Mapping[str, Proof],
    objectives: Objectives,
    now: datetime,
    log: Kept,
    further: tuple[InRepository, ...],
) -> ServiceStatus:
    backups = [backup for chain in chaining.present(chains, now) for backup in chain.backups]
    future = chaining.ahead(chains, now)
    last = max(backups, key=lambda backup: backup.taken_at, default=None)
    seen = newest([backup.id for backup in backups], proofs)
    stands, slowest = standing(seen, allowed=objectives.proof, now=now), seen.slowest
    # What is kept of the log is kept behind the last backup: without it the log is of no use.
    safe_until = max(last.taken_at, log.until or last.taken_at) if last else None
    rpo_kept = safe_until is not None and now - safe_until <= objectives.rpo
    rto_kept = None if slowest is None else slowest <= objectives.rto.total_seconds()
    complaints = [f"{chaining.ahead_words(backup, now)}, and counts for nothing until then" for backup in future]
    if last is None:
        complaints.append("has no other backup" if future else "has no backup")
    elif not rpo_kept and safe_until is not None:
        what = "the last backup" if safe_until == last.taken_at else "what is kept of its log"
        complaints.append(older(what, now - safe_until, objectives.rpo))
    if log.fault:
        complaints.append(f"its log is not followed: {log.fault}")
    if stands == "never-proven":
        complaints.append("no backup of it was ever proven")
    elif stands == "failed":
        complaints.append("its last verification failed")
    elif stands == "stale" and seen.at is not None:
        complaints.append(older("the last proof", now - seen.at, objectives.proof))
    if rto_kept is False and slowest is not None:
        complaints.append(
            f"the last restore took {durations.describe(slowest)}, the objective is {durations.describe(objectives.rto)}"
        )
    complaints += [f"{there.repository}: {complaint}" for there in further for complaint in there.complaints]
    return ServiceStatus(
        service=name,
        type=kind,
        backups=len(backups) + len(future),
        first_backup_at=min((backup.taken_at for backup in backups), default=None),
        last_backup=last.id if last else None,
        last_backup_at=last.taken_at if last else None,
        rpo_kept=rpo_kept,
        standing=stands,
        proven_backup=seen.backup,
        proven_at=seen.at,
        restore_seconds=slowest,
        rto_kept=rto_kept,
        partial=last.partial if last else None,
        log_until=log.until if last else None,
        rpo_seconds=max(0.0, (now - safe_until).total_seconds()) if safe_until else None,
        repositories=further,
        complaints=tuple(complaints),
    )
