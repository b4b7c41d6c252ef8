"""Reads what a rows event says without decoding a value: of which table it is, which columns it has, how many rows.

Pure: bytes in, numbers out. A log holds a table map (its columns' types) before the rows of the table.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from mmap import mmap
from typing import Literal, NamedTuple

Change = Literal["inserted", "updated", "deleted"]
CHANGES: dict[int, Change] = {30: "inserted", 31: "updated", 32: "deleted", 23: "inserted", 24: "updated", 25: "deleted"}
"""Type of a rows event -> what became of its rows; the last three are the form of servers before 5.6."""
OLD_FORM = frozenset({23, 24, 25})
PARTIAL = 39
"""The type of an event that holds changes inside of JSON values instead of the values."""
ROWS = frozenset({*CHANGES, PARTIAL})
END_OF_STATEMENT = 1
"""The flag of a statement's last rows event."""

_FIXED = {1: 1, 2: 2, 3: 4, 4: 4, 5: 8, 6: 0, 7: 4, 8: 8, 9: 3, 10: 3, 11: 3, 12: 8, 13: 1, 14: 3}
_FRACTION = {17: 4, 18: 5, 19: 3}
"""Types of times -> their bytes besides those of the fraction of a second."""
_MOST_LENGTH_BYTES = 4
_LENGTH = frozenset({242, 245, 249, 250, 251, 252, 255})
"""Types whose values begin with their length, in as many bytes as the table map says."""
_META = {
    **dict.fromkeys((4, 5, 17, 18, 19, 242, 245, 249, 250, 251, 252, 255), 1),
    **dict.fromkeys((15, 16, 246, 247, 248, 253, 254), 2),
}
"""Type of a column -> the bytes that the table map says more about it in; none for the others of `_FIXED`."""
_BIT, _DECIMAL, _CHAR = 16, 246, 254
_ENUM_OR_SET = frozenset({247, 248})
_TEXT = frozenset({15, 253, _CHAR}) | _ENUM_OR_SET
_DIGITS = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)
"""Digits of a decimal that are left over -> the bytes for them; nine make four."""
_VECTOR_DIMENSIONS = 13
_WIDE = {252: 2, 253: 3, 254: 8}


class UnknownForm(ValueError):
    """A rows event or a table map is of a form that is not known here."""


@dataclass(frozen=True)
class TableMap:
    """The table that rows events with the number `number` are of, as the log describes it.

    types, metadata, nullable: of its columns, as the log has them; dimensions: of its vectors, as a field of the log
    """

    number: int
    schema: str
    name: str
    types: bytes
    metadata: bytes
    nullable: bytes
    dimensions: bytes = b""

    @property
    def form(self) -> tuple[bytes, ...]:
        """What changes when the table's columns do."""
        return self.types, self.metadata, self.nullable, self.dimensions


class Rows(NamedTuple):
    """A rows event: images of rows are the bytes [first, stop); of an update, the one before and the one after in turn.

    present: the columns that an image has, a bit each: of what was, and of what came (the same but in an update)
    paired: of an update. extra: the kinds of what else it holds (0: of NDB; 1: of a partition), None where nothing
    """

    number: int
    flags: int
    width: int
    present: tuple[bytes, bytes]
    paired: bool
    extra: int | None
    first: int
    stop: int

    @property
    def whole(self) -> bool:
        """Return whether its images have every column: binlog_row_image was FULL."""
        return all(_count(bits, self.width) == self.width for bits in self.present)


def table_map(log: bytes | mmap, at: int, stop: int) -> TableMap:
    """Read a table map, [at, stop) of `log`. Raises UnknownForm for bytes that are none."""
    number = _table_number(log, at, stop)
    at += 8
    names = []
    for _ in range(2):
        names.append(log[at + 1 : at + 1 + log[at]])
        at += log[at] + 2
    width, at = _number(log, at)
    types = log[at : at + width]
    size, at = _number(log, at + width)
    metadata = log[at : at + size]
    more = at + size + (width + 7) // 8
    nullable = log[at + size : more]
    if more > stop or not width:
        raise UnknownForm("a table map is shorter than it says")
    try:
        schema, name = (bytes(part).decode() for part in names)
    except UnicodeDecodeError as error:
        raise UnknownForm("the name in a table map is no text") from error
    return TableMap(number, schema, name, bytes(types), bytes(metadata), bytes(nullable), _dimensions(log, more, stop))


def _dimensions(log: bytes | mmap, at: int, stop: int) -> bytes:
    """Find, among what else a table map says, the field with the dimensions of vectors; empty where it has none."""
    while at < stop:
        begin, kind = at, log[at]
        size, at = _number(log, at + 1)
        at += size
        if kind == _VECTOR_DIMENSIONS:
            return bytes(log[begin:at])
    return b""


