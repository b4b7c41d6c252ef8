"""Describes the pieces of a log that are saved between two backups, and finds those that lead furthest.

A piece is a snapshot of its own: as a backup's it holds a manifest and `data/`, but no witness, and no backup builds on it. The
log behind one backup is pulled in steps, numbered from 1; a piece holds a run of them. Later pieces may hold the steps of earlier
ones again, so that few have to be fetched.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Annotated

from pydantic import Field, ValidationError, model_validator

from backups.errors import Damaged
from backups.foreign import BackupId, Moment, ServiceName, Size, SnapshotId, shown
from backups.manifest import BackupRecord, Frozen, Manifest, tag_values
from backups.repository.listing import Snapshot

LOG = "lifeboat-log"
"""The tag of every piece's snapshot."""
Step = Annotated[int, Field(ge=1, le=1_000_000_000)]
_TAGS = {"service": "service", "after": "after", "first": "first", "last": "last", "until": "until", "bytes": "size"}


class Piece(Frozen):
    """A piece as its snapshot's tags describe it.

    after: the backup whose log goes on in it. first, last: the steps that it holds. size: its bytes
    until: all that was committed up to then, by the source's clock (UTC), is in it or before it
    """

    snapshot: SnapshotId
    service: ServiceName
    after: BackupId
    first: Step
    last: Step
    until: Moment
    size: Size

    @model_validator(mode="after")
    def _in_order(self) -> "Piece":
        if self.last < self.first:
            raise ValueError(f"no piece goes from step {self.first} to step {self.last}")
        return self

    @classmethod
    def from_tags(cls, snapshot: str, tags: Iterable[str]) -> "Piece | None":
        """Read the tags that `tags` writes; None when they are not a piece's. Raises Damaged for broken ones."""
        if LOG not in tags:
            return None
        values = tag_values(tags)
        try:
            return cls.model_validate({"snapshot": snapshot, **{_TAGS[tag]: values[tag] for tag in _TAGS if tag in values}})
        except ValidationError as error:
            raise Damaged(
                f"the tags of snapshot {shown(snapshot, 8)} are not those of a piece of a log: {error.errors()[0]['msg']}",
                hint="were they edited by hand, or put there by somebody else? `restic snapshots` shows them",
            ) from error

    def require_same(self, manifest: Manifest) -> None:
        """Raise Damaged unless the manifest is that of this piece."""
        stated = (manifest.service, manifest.parent, manifest.taken_at, manifest.size, len(manifest.witness))
        if stated != (self.service, self.after, self.until, self.size, 0):
            raise Damaged(
                f"the snapshot {self.snapshot[:8]} holds another piece of a log than its tags say: of {shown(str(stated[0]))} "
                f"after {shown(str(stated[1]))}, up to {stated[2]:%Y-%m-%d %H:%M:%S %Z}, {stated[3]} bytes",
                hint="were its tags edited by hand? `restic snapshots` shows them",
            )


def tags(manifest: Manifest, first: int, last: int) -> list[str]:
    """Write what listing needs to know of a piece as its snapshot's tags."""
    return [
        LOG,
        f"service={manifest.service}",
        f"after={manifest.parent}",
        f"first={first}",
        f"last={last}",
        f"until={manifest.taken_at.astimezone(UTC).isoformat()}",
        f"bytes={manifest.size}",
    ]


def read(snapshots: Iterable[Snapshot]) -> list[Piece]:
    """Read the pieces among a repository's snapshots; one whose tags are broken is left out: the log ends before it."""
    pieces = []
    for snapshot in snapshots:
        try:
            piece = Piece.from_tags(snapshot.id, snapshot.tags)
        except Damaged:
            continue
        if piece:
            pieces.append(piece)
    return pieces


def leading(pieces: Iterable[Piece], after: str) -> tuple[Piece, ...]:
    """Return the pieces that lead furthest from a backup without a gap, in order, and as few as that takes."""
    by_first: dict[int, list[Piece]] = {}
    for piece in pieces:
        if piece.after == after:
            by_first.setdefault(piece.first, []).append(piece)
    # To each step that can be reached: by how many pieces, the fewest, and the last of them.
    reached: dict[int, tuple[int, Piece | None]] = {1: (0, None)}
    for step in sorted(by_first.keys() | {piece.last + 1 for many in by_first.values() for piece in many}):
        for piece in sorted(by_first.get(step, ()), key=lambda piece: piece.snapshot) if step in reached else ():
            count, end = reached[step][0] + 1, piece.last + 1
            if end not in reached or count < reached[end][0]:
                reached[end] = (count, piece)
    way: list[Piece] = []
    here = reached[max(reached)][1]
    while here is not None:
        way.append(here)
        here = reached[here.first][1]
    return tuple(reversed(way))


def obsolete(pieces: Iterable[Piece], backups: Sequence[BackupRecord], claims: Iterable[BackupRecord]) -> list[Piece]:
    """Return the pieces that no moment needs: their backup is gone, or the next one of its chain holds what they hold.

    claims: what else may be the backup of a piece, since it is not known which of two is
    """
    known = {record.id for record in (*claims, *backups)}
    return [piece for piece in pieces if piece.after not in known or held_by_next(piece, backups)]


def held_by_next(piece: Piece, backups: Sequence[BackupRecord]) -> bool:
    """Return whether the backups that go on from the piece's, one after the other, lead to where the piece ends."""
    before = next((record for record in backups if record.id == piece.after), None)
    if before is None:
        return False
    taken = {record.sequence: record.taken_at for record in backups if record.chain == before.chain}
    number = before.sequence + 1
    while number in taken and taken[number] < piece.until:
        number += 1
    return number in taken


def covered(pieces: Sequence[Piece], by: Piece) -> list[Piece]:
    """Return those whose steps all are in another piece, too."""
    return [
        piece
        for piece in pieces
        if piece.after == by.after
        and piece.snapshot != by.snapshot
        and by.first <= piece.first
        and piece.last <= by.last
        and (piece.first, piece.last) != (by.first, by.last)
    ]
