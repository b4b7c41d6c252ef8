"""Makes the values that stand in the place of personal ones: keyed, repeatable, and fit for their column.

Equal values get equal replacements in every column of a kind, however they are written (`fold`). Pure, but for the pools.
Next files: `digest.py`, `remembered.py`, `pools.py`, `fitting.py`.
"""

import json
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from backups.services.masked import Kind, Masks, Ruled
from backups.services.mysql.masking import pools
from backups.services.mysql.masking.columns import Column, Family, ForeignKey
from backups.services.mysql.masking.content import like_a_key
from backups.services.mysql.masking.digest import Digests, Numbers, first, fold, letters_of
from backups.services.mysql.masking.fitting import COUNTRY, DIGITS, DOMAIN, HASH, SHORT, SHORT_DOMAIN, TOKEN
from backups.services.mysql.masking.remembered import Remembered
from backups.services.mysql.masking.rules import groups

Replace = Callable[[bytes | None], bytes]
"""Turns a value, as text in UTF-8 or as bytes, into the SQL of what stands in its place."""
_NULL, _EMPTY = b"NULL", b"''"
_FAMILY_NAMES = ("last", "surname", "family", "nach", "familien", "apellido", "cognome", "nazwisko", "achter", "sukunimi")
"""Beginnings and parts of the names of columns that hold family names alone."""
_SIZES = {"tinyint": (7, 8), "smallint": (15, 16), "mediumint": (23, 24), "int": (31, 32), "bigint": (31, 32, 63, 64)}
"""Bits: a number gets another one of its size, the same in an INT, an INT UNSIGNED and a BIGINT, which are joined."""
_SIGNS = re.compile(r"[^\w+]+")
"""What numbers are written with in different ways."""
_ASCII_SIGNS = bytes(code for code in range(128) if _SIGNS.match(chr(code)))
"""Those of them that nearly all numbers are written with."""
_FIRST_DAY, _DAYS = date(1930, 1, 1), 29_000
_FIRST_STAMP, _STAMP_DAYS = date(1971, 1, 1), 14_000
_FULL = 2 * pools.LONGEST + 1
"""Characters of a first and a family name."""


