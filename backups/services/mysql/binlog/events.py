"""Walks through a pulled log event by event, in bounded memory, and proves each one's bounds and checksum on the way.

Next files: `rows.py` (what a rows event holds), `transactions.py` (what each transaction changed).
"""

import mmap
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import NamedTuple
from zlib import crc32

from backups.services.mysql.binlog.locate import NO_LOG, Piece, unreadable
from backups.services.mysql.binlog.stream import CHECKSUM, FIRST, MAGIC, RESIDUE

QUERY, ROTATE, DESCRIPTION, XID, TABLE_MAP, XA_PREPARE, PAYLOAD = 2, 4, 15, 16, 19, 38, 40
IGNORABLE = 0x80
"""The flag of an event that a server passes over when it does not know it."""

_HEADER = struct.Struct("<IB4xIIH")
"""The beginning of an event: when, its type, its size in bytes, the offset of its end in the file, its flags."""
_WRAP = 0xFFFFFFFF
_CRC32 = 1
_CHUNK = 1 << 20
_PROBED = 16
"""Events that are looked at to learn whether a file's events end with checksums, where its description is not among them."""


class Event(NamedTuple):
    """An event of the log. Its bytes stay in the file: [body, stop) of `log` are what is between its header and its checksum.

    seconds: since 1970, by the source's clock; of the statement, not of the commit. start, end: offsets in the source's `file`
    """

    kind: int
    flags: int
    seconds: int
    piece: Piece
    start: int
    end: int
    log: mmap.mmap
    body: int
    stop: int

    @property
    def place(self) -> str:
        """Where it is, for a message: file:offset."""
        return f"{self.piece.file}:{self.start}"

    def content(self) -> bytes:
        """Copy what is between its header and its checksum."""
        return self.log[self.body : self.stop]


def walk(pieces: Iterable[Piece]) -> Iterator[Event]:
    """Yield every event of the pieces, in order; an event holds until the next one is asked for.

    Raises Damaged, naming file and offset, where the bytes are no log: cut off, a wrong checksum, a wrong length.
    """
    for piece in pieces:
        with _opened(piece) as log:
            if log is not None:
                yield from _events(log, piece)


@contextmanager
def _opened(piece: Piece) -> Iterator[mmap.mmap | None]:
    if not piece.path.stat().st_size:
        yield None
        return
    with piece.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as log:
        if piece.start == 0 and log[:FIRST] != MAGIC:
            raise unreadable(piece, 0, "it does not begin as a binary log does; it may be encrypted, or another program's")
        yield log


def _events(log: mmap.mmap, piece: Piece) -> Iterator[Event]:
    checksums = _has_checksums(log, piece)
    for at, (seconds, kind, size, _, flags) in _headers(log, piece):
        if checksums and _checksum(log, at, size) != RESIDUE:
            raise unreadable(piece, at, f"the checksum of an event of {size} bytes is wrong")
        stop = at + size - (CHECKSUM if checksums else 0)
        start = piece.start + at
        yield Event(kind, flags, seconds, piece, start, start + size, log, at + _HEADER.size, stop)


def _headers(log: mmap.mmap, piece: Piece) -> Iterator[tuple[int, tuple[int, int, int, int, int]]]:
    at, whole = 0 if piece.start else FIRST, len(log)
    while at < whole:
        try:
            header = _HEADER.unpack_from(log, at)
        except NO_LOG as error:
            raise unreadable(piece, at, f"{whole - at} bytes are too few for an event: it is cut off") from error
        size, end = header[2], header[3]
        if size < _HEADER.size + CHECKSUM or end != (piece.start + at + size) & _WRAP:
            raise unreadable(piece, at, f"an event of {size} bytes says that it ends at {end}")
        if at + size > whole:
            raise unreadable(piece, at, f"an event of {size} bytes is cut off after {whole - at}")
        yield at, header
        at += size


def _has_checksums(log: mmap.mmap, piece: Piece) -> bool:
    """Return whether the file's events end with checksums: one that is right says so, whatever the others are."""
    for at, (_, kind, size, _, _) in islice(_headers(log, piece), _PROBED):
        if kind == DESCRIPTION:
            # It ends with a checksum of its own, whatever it says of the others.
            if _checksum(log, at, size) != RESIDUE:
                raise unreadable(piece, at, "the checksum of the file's description is wrong")
            return log[at + size - CHECKSUM - 1] == _CRC32
        if _checksum(log, at, size) == RESIDUE:
            return True
    return False


def _checksum(log: mmap.mmap, at: int, size: int) -> int:
    found = 0
    for begin in range(at, at + size, _CHUNK):
        found = crc32(log[begin : min(begin + _CHUNK, at + size)], found)
    return found
