"""Keeps evidence in the repository, in snapshots of its own whose tags hold each drilled backup's proof: no data is read."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from backups import chains as chaining
from backups.errors import Damaged
from backups.follow import piece
from backups.follow.piece import LOG, Piece
from backups.foreign import BackupId, Moment, Seconds, shown
from backups.manifest import BACKUP, BackupRecord, Frozen
from backups.repository.listing import Odd, Snapshot
from backups.repository.repository import Repository
from verification.evidence import drilled, rescues
from verification.evidence.drilled import TAG
from verification.evidence.evidence import DrillResult, Evidence, Verdict

__all__ = ["TAG"]

log = logging.getLogger(__name__)

REPORT = "report.json"
"""The file of an evidence snapshot that holds all of it."""
_PROOF = "proof="
_TIME = "%Y-%m-%d %H:%M:%S %Z"


class Stated(Frozen):
    """A proof as a snapshot's tag states it."""

    backup: BackupId
    verdict: Literal["verified", "failed"]
    restore_seconds: Seconds | None
    at: Moment


@dataclass(frozen=True)
class Proof:
    """What a drill has shown of one backup: the verdict, the seconds of the restore when it came back, and when (UTC)."""

    verdict: Verdict
    restore_seconds: float | None
    at: datetime


def keep(evidence: Evidence, directory: Path, repository: Repository) -> str:
    """Store the files in `directory` as the evidence and return the snapshot's id; raises LifeboatError."""
    return repository.save(directory, host=evidence.host, tags=tags(evidence), at=evidence.finished_at)


def tags(evidence: Evidence) -> list[str]:
    """Write the snapshot's tags. A drill that could not run proves nothing, so it takes no earlier proof's place."""
    proofs = [
        f"{_PROOF}{drill.backup.id}|{drill.backup_verdict}|{_seconds(drill)}|{evidence.finished_at.astimezone(UTC).isoformat()}"
        for drill in evidence.drills
        if drill.backup and drill.backup_verdict != "could-not-run"
    ]
    return [TAG, f"verdict={evidence.verdict}", *proofs, *map(drilled.tag, evidence.drills)]


