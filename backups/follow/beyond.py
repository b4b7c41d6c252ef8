"""Treats the log that was followed beyond the newest backup as if it were that of a backup after it, which has no witness yet."""

import shutil
from collections.abc import Iterable
from datetime import UTC
from pathlib import Path

from backups import fetching
from backups.backup import captured_files
from backups.follow.piece import Piece, leading
from backups.machine import disk
from backups.manifest import DATA, FILE_NAME, BackupRecord, Manifest
from backups.repository.repository import Repository
from backups.services.base import Fetched, Service
from backups.services.continuous import followed


class Beyond(BackupRecord):
    """The log that pieces hold beyond a backup, as a record: `taken_at` is how far it leads; its id is that of no backup."""

    pieces: tuple[Piece, ...]


def beyond(backup: BackupRecord, pieces: Iterable[Piece]) -> Beyond | None:
    """Return the log that leads furthest from a backup; None where no piece goes on from it."""
    way = leading((piece for piece in pieces if piece.service == backup.service), backup.id)
    if not way:
        return None
    until = way[-1].until
    return Beyond(
        snapshot=way[-1].snapshot,
        id=f"{backup.service}-{until.astimezone(UTC):%Y%m%dT%H%M%SZ}-0",
        service=backup.service,
        type=backup.type,
        kind="incremental",
        chain=backup.chain,
        sequence=backup.sequence + 1,
        taken_at=until,
        size=sum(piece.size for piece in way),
        standalone=False,
        pieces=way,
    )


def manifest(log: Beyond, repository: Repository) -> Manifest:
    """Read the manifest of the last piece: it says where the log ends. Raises Damaged when it is not whole."""
    return _named(_read(log.pieces[-1], repository), log)


def fetch(log: Beyond, service: Service, repository: Repository, into: Path) -> Fetched:
    """Fetch the pieces below `into`, and join them to one log. Raises Damaged for what is not whole, or has a gap."""
    with_log = followed(service)
    if with_log is None:
        raise AssertionError("only a service with a log has pieces of one")
    what = f"the log behind {log.pieces[0].after}"
    disk.require(into, 2 * log.size, what)
    whole = into / log.id
    parts: list[Fetched] = []
    with disk.full_disk_reported(into, f"fetching {what}"):
        nodes = repository.trees([piece.snapshot for piece in log.pieces])
        for piece in log.pieces:
            read = _read(piece, repository)
            directory = into / f"{log.id}-{piece.first}"
            parts.append(fetching.fetch(repository, piece.snapshot, read, nodes[piece.snapshot], read.files, directory))
        (whole / DATA).mkdir(parents=True, mode=0o700)
        details = with_log.join(parts, whole / DATA)
    for piece in log.pieces:
        shutil.rmtree(into / f"{log.id}-{piece.first}")
    joined = parts[-1].manifest.model_copy(update={"details": dict(details), "files": captured_files(whole / DATA)})
    return Fetched(_named(joined, log), whole / DATA)


def _read(piece: Piece, repository: Repository) -> Manifest:
    found = Manifest.read(repository.read(piece.snapshot, f"/{FILE_NAME}"), f"a piece of the log behind {piece.after}")
    piece.require_same(found)
    return found


def _named(found: Manifest, log: Beyond) -> Manifest:
    return found.model_copy(update={"id": log.id, "chain": log.chain, "sequence": log.sequence})
