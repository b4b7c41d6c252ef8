"""Keeps evidence in the repository, in snapshots of its own whose tags hold each drilled backup's proof: no data is read."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from backups import chains as chaining
from backups.errors import Damaged
from backups.follow import piece
from backups.follow.piece import LOG, Piece
from backups.foreign import BackupId, Moment, RepositoryName, Seconds, shown
from backups.manifest import BACKUP, BackupRecord, Frozen
from backups.repository import trust
from backups.repository.listing import Odd, Snapshot
from backups.repository.repository import Repository
from backups.repository.trust import Trust
from verification.evidence import drilled, joint, rescues
from verification.evidence.drilled import TAG
from verification.evidence.evidence import DrillResult, Evidence, Verdict

__all__ = ["TAG"]

log = logging.getLogger(__name__)

_FIRST, _FURTHER = "first=", "further="
_ID = 16
"""Digits of a repository's id that are in the tag: of one that has that place, or that name, only later, older proofs are not."""
REPORT = "report.json"
"""The file of an evidence snapshot that holds all of it."""
_PROOF, _PROOF_IN = "proof=", "proof-in="
"""Of the first repository, and of the one that is named in the tag, which a Lifeboat that knows only one does not read."""
_TIME = "%Y-%m-%d %H:%M:%S %Z"


class Stated(Frozen):
    """A proof as a snapshot's tag states it."""

    backup: BackupId
    verdict: Literal["verified", "failed"]
    restore_seconds: Seconds | None
    at: Moment
    repository: RepositoryName | None = None


@dataclass(frozen=True)
class Proof:
    """What a drill has shown of one backup: the verdict, the seconds of the restore when it came back, and when (UTC)."""

    verdict: Verdict
    restore_seconds: float | None
    at: datetime


def keep(
    evidence: Evidence,
    directory: Path,
    repository: Repository,
    first: str | None = None,
    further: Mapping[str, str | None] | None = None,
) -> str:
    """Store the files in `directory` as the evidence and return the snapshot's id; raises LifeboatError.

    first, further: see `tags`
    """
    return repository.save(directory, host=evidence.host, tags=tags(evidence, first, further), at=evidence.finished_at)


def tags(evidence: Evidence, first: str | None = None, further: Mapping[str, str | None] | None = None) -> list[str]:
    """Write the snapshot's tags. A drill that could not run proves nothing, so it takes no earlier proof's place.

    first: the id of the first repository, as far as this machine knows it; further: likewise of others, by their names
    """
    at = evidence.finished_at.astimezone(UTC).isoformat()
    proofs = [
        f"{_begin(drill)}{drill.backup.id}|{drill.backup_verdict}|{_seconds(drill)}|{at}"
        for drill in evidence.drills
        if drill.backup and drill.backup_verdict != "could-not-run"
    ]
    drilled_from = {drill.further for drill in evidence.drills}
    known = [f"{_FIRST}{first[:_ID]}"] if first else []
    known += [f"{_FURTHER}{name}|{each[:_ID]}" for name, each in (further or {}).items() if each and name in drilled_from]
    together = [joint.tag(evidence.together)] if evidence.together else []
    return [TAG, f"verdict={evidence.verdict}", *known, *proofs, *map(drilled.tag, evidence.drills), *together]


