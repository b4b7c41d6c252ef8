"""Finds out whether another machine, which this machine's lock does not stop, has extended the same backup at the same time.

Each looks after it has saved: of two, the one that saved later surely sees the other.
"""

from pathlib import Path

from backups.errors import LifeboatError
from backups.manifest import BackupRecord, Manifest
from backups.repository.repository import Repository

_made: set[tuple[Path, str]] = set()
"""Backups that this process has saved, by the state directory that holds their services' locks: no rival is among them."""


def prevent(repository: Repository, state: Path, manifest: Manifest, snapshot: str, before: frozenset[str] | None) -> None:
    """Forget an incremental that was just saved as `snapshot`, and raise LifeboatError, when there is another in its place.

    state: the directory that holds the lock under which it was taken
    before: the snapshots that there were before the chain was listed which it builds on (`Repository.names`)
    """
    _made.add((state, snapshot))
    if manifest.parent is None or _alone(repository, state, before):
        return
    for rival in _in_its_place(repository, manifest):
        # restic 0.14 prints only the first eight digits of a new snapshot's id.
        if not rival.snapshot.startswith(snapshot):
            conflict = f"{rival.id} was built on {manifest.parent} at the same time, by another machine"
            remedy = "back a service up from one machine only"
            try:
                repository.forget([snapshot])
            except LifeboatError as refusal:
                raise LifeboatError(
                    f"{conflict}; {manifest.id} could not be removed: {refusal.message}",
                    hint=f"{remedy}; the next backup is a full; with full access to the repository: restic forget {snapshot}",
                ) from refusal
            raise LifeboatError(f"{conflict}; {manifest.id} was not kept", hint=remedy)


def _in_its_place(repository: Repository, manifest: Manifest) -> list[BackupRecord]:
    place = (manifest.service, manifest.chain, manifest.sequence)
    return [rival for rival in repository.listing().claims if (rival.service, rival.chain, rival.sequence) == place]


def _alone(repository: Repository, state: Path, before: frozenset[str] | None) -> bool:
    """Return whether nobody else has saved anything since `before`, as far as that is seen without restic."""
    now = repository.names()
    if before is None or now is None:
        return False
    ours = tuple(snapshot for where, snapshot in tuple(_made) if where == state and snapshot)
    return all(name.startswith(ours) for name in now - before)