@dataclass(frozen=True)
class Held:
    """What a repository holds: its backups, oldest first, each drilled one's newest proof, and what is left out of both.

    damaged: those of the odd that restic cannot read. pieces: of logs that are followed between backups
    snapshots: those that all of this was read from
    """

    backups: list[BackupRecord]
    proofs: dict[str, Proof]
    odd: tuple[Odd, ...]
    damaged: tuple[Odd, ...]
    pieces: tuple[Piece, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()


def proofs(repository: Repository, now: datetime) -> dict[str, Proof]:
    """Read each drilled backup's newest proof by its id, newest first."""
    return proofs_among(repository, repository.snapshots(TAG), now)


def proofs_among(repository: Repository, snapshots: Sequence[Snapshot], now: datetime) -> dict[str, Proof]:
    """Read the proofs among a repository's snapshots as `read_proofs` does; odd ones are named in a warning."""
    repository.name_odd(odd_proofs(snapshots))
    return read_proofs(snapshots, now)


def listed(repository: Repository, now: datetime) -> Held:
    """List every backup, and the proofs of all of them, at once; what is odd is named in a warning."""
    snapshots = repository.snapshots(BACKUP, TAG, LOG, drilled.DAMAGE, rescues.TAG)
    listing, odd = repository.listing(snapshots), tuple(odd_proofs(snapshots))
    proofs = proofs_among(repository, snapshots, now)
    pieces = tuple(piece.read(snapshots))
    return Held(listing.backups, proofs, listing.odd + odd, listing.unreadable, pieces, tuple(snapshots))


def odd_proofs(snapshots: Iterable[Snapshot]) -> Iterator[Odd]:
    """Name the evidence whose tags state something that is no proof; none of it counts."""
    for snapshot in snapshots:
        odd = [tag for tag in snapshot.tags if tag.startswith(_PROOF) and _read(tag) is None] if TAG in snapshot.tags else []
        if odd:
            yield Odd(snapshot.id, f"it says that it is evidence, and states what is no proof: {shown(odd[0])}")


def read_proofs(snapshots: Iterable[Snapshot], now: datetime) -> dict[str, Proof]:
    """Read the proofs in the tags of the evidence snapshots among `snapshots`: each backup's newest by its id, newest first.

    Nothing counts of a snapshot that states anything else. A proof that is dated after `now`, since a clock was once ahead, or
    since it is forged, is left out with a warning.
    """
    every: list[tuple[str, Proof]] = []
    for snapshot in snapshots:
        stated = [_read(tag) for tag in snapshot.tags if tag.startswith(_PROOF)] if TAG in snapshot.tags else []
        if None not in stated:
            every += [(each.backup, Proof(each.verdict, each.restore_seconds, each.at)) for each in stated if each]
    for backup, proof in every:
        if chaining.in_future(proof.at, now):
            log.warning(
                "the proof of %s is dated %s, in the future: it is now %s; it is left out until then",
                *(backup, f"{proof.at:{_TIME}}", f"{now:{_TIME}}"),
            )
    every = [(backup, proof) for backup, proof in every if not chaining.in_future(proof.at, now)]
    # Of one verification's drills of a backup the failed one counts, then the slower: what is sorted last, stays.
    newest = dict(sorted(every, key=lambda entry: _weight(entry[1])))
    return dict(sorted(newest.items(), key=lambda entry: entry[1].at, reverse=True))


def read_report(repository: Repository, snapshot: Snapshot) -> Evidence:
    """Read the evidence that a snapshot holds; raises Damaged when this version cannot read it."""
    return parse_report(repository.read(snapshot.id, REPORT), snapshot)


def parse_report(content: bytes, snapshot: Snapshot) -> Evidence:
    """Read the evidence that a snapshot's report holds, as `read_report`."""
    try:
        return Evidence.model_validate_json(content)
    except ValueError as error:
        raise Damaged(
            f"the evidence {snapshot.id[:8]} cannot be read: {str(error).splitlines()[0]}",
            hint="was it written by a newer Lifeboat? then use that version",
        ) from error


def reports(repository: Repository, snapshots: Iterable[Snapshot], now: datetime) -> Iterator[Evidence]:
    """Read the evidence in these snapshots, the newest first, without what is dated in the future; what is no report is named."""
    for snapshot in sorted(snapshots, key=lambda snapshot: snapshot.time, reverse=True):
        if chaining.in_future(snapshot.time, now):
            continue
        try:
            yield read_report(repository, snapshot)
        except Damaged as fault:
            log.warning("%s; it is left out", fault.message)


def newest_drill(repository: Repository, snapshots: Iterable[Snapshot], backup: str, now: datetime) -> DrillResult | None:
    """Read the drill that the newest proof of a backup is about, of the evidence among `snapshots`; None where there is none."""
    about = [snapshot for snapshot in snapshots if TAG in snapshot.tags and backup in proven_by(snapshot)]
    for evidence in reports(repository, about, now):
        drills = [drill for drill in evidence.drills if drill.backup and drill.backup.id == backup]
        # As for the proof: a failed one counts, then the slower.
        return max(drills, key=lambda drill: (drill.backup_verdict != "verified", drill.restore_seconds or 0.0), default=None)
    return None


def proven_by(snapshot: Snapshot) -> set[str]:
    """Return the ids of the backups that one evidence snapshot covers."""
    return {tag.removeprefix(_PROOF).partition("|")[0] for tag in snapshot.tags if tag.startswith(_PROOF)}


def proven_at(newest: Mapping[str, Proof]) -> dict[str, datetime]:
    """Return when each backup whose newest proof is `verified` was proven, by its id."""
    return {backup: proof.at for backup, proof in newest.items() if proof.verdict == "verified"}


def tampered(drills: Sequence[DrillResult]) -> bool:
    """Whether a copy was damaged on purpose: then the evidence is about the verifier, not about the backups."""
    return any(drill.tampered for drill in drills)


def _weight(proof: Proof) -> tuple[datetime, bool, float]:
    return proof.at, proof.verdict != "verified", proof.restore_seconds or 0.0


def _seconds(drill: DrillResult) -> str:
    return "" if drill.restore_seconds is None else str(drill.restore_seconds)


def _read(tag: str) -> Stated | None:
    """Read a proof; None for a tag that states none."""
    try:
        backup, verdict, seconds, at = tag.removeprefix(_PROOF).split("|")
        return Stated.model_validate({"backup": backup, "verdict": verdict, "restore_seconds": seconds or None, "at": at})
    except ValueError:
        return None
