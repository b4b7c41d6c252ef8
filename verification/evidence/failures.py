"""Finds the chains that failed their drill, so that no backup builds on them and none of them is deleted too early."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from backups.chains import chains
from backups.errors import LifeboatError
from backups.machine.parallel import guarded
from backups.manifest import BackupRecord
from backups.proofs import Proofs
from backups.repository.listing import Snapshot
from backups.repository.repository import Repository
from verification.evidence import store
from verification.evidence.store import Proof

log = logging.getLogger(__name__)


def failed_chains(backups: Iterable[BackupRecord], proofs: Mapping[str, Proof]) -> dict[str, datetime]:
    """Return the chains that failed their drill, by id, and when (UTC).

    proofs: each drilled backup's newest (`store.read_proofs`)
    A failure counts until that backup, or a later one of the chain, which needs all that it needs, is verified.
    """
    failed: dict[str, datetime] = {}
    for chain in (chain for members in chains(backups).values() for chain in members):
        drilled = [(backup.sequence, proofs[backup.id]) for backup in chain.backups if backup.id in proofs]
        verified = [(sequence, proof.at) for sequence, proof in drilled if proof.verdict == "verified"]
        standing = [
            proof.at
            for sequence, proof in drilled
            if proof.verdict == "failed" and not any(later >= sequence and at >= proof.at for later, at in verified)
        ]
        if standing:
            failed[chain.id] = max(standing)
    return failed


def among(
    repository: Repository, snapshots: Sequence[Snapshot], backups: Sequence[BackupRecord], now: datetime
) -> Mapping[str, datetime]:
    """Read from a listing which chains failed; none, with a warning, when that cannot be read: backups go on without."""
    try:
        return guarded(lambda: failed_chains(backups, store.proofs_among(repository, snapshots, now)))
    except LifeboatError as error:
        log.warning("whether a chain failed its drill cannot be read, backups go on without: %s", error.message)
        return {}


PROOFS = Proofs((store.TAG,), among)
"""For whoever takes a backup."""
