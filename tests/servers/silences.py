"""Writes silences as Grafana's Alertmanager keeps them in `kv_store`."""

import base64
from datetime import datetime


def varint(number: int) -> bytes:
    written = b""
    while number > 0x7F:
        written += bytes([number & 0x7F | 0x80])
        number >>= 7
    return written + bytes([number])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def silence(name: str, until: datetime, comment: str = "planned ü") -> bytes:
    """A record as it is stored: with its length before it."""
    ends = b"\x08" + varint(int(until.timestamp()))
    inner = (
        field(1, name.encode())
        + field(2, field(2, b"alertname") + field(3, b"Down"))
        + field(4, ends)
        + field(9, comment.encode())
    )
    record = field(1, inner) + field(2, ends)
    return varint(len(record)) + record


def written(*records: bytes) -> str:
    return base64.b64encode(b"".join(records)).decode()
