"""Keeps in the state directory which snapshot each backup is, as this machine saw it first, so that no later one can claim it.

An operator who knows better may write a line there: the backup's id, the snapshot's, the chain's.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from backups.machine import private
from backups.manifest import BackupRecord

FILE = "snapshots.seen"
"""Its name in the state directory, of the repository that takes the backups; a copy of a backup is another snapshot."""

log = logging.getLogger(__name__)


def beside(known: Path) -> Path:
    """Return the file of a repository by that of its id: `snapshots-offsite.seen` lies beside `repository-offsite.id`."""
    return known.with_name(f"{FILE.partition('.')[0]}{known.stem.removeprefix('repository')}.seen")


@dataclass(frozen=True)
class Seen:
    """The snapshot of a backup, or its id's first eight digits, and its chain."""

    snapshot: str
    chain: str


def read(file: Path) -> dict[str, Seen]:
    """Return what is known, by backup; nothing where there is no such file, or none that can be read."""
    try:
        lines = [line.split() for line in file.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        log.warning("%s, which says which snapshot each backup is, cannot be read: %s", file, error)
        return {}
    return {backup: Seen(snapshot, chain) for backup, snapshot, chain in (line for line in lines if len(line) == 3)}


def remember(file: Path, before: Mapping[str, Seen], held: Iterable[BackupRecord], lost: Iterable[str]) -> None:
    """Keep which snapshot each of the backups `held` is, and what is known of those in `lost`, which cannot be read now.

    A state directory that cannot be written keeps nothing: whoever only reads does not need it.
    """
    now = {record.id: Seen(record.snapshot, record.chain) for record in held}
    now |= {backup: before[backup] for backup in lost if backup in before and backup not in now}
    if now != before:
        _write(file, now)


def add(file: Path, backup: str, made: Seen) -> None:
    """Keep which snapshot a backup is that this machine has just made, before anybody can claim to be it."""
    _write(file, read(file) | {backup: made})


def _write(file: Path, now: Mapping[str, Seen]) -> None:
    try:
        private.write(file, "".join(f"{backup} {each.snapshot} {each.chain}\n" for backup, each in now.items()))
    except OSError as error:
        log.debug("%s cannot be written: %s", file, error)
