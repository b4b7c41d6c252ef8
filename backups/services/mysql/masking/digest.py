"""Derives from a value and a key what its replacement is made of: the same for all values that a collation may call equal.

Pure.
"""

import hashlib
import struct
import unicodedata
from collections.abc import Sequence

from backups.services.mysql.masking.fitting import TOKEN

_LETTERS = "bcdfghjkmnpqrstvwxz"
"""No vowels, so that no words come of them; lower case, so that collations that ignore case tell them apart."""
_TRIPLES = [
    _LETTERS[code // len(_LETTERS) ** 2] + _LETTERS[code // len(_LETTERS) % len(_LETTERS)] + _LETTERS[code % len(_LETTERS)]
    for code in range(len(_LETTERS) ** 3)
]
_OF_CODE = [_TRIPLES[code % len(_TRIPLES)] for code in range(1 << 16)]
_CODES = struct.Struct(">16H").unpack
_FIRST = struct.Struct(">Q").unpack_from


def first(digest: bytes) -> int:
    """Return a number of 64 bits, which is the digest's beginning."""
    found: int = _FIRST(digest)[0]
    return found


def fold(text: str) -> str:
    """Return a text without what collations ignore: case, accents, spaces at its end."""
    if text.isascii():
        return text.lower().rstrip(" ")
    plain = "".join(part for part in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(part))
    # Once more: what was decomposed may have a case.
    return plain.casefold().rstrip(" ")


class Digests:
    """Digests under one key; `kind` separates those of different uses."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        # Copied for each value: beginning anew with the key takes twice as long.
        self._begun: dict[str, hashlib.blake2b] = {}

    def __call__(self, kind: str, data: bytes) -> bytes:
        """Return 32 bytes."""
        begun = self._begun.get(kind)
        if begun is None:
            begun = self._begun[kind] = hashlib.blake2b(digest_size=32, key=self._key, person=kind.encode())
        found = begun.copy()
        found.update(data)
        return found.digest()

    def of(self, kind: str, folded: str) -> bytes:
        """Return the digest of a text."""
        return self(kind, folded.encode("utf-8", "surrogatepass"))

    def number(self, kind: str, text: str, below: int) -> int:
        """Return a number from 0 on."""
        return first(self.of(kind, text)) % below

    def token(self, kind: str, text: str, length: int = TOKEN) -> str:
        """Return letters that are the same for texts that differ in what `fold` removes, but for the letters' case.

        Texts that a collation tells apart by case get letters in different cases, so that they remain different there.
        """
        folded = fold(text)
        return self.cased(letters_of(self.of(kind, folded), length), text, folded)

    def cased(self, letters: str, text: str, folded: str) -> str:
        """Return letters, some of them in upper case where the text is not as it is folded."""
        exact = text.rstrip(" ")
        if exact == folded:
            return letters
        bits = first(self.of("case", exact)) | 1
        return "".join(letter.upper() if bits >> at & 1 else letter for at, letter in enumerate(letters))


def letters_of(digest: bytes, length: int) -> str:
    """Return up to 48 letters."""
    return "".join([_OF_CODE[code] for code in _CODES(digest)[: -(-length // 3)]])[:length]


class Numbers:
    """Maps whole numbers from 0 on to one another, each to one of its size. sizes: bits, ascending."""

    def __init__(self, digests: Digests, sizes: Sequence[int]) -> None:
        self._sizes = [(1 << bits, Permutation(digests, bits)) for bits in sizes]

    def __call__(self, number: int) -> int:
        """Return what stands in its place."""
        least = 0
        for limit, permuted in self._sizes:
            if number < limit:
                number = permuted(number)
                while number < least:
                    number = permuted(number)
                return number
            least = limit
        raise ValueError("a number that is larger than its type takes")


class Permutation:
    """Maps the numbers below 2**bits to one another, each to another one's place: no two become equal. Keyed."""

    _ROUNDS = 8

    def __init__(self, digests: Digests, bits: int) -> None:
        self._digests = digests
        self._limit = 1 << bits
        self._half = (bits + 1) // 2
        self._mask = (1 << self._half) - 1
        self._kind = f"numbers{bits}"

    def __call__(self, number: int) -> int:
        """Return what stands in its place."""
        while True:
            number = self._mixed(number)
            if number < self._limit:
                return number

    def _mixed(self, number: int) -> int:
        left, right = number >> self._half, number & self._mask
        for turn in range(self._ROUNDS):
            mixed = first(self._digests(self._kind, b"%d:%d" % (turn, right)))
            left, right = right, left ^ (mixed & self._mask)
        return left << self._half | right
