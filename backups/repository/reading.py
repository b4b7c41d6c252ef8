"""Reads a restic repository: what is in it, what is odd in it, and the files of one backup."""

import json
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from os.path import lexists
from pathlib import Path

from backups.errors import Damaged, LifeboatError
from backups.foreign import MOST_BYTES, require_bounded
from backups.machine.processes import Completed
from backups.manifest import BACKUP, FILE_NAME, BackupRecord, Manifest
from backups.repository import restic_errors, restic_text, seen, tree
from backups.repository.listing import Listing, Odd, Snapshot, listing
from backups.repository.tree import Node

log = logging.getLogger(__name__)

_UNREAD = re.compile(rb"Unable to load tree [0-9a-f]+")
_COMMAND_LINE = 1_000_000
"""Bytes of paths that one restic is given: Linux allows two million in all, and restic 0.14 takes them from no file."""


class Reading:
    """The half of a `Repository` that changes nothing in it; see there for what is raised."""

    url: str
    known: Path | None
    _named: set[str]
    _unreadable: dict[str, str]

    def _require_recognised(self) -> None:
        raise NotImplementedError

    def _run(self, arguments: Sequence[str], *, directory: Path | None = None, most: int | None = None) -> Completed:
        raise NotImplementedError

    def _restic(self, arguments: Sequence[str], verb: str) -> Completed:
        raise NotImplementedError

    def _fault(self, completed: Completed, verb: str) -> LifeboatError:
        raise NotImplementedError

    def snapshots(self, *tags: str) -> list[Snapshot]:
        """Return every snapshot with one of `tags` (a backup's, where none is given), oldest first. Reads no data.

        One that cannot be read is named in a warning, and in the next `listing`.
        """
        self._require_recognised()
        tagged = [part for tag in tags or (BACKUP,) for part in ("--tag", tag)]
        completed = self._restic(["snapshots", "--json", "--no-lock", *tagged], "list")
        # restic leaves out a snapshot that it cannot read, prints so, and ends with success.
        self._unreadable.clear()
        self._unreadable.update(restic_errors.unreadable_snapshots(completed))
        if restic_errors.is_damaged(completed) and not self._unreadable:
            raise self._fault(completed, "list")
        self.name_odd(Odd(snapshot, words) for snapshot, words in self._unreadable.items())
        found = [
            Snapshot(entry["id"], restic_text.time(entry["time"]), tuple(entry.get("tags") or ()), str(entry.get("tree") or ""))
            for entry in json.loads(completed.output) or []
        ]
        return sorted(found, key=lambda snapshot: snapshot.time)

    def listing(self, snapshots: Iterable[Snapshot] | None = None) -> Listing:
        """Sort the backups among these snapshots, by default all that there are, from odd ones, which are named in a warning."""
        if snapshots is None:
            snapshots = self.snapshots()
        known = seen.read(self._seen) if self._seen else {}
        found = listing(snapshots, self._unreadable, known)
        if self._seen:
            seen.remember(self._seen, known, found.backups, {odd.claims for odd in found.odd})
        self.name_odd(found.odd)
        return found

    def names(self) -> frozenset[str] | None:
        """Return the ids of all snapshots, without restic; None where they lie in no directory of this machine.

        With them the names of files that restic is just writing.
        """
        try:
            return frozenset(path.name for path in (Path(self.url) / "snapshots").iterdir())
        except (OSError, ValueError):
            return None

    def backups(self) -> list[BackupRecord]:
        """Return every backup, oldest first; odd snapshots are left out, each with a warning."""
        return self.listing().backups

    def remember(self, manifest: Manifest, snapshot: str) -> None:
        """Keep in the state directory that this backup, which was just saved, is that snapshot, and no later one."""
        if self._seen:
            seen.add(self._seen, manifest.id, seen.Seen(snapshot, manifest.chain))

    def name_odd(self, odd: Iterable[Odd]) -> None:
        """Name snapshots that are left out in a warning, each once."""
        for each in odd:
            if each.snapshot[:8] not in self._named:
                self._named.add(each.snapshot[:8])
                log.warning("%s", each)

    @property
    def _seen(self) -> Path | None:
        return seen.beside(self.known) if self.known else None

    def manifest(self, record: BackupRecord) -> Manifest:
        """Read a backup's manifest; raises Damaged when there is none, or it is not the one of this backup."""
        try:
            content = self.read(record.snapshot, f"/{FILE_NAME}")
        except Damaged as fault:
            if "not found in snapshot" not in fault.message:
                raise
            raise Damaged(
                f"snapshot {record.snapshot[:8]}, which says that it is backup {record.id}, holds no {FILE_NAME}",
                hint=f"no backup is without one: was it put there by somebody else? take another: lifeboat list {record.service}",
            ) from fault
        manifest = Manifest.read(content, f"backup {record.id}")
        record.require_same(manifest)
        return manifest

    def read(self, snapshot: str, path: str) -> bytes:
        """Return the content of one small file of a snapshot; raises Damaged for one that is larger than Lifeboat writes any."""
        completed = self._run(["dump", "--no-lock", snapshot, path], most=MOST_BYTES)
        if completed.code != 0 and len(completed.output) <= MOST_BYTES:
            raise self._fault(completed, f"read {path} from")
        return require_bounded(completed.output, f"{path} of snapshot {snapshot[:8]}")

    def trees(self, snapshots: Sequence[str]) -> dict[str, tuple[Node, ...]]:
        """Return all that each of these snapshots holds, by its full id; reads no data. Raises Damaged for what is no tree."""
        if not snapshots:
            # Where none is named, restic goes through all that there are.
            return {}
        named = [part for snapshot in snapshots for part in ("--snapshot", snapshot)]
        completed = self._run(["find", "--json", "--no-lock", *named, "*"], most=MOST_BYTES)
        if completed.code != 0 and len(completed.output) <= MOST_BYTES:
            raise self._fault(completed, "list a snapshot of")
        found = require_bounded(completed.output, f"the list of files of snapshot {snapshots[-1][:8]}")
        try:
            return tree.read(found, snapshots)
        except ValueError as error:
            # Of a directory that it cannot read restic says so in the middle of its JSON, and ends with success.
            words = " ".join(dict.fromkeys(each.decode() for each in _UNREAD.findall(found))) or str(error)
            raise self._fault(replace(completed, output=b"", errors=words), "list a snapshot of") from error

    def fetch(self, snapshot: str, into: Path, *, include: Sequence[str] = ()) -> None:
        """Restore a snapshot's files below `into`; with `include`, only those paths (from the snapshot's root, `/data/…`).

        Raises Damaged when any byte of it cannot be read as it was stored, or when an included path is not in it.
        """
        for batch in tree.batches(include, _COMMAND_LINE) if include else [[]]:
            included = [part for path in batch for part in ("--include", restic_text.literal(path))]
            completed = self._run(["restore", snapshot, "--target", str(into), *included])
            if completed.code != 0:
                if restic_errors.is_full(completed):
                    raise LifeboatError(
                        f"the disk of {into} filled while the repository was read: {restic_errors.excerpt(completed)}",
                        hint="free some space there, or set `state:` in lifeboat.yaml to a directory on a larger disk",
                    )
                raise self._fault(completed, "fetch from")
        if missing := [path for path in include if not lexists(into / path.lstrip("/"))]:
            raise Damaged(
                f"snapshot {snapshot[:8]} holds no {missing[0]} ({len(missing)} of {len(include)} wanted paths are missing)",
                hint="take a full: lifeboat backup --kind full",
            )
