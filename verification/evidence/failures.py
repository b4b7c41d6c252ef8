"""Finds the chains that failed their drill, so that no backup builds on them and none of them is deleted too early."""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime

from backups.chains import chains
from backups.errors import LifeboatError
from backups.machine.parallel import guarded
from backups.manifest import BackupRecord
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


def _read(repository: Repository, now: datetime) -> dict[str, datetime]:
    held = store.listed(repository, now)
    return failed_chains(held.backups, held.proofs)


def known(repository: Repository, now: datetime) -> dict[str, datetime]:
    """Read from the repository which chains failed; none, with a warning, when that cannot be read: backups go on without."""
    try:
        return guarded(lambda: _read(repository, now) if repository.recognise() else {})
    except LifeboatError as error:
        log.warning("whether a chain failed its drill cannot be read, backups go on without: %s", error.message)
        return {}
