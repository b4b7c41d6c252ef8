"""Reads the binary log as the server sends it, in packets, and proves that every event follows the one before it.

A packet is a 3-byte length, a sequence number, a status byte and the event's own bytes; an event beyond 16 MB goes on in the
packets that follow. Events that the server only sends, and that are in no file, are left out; `pull.py` keeps the rest.
"""

import struct
from collections.abc import Callable
from typing import Protocol
from zlib import crc32

import pymysql.err

from backups.errors import Transient

MAGIC = b"\xfebin"
"""The first bytes of every log file."""
FIRST = len(MAGIC)
"""Offset of a file's first event."""

_CHUNK = 1 << 20
_PACKET_MAX = 0xFFFFFF
_HEAD = 4
_PREFIX = _HEAD + 1
"""Bytes before an event: the packet's head and the status byte."""
# length and sequence number, status, then the event's header: timestamp, type, server id, size, end position, flags
_HEADER = struct.Struct("<IBIBIIIH")
_EVENT_HEADER = _HEADER.size - _PREFIX
_ROTATE_POSITION = struct.Struct("<Q")
_FORMAT_DESCRIPTION = 15
_NOT_IN_FILES = frozenset({_FORMAT_DESCRIPTION, 27, 41})
"""Events that the file may not hold: descriptions of it, heartbeats."""
_ARTIFICIAL = 0x20
_CRC32 = 1
CHECKSUM = 4
RESIDUE = 0x2144DF1C
"""The CRC-32 of any bytes followed by their own CRC-32."""
_WRAP = 0xFFFFFFFF
"""Positions inside events have four bytes: in a file beyond 4 GiB they begin anew."""


class Sink(Protocol):
    """Where the bytes of the log's files go, in order."""

    def begin(self, file: str, offset: int) -> None:
        """Expect the bytes of `file` from `offset` on."""
        ...

    def write(self, data: bytes | memoryview) -> None:
        """Take the next bytes; the buffer is reused afterwards."""
        ...


class LogError(Transient):
    """What arrived is not the unbroken log that was requested."""