class Replacer:
    """Makes replacements for the columns of one server."""

    def __init__(self, masks: Masks, chosen: Mapping[Column, Ruled], keys: Sequence[ForeignKey]) -> None:
        self._digests = Digests(masks.key)
        self._pools = pools.pools(masks.locale)
        self._lower = [[name.lower() for name in names] for names in (self._pools.given, self._pools.family)]
        self._given = Remembered(lambda word: self._pools.given[self._digests.number("name", word, len(self._pools.given))])
        self._family = Remembered(lambda word: self._pools.family[self._digests.number("name", word, len(self._pools.family))])
        # Where one column of a kind must keep values apart, all of that kind do, so that they stay equal to it.
        self._apart = {ruled.kind for column, ruled in chosen.items() if column.unique}
        leaders = groups(chosen, keys)
        self._rooms: dict[tuple[str, str, str], int] = {}
        for column in chosen:
            leader = leaders[column.key]
            self._rooms[leader] = min(self._rooms.get(leader, column.room), column.room)
        self._leaders = leaders

    def of(self, column: Column, kind: Kind) -> Replace:
        """Return what replaces the values of a column; NULL stays NULL."""
        if kind == "null":
            return lambda _: _NULL
        return Remembered(self._maker(column, kind), none=_NULL).__getitem__

    def _maker(self, column: Column, kind: Kind) -> Callable[[bytes], bytes]:
        room = self._rooms.get(self._leaders.get(column.key, column.key), column.room)
        match column.family:
            case Family.TEXT:
                return self._text(column, kind, room)
            case Family.JSON:
                return self._json if kind == "text" else self._hashed_json
            case Family.INTEGER:
                return self._phone_number if kind == "phone" else self._integer(column)
            case Family.DATE:
                first, days = (_FIRST_STAMP, _STAMP_DAYS) if column.type == "timestamp" else (_FIRST_DAY, _DAYS)
                return lambda value: b"'%s'" % str(first + timedelta(days=self._at("date", value, days))).encode()
            case Family.BYTES:
                return self._bytes(column, room)
            case _:
                return self._point

    def _text(self, column: Column, kind: Kind, room: int) -> Callable[[bytes], bytes]:
        apart = kind in self._apart
        make: Callable[[str], str]
        match kind:
            case "name":
                family = any(part in column.name.lower() for part in _FAMILY_NAMES)
                make = lambda text: self.name(text, room, family=family, apart=apart)  # noqa: E731
            case "email":
                make = lambda text: self.email(text, room)  # noqa: E731
            case "phone":
                make = lambda text: self.phone(text, room)  # noqa: E731
            case "hash":
                make = lambda text: self._digests.token("hash", text, min(room, HASH))  # noqa: E731
            case _:
                return lambda value: self._filled(value.decode(), room, apart=apart) if value.strip(b" ") else _EMPTY
        # An empty text says that there is nothing: it stays.
        return lambda value: b"'%s'" % make(value.decode()).encode() if value.strip(b" ") else _EMPTY

    def name(self, text: str, room: int, *, family: bool, apart: bool) -> str:
        """Return another name: word by word, so that a full name is that of its first and its last name."""
        words = fold(text).replace(",", " ").split() or [text]
        if len(words) == 1:
            shown = self._family[words[0]] if family else self._given[words[0]]
        else:
            shown = f"{self._given[words[0]]} {self._family[words[-1]]}"
        if not apart or room < SHORT:
            return (shown if room >= _FULL else shown.rpartition(" ")[2])[:room]
        if room >= _FULL + 1 + TOKEN:
            return f"{shown} {self._digests.token('name', text)}"
        return self._digests.token("name", text, min(room, TOKEN))

    def email(self, text: str, room: int) -> str:
        """Return another address, of a domain that nobody has. No two are equal."""
        folded = fold(text)
        digest = self._digests.of("email", folded)
        if room < TOKEN + 1 + len(DOMAIN):
            return f"{self._digests.cased(letters_of(digest, SHORT), text, folded)}@{SHORT_DOMAIN}"
        token = self._digests.cased(letters_of(digest, TOKEN), text, folded)
        if room < _FULL + 2 + TOKEN + len(DOMAIN):
            return f"{token}@{DOMAIN}"
        # The end of the digest: the letters are of its beginning.
        given, family = self._lower
        return f"{given[first(digest[16:]) % len(given)]}.{family[first(digest[24:]) % len(family)]}.{token}@{DOMAIN}"

    def phone(self, text: str, room: int) -> str:
        """Return another number, of a country that there is not; equal for numbers that differ in spaces and signs."""
        digits = min(DIGITS + (3 if "phone" in self._apart and room >= len(COUNTRY) + DIGITS + 3 else 0), room - len(COUNTRY))
        folded = fold(text)
        if "phone" in self._apart:
            digest = self._digests.of("phone", folded)
        elif folded.isascii():
            digest = self._digests("phone", folded.encode().translate(None, _ASCII_SIGNS))
        else:
            digest = self._digests.of("phone", _SIGNS.sub("", folded))
        return f"{COUNTRY}{str(first(digest) % 10**digits).zfill(digits)}"

    def _filled(self, text: str, room: int, *, apart: bool) -> bytes:
        """Return words of the same length; of text that is JSON, JSON of the same shape."""
        if text[:1] in ("{", "[") and not apart and (written := self._document(text)) is not None and len(written) <= room:
            return _quoted(written)
        folded = fold(text)
        length = max(1, min(len(folded), room))
        if not apart:
            return b"'%s'" % self.filler(folded, length).encode()
        token = self._digests.token("text", text, min(room, TOKEN))
        return b"'%s'" % f"{token} {self.filler(folded, length)}"[: max(length, len(token))].rstrip().encode()

    def filler(self, folded: str, length: int) -> str:
        """Return that many characters of words, which begin somewhere else for each text."""
        if not length:
            return ""
        filler = self._pools.filler
        at = self._digests.number("text", folded, len(filler))
        words = (filler[at : at + length] + filler * (length // len(filler) + 1))[:length]
        # No space at either end: some columns do not keep it.
        return f"{words.strip(' '):e^{length}}"

    def _json(self, value: bytes) -> bytes:
        return _quoted(_written(self._masked(json.loads(value))))

    def _document(self, text: str) -> str | None:
        """Return a text that is JSON with other texts and numbers; None of one that is none, or too deep to be looked through."""
        try:
            return _written(self._masked(json.loads(text)))
        except (ValueError, RecursionError):
            return None

    def _hashed_json(self, value: bytes) -> bytes:
        return b'\'{"masked": "%s"}\'' % letters_of(self._digests("hash", value), HASH).encode()

    def _masked(self, document: Any) -> Any:
        """Return a document with other texts and numbers; its shape, true, false, null and the keys of programs stay."""
        if isinstance(document, dict):
            return {self._key(key): self._masked(part) for key, part in document.items()}
        if isinstance(document, list):
            return [self._masked(part) for part in document]
        if isinstance(document, str):
            return self.filler(fold(document), len(document))
        if isinstance(document, bool) or document is None:
            return document
        digits = len(str(abs(int(document)))) if abs(document) < 1e15 else 15
        return self._digests.number("number", str(document), 10**digits)

    def _key(self, key: str) -> str:
        """Return a key that may be somebody's address, name or number as letters."""
        return key if like_a_key(key) else self._digests.token("key", key)

    def _integer(self, column: Column) -> Callable[[bytes], bytes]:
        permuted = Numbers(self._digests, _SIZES[column.type])

        def make(value: bytes) -> bytes:
            number = int(value)
            return b"%d" % (permuted(number) if number >= 0 else -1 - permuted(-1 - number))

        return make

    def _phone_number(self, value: bytes) -> bytes:
        return b"%s%012d" % (COUNTRY[1:].encode(), self._at("phone", value, 10**DIGITS))

    def _bytes(self, column: Column, room: int) -> Callable[[bytes], bytes]:
        fixed = column.type == "binary"

        def make(value: bytes) -> bytes:
            if not value:
                return b"X''"
            length = min(room, 64 if fixed else 16)
            found = self._digests("bytes", value.rstrip(b"\0") if fixed else value) + self._digests("more bytes", value)
            return b"X'%s'" % found[:length].hex().encode()

        return make

    def _point(self, value: bytes) -> bytes:
        """Return another point of the same reference system, which is the first four bytes."""
        digest = self._digests("point", value)
        x, y = (int.from_bytes(digest[at : at + 4], "big") / (1 << 32) * 160 - 80 for at in (0, 4))
        return b"X'%s'" % (value[:4] + struct.pack("<BI2d", 1, 1, x, y)).hex().encode()

    def _at(self, kind: str, value: bytes, below: int) -> int:
        return first(self._digests(kind, value)) % below


def _written(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _quoted(text: str) -> bytes:
    """Return a text that may hold anything as SQL."""
    return b"_utf8mb4 X'%s'" % text.encode("utf-8", "surrogatepass").hex().encode()
