"""Reads the rows of an answer as the bytes that the server sent, many at a time: for millions of rows of bytes.

A cursor asks of every value what it is, which takes three times as long as reading it. What pymysql reads of an answer before
its rows, it reads here, too.
"""

import struct
from collections.abc import Generator, Sequence
from typing import Any

import pymysql.err
from pymysql.constants import CR
from pymysql.protocol import MysqlPacket

from backups.services.mysql.source.session import GARBLED, TOO_LONG, Session

Row = Sequence[bytes | None]
"""A row's values; None is NULL."""
_HEAD = struct.Struct("<HBB")
_WHOLE = 0xFFFFFF
"""Bytes of a packet that goes on in the next one."""
_MOST = (1 << 30) + _WHOLE
"""Bytes of a row, about: as long as the server's own longest packet."""
_END, _ERROR, _NULL = 0xFE, 0xFF, 0xFB
_END_LENGTH = 9
"""Bytes that the packet behind the last row is shorter than."""
_WIDTHS = {0xFC: 2, 0xFD: 3, 0xFE: 8}
"""Bytes of a value's length, by what stands before it."""


def batches(session: Session, question: str, size: int) -> Generator[list[Row], None, None]:
    """Yield the rows of an answer, in lists of some `size` bytes; a larger row is a list by itself.

    A session whose answer is not read to its end is closed. Raises pymysql's error for what the server refuses or breaks off.
    """
    session.query(question, unbuffered=True)
    stream: Any = session
    result = stream._result  # noqa: SLF001 -- pymysql has no other way to the bytes
    # From here on the packets are ours: nobody else reads them on, not even to throw them away.
    result.unbuffered_active = False
    batch: list[Row] = []
    left = size
    ended = False
    try:
        while (packet := _packet(stream)) is not None:
            batch.append(row(packet, result.field_count))
            left -= len(packet)
            if left <= 0:
                yield batch
                batch, left = [], size
        ended = True
    finally:
        if not ended:
            stream._force_close()  # noqa: SLF001
    if batch:
        yield batch


def _packet(stream: Any) -> bytes | None:
    """Return the bytes of the next row; None behind the last one."""
    pieces: list[bytes] = []
    while True:
        low, high, sequence = _HEAD.unpack(_read(stream, _HEAD.size))
        if sequence != stream._next_seq_id:  # noqa: SLF001
            raise pymysql.err.OperationalError(GARBLED, f"packet {sequence} came, {stream._next_seq_id} was due")  # noqa: SLF001
        stream._next_seq_id = (sequence + 1) & 0xFF  # noqa: SLF001
        length = low | high << 16
        piece = _read(stream, length)
        if length == _WHOLE or pieces:
            pieces.append(piece)
            if len(pieces) * _WHOLE > _MOST:
                raise pymysql.err.OperationalError(TOO_LONG, f"more than {_MOST:,} bytes are one row")
            if length == _WHOLE:
                continue
            return b"".join(pieces)
        if not piece:
            raise pymysql.err.OperationalError(GARBLED, "an empty packet came where a row was due")
        if piece[0] == _ERROR:
            MysqlPacket(piece, stream.encoding).raise_for_error()
        return None if piece[0] == _END and length < _END_LENGTH else piece


def _read(stream: Any, length: int) -> bytes:
    try:
        data: bytes = stream._rfile.read(length)  # noqa: SLF001
    except OSError as error:
        raise pymysql.err.OperationalError(
            CR.CR_SERVER_LOST, f"Lost connection to MySQL server during query ({error})"
        ) from error
    if len(data) < length:
        raise pymysql.err.OperationalError(CR.CR_SERVER_LOST, "Lost connection to MySQL server during query")
    return data


def row(packet: bytes, columns: int) -> Row:
    """Split a row's bytes into its values. Raises OperationalError for bytes that are not that many values. Pure."""
    found: list[bytes | None] = []
    at, size = 0, len(packet)
    while at < size:
        length = packet[at]
        at += 1
        if length >= _NULL:
            if length == _NULL:
                found.append(None)
                continue
            # What stands before no length leads behind the end.
            width = _WIDTHS.get(length, size)
            length = int.from_bytes(packet[at : at + width], "little")
            at += width
        end = at + length
        found.append(packet[at:end])
        at = end
    if at != size or len(found) != columns:
        raise pymysql.err.OperationalError(GARBLED, f"a row of {columns} columns came that is not whole")
    return found
