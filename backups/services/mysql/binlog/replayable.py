"""Looks through a pulled log for what keeps a copy from replaying it: events, statements, and transactions that it lacks."""

import mmap
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zlib import crc32

from backups.errors import Damaged
from backups.services.mysql.binlog import statements
from backups.services.mysql.binlog.gtids import Gtids
from backups.services.mysql.binlog.locate import BEGINNINGS, NO_LOG, Commit, Piece, beginning, unreadable
from backups.services.mysql.binlog.stream import CHECKSUM, FIRST, RESIDUE
from backups.services.mysql.details import LogSegment, Position

_HEADER = struct.Struct("<4xB4xIIH")
"""The beginning of an event: its type, its size in bytes, the offset of its end in the file, its flags."""
_WRAP = 0xFFFFFFFF
_QUERY, _INCIDENT = 2, 26
_REPLAYED = frozenset({3, 4, 5, 9, 11, *range(13, 26), *range(28, 33), *range(35, 41)})
"""Types of event that every server replays, besides those that transactions begin with and statements."""
_IGNORABLE = 0x80
"""The flag of an event that a server passes over when it does not know it."""


@dataclass(frozen=True)
class Obstacle:
    """What no copy can replay: `what` at an offset of a log file, in a transaction committed at `time` (UTC; None: not known)."""

    what: str
    file: str
    offset: int
    time: datetime | None

    def __str__(self) -> str:
        return f"the log holds {self.what} ({self.file}:{self.offset})"


@dataclass
class Seen:
    """What was seen in a log: its transactions' GTIDs, and the first thing that no copy can replay."""

    gtids: Gtids = field(default_factory=Gtids)
    obstacle: Obstacle | None = None


def look(directory: Path, segments: Iterable[LogSegment], *, after: Position | None = None) -> Seen:
    """Look through the segments, whose paths are below `directory`. Raises Damaged where their bytes are no log.

    after: obstacles before that position, which is in these segments, do not count
    """
    seen = Seen()
    counts = after is None
    for segment in segments:
        begin: float = 0 if counts else float("inf")
        if after is not None and segment.file == after.file:
            begin, counts = after.offset, True
        piece = Piece(segment.file, segment.start, directory / segment.path)
        with piece.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as log:
            _look(log, piece, seen, begin)
    return seen


def fault(directory: Path, segments: Sequence[LogSegment], begin: Position, end: Position) -> str | None:
    """Say why a copy that stands at `begin` could not be brought to `end` by these segments; None when nothing says so.

    `begin` may be inside of the segments: what they hold before it does not count.
    """
    inside = any(segment.file == begin.file and segment.start < begin.offset <= segment.end for segment in segments)
    try:
        seen = look(directory, segments, after=begin if inside else None)
    except Damaged as damage:
        return damage.message
    return missing(seen, begin, end) or _surplus(seen, end) or (str(seen.obstacle) if seen.obstacle else None)


def missing(seen: Seen, begin: Position, end: Position) -> str | None:
    """Say which transactions between two positions are not in the log between them; None when all are, or without GTIDs."""
    if begin.gtid_executed is None or end.gtid_executed is None:
        return None
    lost = Gtids.parse(end.gtid_executed).minus(Gtids.parse(begin.gtid_executed), seen.gtids)
    return f"the source has transactions that its log does not hold: {lost.shown()}" if lost else None


def _surplus(seen: Seen, end: Position) -> str | None:
    if end.gtid_executed is None:
        return None
    more = seen.gtids.minus(Gtids.parse(end.gtid_executed))
    return f"the log holds transactions that the source does not have: {more.shown()}" if more else None


def _look(log: mmap.mmap, piece: Piece, seen: Seen, begin: float) -> None:
    at, size, start, committed = 0 if piece.start else FIRST, len(log), piece.start, 0
    unpack, step = _HEADER.unpack_from, _HEADER.size
    while at < size:
        try:
            kind, length, end, flags = unpack(log, at)
            if length < step or at + length > size or end != (start + at + length) & _WRAP:
                raise unreadable(piece, at, f"an event of {length} bytes says that it ends at {end}")
            if kind in BEGINNINGS:
                source, number, committed, _ = beginning(kind, log[at + step : at + length])
                if source is not None:
                    seen.gtids.add(source, number)
            elif kind not in _REPLAYED and seen.obstacle is None and start + at >= begin:
                what = _statement(log, at, length) if kind == _QUERY else _event(log[at + step : at + length], kind, flags)
                if what:
                    time = Commit(piece.file, 0, None, 0, committed).time if committed else None
                    seen.obstacle = Obstacle(what, piece.file, start + at, time)
        except NO_LOG as error:
            raise unreadable(piece, at, str(error)) from error
        at += length


def _statement(log: mmap.mmap, at: int, length: int) -> str | None:
    whole = log[at : at + length]
    checked = crc32(whole) == RESIDUE
    statement = statements.read(whole[_HEADER.size : -CHECKSUM if checked else None])
    reason = statements.obstacle(statement) if statement else None
    return f"a statement that no copy can run: {reason}" if reason else None


def _event(body: bytes, kind: int, flags: int) -> str | None:
    if kind == _INCIDENT:
        return f"an incident: {body[3 : 3 + body[2]].decode(errors='replace') or 'the source lost events'}"
    return None if flags & _IGNORABLE else f"an event of type {kind}, which is not known"
