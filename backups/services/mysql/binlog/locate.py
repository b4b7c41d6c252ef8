"""Finds the position of a moment in the binary log, by the headers of its transactions.

Every transaction begins with an event that holds its GTID (or none), when it was committed in microseconds of the
source's clock, and how many bytes it has: so a log of gigabytes is read in seconds, compressed transactions or not.
"""

import mmap
import struct
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from backups.errors import Damaged
from backups.services.base import Point
from backups.services.mysql.binlog.gtids import Gtids
from backups.services.mysql.binlog.stream import FIRST
from backups.services.mysql.details import Position

_HEADER = struct.Struct("<4xB4xII2x")
"""The beginning of an event: its type, its size in bytes, and the offset of its end in the file."""
_GTID, _ANONYMOUS, _TAGGED = 33, 34, 42
BEGINNINGS = frozenset({_GTID, _ANONYMOUS, _TAGGED})
"""Types of the event that a transaction begins with."""
_PLAIN = struct.Struct("<x16sqB16x")
"""What follows in a transaction's first event: source, number, and how its place among the others is written."""
_STAMP = 7
_HAS_ORIGINAL = 1 << 55
_WRAP = 0xFFFFFFFF
NO_LOG = (struct.error, LookupError, OverflowError, ValueError)
"""What reading bytes that are no log raises."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HINT = "the log of this backup cannot be followed: take a backup itself, or an earlier moment"


@dataclass(frozen=True)
class Piece:
    """Bytes of the source's log file `file` from offset `start` on."""

    file: str
    start: int
    path: Path


class Commit(NamedTuple):
    """A transaction: where it ends, its GTID's source (with its tag; None without GTIDs) and number, microseconds since 1970, and
    where it begins.
    """

    file: str
    end: int
    source: str | None
    number: int
    microseconds: int
    begin: int = 0

    @property
    def gtid(self) -> str | None:
        """`source:number`, `source:tag:number`, or None without GTIDs."""
        return f"{self.source}:{self.number}" if self.source else None

    @property
    def time(self) -> datetime:
        """When it was committed, by the source's clock."""
        return _EPOCH + timedelta(microseconds=self.microseconds)


@dataclass(frozen=True)
class Stop:
    """Where a moment is in the log: `position` right behind `last`, its last transaction; `following` is the first one left out.

    Either is None where the log holds none on that side. `gtids`: of all transactions up to there, as SQL takes a set of them.
    `transactions`: how many there are up to there.
    """

    position: Position
    last: Commit | None
    following: Commit | None
    gtids: str | None
    transactions: int = 0


def find(pieces: Sequence[Piece], begin: Position, point: Point) -> Stop | None:
    """Find a moment in the log that begins at `begin`. A time means all that was committed at or before it, up to the first
    transaction that was committed later; a position, all up to its transaction, which is left out where the point is before it:
    None when that is not in the log.
    """
    latest = (point.time - _EPOCH) // timedelta(microseconds=1) if point.time else None
    name, _, number = (point.position or "").rpartition(":")
    by_file, wanted = "." in name, (name if "." in name else name.lower(), int(number or 0))
    last, following, executed, found, count = None, None, Gtids(), latest is not None, 0
    for commit in commits(pieces):
        is_wanted = latest is None and wanted == ((commit.file, commit.begin) if by_file else (commit.source, commit.number))
        if commit.microseconds > latest if latest is not None else found or (is_wanted and point.before):
            following, found = commit, True
            break
        last, found, count = commit, found or is_wanted, count + 1
        if commit.source is not None:
            executed.add(commit.source, commit.number)
    if not found:
        return None
    position = Position(file=last.file, offset=last.end) if last else begin
    return Stop(position, last, following, executed.text(), count)


def commits(pieces: Sequence[Piece]) -> Iterator[Commit]:
    """Yield every transaction of the log, in its order. Raises Damaged where the bytes are no log."""
    for piece in pieces:
        if not piece.path.stat().st_size:
            continue
        with piece.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as log:
            yield from _commits(log, piece)


def _commits(log: mmap.mmap, piece: Piece) -> Iterator[Commit]:
    at, size = 0 if piece.start else FIRST, len(log)
    while at < size:
        try:
            kind, length, end = _HEADER.unpack_from(log, at)
            if length < _HEADER.size or at + length > size or end != (piece.start + at + length) & _WRAP:
                raise unreadable(piece, at, f"an event of {length} bytes says that it ends at {end}")
            if kind in BEGINNINGS:
                source, number, microseconds, whole = beginning(kind, log[at + _HEADER.size : at + length])
                if not length <= whole <= size - at:
                    raise unreadable(piece, at, f"a transaction of {whole} bytes begins {size - at} bytes before the end")
                length = whole
                begin = piece.start + at
                yield Commit(piece.file, begin + whole, source, number, microseconds, begin)
        except NO_LOG as error:
            raise unreadable(piece, at, str(error)) from error
        at += length


def beginning(kind: int, event: bytes) -> tuple[str | None, int, int, int]:
    """Read a transaction's first event (without its header): the GTID's source and number, the commit time in microseconds since
    1970, and the bytes of the whole transaction. Raises one of `NO_LOG` for bytes that are none.
    """
    return _tagged(event) if kind == _TAGGED else _plain(event, named=kind == _GTID)


def _plain(event: bytes, *, named: bool) -> tuple[str | None, int, int, int]:
    source, number, _ = _PLAIN.unpack_from(event)
    at = _PLAIN.size
    stamp = int.from_bytes(event[at : at + _STAMP], "little")
    at += _STAMP * (2 if stamp & _HAS_ORIGINAL else 1)
    first = event[at]
    wide = {252: 2, 253: 3, 254: 8}.get(first, 0)
    whole = int.from_bytes(event[at + 1 : at + 1 + wide], "little") if wide else first
    return _uuid(source) if named else None, number, stamp & ~_HAS_ORIGINAL, whole


def _tagged(event: bytes) -> tuple[str, int, int, int]:
    """Read the same of a GTID with a tag: numbered fields, each number as long as it needs to be."""
    fields = _Fields(event)
    fields.number(), fields.number(), fields.number()  # the format's version, the size, the last field that must be known
    found: dict[int, int] = {}
    source, tag = b"", b""
    # The length of the transaction is field 8; nothing after it is of use.
    while 8 not in found:
        field = fields.number()
        if field == 1:
            source = bytes(fields.number() for _ in range(16))
        elif field == 3:
            tag = fields.text(fields.number())
        else:
            found[field] = fields.number()
    # Field 2 may be negative in principle, so its lowest bit is the sign.
    return f"{_uuid(source)}:{tag.decode()}", found[2] >> 1, found[6], found[8]


@lru_cache
def _uuid(source: bytes) -> str:
    return str(uuid.UUID(bytes=source))


class _Fields:
    """Reads numbers whose first byte says, by its lowest ones, how many more belong to them."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def number(self) -> int:
        first = self._content[self._at]
        more = ((first ^ (first + 1)).bit_length()) - 1
        taken = self._content[self._at : self._at + 1 + more]
        self._at += 1 + more
        return int.from_bytes(taken, "little") >> (more + 1) if more < 8 else int.from_bytes(taken[1:], "little")

    def text(self, length: int) -> bytes:
        self._at += length
        return self._content[self._at - length : self._at]


def unreadable(piece: Piece, at: int, what: str) -> Damaged:
    """Return the error for bytes of a piece that are no log: `at`, where in it."""
    return Damaged(f"the binary log cannot be read at {piece.file}:{piece.start + at}: {what}", hint=_HINT)
