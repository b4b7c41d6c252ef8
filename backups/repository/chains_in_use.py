"""Locks a chain on this machine while it is restored, so that retention does not delete it meanwhile.

Between machines, restic's own locks prevent a deletion while files are being read; a drill whose chain was deleted between two
reads could not run, and its report says so.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from backups.machine import locks


def chain(state: Path, chain_id: str) -> AbstractContextManager[None]:
    """Hold a chain for reading: it is not deleted on this machine meanwhile. Waits while it is being deleted."""
    return locks.shared(_lock(state, chain_id))


@contextmanager
def kept_out(state: Path, chain_id: str) -> Iterator[bool]:
    """Keep readers of a chain out; yields whether that was possible, which it is not while one is reading."""
    with locks.alone(_lock(state, chain_id)) as alone:
        yield alone


def is_read(state: Path, chain_id: str) -> bool:
    """Return whether a drill or a restore on this machine is reading the chain."""
    with kept_out(state, chain_id) as unread:
        return not unread


def _lock(state: Path, chain_id: str) -> Path:
    return state / "locks" / "chains" / f"{chain_id}.lock"
