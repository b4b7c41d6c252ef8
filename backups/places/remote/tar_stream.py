"""Reads a tar stream with few copies of its bytes: Python's own reader copies each four times, half of a transfer's time."""

import tarfile
from collections.abc import Callable, Iterator
from typing import IO

_BLOCK = 512
_MOST = 16 * 1024 * 1024
"""Bytes that are read at once: all that are there."""


class Stream:
    """Reads bytes that come in pieces of any size. Raises tarfile.ReadError when they end too early."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._piece = memoryview(b"")

    def some(self, most: int) -> memoryview:
        """Return between 1 and `most` bytes; none at the end."""
        if not self._piece:
            self._piece = memoryview(self._read(_MOST))
        taken, self._piece = self._piece[:most], self._piece[most:]
        return taken

    def exactly(self, size: int) -> bytes:
        """Return exactly `size` bytes."""
        found = bytearray()
        while len(found) < size:
            piece = self.some(size - len(found))
            if not piece:
                raise tarfile.ReadError("unexpected end of data")
            found += piece
        return bytes(found)

    def copy(self, size: int, file: IO[bytes]) -> None:
        """Write exactly `size` bytes to an unbuffered file."""
        while size:
            piece = self.some(size)
            if not piece:
                raise tarfile.ReadError("unexpected end of data")
            size -= len(piece)
            while piece:
                piece = piece[file.write(piece) :]

    def skip(self, size: int) -> None:
        """Skip exactly `size` bytes."""
        while size:
            piece = self.some(size)
            if not piece:
                raise tarfile.ReadError("unexpected end of data")
            size -= len(piece)


class _Content:
    """The content of one member; what is not read of it is skipped."""

    def __init__(self, stream: Stream, size: int) -> None:
        self._stream, self.left = stream, size

    def copy(self, size: int, file: IO[bytes]) -> None:
        """Write `size` bytes of it to an unbuffered file."""
        self.left -= size
        self._stream.copy(size, file)


def members(read: Callable[[int], bytes]) -> Iterator[tuple[tarfile.TarInfo, _Content]]:
    """Yield every member of a stream in GNU's format. read: returns up to so many bytes, none at the end.

    Raises tarfile.TarError when the stream is not in that format, or ends too early.
    """
    stream = Stream(read)
    long_name: str | None = None
    while True:
        block = stream.exactly(_BLOCK)
        if not any(block):
            return  # more zeros follow, which fill the last record
        member = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        padding = -member.size % _BLOCK
        if member.type == tarfile.GNUTYPE_LONGNAME:
            long_name = stream.exactly(member.size + padding)[: member.size].split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
            continue
        if long_name is not None and member.type != tarfile.GNUTYPE_LONGLINK:
            member.name, long_name = long_name, None
        content = _Content(stream, member.size)
        yield member, content
        stream.skip(content.left + padding)
