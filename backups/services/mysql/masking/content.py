"""Recognises values that are personal by what they look like: addresses, numbers with checksums, names, running text.

Pure.
"""

import ipaddress
import re
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache

from backups.services.masked import Kind
from backups.services.mysql.masking.digest import fold
from backups.services.mysql.masking.pools import first_names

_EMAIL = re.compile(r"[^\s@<>\"',;:()]{1,64}@[^\s@<>\"',;:()]{1,190}\.[a-z]{2,24}\b", re.IGNORECASE)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}\b")
_CARD = re.compile(r"(?<![\d.])[3-6]\d{3}(?:[ -]?\d){9,15}(?![\d.])")
_PHONE = re.compile(
    r"(?<![\w.])(?:\+|00)[1-9](?:[ ()/.-]{0,2}\d){7,13}(?!\w)|(?<![\w.])\(?0\d{2,5}\)?[ /-]\d[\d /-]{4,10}\d(?!\w)"
)
_IP = re.compile(
    r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])|(?<![\w:.])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:.])", re.IGNORECASE
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_KEY = re.compile(r"[A-Za-z_$][\w$-]*", re.ASCII)
_MANY_WORDS = 5
_SHARE_OF_NAMES = 0.2
_SHARE_OF_CARDS = 0.5
"""Of plain numbers: one in ten passes the checksum of a card by chance."""


def email(text: str) -> bool:
    """Return whether an e-mail address is in a text."""
    return "@" in text and _EMAIL.search(text) is not None


def iban(text: str) -> bool:
    """Return whether an account number with a right checksum (ISO 13616) is in a text."""
    for found in _IBAN.finditer(text.upper()):
        written = found[0].replace(" ", "")
        for length in range(min(len(written), 34), 14, -1):
            moved = written[4:length] + written[:4]
            if int("".join(str(int(character, 36)) for character in moved)) % 97 == 1:
                return True
    return False


def card(text: str) -> bool:
    """Return whether the number of a payment card, by its checksum (Luhn), is in a text."""
    for found in _CARD.finditer(text):
        digits = [int(character) for character in found[0] if character.isdigit()]
        doubled = [digit * 2 - 9 * (digit > 4) if at % 2 else digit for at, digit in enumerate(reversed(digits))]
        if 13 <= len(digits) <= 19 and sum(doubled) % 10 == 0 and len(set(digits)) > 1:
            return True
    return False


def phone(text: str) -> bool:
    """Return whether a telephone number is in a text: one that begins with its country's code, or with 0 and a separator."""
    return _PHONE.search(text) is not None


def ip(text: str) -> bool:
    """Return whether an address of the internet is in a text."""
    for found in _IP.finditer(text):
        try:
            address = ipaddress.ip_address(found[0])
        except ValueError:
            continue
        if not (address.is_loopback or address.is_unspecified):
            return True
    return False


_TESTS: Sequence[tuple[str, Kind, Callable[[str], bool]]] = (
    ("an e-mail address", "email", email),
    ("a bank account", "hash", iban),
    ("a payment card", "hash", card),
    ("a telephone number", "phone", phone),
    ("an address of the internet", "hash", ip),
)


def found_in(text: str) -> str | None:
    """Return what personal thing a text holds; None where nothing is recognised."""
    return next((what for what, _, test in _TESTS if test(text)), None)


@lru_cache(1 << 12)
def like_a_key(text: str) -> bool:
    """Return whether a text of JSON may be a key that a program has chosen, and not what somebody is called or numbered."""
    return _KEY.fullmatch(text) is not None and not _is_name(text, first_names())


def meaning(values: Collection[str]) -> tuple[str, Kind] | None:
    """Return what a column's values look like, with the kind that suits; None where nothing personal is seen in them."""
    texts = [text for text in values if text]
    if not texts:
        return None
    for what, kind, test in _TESTS:
        hits = [text for text in texts if test(text)]
        if hits and not (test is card and all(text.isdigit() for text in hits) and len(hits) < _SHARE_OF_CARDS * len(texts)):
            # Alone in its value it is of that kind; somewhere in running text it is not.
            alone = all(len(text.split()) == 1 or test is not email for text in hits)
            return f"{len(hits)} of {len(texts)} values looked at hold {what}", kind if alone else "text"
    names = first_names()
    named = [text for text in texts if _is_name(text, names)]
    if len(named) >= max(1, _SHARE_OF_NAMES * len(texts)):
        return f"{len(named)} of {len(texts)} values looked at hold a first name", "name"
    if sum(len(text.split()) for text in texts) >= _MANY_WORDS * len(texts):
        return "its values are running text", "text"
    return None


def _is_name(text: str, names: Collection[str]) -> bool:
    words = _WORD.findall(text)
    return 1 <= len(words) <= 4 and any(word[:1].isupper() and fold(word) in names for word in words)
