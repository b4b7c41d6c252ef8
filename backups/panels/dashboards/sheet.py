"""Reads one dashboard, or all, as a sheet: what asks there, whichever layout it is stored in.

Next files: `classic.py`, panels and rows; `second.py`, elements of version 2.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from backups.panels.boards import Boards, LibraryPanel
from backups.panels.dashboards.shape import Json, mapping, text

EXPRESSION = "__expr__"
MIXED = "-- Mixed --"
_LONGEST_UID = 200
"""Of a variable's name, too."""

Library = Mapping[str, LibraryPanel]
"""The library panels of an organisation, by uid."""


@dataclass(frozen=True)
class Query:
    """A query of a panel.

    refid: its letter. source: what it says of its data source (text, object, nothing). target: its members
    """

    refid: str
    source: Any
    hidden: bool
    target: Json

    @property
    def is_expression(self) -> bool:
        """Whether Grafana computes it out of other queries."""
        return uid_of(self.source) == EXPRESSION or mapping(self.source).get("type") == EXPRESSION


@dataclass(frozen=True)
class Panel:
    """A panel. key: the same each night, unique in its dashboard. name: for a person, unique too.

    repeats: the variables that it, or its row, is repeated for. lacks: why it asks nothing, or cannot (`broken`)
    interval, most_points, since, shift: as the panel has them, "" and 0 for what it has not
    """

    key: str
    name: str
    type: str
    queries: tuple[Query, ...] = ()
    repeats: tuple[str, ...] = ()
    lacks: str | None = None
    broken: bool = False
    interval: str = ""
    most_points: int = 0
    since: str = ""
    shift: str = ""


@dataclass(frozen=True)
class Variable:
    """A variable. content: as a classic dashboard has it."""

    name: str
    type: str
    content: Json


@dataclass(frozen=True)
class Sheet:
    """A dashboard. since, until: its range of time, as it stands there (`now-6h`)."""

    organisation: int
    uid: str
    title: str
    since: str
    until: str
    timezone: str
    panels: tuple[Panel, ...] = ()
    variables: tuple[Variable, ...] = field(default=())


def sheets(boards: Boards) -> Iterator[Sheet]:
    """Read every dashboard, in their order."""
    from backups.panels.dashboards import classic, second

    library: dict[int, dict[str, LibraryPanel]] = {}
    for one in boards.library:
        library.setdefault(one.organisation, {})[one.uid] = one
    for board in boards.boards:
        read = second.read if board.layout == "v2" else classic.read
        found = read(board, library.get(board.organisation, {}))
        yield replace(
            found,
            uid=found.uid[:_LONGEST_UID],
            title=found.title[:1000],
            panels=distinct(found.panels),
            variables=_first_of_each_name(found.variables),
        )


def uid_of(source: Any) -> str | None:
    """The uid or name that a reference to a data source says; None where it says none."""
    found = source.get("uid") if isinstance(source, Mapping) else source
    return text(found) or None


def whole(value: Any) -> int:
    """A whole number above 0, else 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def named(kind: str, number: Any, title: str) -> str:
    """What a person calls it: `panel 4 Orders`."""
    return " ".join(filter(None, [kind, text(number), title.strip()]))[:500]


def distinct(panels: Sequence[Panel]) -> tuple[Panel, ...]:
    """The panels, each with a key and a name of its own: two may have one number, or none."""
    keys, names = Distinct(), Distinct()
    return tuple(replace(one, key=keys.of(one.key), name=names.of(one.name)) for one in panels)


class Distinct:
    """Gives names that are given twice a number: `x`, `x #2`."""

    def __init__(self) -> None:
        self._given: set[str] = set()
        self._times: Counter[str] = Counter()

    def of(self, name: str) -> str:
        """The name, or the next of its kind that nobody has."""
        found = name
        while found in self._given:
            self._times[name] += 1
            found = f"{name} #{self._times[name] + 1}"
        self._given.add(found)
        return found


def _first_of_each_name(variables: Sequence[Variable]) -> tuple[Variable, ...]:
    """Grafana takes the last of two with one name; both are told apart here, and the last keeps the name."""
    names = Distinct()
    return tuple(reversed([replace(one, name=names.of(one.name[:_LONGEST_UID])) for one in reversed(variables)]))
