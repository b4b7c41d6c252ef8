"""Holds the names and words that replacements are made of, in one language and in all that are known; by mimesis.

Only letters of ASCII: every character set has them. Next file: `replace.py`.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from mimesis import Person, Text
from mimesis.locales import Locale

from backups.errors import ConfigError

LONGEST = 10
"""Letters of a name, so that it is known beforehand how long a replacement is."""
FILLER = 1 << 14
"""Characters of the text that replaces texts."""
_COMMON = ("en", "de", "fr", "es", "it", "nl", "pl", "pt", "sv", "da", "cs", "tr", "fi", "no")
"""Whose first names are recognised in columns."""


@dataclass(frozen=True)
class Pools:
    """First names, family names, and a long text of words."""

    given: tuple[str, ...]
    family: tuple[str, ...]
    filler: str
    words: frozenset[str]
    """Every name, folded."""


@cache
def pools(locale: str) -> Pools:
    """Return the pools of a language; raises ConfigError for one that is not known, or that writes in other letters."""
    try:
        chosen = Locale(locale)
    except ValueError as error:
        raise ConfigError(
            f"masks: locale: {locale} is none of those that are known", hint=f"one of: {', '.join(_COMMON)}"
        ) from error
    person = Person(chosen)
    given, family = _plain(_leaves(person._extract(["names"]))), _plain(_leaves(person._extract(["surnames"])))  # noqa: SLF001
    words = _plain(_leaves(Text(chosen)._extract(["words"])))  # noqa: SLF001
    if min(map(len, (given, family, words))) < 50:
        raise ConfigError(
            f"masks: locale: {locale} has too few names in the letters that every column can hold",
            hint=f"one of: {', '.join(_COMMON)}",
        )
    return Pools(given, family, _filler([word.lower() for word in words]), frozenset(name.lower() for name in (*given, *family)))


@cache
def first_names() -> frozenset[str]:
    """Return first names of many languages, folded: what a column that holds names is recognised by."""
    found: set[str] = set()
    for locale in _COMMON:
        leaves = _leaves(Person(Locale(locale))._extract(["names"]))  # noqa: SLF001
        found.update(plain(name).lower() for name in leaves)
    return frozenset(name for name in found if len(name) > 2)


def plain(text: str) -> str:
    """Return a text without accents, as far as that is possible."""
    return "".join(part for part in unicodedata.normalize("NFKD", text) if not unicodedata.combining(part))


def _plain(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that can be written in ASCII's letters, each once, in an order that no other version changes."""
    found = {plain(name) for name in names}
    return tuple(sorted(name for name in found if name.isascii() and name.isalpha() and 2 < len(name) <= LONGEST))


def _leaves(found: Any) -> list[str]:
    """Return the texts in what mimesis has as lists, or as lists by gender."""
    if isinstance(found, dict):
        return [leaf for part in found.values() for leaf in _leaves(part)]
    return cast("list[str]", list(found))


def _filler(words: list[str]) -> str:
    text = ""
    step = 7919  # a prime: all words come, and not in their order
    at = 0
    while len(text) < FILLER:
        at = (at + step) % len(words)
        text += words[at] + " "
    return text[:FILLER]