@dataclass(frozen=True)
class Held:
    """What a repository holds: its backups, oldest first, each drilled one's newest proof, and what is left out of both.

    damaged: those of the odd that restic cannot read. pieces: of logs that are followed between backups
    snapshots: those that all of this was read from. trusts: by a backup's id who trusts it, though it looks suspicious
    """

    backups: list[BackupRecord]
    proofs: dict[str, Proof]
    odd: tuple[Odd, ...]
    damaged: tuple[Odd, ...]
    pieces: tuple[Piece, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    trusts: Mapping[str, Trust] = field(default_factory=dict)


def proofs(repository: Repository, now: datetime) -> dict[str, Proof]:
    """Read each drilled backup's newest proof in this repository by its id, newest first."""
    return proofs_among(repository, repository.snapshots(TAG), now)


def proofs_among(repository: Repository, snapshots: Sequence[Snapshot], now: datetime) -> dict[str, Proof]:
    """Read the proofs of what is in this repository among snapshots, as `read_proofs` does; odd ones are named in a warning."""
    repository.name_odd(odd_proofs(snapshots))
    return read_proofs(about(repository, snapshots), now, repository.known_as)


def about(repository: Repository, snapshots: Iterable[Snapshot]) -> list[Snapshot]:
    """Leave out evidence of a time when another repository was the first, or had this one's name: proofs are about that one.

    Each holds copies of the evidence, also one that takes the place of one that was lost.
    """
    known = repository.known_id
    names = [_FIRST] if None in repository.known_as else [f"{_FURTHER}{name}|" for name in repository.known_as]
    return [each for each in snapshots if all(_of_that_one(each, name, known) for name in names)]


def _of_that_one(snapshot: Snapshot, beginning: str, known: str | None) -> bool:
    """Whether evidence says with a tag that begins so that it is about the repository of that id.

    True as long as one of the two is not known.
    """
    said = next((tag.removeprefix(beginning) for tag in snapshot.tags if tag.startswith(beginning)), None)
    return said is None or known is None or known.startswith(said)


def listed(repository: Repository, now: datetime) -> Held:
    """List every backup, and the proofs of all of them, at once; what is odd is named in a warning."""
    snapshots = repository.snapshots(BACKUP, TAG, LOG, drilled.DAMAGE, trust.TAG, rescues.TAG)
    listing, odd = repository.listing(snapshots), (*odd_proofs(snapshots), *joint.odd(snapshots), *trust.odd(snapshots))
    repository.name_odd(odd)
    proofs = proofs_among(repository, snapshots, now)
    pieces = tuple(piece.read(snapshots))
    trusts = trust.read(snapshots)
    return Held(listing.backups, proofs, listing.odd + odd, listing.unreadable, pieces, tuple(snapshots), trusts)


def odd_proofs(snapshots: Iterable[Snapshot]) -> Iterator[Odd]:
    """Name the evidence whose tags state something that is no proof; none of it counts."""
    for snapshot in snapshots:
        odd = [tag for tag in _tags(snapshot) if _read(tag) is None] if TAG in snapshot.tags else []
        if odd:
            yield Odd(snapshot.id, f"it says that it is evidence, and states what is no proof: {shown(odd[0])}")


def read_proofs(
    snapshots: Iterable[Snapshot], now: datetime, known_as: Collection[str | None] = frozenset({None})
) -> dict[str, Proof]:
    """Read the proofs in the tags of the evidence snapshots among `snapshots`: each backup's newest by its id, newest first.

    known_as: by which names they mean the repository whose backups were proven; None is the first's: a backup that was brought
    back from one repository is not proven in another
    Nothing counts of a snapshot that states anything else. A proof that is dated after `now`, since a clock was once ahead, or
    since it is forged, is left out with a warning.
    """
    every: list[tuple[str, Proof]] = []
    for snapshot in snapshots:
        stated = [_read(tag) for tag in _tags(snapshot)] if TAG in snapshot.tags else []
        if None not in stated:
            every += [
                (each.backup, Proof(each.verdict, each.restore_seconds, each.at))
                for each in stated
                if each and each.repository in known_as
            ]
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
    """Read the drill that the newest proof of a backup in this repository is about; None without evidence among `snapshots`."""
    known_as = repository.known_as
    proving = [each for each in about(repository, snapshots) if TAG in each.tags and backup in proven_by(each, known_as)]
    for evidence in reports(repository, proving, now):
        drills = [drill for drill in drills_in(repository, evidence) if drill.backup and drill.backup.id == backup]
        # As for the proof: a failed one counts, then the slower.
        return max(drills, key=lambda drill: (drill.backup_verdict != "verified", drill.restore_seconds or 0.0), default=None)
    return None


def drills_in(repository: Repository, evidence: Evidence) -> list[DrillResult]:
    """Return the drills of a verification that brought backups back from this repository."""
    return [drill for drill in evidence.drills if drill.further in repository.known_as]


def proven_by(snapshot: Snapshot, known_as: Collection[str | None] | None = None) -> set[str]:
    """Return the ids of the backups that one evidence snapshot covers: in the repository of these names, or None for any."""
    stated = [
        tag.removeprefix(_PROOF_IN).split("|") if tag.startswith(_PROOF_IN) else [None, *tag.removeprefix(_PROOF).split("|")]
        for tag in _tags(snapshot)
    ]
    return {each[1] or "" for each in stated if len(each) > 1 and (known_as is None or each[0] in known_as)}


def proven_at(newest: Mapping[str, Proof]) -> dict[str, datetime]:
    """Return when each backup whose newest proof is `verified` was proven, by its id."""
    return {backup: proof.at for backup, proof in newest.items() if proof.verdict == "verified"}


def tampered(drills: Sequence[DrillResult]) -> bool:
    """Whether a copy was damaged on purpose: then the evidence is about the verifier, not about the backups."""
    return any(drill.tampered for drill in drills)


def _weight(proof: Proof) -> tuple[datetime, bool, float]:
    return proof.at, proof.verdict != "verified", proof.restore_seconds or 0.0


def _begin(drill: DrillResult) -> str:
    return f"{_PROOF_IN}{drill.further}|" if drill.further else _PROOF


def _seconds(drill: DrillResult) -> str:
    return "" if drill.restore_seconds is None else str(drill.restore_seconds)


def _tags(snapshot: Snapshot) -> list[str]:
    return [tag for tag in snapshot.tags if tag.startswith((_PROOF, _PROOF_IN))]


def _read(tag: str) -> Stated | None:
    """Read a proof; None for a tag that states none."""
    try:
        named = tag.startswith(_PROOF_IN)
        *where, backup, verdict, seconds, at = tag.removeprefix(_PROOF_IN if named else _PROOF).split("|")
        if len(where) != named:
            return None
        return Stated.model_validate(
            {
                "backup": backup,
                "verdict": verdict,
                "restore_seconds": seconds or None,
                "at": at,
                "repository": where[0] if where else None,
            }
        )
    except ValueError:
        return None
