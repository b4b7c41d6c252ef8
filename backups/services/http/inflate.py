"""Unpacks compressed answers piece by piece, so that a small one cannot become more than there is memory for."""

import zlib
from collections.abc import Iterable, Iterator

from backups.errors import LifeboatError, Transient

_PIECE = 1 << 20
_GZIP = 16 + zlib.MAX_WBITS


def plain(pieces: Iterable[bytes], encoding: str | None, what: str) -> Iterator[bytes]:
    """The content of an answer's pieces, at most a mebibyte at a time. Raises LifeboatError for what cannot be unpacked."""
    name = (encoding or "identity").strip().lower()
    if name == "identity":
        yield from pieces
        return
    if name not in ("gzip", "x-gzip"):
        raise LifeboatError(f"{what} answers in the encoding {name[:40]!r}, which was not asked for", hint="is the url right?")
    packed = zlib.decompressobj(_GZIP)
    some = False
    for piece in pieces:
        left = piece
        while left:
            some = True
            if packed.eof:
                packed = zlib.decompressobj(_GZIP)
            try:
                yield packed.decompress(left, _PIECE)
            except zlib.error:
                raise LifeboatError(f"{what} answers with what is no gzip", hint="is the url right?") from None
            left = packed.unconsumed_tail or packed.unused_data
    while not packed.eof and (rest := packed.decompress(b"", _PIECE)):
        yield rest
    if some and not packed.eof:
        raise Transient(f"{what} could not be read: the answer was cut short", hint="look at what stands before the server")
