"""Writes a source's time zone as a file that the C library of a copy's server reads (TZif, RFC 8536)."""

import struct

from backups.services.mysql.source.zone import Zone

_NAME = b"SRC\0"
_HEADER = struct.Struct(">4sc15x6l")
"""Magic, version, and how many there are: UTC and standard indicators, leap seconds, changes, offsets, bytes of names."""
_OFFSET = struct.Struct(">lBB")


def zone_file(zone: Zone) -> bytes:
    """Return the file's bytes. The zone must not be empty; after its last change, its last offset stays."""
    offsets = list(dict.fromkeys(offset for _, offset in zone))
    # Before the first change, the first of the offsets holds.
    changes = zone[1:]
    types = b"".join(_OFFSET.pack(offset, 0, 0) for offset in offsets)
    # The first block is for readers of version 1, whose numbers have 32 bits; others pass over it.
    first = _HEADER.pack(b"TZif", b"2", 0, 0, 0, 0, 1, len(_NAME)) + _OFFSET.pack(zone[-1][1], 0, 0) + _NAME
    head = _HEADER.pack(b"TZif", b"2", 0, 0, 0, len(changes), len(offsets), len(_NAME))
    moments = b"".join(struct.pack(">q", moment) for moment, _ in changes)
    indices = bytes(offsets.index(offset) for _, offset in changes)
    return first + head + moments + indices + types + _NAME + b"\n\n"