class LogReader:
    """Reads a dump up to (`file`, `offset`), the end of an event; or, without `until`, to the first file's description.

    until: with offset 0, everything before that file, to the end of the one before it.
    receive: fills a buffer with what has arrived and returns how many bytes that is; 0 when the server has ended the connection.
    created: the creation stamp of the file read last, from its format description event; 0 where that was not part of it.
    """

    def __init__(
        self, receive: Callable[[memoryview], int], sink: Sink | None = None, until: tuple[str, int] | None = None
    ) -> None:
        self.created = 0
        self.file = ""
        self.offset = 0
        self._receive = receive
        self._sink = sink
        self._until = until
        self._limit: float = float("inf")
        self._checksums = False
        self._sequence = 1
        self._left = 0
        self._crc = 0
        self._continues = False
        self._done = False

    def run(self) -> None:
        """Read to the wanted position. Raises LogError when the log is broken or ends before it, pymysql's error when refused."""
        buffer = bytearray(_HEAD + _PACKET_MAX + _CHUNK)
        view = memoryview(buffer)
        filled = 0
        while not self._done:
            received = self._receive(view[filled : filled + _CHUNK])
            if not received:
                raise self._broken("the server ended the connection")
            filled += received
            used = self._split(view, filled)
            if used:
                buffer[: filled - used] = buffer[used:filled]
                filled -= used

    def _split(self, view: memoryview, filled: int) -> int:
        """Take every whole packet of the first `filled` bytes; returns where the rest begins."""
        at = 0
        while True:
            if not self._continues:
                at = self._take_events(view, at, filled)
            if self._done or filled - at < _HEAD:
                return at
            stop = at + _HEAD + int.from_bytes(view[at : at + 3], "little")
            if stop > filled:
                return at
            self._take_packet(view[at:stop])
            at = stop
            if self._done:
                return at

    def _take_events(self, view: memoryview, at: int, filled: int) -> int:
        """Take ordinary events, one a packet, until something else comes. This loop is what a pull spends its time in."""
        unpack, checksums, limit = _HEADER.unpack_from, self._checksums, self._limit
        sequence, offset = self._sequence, self.offset
        pieces = []
        last = filled - _HEADER.size
        while at <= last and offset < limit:
            head, status, _, kind, _, size, end, flags = unpack(view, at)
            length = head & _PACKET_MAX
            stop = at + _HEAD + length
            if (
                stop > filled or status or flags & _ARTIFICIAL or kind in _NOT_IN_FILES
                or size != length - 1 or length == _PACKET_MAX or head >> 24 != sequence
            ):  # fmt: skip
                break
            event = view[at + _PREFIX : stop]
            offset += size
            if end != offset & _WRAP or (checksums and crc32(event) != RESIDUE):
                offset -= size
                break
            pieces.append(event)
            sequence = (sequence + 1) & 0xFF
            at = stop
        self._sequence, self.offset = sequence, offset
        if pieces:
            self._keep(b"".join(pieces))
            self._arrive()
        return at

    def _take_packet(self, packet: memoryview) -> None:
        """Take one packet of any sort, slowly, and raise LogError for whatever is wrong with it."""
        if packet[3] != self._sequence:
            raise self._broken(f"packet {packet[3]} came instead of {self._sequence}")
        self._sequence = (self._sequence + 1) & 0xFF
        body = packet[_HEAD:]
        if self._continues:
            self._continues = len(body) == _PACKET_MAX
            self._take_part(body)
            return
        if body[0] == 0xFF:
            pymysql.err.raise_mysql_exception(bytes(body))
        if body[0] == 0xFE:
            raise self._broken("the log ended there")
        if len(packet) < _HEADER.size:
            raise self._broken(f"{len(body) - 1} bytes are too few for an event")
        self._continues = len(body) == _PACKET_MAX
        self._take_event(packet)

    def _take_event(self, packet: memoryview) -> None:
        _, _, when, kind, _, size, end, flags = _HEADER.unpack_from(packet)
        event = packet[_PREFIX:]
        if kind == _FORMAT_DESCRIPTION:
            self._describe(event, when, end)
        elif flags & _ARTIFICIAL:
            self._turn_to(event)
        elif kind not in _NOT_IN_FILES:
            if end != (self.offset + size) & _WRAP:
                raise self._broken(f"an event of {size} bytes says that it ends at {end}")
            self.offset += size
            self._left, self._crc = size, 0
            self._take_part(event)

    def _take_part(self, part: memoryview) -> None:
        """Take the next bytes of an event that fills one packet or several."""
        self._left -= len(part)
        if self._left < 0 or (self._left and not self._continues):
            raise self._broken(f"an event is {abs(self._left)} bytes {'longer' if self._left < 0 else 'shorter'} than it says")
        if self._checksums:
            self._crc = crc32(part, self._crc)
        self._keep(part)
        if not self._continues:
            if self._checksums and self._crc != RESIDUE:
                raise self._broken("the checksum of the event that ends there is wrong")
            self._arrive()

    def _turn_to(self, event: memoryview) -> None:
        """Follow the server to another file: an artificial rotate event holds its name and the offset there."""
        if self._until and self.file == self._until[0]:
            raise self._broken("the file ended there")
        name = event[_EVENT_HEADER + _ROTATE_POSITION.size :]
        if crc32(event) == RESIDUE:
            name = name[:-CHECKSUM]
        self.file = bytes(name).decode()
        (self.offset,) = _ROTATE_POSITION.unpack_from(event, _EVENT_HEADER)
        if self._until and self.file == self._until[0]:
            self._limit = self._until[1]
            self._done = not self._limit

    def _describe(self, event: memoryview, when: int, end: int) -> None:
        """Note how the file's events are written. A description that is sent for a start inside the file has no end."""
        self._checksums = event[-_PREFIX] == _CRC32
        if self._checksums and crc32(event) != RESIDUE:
            raise self._broken("the checksum of the file's description is wrong")
        self.created = when if end else 0
        if self._until is None:
            self._done = True
        elif not end:
            self._begin(self.offset)
        else:
            if self.offset != FIRST or end != FIRST + len(event):
                raise self._broken(f"the file's description says that it ends at {end}")
            self._begin(0)
            self._keep(MAGIC)
            self._keep(event)
            self.offset = end
            self._arrive()

    def _begin(self, offset: int) -> None:
        if self._sink is not None:
            self._sink.begin(self.file, offset)

    def _keep(self, data: bytes | memoryview) -> None:
        if self._sink is not None:
            self._sink.write(data)

    def _arrive(self) -> None:
        if self.offset > self._limit:
            raise self._broken(f"the wanted position {self._limit:.0f} is inside an event")
        self._done = self.offset == self._limit

    def _broken(self, what: str) -> LogError:
        wanted = f"; wanted up to {self._until[0]}:{self._until[1]}" if self._until else ""
        return LogError(
            f"the binary log cannot be read at {self.file}:{self.offset}: {what}{wanted}",
            hint="try again; if it happens again, look into the server's error log",
        )
