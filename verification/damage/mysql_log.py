"""Damages the log of a MySQL chain: a transaction left out, doubled, or before the one that it follows.

Only in incrementals: what a full has of the log, its clone may hold already, and then nothing is lost with it.
"""

import random
import shutil
import struct
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from zlib import crc32

from backups.errors import Damaged
from backups.services.base import Fetched
from backups.services.mysql.binlog.locate import Commit, Piece, commits
from backups.services.mysql.binlog.stream import CHECKSUM, RESIDUE
from backups.services.mysql.details import LogSegment, MySQLDetails
from backups.services.mysql.dump_details import is_dump
from verification.damage.anywhere import mapped, of_backup
from verification.damage.kind import MOST, Injected, Kind, NotInjected, Stand, Target
from verification.damage.mysql_sql import TYPES

_IGNORABLE = 28
"""The type of an event that every server passes over, and the flag that says so."""
_MAY_BE_IGNORED = 0x80
_HEADER = struct.Struct("<IBIIIH")
"""An event's time, type, server, size, the offset of its end in the file, and flags."""


def _segments(stand: Stand) -> Iterator[tuple[Fetched, LogSegment]]:
    for fetched in stand.chain[1:]:
        if not is_dump(fetched.manifest.details):
            for segment in MySQLDetails.model_validate(fetched.manifest.details).segments:
                yield fetched, segment


def _piece(fetched: Fetched, segment: LogSegment) -> Piece:
    return Piece(segment.file, segment.start, fetched.data / segment.path)


def _transactions(stand: Stand, *, followed: bool = False, numbered: bool = False) -> Iterator[Target]:
    """Name transactions by backup, segment and place in it; `followed`: not the last of a segment; `numbered`: with a GTID."""
    for fetched, segment in _segments(stand):
        try:
            found = list(islice(commits([_piece(fetched, segment)]), MOST))
        except Damaged:
            return
        for number, commit in enumerate(found[: len(found) - followed]):
            if commit.gtid or not numbered:
                yield (fetched.manifest.id, segment.path, str(number))


def _placed(stand: Stand, target: Target) -> tuple[Path, LogSegment, list[Commit]]:
    """Return the file of a segment, the segment, and its transactions from the target on."""
    backup, path, number = target
    fetched = of_backup(stand, backup)
    segment = next((segment for each, segment in _segments(stand) if each is fetched and segment.path == path), None)
    found = list(islice(commits([_piece(fetched, segment)]), int(number), int(number) + 2)) if segment else []
    if segment is None or not found:
        raise NotInjected(f"{path} of {backup} holds no transaction {number}")
    return fetched.data / path, segment, found


def _of(commit: Commit) -> str:
    return f"transaction {commit.gtid or f'at {commit.file}:{commit.begin}'}"


def _culprits(segment: LogSegment, commit: Commit) -> tuple[str, ...]:
    return tuple(filter(None, (segment.path, segment.file, commit.gtid)))


def _leave_out(stand: Stand, target: Target, chance: random.Random) -> Injected:  # noqa: ARG001
    """Put an event that says nothing in a transaction's place: every size and every position stays right."""
    path, segment, (commit, *_) = _placed(stand, target)
    begin, end = commit.begin - segment.start, commit.end - segment.start
    with mapped(path) as content:
        first = content[begin : begin + struct.unpack_from("<I", content, begin + 9)[0]]
        checked = crc32(first) == RESIDUE
        time, _, server, *_ = _HEADER.unpack_from(content, begin)
        event = _HEADER.pack(time, _IGNORABLE, server, end - begin, commit.end & 0xFFFFFFFF, _MAY_BE_IGNORED)
        event += bytes(end - begin - len(event) - (CHECKSUM if checked else 0))
        content[begin:end] = event + (struct.pack("<I", crc32(event)) if checked else b"")
    culprits = (commit.gtid,) if commit.gtid else ()
    return Injected(f"{_of(commit)} left out of {segment.path}", culprits)


def _double(stand: Stand, target: Target, chance: random.Random) -> Injected:  # noqa: ARG001
    path, segment, (commit, *_) = _placed(stand, target)
    begin, end = commit.begin - segment.start, commit.end - segment.start
    longer = path.with_name(f".{path.name}.doubled")
    shutil.copyfile(path, longer)
    with path.open("rb") as old, longer.open("r+b") as new:
        old.seek(begin)
        new.truncate(end)
        new.seek(end)
        shutil.copyfileobj(old, new)
    longer.replace(path)
    return Injected(f"{_of(commit)} twice in {segment.path}", _culprits(segment, commit))


def _reorder(stand: Stand, target: Target, chance: random.Random) -> Injected:  # noqa: ARG001
    path, segment, found = _placed(stand, target)
    if len(found) < 2 or found[1].begin != found[0].end:
        raise NotInjected(f"nothing follows {_of(found[0])} in {segment.path}")
    first, middle, end = found[0].begin - segment.start, found[1].begin - segment.start, found[1].end - segment.start
    with mapped(path) as content:
        content[first:end] = content[middle:end] + content[first:middle]
    return Injected(f"{_of(found[0])} after the one that follows it in {segment.path}", _culprits(segment, found[0]))


def _bounded(stand: Stand, *, followed: bool = False, numbered: bool = False) -> list[Target]:
    return list(islice(_transactions(stand, followed=followed, numbered=numbered), MOST))


def _left_out(stand: Stand) -> list[Target]:
    # Without a number, one whose rows a later one writes anew leaves nothing behind: without it the data are the same.
    return _bounded(stand, numbered=True)


KINDS: Sequence[Kind] = (
    Kind("log transaction left out", TYPES, "fetched", _left_out, _leave_out),
    Kind("log transaction doubled", TYPES, "fetched", _bounded, _double),
    Kind("log transactions reordered", TYPES, "fetched", lambda stand: _bounded(stand, followed=True), _reorder),
)
