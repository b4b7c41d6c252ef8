"""Finds the silences that the Alertmanager keeps in `kv_store`: base64 of one protobuf message after another."""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from backups.services.grafana.canonical import digest
from backups.services.grafana.files.database import Database, Row
from backups.witness import Fact


@dataclass(frozen=True)
class Silence:
    """A silence of an organisation, by its id, and until when it lasts. record: all of it, as it is stored."""

    organisation: int
    name: str
    until: datetime
    record: bytes


_LENGTH_DELIMITED, _VARINT, _FIXED_64, _FIXED_32 = 2, 0, 1, 5
_SILENCE, _ID, _ENDS, _SECONDS = 1, 1, 4, 1
"""Numbers of fields: the silence in its record, in that its id and its end, and in that the seconds."""


def facts(database: Database) -> Iterator[Fact]:
    """A fact per silence, by its id, and how many there are; the whole of them where they are written in another way."""
    for row in database.rows("kv_store"):
        if (row["namespace"], row["key"]) == ("alertmanager", "silences"):
            organisation = f"org {row['org_id']}"
            kept = read(row)
            if kept is None:
                yield Fact(f"{organisation} silences", "content", digest(row["value"]))
                continue
            yield Fact(organisation, "silences", len(kept))
            for one in kept:
                yield Fact(f"{organisation} silence {one.name}", "record", digest(one.record))


def every(database: Database) -> list[Silence]:
    """Every silence that can be read."""
    rows = [row for row in database.rows("kv_store") if (row["namespace"], row["key"]) == ("alertmanager", "silences")]
    return [silence for row in rows for silence in read(row) or []]


def read(row: Row) -> list[Silence] | None:
    """The silences of a row of kv_store, by their ids; None where they are written in another way."""
    try:
        found = _silences(row["org_id"], base64.b64decode(row["value"] or "", validate=True))
        return sorted({silence.name: silence for silence in found}.values(), key=lambda silence: silence.name)
    except (binascii.Error, ValueError, TypeError, IndexError, KeyError, OverflowError):
        return None


def _silences(organisation: int, records: bytes) -> Iterator[Silence]:
    at = 0
    while at < len(records):
        length, at = _varint(records, at)
        record, at = _piece(records, at, length)
        silence = dict(_fields(dict(_fields(record))[_SILENCE]))
        ends, _ = _varint(silence[_ENDS], 1) if silence[_ENDS][:1] == bytes([_SECONDS << 3 | _VARINT]) else (0, 0)
        yield Silence(organisation, silence[_ID].decode(), datetime.fromtimestamp(ends, UTC), record)


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The number and the bytes of each field that has a length; the others are stepped over."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == _LENGTH_DELIMITED:
            length, at = _varint(message, at)
            content, at = _piece(message, at, length)
            yield tag >> 3, content
        elif kind == _VARINT:
            _, at = _varint(message, at)
        elif kind in (_FIXED_64, _FIXED_32):
            at += 8 if kind == _FIXED_64 else 4
        else:
            raise ValueError(f"a field of the unknown kind {kind}")
    if at != len(message):
        raise ValueError("the message ends within a field")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _piece(data: bytes, at: int, length: int) -> tuple[bytes, int]:
    if at + length > len(data):
        raise ValueError("the message is cut short")
    return data[at : at + length], at + length
