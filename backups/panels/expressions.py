"""Says which queries an expression of Grafana (`__expr__`) is computed from."""

import re
from collections.abc import Collection, Mapping

from backups.panels.dashboards.shape import Json, mapping, objects, text, texts

_WORD = re.compile(r"\$\{([^}]+)\}|\$?(\w+)")


def named(target: Json, letters: Collection[str]) -> set[str]:
    """The letters of the queries that an expression names: in its text (math, reduce, threshold, SQL), or in its conditions."""
    found = {first or second for first, second in _WORD.findall(text(target.get("expression")))}
    for condition in objects(target.get("conditions")):
        found.update(texts(mapping(condition.get("query")).get("params"))[:1])
    return found & set(letters)


def inputs(letter: str, names: Mapping[str, Collection[str]]) -> list[str]:
    """The letters of all that an expression needs, itself left out, in the order of `names`.

    names: what each query names, by its letter; those of a data source name none
    """
    needed: set[str] = set()
    open_ones = [letter]
    while open_ones:
        one = open_ones.pop()
        new = set(names[one]) - needed - {one}
        needed |= new
        open_ones.extend(new)
    return [one for one in names if one in needed and one != letter]
