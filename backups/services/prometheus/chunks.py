"""Checks the checksums that Prometheus itself wrote into a block's chunk files: whether the source can still read its history."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backups import plural
from backups.services.prometheus.details import Block

if TYPE_CHECKING:
    import numpy as np

DIRECTORY = "chunks/"
_MAGIC = bytes.fromhex("85bd40dd")
_HEADER = 8
_CRC = 4
_POLYNOMIAL = 0x82F63B78
"""CRC-32C (Castagnoli), reflected; https://github.com/prometheus/prometheus/blob/main/tsdb/docs/format/chunks.md"""
_BATCH = 1 << 16
"""Chunks whose checksums are computed side by side; each has some 200 bytes."""


def is_segment(path: str) -> bool:
    """Whether a file of a block is one of its chunk files: Prometheus passes by what else lies in their directory."""
    name = path.removeprefix(DIRECTORY)
    return path.startswith(DIRECTORY) and name.isascii() and name.isdigit()


class Checked:
    """What was found in chunk files, by their sha256, in a file of this machine: each is looked at once, not in every full."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: dict[str, tuple[str | None, int]] = {}
        with suppress(OSError, ValueError):
            content = json.loads(path.read_text(encoding="utf-8"))
            # One of an earlier Lifeboat says nothing of how many chunks there are: that file is looked at again.
            known = content.items() if isinstance(content, dict) else ()
            self._found = {sha256: (found[0], found[1]) for sha256, found in known if isinstance(found, list) and len(found) == 2}
        self._new = False

    def damage(self, file: Path, sha256: str) -> str | None:
        """See `damage`; looks at the file unless one of the same content was looked at before."""
        if sha256 not in self._found:
            self._found[sha256] = look(file)
            self._new = True
        return self._found[sha256][0]

    def lacking(self, block: Block, count: int) -> str | None:
        """What a block lacks of the `count` chunks that its meta.json tells of, in words; None where nothing, or unknown."""
        files = [file for file in block.files if is_segment(file.path)]
        if any(file.damage or file.sha256 not in self._found for file in files):
            return None
        held = sum(self._found[file.sha256][1] for file in files)
        return f"its chunk files hold {held} of its {plural.count(count, 'chunk')}" if held < count else None

    def keep(self) -> None:
        """Write down what was found, for the next backups."""
        if self._new:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._path.with_name(f"{self._path.name}.new")
            fresh.write_text(json.dumps(self._found), encoding="utf-8")
            fresh.replace(self._path)


def damage(path: Path) -> str | None:
    """What is wrong with a chunk file, in words; None when every chunk in it has the checksum that was written with it."""
    return look(path)[0]


def look(path: Path) -> tuple[str | None, int]:
    """What is wrong with a chunk file (see `damage`), and how many chunks it holds.

    Costs about 25 s of processor time a gigabyte: see `Checked`.
    """
    import numpy as np

    # As a plain array: each index into a memmap makes another memmap.
    content = np.asarray(np.memmap(path, dtype=np.uint8, mode="r")) if path.stat().st_size else np.zeros(0, dtype=np.uint8)
    if bytes(content[: len(_MAGIC)]) != _MAGIC or len(content) < _HEADER:
        return "it does not begin as a chunk file does", 0
    wrong, first, count = 0, 0, 0
    for starts, lengths, end in _batches(content):
        count += len(starts)
        if len(starts):
            ends = starts + lengths
            written = sum(content[ends + byte].astype(np.uint32) << np.uint32(8 * (_CRC - 1 - byte)) for byte in range(_CRC))
            bad = np.flatnonzero(_checksums(content, starts, lengths) != written)
            if len(bad) and not wrong:
                first = int(starts[bad[0]])
            wrong += len(bad)
        if end is not None:
            return f"it ends in the middle of a chunk, at byte {end}", count
    return (
        f"{wrong} of its {count} chunks have another checksum than was written with them, first at byte {first}"
        if wrong
        else None
    ), count


def _batches(content: "np.ndarray[Any, Any]") -> "Iterator[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], int | None]]":
    """Where the chunks are: first byte and length of what their checksums are of; last, where one is cut off, its offset.

    A chunk is its length (a varint) without the byte that names its encoding, that byte, the data, the checksum.
    """
    import numpy as np

    size, offset = len(content), _HEADER
    raw = content.data
    starts: list[int] = []
    lengths: list[int] = []
    cut: int | None = None
    while offset < size:
        begin, length, shift = offset, 0, 0
        while offset < size:
            byte = raw[offset]
            offset += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 or shift > 35:
                break
        if offset + 1 + length + _CRC > size:
            cut = begin
            break
        starts.append(offset)
        lengths.append(length + 1)
        offset += 1 + length + _CRC
        if len(starts) == _BATCH:
            yield np.array(starts), np.array(lengths), None
            starts, lengths = [], []
    yield np.array(starts, dtype=np.int64), np.array(lengths, dtype=np.int64), cut


def _checksums(
    content: "np.ndarray[Any, Any]", starts: "np.ndarray[Any, Any]", lengths: "np.ndarray[Any, Any]"
) -> "np.ndarray[Any, Any]":
    """The CRC-32C of each stretch, all side by side, byte after byte: the longest first, so that the rest ends earlier."""
    import numpy as np

    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(_POLYNOMIAL), table >> 1)
    order = np.argsort(-lengths, kind="stable")
    begins, sizes = starts[order], lengths[order]
    sums = np.full(len(starts), 0xFFFFFFFF, dtype=np.uint32)
    # How many stretches are longer than each position.
    longer = len(sizes) - np.searchsorted(sizes[::-1], np.arange(int(sizes[0])), side="right")
    for position, active in enumerate(longer):
        part = sums[:active]
        sums[:active] = table[(part ^ content[begins[:active] + position]) & 0xFF] ^ (part >> 8)
    result = np.empty_like(sums)
    result[order] = ~sums
    return result
