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


def inputs(letter: str, targets: Mapping[str, Json], computed: Collection[str]) -> list[str]:
    """The letters of all that an expression needs, itself left out, in the order of `targets`. computed: those of expressions."""
    needed: set[str] = set()
    open_ones = [letter]
    while open_ones:
        one = open_ones.pop()
        if one in computed:
            new = named(targets[one], targets) - needed - {one}
            needed |= new
            open_ones.extend(new)
    return [one for one in targets if one in needed - {letter}]
