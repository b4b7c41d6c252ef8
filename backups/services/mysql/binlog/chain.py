"""Puts the log of a chain together from its backups' segments, and proves that it has no gap.

The files that come out are the source's own, byte for byte, up to the witness's position; a server reads them as relay logs.
"""

import os
import re
import shutil
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from backups.errors import Damaged
from backups.services.base import Fetched
from backups.services.mysql.binlog.stream import FIRST
from backups.services.mysql.details import LogSegment, MySQLDetails, Position

_EVENT = struct.Struct("<4xB4xI")
"""The beginning of an event: its type, and its size in bytes."""
_INTRODUCTIONS = frozenset({15, 35})
"""Types of event: the file's description, the GTIDs of the files before it."""
_HINT = "this backup cannot be brought back to its own instant: verify an older one, and take a full: lifeboat backup --kind full"


@dataclass(frozen=True)
class LogFile:
    """One of the source's log files: its pieces, in order, and their bytes in all."""

    file: str
    pieces: tuple[Path, ...]
    size: int


@dataclass(frozen=True)
class RelayLog:
    """A log file as a server finds it. `head`: where the events end that a file begins with and that change nothing."""

    file: str
    name: str
    size: int
    head: int


def log_files(chain: Sequence[Fetched], details: Sequence[MySQLDetails]) -> tuple[LogFile, ...]:
    """Order the chain's segments by log file. Raises Damaged, naming the range, when one is missing or too short."""
    pieces: dict[str, list[Path]] = {}
    at: Position | None = None
    for fetched, detail in zip(chain, details, strict=True):
        if at is not None and not _same(at, detail.start):
            raise _gap(at, detail.start, fetched)
        for segment in detail.segments:
            _require_joined(at, segment, fetched)
            pieces.setdefault(segment.file, []).append(_require_segment(fetched, segment))
            at = Position(file=segment.file, offset=segment.end)
        at = at or detail.start
        if not _same(at, detail.end):
            raise _gap(at, detail.end, fetched)
    return tuple(LogFile(file, tuple(parts), sum(part.stat().st_size for part in parts)) for file, parts in pieces.items())


def log_after(chain: Sequence[Fetched], details: MySQLDetails, later: Fetched, more: MySQLDetails) -> tuple[LogSegment, ...]:
    """Return the log of `later`, the backup after the chain's last one (`details`), from there on; paths are below its `data`.

    A full that follows another chain has kept the log between, as its bridge. Raises Damaged where any of it is missing.
    """
    return log_between(chain[-1].manifest.id, details, later, more)


def log_between(earlier: str, details: MySQLDetails, later: Fetched, more: MySQLDetails) -> tuple[LogSegment, ...]:
    """Return the log of `later` since `earlier` (a backup's id, and its details), the backup before it; raises as `log_after`."""
    bridged = more.bridge is not None and more.bridge.backup == earlier
    bridge = more.bridge if bridged else None
    at, segments = details.end, (bridge.segments if bridge else ()) + more.segments
    if not _same(at, bridge.start if bridge else more.start):
        raise _gap(at, bridge.start if bridge else more.start, later)
    for segment in segments:
        _require_joined(at, segment, later)
        _require_segment(later, segment)
        at = Position(file=segment.file, offset=segment.end)
    if not _same(at, more.end):
        raise _gap(at, more.end, later)
    return segments


def extend(
    directory: Path, base: str, first: RelayLog, segments: Sequence[tuple[LogSegment, Path]], end: Position
) -> Iterator[RelayLog]:
    """Make `base.NNNNNN` of a log that begins in the relay log `first` and goes on with these segments, nothing beyond `end`.

    `first` is renamed; what a segment starts with that is not the first byte of a file is appended to the file before.
    """
    placed, number, file, size = directory / f"{base}.{1:06d}", 1, first.file, first.size
    (directory / first.name).rename(placed)
    for segment, path in segments:
        if segment.start == 0:
            yield RelayLog(file, placed.name, size, _head(placed))
            if file == end.file:
                return
            number, file, size = number + 1, segment.file, 0
            placed = directory / f"{base}.{number:06d}"
        with placed.open("ab") as out, path.open("rb") as more:
            shutil.copyfileobj(more, out, 1 << 20)
        size = segment.end
        if file == end.file and size >= end.offset:
            os.truncate(placed, end.offset)
            yield RelayLog(file, placed.name, end.offset, _head(placed))
            return
    yield RelayLog(file, placed.name, size, _head(placed))


def place(files: Sequence[LogFile], directory: Path, base: str) -> Iterator[RelayLog]:
    """Make of each log file `base.NNNNNN` in `directory`: its first piece is renamed, the others appended."""
    for number, log in enumerate(files, start=1):
        target = directory / f"{base}.{number:06d}"
        log.pieces[0].rename(target)
        with target.open("ab") as out:
            for piece in log.pieces[1:]:
                with piece.open("rb") as more:
                    shutil.copyfileobj(more, out, 1 << 20)
                piece.unlink()
        yield RelayLog(log.file, target.name, log.size, _head(target))


def _head(path: Path) -> int:
    at = FIRST
    with path.open("rb") as file:
        while len(header := _read(file, at, _EVENT.size)) == _EVENT.size:
            kind, size = _EVENT.unpack(header)
            if kind not in _INTRODUCTIONS or size < _EVENT.size:
                break
            at += size
    return at


def _read(file: BinaryIO, at: int, length: int) -> bytes:
    file.seek(at)
    return file.read(length)


def _require_joined(at: Position | None, segment: LogSegment, fetched: Fetched) -> None:
    begins = Position(file=segment.file, offset=segment.start)
    if at is None:
        if segment.start != 0:
            raise _gap(Position(file=segment.file, offset=0), begins, fetched)
    elif not _same(at, begins) and not (segment.start == 0 and segment.file == _next(at.file)):
        raise _gap(at, begins, fetched)


def _require_segment(fetched: Fetched, segment: LogSegment) -> Path:
    path = fetched.data / segment.path
    length = segment.end - segment.start
    if not path.is_file():
        raise Damaged(
            f"a binary log is missing from the chain: {segment.file} from {segment.start} to {segment.end} ({length} bytes), "
            f"which backup {fetched.manifest.id} kept as {segment.path}",
            hint=_HINT,
        )
    if path.stat().st_size != length:
        raise Damaged(
            f"{segment.path} of backup {fetched.manifest.id} has {path.stat().st_size} bytes, {length} were kept",
            hint=_HINT,
        )
    return path


def _gap(have: Position, wanted: Position, fetched: Fetched) -> Damaged:
    return Damaged(
        f"a binary log is missing from the chain: nothing holds {have.file}:{have.offset} to {wanted.file}:{wanted.offset}, "
        f"which backup {fetched.manifest.id} builds on",
        hint=_HINT,
    )


def _same(left: Position, right: Position) -> bool:
    return (left.file, left.offset) == (right.file, right.offset)


def _next(file: str) -> str:
    match = re.fullmatch(r"(.*\.)(\d+)", file)
    return f"{match[1]}{int(match[2]) + 1:06d}" if match else ""
