"""Makes of the rows that a log holds statements that give a throw-away server every image of them, before and after, to insert.

Pure but for reading the log. An image is the same in an event that inserts, updates or deletes, and neither XOR nor a sum knows
order: so the images of one table, from wherever in the log, are put into a few large events, of which nothing has to be decoded.
A sum takes away what was before a change, and adds what is after it: the images for one go to two throw-away tables.
"""

import struct
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from mmap import mmap
from zlib import crc32

from backups.services.mysql.binlog import events, rows
from backups.services.mysql.binlog.locate import Piece
from backups.services.mysql.binlog.rows import Rows, TableMap

SCHEMA = "lifeboat"
"""The database of the throw-away server that its tables are in; their names are those of `table_name`."""

Places = tuple[int, int]
"""Numbers of the throw-away tables that take a table's images: before a change, and after it; the same where that is all one."""

_HEADER = struct.Struct("<IBIIIH")
_INSERT = 30
_EVENT = 1 << 20
"""Bytes of images after which an event is full."""
_HELD = 16 << 20
"""Bytes of images that are held, of all tables."""
_HEADER_LENGTHS = bytes.fromhex("000d0008000000000400040000006200041a08000000080808020000000a0a0a2a2a001234000a2800")
"""Of the types of event from 1 on, as servers since 8.0 have them; a rows event's and a table map's are what counts."""


def table_name(number: int) -> str:
    """Return the name of a throw-away table."""
    return f"t{number}"


def description(version: str) -> str:
    """Return the statement that has to come first in a session: how what follows is written (without checksums)."""
    body = struct.pack("<H50sIB", 4, version.encode()[:49], 0, _HEADER.size) + _HEADER_LENGTHS + b"\0"
    event = _HEADER.pack(0, events.DESCRIPTION, 1, _HEADER.size + len(body) + 4, 0, 0) + body
    return _statement([event + struct.pack("<I", crc32(event))])


def statements(pieces: Iterable[Piece], wanted: Mapping[tuple[str, str], Places]) -> Iterator[tuple[int, str]]:
    """Yield (number of a throw-away table, BINLOG statement) for the images of the wanted tables, (schema, name) -> places.

    The tables must have been found to be carryable. Memory is bounded, but for a row that is larger than the bounds.
    """
    maps: dict[int, TableMap] = {}
    held: dict[int, bytearray] = {}
    forms: dict[int, TableMap] = {}
    for event in events.walk(pieces):
        if event.kind == events.TABLE_MAP:
            table = rows.table_map(event.log, event.body, event.stop)
            maps[table.number] = table
        elif event.kind in rows.CHANGES:
            seen = rows.rows(event.kind, event.log, event.body, event.stop)
            table = maps[seen.number]
            places = wanted.get((table.schema, table.name))
            for number, images in _placed(event.kind, seen, table, event.log, places) if places else ():
                forms[number] = table
                held.setdefault(number, bytearray()).extend(images)
                if len(held[number]) >= _EVENT:
                    yield number, _inserting(number, table, held.pop(number))
                elif sum(map(len, held.values())) >= _HELD:
                    yield from ((each, _inserting(each, forms[each], held[each])) for each in held)
                    held.clear()
    yield from ((number, _inserting(number, forms[number], images)) for number, images in held.items())


def _placed(kind: int, seen: Rows, table: TableMap, log: bytes | mmap, places: Places) -> Iterable[tuple[int, bytes]]:
    """Return an event's images, each with the number of the throw-away table that takes them."""
    before, after = places
    if before != after and seen.paired:
        return zip(places, rows.split(seen, table, log), strict=True)
    return [(before if rows.CHANGES[kind] == "deleted" else after, log[seen.first : seen.stop])]


def _inserting(number: int, table: TableMap, images: bytearray) -> str:
    """Return the statement that inserts images into the throw-away table of that number."""
    width = len(table.types)
    names = b"".join(bytes([len(name)]) + name + b"\0" for name in (SCHEMA.encode(), table_name(number).encode()))
    columns = _number(width) + table.types + _number(len(table.metadata)) + table.metadata + table.nullable + table.dimensions
    head = number.to_bytes(6, "little") + struct.pack("<H", rows.END_OF_STATEMENT)
    every = ((1 << width) - 1).to_bytes((width + 7) // 8, "little")
    return _statement(
        [
            _event(events.TABLE_MAP, head + names + columns),
            _event(_INSERT, head + struct.pack("<H", 2) + _number(width) + every + bytes(images)),
        ]
    )


def _event(kind: int, body: bytes) -> bytes:
    return _HEADER.pack(0, kind, 1, _HEADER.size + len(body), 0, 0) + body


def _statement(written: Iterable[bytes]) -> str:
    return f"BINLOG '{b64encode(b''.join(written)).decode()}'"


def _number(number: int) -> bytes:
    """Write a number in as many bytes as the log does."""
    if number < 251:
        return bytes([number])
    return b"\xfc" + struct.pack("<H", number) if number < 1 << 16 else b"\xfd" + number.to_bytes(3, "little")
