"""Whoever brings a chain back says so on this machine, and retention leaves the chain alone for as long.

Between machines restic's own locks keep a deletion out while files are being read; a drill whose chain was deleted between two
reads could not run, and says so.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from backups.machine import locks


def chain(state: Path, chain_id: str) -> AbstractContextManager[None]:
    """Read a chain: it is not deleted on this machine meanwhile. Waits while it is just being deleted."""
    return locks.shared(_lock(state, chain_id))


@contextmanager
def kept_out(state: Path, chain_id: str) -> Iterator[bool]:
    """Keep readers of a chain out; says whether that was possible: not while one is reading."""
    with locks.alone(_lock(state, chain_id)) as alone:
        yield alone


def is_read(state: Path, chain_id: str) -> bool:
    """Whether a drill or a restore on this machine is reading the chain."""
    with kept_out(state, chain_id) as unread:
        return not unread


def _lock(state: Path, chain_id: str) -> Path:
    return state / "locks" / "chains" / f"{chain_id}.lock"
