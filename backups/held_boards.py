"""Reads the dashboards out of a Grafana's backup, and keeps them on this machine, since each service's backup needs them."""

import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from backups import fetching
from backups.machine import disk, locks, private
from backups.manifest import BackupRecord
from backups.panels.boards import AlertRule, Board, Boards, DataSource, LibraryPanel
from backups.repository.repository import Repository
from backups.services.panelled import HoldsBoards

_KEPT = "boards"
_FORM = 1
"""Of the kept file; another one is read anew."""

log = logging.getLogger(__name__)


def read(repository: Repository, holder: HoldsBoards, record: BackupRecord, state: Path) -> Boards:
    """The dashboards of a backup, from this machine's copy where it has one. Raises LifeboatError."""
    kept = state / "cache" / _KEPT / f"{record.service}.json"
    # Services are backed up side by side: the second one waits for what the first fetches.
    with locks.waited_for(kept.with_suffix(".lock")):
        found = _kept(kept, record)
        if found is None:
            found = _fetched(repository, holder, record, kept.parent)
            try:
                private.write(kept, json.dumps({"form": _FORM, "snapshot": record.snapshot, "boards": asdict(found)}))
            except OSError as error:
                log.warning("the dashboards of %s cannot be kept in %s, and are read again: %s", record.id, kept, error.strerror)
    return found


def _fetched(repository: Repository, holder: HoldsBoards, record: BackupRecord, scratch: Path) -> Boards:
    manifest = repository.manifest(record)
    paths = frozenset(holder.board_files(manifest))
    entries = [entry for entry in manifest.files if entry.path in paths]
    nodes = repository.trees([record.snapshot])[record.snapshot]
    private.make(scratch)
    what = f"the dashboards of {record.id}"
    # Whoever was killed here has left a whole database of Grafana's: the one name, below the lock, is theirs and ours.
    directory = scratch / f"{record.service}.fetched"
    shutil.rmtree(directory, ignore_errors=True)
    disk.require(scratch, sum(entry.size for entry in entries), what)
    try:
        with disk.full_disk_reported(scratch, f"fetching {what}"):
            private.make(directory)
            fetched = fetching.fetch(repository, record.snapshot, manifest, nodes, entries, directory / "backup")
            return holder.boards(fetched)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _kept(file: Path, record: BackupRecord) -> Boards | None:
    """What was kept of this backup; None where it is another's, or not whole."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["form"] != _FORM or content["snapshot"] != record.snapshot:
            return None
        return _boards(content["boards"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        log.info("%s cannot be read, so the dashboards are fetched again", file)
        return None


def _boards(held: Mapping[str, Any]) -> Boards:
    return Boards(
        sources=tuple(DataSource(**one) for one in held["sources"]),
        boards=tuple(Board(**one) for one in held["boards"]),
        library=tuple(LibraryPanel(**one) for one in held["library"]),
        rules=tuple(AlertRule(**one) for one in held["rules"]),
    )
