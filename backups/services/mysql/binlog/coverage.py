"""Reads from a manifest how far a backup's log reaches: which GTIDs it holds, and which chain it goes on from.

A dump has no log, also when the service is backed up by CLONE today.
"""

from backups.manifest import BackupRecord, Manifest
from backups.manifest import details_of as manifest_details
from backups.services.mysql.binlog.gtids import Gtids
from backups.services.mysql.details import MySQLDetails
from backups.services.mysql.dump_details import is_dump
from backups.services.mysql.source import command_line


def details_of(manifest: Manifest) -> MySQLDetails | None:
    """Read the details of a backup with a log; None for a dump. Raises Damaged, naming the backup, when they are not readable."""
    return None if is_dump(manifest.details) else log_details(manifest)


def log_details(manifest: Manifest) -> MySQLDetails:
    """Read the details of a backup that has a log. Raises Damaged, naming the backup, when it has none, or not readable ones."""
    details = manifest_details(manifest, MySQLDetails, "a MySQL backup")
    command_line.require(details, manifest.id)
    return details


def holds(manifest: Manifest, position: str) -> bool:
    """Return whether a transaction was executed at that backup's moment: the GTID `source:number` (or `source:tag:number`), or
    the one that begins at `file:offset`, as long as the source's log was not reset in between.
    """
    details = details_of(manifest)
    source, _, number = position.strip().rpartition(":")
    if details is None or not number.isdigit():
        return False
    if "." not in source:
        return Gtids.parse(details.end.gtid_executed).holds(source.lower(), int(number))
    (base, _, file), (ends, _, last) = source.rpartition("."), details.end.file.rpartition(".")
    return base == ends and file.isdigit() and (int(file), int(number)) < (int(last), details.end.offset)


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
