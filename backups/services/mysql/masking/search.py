"""Searches files for values as a server may have written them: in several character sets, in hexadecimal, in base64.

A value that lies across the border of two pages is found by its parts, where it is long. Pure, but for reading the files.
"""

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

_WINDOW = 6
"""Bytes by which a place is recognised that is then looked at; no pattern is shorter."""
_CHUNK = 4 << 20
_PIECE = 24
"""Characters of the parts that a longer value is searched by."""
_BITS = 24
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_MASK = np.uint64((1 << (8 * _WINDOW)) - 1)
_SETS = ("utf-8", "latin-1", "cp1252", "utf-16-be", "utf-16-le", "utf-32-be")


@dataclass
class Found:
    """What was found: the values, each with the files that it is in; and how much was read."""

    where: dict[str, set[str]] = field(default_factory=dict)
    files: int = 0
    bytes: int = 0


def forms(value: str) -> set[bytes]:
    """Return the byte strings that a value may be found as."""
    found: set[bytes] = set()
    for piece in _pieces(value):
        for text in {piece, piece.lower()}:
            for name in _SETS:
                try:
                    found.add(text.encode(name))
                except UnicodeEncodeError:
                    continue
            plain = text.encode("utf-8", "surrogatepass")
            found.add(plain.hex().encode())
            found.add(plain.hex().upper().encode())
            found.update(_base64(plain))
            found.add(json.dumps(text)[1:-1].encode())
    return {form for form in found if len(form) >= _WINDOW}


class Patterns:
    """All forms of some values, by their first bytes, and a table of which bytes none of them begins with."""

    def __init__(self, values: Iterable[str]) -> None:
        self._values: dict[bytes, list[str]] = {}
        lengths: dict[int, set[int]] = {}
        self._longest = 0
        for value in values:
            for form in forms(value):
                self._values.setdefault(form, []).append(value)
                lengths.setdefault(int.from_bytes(form[:_WINDOW], "little"), set()).add(len(form))
                self._longest = max(self._longest, len(form))
        self._lengths = {start: tuple(found) for start, found in lengths.items()}
        """Of what begins with these bytes. Thousands of values may begin alike, and are looked up all the same."""
        self._starts = np.array(sorted(self._lengths), dtype=np.uint64)
        self._known = np.zeros(1 << _BITS, dtype=bool)
        self._known[_hashed(self._starts)] = True

    def search(self, directory: Path) -> Found:
        """Search every file below a directory."""
        found = Found()
        for path in sorted(path for path in directory.rglob("*") if path.is_file() and not path.is_symlink()):
            found.files += 1
            name = str(path.relative_to(directory))
            for chunk, size in _chunks(path, self._longest):
                found.bytes += size
                for value in self._hits(chunk):
                    found.where.setdefault(value, set()).add(name)
        return found

    def within(self, content: Iterable[bytes], wanted: Iterable[str]) -> set[str]:
        """Return which of the `wanted` values are in the content; it ends once all are found."""
        left, found = set(wanted), set[str]()
        for chunk in content if left else ():
            found |= left & set(self._hits(chunk))
            if found == left:
                break
        return found

    def _hits(self, chunk: bytes) -> Iterator[str]:
        """Yield the values that are in a chunk."""
        if not len(self._starts) or not chunk.strip(b"\0"):
            return
        # Zeroes behind it, so that a window at its end is as long as the others.
        padded = chunk + bytes(16)
        for offset in range(8):
            windows = np.frombuffer(padded, dtype="<u8", offset=offset, count=(len(padded) - offset) // 8) & _MASK
            places = np.flatnonzero(self._known[_hashed(windows)])
            seen = windows[places]
            at_start = np.minimum(np.searchsorted(self._starts, seen), len(self._starts) - 1)
            for place in places[self._starts[at_start] == seen]:
                at = int(place) * 8 + offset
                for length in self._lengths[int(windows[place])]:
                    yield from self._values.get(chunk[at : at + length], ())


def _hashed(windows: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    return (windows * _FACTOR) >> np.uint64(64 - _BITS)


def _chunks(path: Path, longest: int) -> Iterator[tuple[bytes, int]]:
    """Yield a file's bytes, each chunk with the end of the one before it, and how many are new."""
    with path.open("rb") as file:
        before = b""
        while new := file.read(_CHUNK):
            yield before + new, len(new)
            before = (before + new)[-longest:]


def _pieces(value: str) -> Sequence[str]:
    """Return the value, or, of a long one, its beginning, its middle and its end."""
    text = value.strip()
    if len(text) <= 2 * _PIECE:
        return [text]
    middle = len(text) // 2
    return [text[:_PIECE], text[middle - _PIECE // 2 : middle + _PIECE // 2], text[-_PIECE:]]


def _base64(plain: bytes) -> Iterator[bytes]:
    """Yield what is the same of the base64 of any text in which the value is, at each of the three places it may begin."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + plain)
        yield encoded[-(-before * 8 // 6) : (before + len(plain)) * 8 // 6]
