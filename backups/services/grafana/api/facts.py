"""States what was read of a Grafana as facts: how many objects there are of each kind, and what each is.

The same function states the source (the witness) and what was brought back.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources.order import RESOURCES, resource
from backups.services.grafana.references import Targets
from backups.witness import Fact

_NO_TARGETS = Targets(frozenset(), frozenset(), frozenset())


def facts(objects: Objects, *, closed: Iterable[tuple[int, str]] = (), without: Container[Key] = ()) -> list[Fact]:
    """Every fact. closed: kinds of an organisation that are not stated; without: objects that are not, nor counted."""
    unread = {*objects.closed, *closed}
    stated = [key for key in objects.bodies if key not in without and (key.organisation, key.kind) not in unread]
    left = Objects(objects.packed.subset(stated))
    targets = {number: _targets(left, number) for number in objects.organisations}
    return [
        *_counts(left, sorted(objects.organisations), unread),
        *(fact for key in sorted(stated) for fact in _object(key, left.bodies[key], targets)),
    ]


def _counts(objects: Objects, organisations: Iterable[int], closed: Container[tuple[int, str]]) -> Iterator[Fact]:
    """Also where there are none: if all are missing from a restore, a number differs."""
    if (0, kinds.USER) not in closed:
        yield Fact("grafana", kinds.plural(kinds.USER), len(objects.of(0, kinds.USER)))
    for number in organisations:
        for kind in (one.kind for one in RESOURCES if one.counted):
            if (number, kind) not in closed:
                yield Fact(f"org {number}", kinds.plural(kind), len(objects.of(number, kind)))


def _object(key: Key, body: Mapping[str, Any], targets: Mapping[int, Targets]) -> Iterator[Fact]:
    found = resource(key.kind)
    yield from found.facts(str(key), body, targets.get(key.organisation, _NO_TARGETS))
    yield Fact(str(key), "definition", found.definition(body))


def _targets(objects: Objects, organisation: int) -> Targets:
    sources = objects.of(organisation, kinds.DATA_SOURCE)
    return Targets(
        folders=frozenset(objects.of(organisation, kinds.FOLDER)),
        library_panels=frozenset(objects.of(organisation, kinds.LIBRARY_PANEL)),
        data_sources=frozenset(sources) | frozenset(str(body.get("name")) for body in sources.values()),
    )
