"""Pulls the source's binary log as the bytes of its files, and checks that it still goes on where a chain ends.

The bytes are read by `stream.py`.
"""

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

import pymysql.err
from pymysql.constants import COMMAND

from backups.errors import ChainBroken
from backups.services.mysql.binlog.stream import FIRST, LogReader
from backups.services.mysql.details import LOG, LogSegment, MySQLDetails, Position
from backups.services.mysql.source.connection import Session, rows, variable

_NON_BLOCKING = 1
"""Flag of the dump command: end at the log's end instead of waiting for more."""
_NOBODY = 0
"""The server id that no replica has: the server ends no other dump for ours, nor ours for another."""
_CANNOT_READ = 1236
_POSITION_LIMIT = 1 << 32
"""The dump command's position has four bytes."""
_A_MOMENT = 2
"""Seconds within which a transaction that is in the log is executed, too; a replica that must have it first may take longer."""
_ENCRYPTION_HEADER = 512
"""Bytes before the first event of an encrypted log file, which count in its size and in no position."""


@dataclass(frozen=True)
class Pulled:
    """The log between two positions. `created`: stamp of the last file's description, None when that file was begun before."""

    segments: tuple[LogSegment, ...]
    created: int | None


def pull(connect: Callable[[], Session], start: Position, end: Position, directory: Path) -> Pulled:
    """Write the log's bytes from `start` to `end` below `directory`/log, at full speed and in bounded memory.

    A start at offset 0 takes the file's magic and description along; an end at offset 0 means the end of the file before it.
    Raises ChainBroken when the source no longer has that part of its log, LogError when what it sends is not unbroken or `end` is
    not the end of an event in it.
    """
    (directory / LOG).mkdir(exist_ok=True)
    if (start.file, start.offset) == (end.file, end.offset):
        return Pulled((), None)
    created = None
    with _Segments(directory) as kept, connect() as session:
        reader = LogReader(_dump(session, start), kept, (end.file, end.offset))
        _run(reader, start)
        if reader.file != start.file or start.offset == 0:
            created = reader.created
    return Pulled(tuple(kept.segments), created)


def created_stamp(connect: Callable[[], Session], file: str) -> int:
    """Read when `file` was begun, in seconds since 1970. Raises ChainBroken when there is no such file."""
    start = Position(file=file, offset=0)
    with connect() as session:
        reader = LogReader(_dump(session, start))
        _run(reader, start)
    return reader.created


def require_continuation(connect: Callable[[], Session], chain: MySQLDetails, chain_version: str) -> int:
    """Return how many bytes of log the source has written since the chain's last backup.

    Raises ChainBroken, saying why, unless the log goes on exactly where that ends.
    """
    end = chain.end
    with connect() as session:
        uuid, version = rows(session, "SELECT @@server_uuid, @@version")[0]
        if uuid != chain.server_uuid:
            raise ChainBroken(f"another server answers now: the chain is of server_uuid {chain.server_uuid}, this one is {uuid}")
        if version != chain_version:
            raise ChainBroken(f"the server was upgraded: the chain's full is of {chain_version}, it runs {version} now")
        gtid = variable(session, "gtid_mode") == "ON"
        if gtid != chain.gtid:
            raise ChainBroken(f"GTIDs have been switched {'on' if gtid else 'off'} since the chain's last backup")
        files = {name: _end(int(size), *encrypted[:1]) for name, size, *encrypted in rows(session, "SHOW BINARY LOGS")}
        if end.file not in files:
            raise ChainBroken(
                f"the binary log {end.file}, where the chain ends, is gone from the source: it has {min(files)} to {max(files)}"
            )
        if files[end.file] < end.offset:
            raise ChainBroken(f"the chain ends at {end.file}:{end.offset}, but that file now ends at {files[end.file]}")
        if end.offset >= _POSITION_LIMIT:
            raise ChainBroken(f"the chain ends at {end.file}:{end.offset}, beyond the 4 GiB that a pull can start in")
        if end.gtid_executed and not _executed(session, end.gtid_executed):
            raise ChainBroken("the source no longer has all transactions of the chain: its log was reset, or it was restored")
    created = created_stamp(connect, end.file)
    if created != chain.log_created:
        raise ChainBroken(
            f"the binary log was reset: {end.file} was begun at {chain.log_created} (Unix time) in the chain, at {created} now"
        )
    names = list(files)
    return sum(files[name] for name in names[names.index(end.file) :]) - end.offset


def _executed(session: Session, gtids: str) -> bool:
    """Return whether these were executed; a transaction is in the log a moment before the server says so of it."""
    if rows(session, "SELECT GTID_SUBSET(%s, @@GLOBAL.gtid_executed)", [gtids])[0][0]:
        return True
    return bool(rows(session, "SELECT WAIT_FOR_EXECUTED_GTID_SET(%s, %s)", [gtids, _A_MOMENT])[0][0] == 0)


def _end(size: int, encrypted: str = "No") -> int:
    """Return the position at which a log file of that size ends."""
    return size - _ENCRYPTION_HEADER if encrypted == "Yes" else size


def _dump(session: Session, start: Position) -> Callable[[memoryview], int]:
    # Both names: the second is that of servers before 8.0.26. A client that does not set it is sent no checksums.
    rows(session, "SET @source_binlog_checksum = 'CRC32', @master_binlog_checksum = 'CRC32'")
    request = struct.pack("<IHI", max(start.offset, FIRST), _NON_BLOCKING, _NOBODY) + start.file.encode()
    return session.stream(COMMAND.COM_BINLOG_DUMP, request)


def _run(reader: LogReader, start: Position) -> None:
    try:
        reader.run()
    except pymysql.err.Error as error:
        if error.args[0] != _CANNOT_READ:
            raise
        raise ChainBroken(
            f"the source can no longer send its binary log from {start.file}:{start.offset}: {error.args[1]}"
        ) from error


class _Segments:
    """Keeps what a reader reads: a file for each run of bytes, named by where they are in the source's log."""

    def __init__(self, directory: Path) -> None:
        self.segments: list[LogSegment] = []
        self._directory = directory
        self._file = ""
        self._start = 0
        self._path = ""
        self._out: BinaryIO | None = None

    def begin(self, file: str, offset: int) -> None:
        self._close()
        self._file, self._start, self._path = file, offset, f"{LOG}/{file}@{offset}"

    def write(self, data: bytes | memoryview) -> None:
        if self._out is None:
            self._out = (self._directory / self._path).open("xb", buffering=0)
        while len(data):
            data = data[self._out.write(data) :]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._out is not None:
            end = self._start + os.fstat(self._out.fileno()).st_size
            self.segments.append(LogSegment(file=self._file, start=self._start, end=end, path=self._path))
            self._out.close()
            self._out = None
