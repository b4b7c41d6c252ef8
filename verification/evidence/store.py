"""Keeps evidence in the repository, in snapshots of its own whose tags hold each drilled backup's proof: no data is read."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from backups import chains as chaining
from backups.errors import Damaged
from backups.manifest import BACKUP, BackupRecord, tag_values
from backups.repository.repository import Repository, Snapshot, records
from verification.evidence.evidence import DrillResult, Evidence, Verdict

log = logging.getLogger(__name__)

TAG = "lifeboat-evidence"
REPORT = "report.json"
"""The file of an evidence snapshot that holds all of it."""
_PROOF = "proof="
_TIME = "%Y-%m-%d %H:%M:%S %Z"
_VERDICTS: dict[str, Verdict] = {"verified": "verified", "failed": "failed"}


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
    return [TAG, f"verdict={evidence.verdict}", *proofs]


def proofs(repository: Repository) -> dict[str, Proof]:
    """Read each drilled backup's newest proof by its id, newest first."""
    return read_proofs(repository.snapshots(TAG))


def listed(repository: Repository, now: datetime | None = None) -> tuple[list[BackupRecord], dict[str, Proof]]:
    """List every backup, and the proofs of all of them, at once; see `read_proofs` for `now`."""
    snapshots = repository.snapshots(BACKUP, TAG)
    return records(snapshots), read_proofs(snapshots, now)


def read_proofs(snapshots: Iterable[Snapshot], now: datetime | None = None) -> dict[str, Proof]:
    """Read the proofs in the tags of the evidence snapshots among `snapshots`: each backup's newest by its id, newest first.

    now: one that is dated after it, since a clock was once ahead, is left out with a warning; None leaves none out
    """
    every = [
        _read(snapshot, tag) for snapshot in snapshots if TAG in snapshot.tags for tag in snapshot.tags if tag.startswith(_PROOF)
    ]
    if now is not None:
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
    try:
        return Evidence.model_validate_json(repository.read(snapshot.id, REPORT))
    except ValueError as error:
        raise Damaged(
            f"the evidence {snapshot.id[:8]} cannot be read: {str(error).splitlines()[0]}",
            hint="was it written by a newer Lifeboat? then use that version",
        ) from error


def newest_drill(repository: Repository, snapshots: Iterable[Snapshot], backup: str) -> DrillResult | None:
    """Read the drill that the newest proof of a backup is about, of the evidence among `snapshots`; None where there is none."""
    about = [snapshot for snapshot in snapshots if TAG in snapshot.tags and backup in proven_by(snapshot)]
    if not about:
        return None
    evidence = read_report(repository, max(about, key=lambda snapshot: snapshot.time))
    drills = [drill for drill in evidence.drills if drill.backup and drill.backup.id == backup]
    # As for the proof: a failed one counts, then the slower.
    return max(drills, key=lambda drill: (drill.backup_verdict != "verified", drill.restore_seconds or 0.0), default=None)


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


def _read(snapshot: Snapshot, tag: str) -> tuple[str, Proof]:
    try:
        backup, verdict, seconds, at = tag_values([tag])["proof"].split("|")
        return backup, Proof(_VERDICTS[verdict], float(seconds) if seconds else None, datetime.fromisoformat(at))
    except (KeyError, ValueError) as error:
        raise Damaged(
            f"the tags of evidence snapshot {snapshot.id[:8]} cannot be read: {tag}: {error}",
            hint="were they edited by hand? `restic snapshots` shows them",
        ) from error
