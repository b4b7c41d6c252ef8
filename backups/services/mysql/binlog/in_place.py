"""Checks that each event of a log file is where it says that it is: one that was moved, lost or doubled is found before a replay.

A server that replays a relay log does not look: it would do what comes, in the order in which it comes.
"""

import mmap
import struct
from collections.abc import Sequence
from pathlib import Path

from backups.services.mysql.binlog.chain import RelayLog
from backups.services.mysql.binlog.locate import Piece, unreadable
from backups.services.mysql.binlog.stream import FIRST

_HEADER = struct.Struct("<4xB4xII2x")
"""The beginning of an event: its type, its size in bytes, and the offset of its end in the file."""
_WRAP = 0xFFFFFFFF


def require(directory: Path, logs: Sequence[RelayLog]) -> None:
    """Raise Damaged, naming the file of the source and the offset, for the first event that is not in its place."""
    for log in logs:
        path = directory / log.name
        if path.stat().st_size <= FIRST:
            continue
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if wrong := _first_wrong(content):
                raise unreadable(Piece(log.file, 0, path), *wrong)


def _first_wrong(content: mmap.mmap) -> tuple[int, str] | None:
    """Return where the first event is that is not in its place, and what is wrong with it."""
    at, size = FIRST, len(content)
    unpack, least = _HEADER.unpack_from, _HEADER.size
    while at < size:
        if size - at < least:
            return at, f"{size - at} bytes are no event"
        _, length, end = unpack(content, at)
        if length < least or at + length > size or end != (at + length) & _WRAP:
            return at, f"an event of {length} bytes says that it ends at {end}"
        at += length
    return None
