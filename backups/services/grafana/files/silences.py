"""Finds the silences that the Alertmanager keeps in `kv_store`: base64 of one protobuf message after another."""

import base64
import binascii
from collections.abc import Iterator

from backups.services.grafana.canonical import digest
from backups.services.grafana.files.database import Database
from backups.witness import Fact

_LENGTH_DELIMITED, _VARINT, _FIXED_64, _FIXED_32 = 2, 0, 1, 5
_SILENCE, _ID = 1, 1
"""Numbers of fields: the silence in its record, and the id in the silence."""


def facts(database: Database) -> Iterator[Fact]:
    """A fact per silence, by its id, and how many there are; the whole of them where they are written in another way."""
    for row in database.rows("kv_store"):
        if (row["namespace"], row["key"]) == ("alertmanager", "silences"):
            organisation = f"org {row['org_id']}"
            try:
                kept = dict(_silences(base64.b64decode(row["value"] or "", validate=True)))
            except (binascii.Error, ValueError, IndexError):
                yield Fact(f"{organisation} silences", "content", digest(row["value"]))
                continue
            yield Fact(organisation, "silences", len(kept))
            for name, content in sorted(kept.items()):
                yield Fact(f"{organisation} silence {name}", "record", digest(content))


def _silences(records: bytes) -> Iterator[tuple[str, bytes]]:
    at = 0
    while at < len(records):
        length, at = _varint(records, at)
        record, at = _piece(records, at, length)
        silence = next(content for number, content in _fields(record) if number == _SILENCE)
        name = next(content for number, content in _fields(silence) if number == _ID)
        yield name.decode(), record


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
