"""Reads from a manifest how far a backup's log reaches: which GTIDs it holds, and which chain it goes on from.

A dump has no log, also when the service is backed up by CLONE today.
"""

from backups.manifest import BackupRecord, Manifest
from backups.services.mysql.details import MySQLDetails
from backups.services.mysql.dump_details import is_dump


def details_of(manifest: Manifest) -> MySQLDetails | None:
    """Read the details of a backup with a log; None for a dump."""
    return None if is_dump(manifest.details) else MySQLDetails.model_validate(manifest.details)


def holds(manifest: Manifest, position: str) -> bool:
    """Return whether the GTID `source:number` (or `source:tag:number`) was executed at that backup's moment."""
    details = details_of(manifest)
    source, _, number = position.strip().lower().rpartition(":")
    if details is None or not number.isdigit():
        return False
    executed = details.end.gtid_executed or ""
    return any(low <= int(number) <= high for name, low, high in _intervals("".join(executed.split()).lower()) if name == source)


def follows(manifest: Manifest, before: BackupRecord) -> bool:
    """Return whether that full kept the log since `before`."""
    details = details_of(manifest)
    return details is not None and details.bridge is not None and details.bridge.backup == before.id


def log(manifest: Manifest) -> list[str]:
    """List the paths of its log's segments, its bridge's first."""
    details = details_of(manifest)
    if details is None:
        return []
    bridge = details.bridge.segments if details.bridge else ()
    return [segment.path for segment in (*bridge, *details.segments)]


def _intervals(executed: str) -> list[tuple[str, int, int]]:
    """Return a set of GTIDs as (source or source:tag, first number, last number)."""
    found = []
    for part in filter(None, executed.split(",")):
        source, *pieces = part.split(":")
        name = source
        for piece in pieces:
            low, _, high = piece.partition("-")
            if low.isdigit():
                found.append((name, int(low), int(high or low)))
            else:
                # A tag: the numbers after it are that tag's.
                name = f"{source}:{piece}"
    return found