def rows(kind: int, log: bytes | mmap, at: int, stop: int) -> Rows:
    """Read the beginning of a rows event of that type, [at, stop) of `log`. Raises UnknownForm for bytes that are none."""
    number = _table_number(log, at, stop)
    (flags,) = struct.unpack_from("<H", log, at + 6)
    at += 8
    extra = None
    if kind not in OLD_FORM:
        (size,) = struct.unpack_from("<H", log, at)
        extra = log[at + 2] if size > 2 else None
        at += size
    width, at = _number(log, at)
    bits = (width + 7) // 8
    before = bytes(log[at : at + bits])
    at += bits
    after, paired = before, CHANGES.get(kind, "updated") == "updated"
    if paired:
        after = bytes(log[at : at + bits])
        at += bits
    if not width or at > stop:
        raise UnknownForm("a rows event is shorter than it says")
    return Rows(number, flags, width, (before, after), paired, extra, at, stop)


def count(event: Rows, table: TableMap, log: bytes | mmap) -> int:
    """Count an event's images. Raises UnknownForm where they do not end where the event does, or a type is not known."""
    return sum(1 for _ in _ends(event, table, log))


def split(event: Rows, table: TableMap, log: bytes | mmap) -> tuple[bytes, bytes]:
    """Return the images of rows before an update, and those after it. Raises UnknownForm as `count` does."""
    images, begin = (bytearray(), bytearray()), event.first
    for number, end in enumerate(_ends(event, table, log)):
        images[number & 1].extend(log[begin:end])
        begin = end
    return bytes(images[0]), bytes(images[1])


def _ends(event: Rows, table: TableMap, log: bytes | mmap) -> Iterator[int]:
    """Yield where each image ends; of an update the one before and the one after in turn."""
    if event.width != len(table.types):
        raise UnknownForm(f"rows of {event.width} columns are of a table with {len(table.types)}")
    every = _steps(table)
    steps = [[step for at, step in enumerate(every) if bits[at >> 3] >> (at & 7) & 1] for bits in event.present]
    at, stop, images = event.first, event.stop, 0
    if at < stop and not all(steps):
        raise UnknownForm("an image of a row has no column")
    while at < stop:
        at = _skip(log, at, steps[images & 1])
        images += 1
        yield at
    if at != stop or (images % 2 and event.paired):
        raise UnknownForm("the last row of an event is longer than the event")


def _skip(log: bytes | mmap, at: int, steps: Sequence[int]) -> int:
    """Return where the image that begins at `at` ends. A step: the bytes of a value, or minus those of its length."""
    nulls, at = at, at + (len(steps) + 7) // 8
    # Most rows have few NULLs: whole bytes of the bitmap are looked at first.
    some = any(log[nulls:at])
    for column, step in enumerate(steps):
        if some and log[nulls + (column >> 3)] >> (column & 7) & 1:
            continue
        if step >= 0:
            at += step
        else:
            at += int.from_bytes(log[at : at - step], "little") - step
    return at


def _steps(table: TableMap) -> list[int]:
    """Return for each column the bytes of a value, or minus the bytes of its length. Raises UnknownForm for unknown types."""
    steps, at = [], 0
    for kind in table.types:
        size = _META.get(kind, 0)
        meta = table.metadata[at : at + size]
        at += size
        if len(meta) < size:
            raise UnknownForm("a table map says too little of its columns")
        steps.append(_step(kind, meta))
    if at != len(table.metadata):
        raise UnknownForm("a table map says more of its columns than is known")
    return steps


def _step(kind: int, meta: bytes) -> int:
    if kind in _FIXED:
        return _FIXED[kind]
    if kind in _FRACTION:
        return _FRACTION[kind] + (meta[0] + 1) // 2
    if kind in _LENGTH and 0 < meta[0] <= _MOST_LENGTH_BYTES:
        return -meta[0]
    if kind in _TEXT:
        return _text_step(kind, meta)
    if kind == _BIT:
        return meta[1] + (meta[0] > 0)
    if kind == _DECIMAL:
        return sum(digits // 9 * 4 + _DIGITS[digits % 9] for digits in (meta[0] - meta[1], meta[1]))
    raise UnknownForm(f"a column is of type {kind}, which is not known")


def _text_step(kind: int, meta: bytes) -> int:
    if kind in _ENUM_OR_SET or (kind == _CHAR and meta[0] in _ENUM_OR_SET):
        return meta[1]
    # Two bits of a length beyond 255 stand in a CHAR's own type, turned over.
    most = (meta[0] & 0x30 ^ 0x30) << 4 | meta[1] if kind == _CHAR else int.from_bytes(meta, "little")
    return -2 if most > 0xFF else -1


def _table_number(log: bytes | mmap, at: int, stop: int) -> int:
    if stop - at < 12:
        raise UnknownForm(f"{stop - at} bytes are too few for rows")
    return int.from_bytes(log[at : at + 6], "little")


def _number(log: bytes | mmap, at: int) -> tuple[int, int]:
    """Read a number of one byte or several; returns it, and where it ends."""
    first = log[at]
    if first < 251:
        return first, at + 1
    if first not in _WIDE:
        raise UnknownForm(f"a number begins with the byte {first}")
    end = at + 1 + _WIDE[first]
    return int.from_bytes(log[at + 1 : end], "little"), end


def _count(bits: bytes, width: int) -> int:
    return (int.from_bytes(bits, "little") & (1 << width) - 1).bit_count()
