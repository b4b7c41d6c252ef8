"""Follows one service's log: pulls what it has gained, saves it as pieces, and goes on from each new backup."""

import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backups import chains as chaining
from backups.backup import captured_files
from backups.errors import ChainBroken, Damaged, LifeboatError
from backups.follow import piece as pieces_of
from backups.follow.piece import LOG, Piece
from backups.follow.spool import Spool, range_to_save
from backups.follow.standing import Standing
from backups.machine import disk
from backups.machine.runs import Run
from backups.manifest import BACKUP, DATA, BackupRecord, Manifest
from backups.repository.repository import Repository
from backups.services.base import Service
from backups.services.continuous import Followed, followed

log = logging.getLogger(__name__)

_ROOM = 256 << 20
"""Bytes that must be free beside the reserve before more is pulled: what is kept until the next backup must leave it room."""


def require_log(service: Service) -> Followed:
    """Return the service as one whose log can be followed; raises LifeboatError for one without a log."""
    found = followed(service)
    if found is None:
        raise LifeboatError(
            f"{service.name} has no log to follow: its backups hold single moments",
            hint="a service of type mysql with method: clone has one",
        )
    return found


class Follower:
    """Follows the log of one service. One at a time on a machine: see `follow`."""

    def __init__(
        self, service: Service, repository: Repository, run: Run, spool: Spool, note: Callable[[Standing], None]
    ) -> None:
        self._service = service
        self._log = require_log(service)
        self._repository = repository
        self._run = run
        self._spool = spool
        self._note = note
        self._last: Manifest | None = None
        self._standing = Standing()

    def take_stock(self) -> None:
        """Save what an ended follower left, then find the newest backup, and go on from it, or from where it stood behind it.

        Raises LifeboatError when the repository cannot be used, or holds no backup to go on from.
        """
        if self._last is None and (torn := self._spool.drop_torn()):
            log.warning("%s: %s of its log on this machine's disk are not whole: pulled again", self._service.name, torn)
        self.save()
        held, records = self._held()
        if self._save_again(held, records):
            held, records = self._held()
        newest = _newest(records, self._service.name, datetime.now(UTC))
        if newest is None:
            raise LifeboatError(
                f"{self._service.name} has no backup whose log could be followed",
                hint=f"take one: lifeboat backup {self._service.name}",
            )
        if newest.id != self._spool.after:
            manifest = self._repository.manifest(newest)
            covered = [old for old in held if self._is_covered(old, records, newest, manifest)]
            self._spool.begin_anew(newest.id)
            self._last = manifest
            self._say(after=newest.id, pulled_until=newest.taken_at, saved_until=newest.taken_at, fault=None)
            log.info("%s: following its log from backup %s on", self._service.name, newest.id)
            self._forget(covered)
        elif self._last is None:
            last = self._spool.last
            self._last = self._spool.step(last).manifest if last else self._repository.manifest(newest)
            self._say(after=newest.id, pulled_until=self._last.taken_at, saved_until=self._last.taken_at, fault=None)

    def pull(self) -> None:
        """Pull what the log has gained. Raises ChainBroken when it does not go on where it stood, or LifeboatError."""
        if self._last is None:
            raise AssertionError("a follower takes stock before it pulls")
        room = self._spool.room()
        what = f"the log of {self._service.name}"
        disk.require(room, _ROOM, what)
        with disk.full_disk_reported(room, what):
            captured = self._log.pull_on(self._last, room / DATA)
            files = captured_files(room / DATA)
            if files:
                manifest = self._manifest(captured.taken_at, captured.details, room / DATA)
                self._spool.add(room, manifest)
                self._last = manifest
        saved = not files and (self._spool.saves or [0])[-1] == self._spool.last
        self._say(pulled_until=captured.taken_at, fault=None, **({"saved_until": captured.taken_at} if saved else {}))

    def save(self) -> None:
        """Save what was pulled since the last save as a piece, with earlier ones where it is their turn, which then go."""
        last, saves = self._spool.last, self._spool.saves
        if self._spool.after is None or last <= (saves[-1] if saves else 0):
            return
        first, last = range_to_save(saves, last)
        try:
            steps = list(self._spool.steps(first, last))
        except Damaged:
            # What is in other pieces already need not be in this one.
            first = (saves or [0])[-1] + 1
            steps = list(self._spool.steps(first, last))
        staging = self._run.directory / f"{self._service.name}-log"
        shutil.rmtree(staging, ignore_errors=True)
        try:
            (staging / DATA).mkdir(parents=True, mode=0o700)
            with disk.full_disk_reported(staging, f"the log of {self._service.name}"):
                manifest = self._manifest(steps[-1].manifest.taken_at, self._log.join(steps, staging / DATA), staging / DATA)
                manifest.write(staging)
            snapshot = self._repository.save(
                staging, host=self._service.name, tags=pieces_of.tags(manifest, first, last), at=manifest.taken_at
            )
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        self._spool.note_saved(last)
        self._say(saved_until=manifest.taken_at)
        log.info(
            "%s: its log is kept up to %s (%s)", self._service.name, f"{manifest.taken_at:%H:%M:%S %Z}", disk.size(manifest.size)
        )
        if first != (saves[-1] if saves else 0) + 1:
            kept = Piece(
                snapshot=snapshot,
                service=manifest.service,
                after=self._spool.after,
                first=first,
                last=last,
                until=manifest.taken_at,
                size=manifest.size,
            )
            self._forget(pieces_of.covered(self._held()[0], kept))

    def _save_again(self, held: Sequence[Piece], records: Sequence[BackupRecord]) -> bool:
        """Save anew what the repository does not hold, though it was saved: pieces were deleted, or it is another repository."""
        after = next((record.id for record in records if record.id == self._spool.after), None)
        if after is None or not self._spool.saves:
            return False
        way = pieces_of.leading(held, after)
        holds = way[-1].last if way else 0
        if holds >= self._spool.saves[-1]:
            return False
        log.warning("%s: pieces of its log are gone from the repository: they are saved again", self._service.name)
        self._spool.forget_saves(holds)
        self.save()
        return True

    def stand_still(self, fault: LifeboatError) -> None:
        """Note why it does not go on, and say it once."""
        if self._standing.fault != fault.message:
            log.warning("%s: %s", self._service.name, fault.message)
        self._say(fault=fault.message)

    def _held(self) -> tuple[list[Piece], list[BackupRecord]]:
        snapshots = self._repository.snapshots(BACKUP, LOG)
        held = [piece for piece in pieces_of.read(snapshots) if piece.service == self._service.name]
        return held, self._repository.listing(snapshots).backups

    def _is_covered(self, piece: Piece, records: Sequence[BackupRecord], newest: BackupRecord, manifest: Manifest) -> bool:
        """Whether backups that have been taken since hold what a piece holds: then it goes."""
        before = next((record for record in records if record.id == piece.after), None)
        if before is None or before.taken_at >= newest.taken_at or piece.until > newest.taken_at:
            return False
        if before.chain == newest.chain:
            return pieces_of.held_by_next(piece, records)
        return self._log.follows(manifest, before)

    def _forget(self, covered: Sequence[Piece]) -> None:
        """Forget pieces that are not needed any more; where that is refused, they stay until their chain goes."""
        with suppress(LifeboatError):
            if covered and not self._repository.is_append_only():
                self._repository.forget([piece.snapshot for piece in covered])

    def _manifest(self, until: datetime, details: Mapping[str, Any], data: Path) -> Manifest:
        if self._last is None and self._spool.last:
            self._last = self._spool.step(self._spool.last).manifest
        if self._last is None:
            raise AssertionError("what goes on, goes on from something")
        backup = self._spool.after or self._last.id
        return self._last.model_copy(
            update={
                "kind": "incremental",
                "id": backup,
                "parent": backup,
                "sequence": max(1, self._last.sequence),
                "standalone": False,
                "reason": None,
                "taken_at": until,
                "started_at": until,
                "finished_at": until,
                "files": captured_files(data),
                "details": dict(details),
                "witness": (),
            }
        )

    def _say(self, **changes: object) -> None:
        if "saved_until" in changes:
            changes["step"] = (self._spool.saves or [0])[-1]
        self._standing = replace(self._standing, **changes)  # type: ignore[arg-type]
        self._note(self._standing)


def _newest(records: Sequence[BackupRecord], name: str, now: datetime) -> BackupRecord | None:
    """The backup that the next incremental would build on."""
    try:
        chain = chaining.extendable(chaining.chains(records).get(name, ()), now)
    except ChainBroken:
        return None
    return chain.last if chain else None
