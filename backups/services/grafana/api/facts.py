"""What was read of a Grafana, as facts: how many there are of each kind, and what each object is.

The same function states the source (the witness) and what was brought back.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Holdings, Key
from backups.services.grafana.references import Targets, missing
from backups.witness import Fact

_NOWHERE = Targets(frozenset(), frozenset(), frozenset())
_COUNTED = (
    kinds.MEMBER, kinds.ROBOT, kinds.TEAM, kinds.FOLDER, kinds.SOURCE, kinds.PANEL, kinds.BOARD, kinds.TIMING, kinds.TEMPLATE,
    kinds.POINT, kinds.GROUP, kinds.PLAYLIST, kinds.ANNOTATION,
)  # fmt: skip


def facts(holdings: Holdings, *, closed: Iterable[tuple[int, str]] = (), without: Container[Key] = ()) -> list[Fact]:
    """Every fact. closed: kinds of an organisation that are not stated; without: objects that are not, nor counted."""
    shut = {*holdings.closed, *closed}
    stated = {
        key: body
        for key, body in holdings.objects.items()
        if key not in without and (key.organisation, key.kind) not in shut
    }  # fmt: skip
    left = Holdings(objects=stated)
    targets = {number: _targets(left, number) for number in holdings.organisations}
    return [
        *_counts(left, sorted(holdings.organisations), shut),
        *(fact for key, body in sorted(stated.items()) for fact in _object(key, body, targets)),
    ]


def _counts(holdings: Holdings, organisations: Iterable[int], closed: Container[tuple[int, str]]) -> Iterator[Fact]:
    """Also where there are none: what is lost is then a number that differs."""
    if (0, kinds.USER) not in closed:
        yield Fact("grafana", kinds.plural(kinds.USER), len(holdings.of(0, kinds.USER)))
    for number in organisations:
        for kind in _COUNTED:
            if (number, kind) not in closed:
                yield Fact(f"org {number}", kinds.plural(kind), len(holdings.of(number, kind)))


def _object(key: Key, body: Mapping[str, Any], targets: Mapping[int, Targets]) -> Iterator[Fact]:
    there = targets.get(key.organisation, _NOWHERE)
    if key.kind == kinds.BOARD:
        yield Fact(str(key), "title", str(body["spec"].get("title")))
        yield Fact(str(key), "folder", str(body.get("folderUid") or ""))
        yield Fact(str(key), "missing", missing(body["spec"], str(body.get("folderUid") or ""), there))
    elif key.kind == kinds.PANEL:
        yield Fact(str(key), "missing", missing(body.get("model"), str(body.get("folderUid") or ""), there))
    elif key.kind == kinds.GROUP:
        yield Fact(str(key), "missing", missing(body.get("rules"), str(body.get("folderUid") or ""), there))
    yield Fact(str(key), "definition", kinds.definition(key.kind, body))


def _targets(holdings: Holdings, organisation: int) -> Targets:
    sources = holdings.of(organisation, kinds.SOURCE)
    return Targets(
        folders=frozenset(holdings.of(organisation, kinds.FOLDER)),
        library_panels=frozenset(holdings.of(organisation, kinds.PANEL)),
        data_sources=frozenset(sources) | frozenset(str(body.get("name")) for body in sources.values()),
    )
