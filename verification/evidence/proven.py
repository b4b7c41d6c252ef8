"""Notes below the state directory which backups this machine itself has proven.

Whoever may add to the repository can add evidence, too: what acts by itself believes the notes of its own machine alone.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from backups.errors import LifeboatError
from backups.machine import private
from backups.manifest import BackupRecord


def note(state: Path, chains: Iterable[Sequence[BackupRecord]]) -> None:
    """Note that each chain was brought back here, and was equal to the witness of its last backup."""
    for chain in chains:
        path = _path(state, chain[-1])
        try:
            private.write(path, json.dumps(_snapshots(chain)))
        except OSError as error:
            raise LifeboatError(
                f"the proof of {chain[-1].id} cannot be noted in {path}: {error.strerror}",
                hint="run Lifeboat as the user that owns the state directory",
            ) from error


def here(state: Path, chain: Sequence[BackupRecord]) -> bool:
    """Return whether this machine has proven that chain: these very snapshots, not others that say they are the same backups."""
    try:
        return bool(json.loads(_path(state, chain[-1]).read_text(encoding="utf-8")) == _snapshots(chain))
    except (OSError, ValueError):
        return False


def _snapshots(chain: Sequence[BackupRecord]) -> list[str]:
    return [record.snapshot for record in chain]


def _path(state: Path, backup: BackupRecord) -> Path:
    # An id comes out of the repository: it names no path.
    name = "".join(letter if letter.isalnum() or letter in "_-" else "_" for letter in backup.id)
    return state / "proven" / f"{name}.json"
