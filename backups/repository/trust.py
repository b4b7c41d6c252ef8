"""Keeps in the repository that a person trusts a backup that looks suspicious: who, when and why, in a snapshot of its own.

It holds for every machine that reaches the repository, and is read from tags alone. Whoever may add backups may add one, too: it
gives back the usual retention, and nothing more; `lifeboat list` and `lifeboat show` name whoever did it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from backups.errors import LifeboatError
from backups.foreign import BackupId, Moment, shown
from backups.manifest import Frozen
from backups.repository.listing import Odd, Snapshot
from backups.repository.repository import Repository

TAG = "lifeboat-trust"
"""The tag of every such snapshot."""
FILE = "trust.json"
"""The same for whoever looks with restic alone."""
LONGEST = 300
"""Characters of a reason."""
_BACKUP = "trusted="


class Trust(Frozen):
    """That a person trusts a backup. by: the person, and the machine. reason: in one line."""

    backup: BackupId
    at: Moment
    by: str
    reason: str

    def __str__(self) -> str:
        return f"trusted by {shown(self.by)} on {self.at.astimezone(UTC):%Y-%m-%d %H:%M %Z}: {shown(self.reason, LONGEST)}"


def keep(
    repository: Repository, backups: Sequence[str], directory: Path, *, by: str, reason: str, host: str, now: datetime
) -> list[Trust]:
    """Store that these backups are trusted, in one snapshot made of the empty `directory`.

    Raises LifeboatError for a reason that is none, or too long, and when the repository cannot be written.
    """
    line = " ".join(reason.split())
    if not line or len(line) > LONGEST:
        raise LifeboatError(
            f"a reason has between 1 and {LONGEST} characters, and this one has {len(line)}",
            hint="say in a line why the backup is as it should be: --reason 'import of the 2025 photographs'",
        )
    # A comma would part a tag.
    at, who, why = now.astimezone(UTC).replace(microsecond=0), by.replace(",", ";"), line.replace(",", ";")
    trusts = [Trust(backup=backup, at=at, by=who, reason=why) for backup in backups]
    (directory / FILE).write_text(json.dumps([each.model_dump(mode="json") for each in trusts], indent=1), encoding="utf-8")
    tags = [TAG, *(f"{_BACKUP}{backup}" for backup in backups), f"at={at.isoformat()}", f"by={who}", f"reason={why}"]
    repository.save(directory, host=host, tags=tags, at=now)
    return trusts


def read(snapshots: Iterable[Snapshot]) -> dict[str, Trust]:
    """Read who trusts which backups, by the backup's id: of several the first. What is no such record is left out (`odd`)."""
    found: dict[str, Trust] = {}
    for snapshot in snapshots:
        for each in _read(snapshot) or ():
            if each.backup not in found or each.at < found[each.backup].at:
                found[each.backup] = each
    return found


def odd(snapshots: Iterable[Snapshot]) -> Iterator[Odd]:
    """Name the snapshots that say that they are such a record, and are none."""
    for snapshot in snapshots:
        if TAG in snapshot.tags and _read(snapshot) is None:
            yield Odd(snapshot.id, "it says that somebody trusts a backup, and not whom, when and why")


def _read(snapshot: Snapshot) -> list[Trust] | None:
    if TAG not in snapshot.tags:
        return []
    stated: Mapping[str, str] = dict(tag.split("=", 1) for tag in snapshot.tags if "=" in tag and not tag.startswith(_BACKUP))
    backups = [tag.removeprefix(_BACKUP) for tag in snapshot.tags if tag.startswith(_BACKUP)]
    try:
        return [
            Trust.model_validate({"backup": backup, **{name: stated.get(name) for name in ("at", "by", "reason")}})
            for backup in backups
        ] or None
    except ValueError:
        return None
