"""Reads dashboards of panels: in rows of old (`rows`), in rows among the panels, folded in or not, and shared ones (library)."""

from collections.abc import Iterator
from typing import Any

from backups.panels.boards import Board
from backups.panels.dashboards.shape import Json, mapping, objects, text
from backups.panels.dashboards.sheet import (
    EXPRESSION,
    MIXED,
    Distinct,
    Library,
    Panel,
    Query,
    Sheet,
    Variable,
    named,
    uid_of,
    whole,
)

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def read(board: Board, library: Library) -> Sheet:
    """Read a dashboard."""
    content = mapping(board.content)
    range_ = mapping(content.get("time"))
    listed = objects(mapping(content.get("templating")).get("list"))
    return Sheet(
        organisation=board.organisation,
        uid=text(board.uid),
        title=text(board.title),
        since=text(range_.get("from")),
        until=text(range_.get("to")),
        timezone=text(content.get("timezone")),
        panels=tuple(panel_of(one, repeats, library) for one, repeats in _walk(content)),
        variables=tuple(Variable(text(one.get("name")), text(one.get("type")), one) for one in listed),
    )


def _walk(content: Json) -> Iterator[tuple[Json, tuple[str, ...]]]:
    """Every panel that is no row, with the variables that its row is repeated for."""
    for row in objects(content.get("rows")):
        yield from _below(row, _repeats(row))
    yield from _below(content, ())


def _below(holder: Json, outer: tuple[str, ...]) -> Iterator[tuple[Json, tuple[str, ...]]]:
    inside = outer
    for one in objects(holder.get("panels")):
        if one.get("type") == "row":
            # What follows belongs to the row, until the next one; what is folded in stands in it.
            inside = (*outer, *_repeats(one))
            yield from _below(one, inside)
        else:
            yield one, (*inside, *_repeats(one))


def _repeats(one: Json) -> tuple[str, ...]:
    name = text(one.get("repeat"))
    return (name,) if name else ()


def panel_of(panel: Json, repeats: tuple[str, ...], library: Library) -> Panel:
    """One panel; of a library panel its model."""
    number, title = panel.get("id"), text(panel.get("title"))
    lacks, shared, broken = None, mapping(panel.get("libraryPanel")), False
    if shared:
        uid = text(shared.get("uid"))
        if uid in library:
            model = mapping(library[uid].model)
            title = title or text(model.get("title")) or text(library[uid].name)
            panel = {**model, "repeat": None, "repeatPanelId": panel.get("repeatPanelId")}
        elif not objects(panel.get("targets")):
            lacks, broken = f"library panel {text(shared.get('name')) or uid or 'without a uid'} is not there", True
    if panel.get("repeatPanelId") and not lacks:
        # Grafana removes these when it opens the dashboard, and repeats the panel anew.
        lacks = f"an old repetition of panel {text(panel['repeatPanelId'])}, which is repeated anew"
    queries = queries_of(objects(panel.get("targets")), panel.get("datasource"))
    kind = text(panel.get("type"))
    return Panel(
        key=f"panel-{text(number)[:100]}",
        name=named("panel", number, title),
        type=kind,
        queries=queries,
        repeats=repeats,
        lacks=lacks or (None if queries else f"a panel of type {kind or 'unknown'} without a query"),
        broken=broken,
        interval=text(panel.get("interval")),
        most_points=whole(panel.get("maxDataPoints")),
        since=text(panel.get("timeFrom")),
        shift=text(panel.get("timeShift")),
    )


def queries_of(targets: list[Json], source: Any) -> tuple[Query, ...]:
    """The queries of a panel. source: the panel's own data source, which all but expressions and those of a Mixed panel ask."""
    first = next((one["datasource"] for one in targets if uid_of(one.get("datasource")) and not _is_expression(one)), None)
    mixed, every = uid_of(source) == MIXED, source or first
    free = (letter for letter in _LETTERS if letter not in {text(one.get("refId")) for one in targets})
    letters = Distinct()
    return tuple(
        Query(
            refid=letters.of(text(one.get("refId"))[:100] or next(free, f"Q{place}")),
            source=one.get("datasource") if mixed or _is_expression(one) else every,
            hidden=bool(one.get("hide")),
            target=one,
        )
        for place, one in enumerate(targets)
    )


def _is_expression(target: Json) -> bool:
    source = target.get("datasource")
    return uid_of(source) == EXPRESSION or mapping(source).get("type") == EXPRESSION
