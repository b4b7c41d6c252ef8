"""Keeps the number of questions within bounds, fairly by dashboards, and looks into each block that no window reaches."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise, zip_longest

from backups import plural
from backups.panels.dashboards.times import MINUTE, Window
from backups.panels.question import NotAsked, Question

_TWO_HOURS = 120 * MINUTE
_MOST_LOOKS = 200
_LOOKS = 3
"""Panels that look into a block, where none is known to have an answer."""
_MOST_CHARACTERS = 8_000_000
"""Of one service's questions, so that what a backup keeps of them can be read again."""
_BACK = 5 * MINUTE
"""How far an instant query looks back."""


def fairly(
    groups: Sequence[Sequence[Sequence[Question]]], most: int, blocks: Mapping[str, Sequence[Window]]
) -> tuple[list[Question], list[NotAsked]]:
    """Take one question of each dashboard in turn until a service has `most`; what is left is told, a line for each panel.

    groups: questions by dashboard, and there by what asks. blocks: a fifth of the number is kept for looks into them
    Every id is unique in what is returned.
    """
    taken: list[Question] = []
    left: list[Question] = []
    count: Counter[str] = Counter()
    size: Counter[str] = Counter()
    for question in _in_turn([[one for asker in group for one in asker] for group in groups]):
        room = most - min(len(blocks.get(question.service, ())) * _LOOKS, most // 5)
        if count[question.service] < room and size[question.service] < _MOST_CHARACTERS:
            count[question.service] += 1
            size[question.service] += len(question.model_dump_json())
            taken.append(question)
        else:
            left.append(question)
    return list(_unique(taken)), list(_beyond(left, most))


def _in_turn(groups: Sequence[Sequence[Question]]) -> Iterator[Question]:
    for turn in zip_longest(*groups):
        yield from (one for one in turn if one is not None)


def _unique(questions: Sequence[Question]) -> Iterator[Question]:
    times: Counter[str] = Counter()
    for one in questions:
        times[one.id] += 1
        yield one if times[one.id] == 1 else one.model_copy(update={"id": f"{one.id} #{times[one.id]}"})


def _beyond(left: Sequence[Question], most: int) -> Iterator[NotAsked]:
    by_panel: dict[tuple[int, str, str, str, str], int] = Counter(
        (one.organisation, one.dashboard, one.title, one.panel, one.service) for one in left
    )
    for (organisation, dashboard, title, panel, service), number in by_panel.items():
        yield NotAsked(
            organisation=organisation,
            dashboard=dashboard,
            title=title,
            panel=panel,
            kind="not-asked",
            why=f"{plural.count(number, 'query')} beyond what {service} is asked: "
            f"{most:,} questions, {_MOST_CHARACTERS:,} characters",
        )


def stretches(blocks: Sequence[Window], end: int) -> list[Window]:
    """The blocks that a backup held, and what came since, two hours at a time as Prometheus makes blocks of it; until `end`."""
    before = [Window(one.start, min(one.end, end)) for one in blocks if one.start < min(one.end, end)]
    if not before:
        return []
    last = max(one.end for one in before)
    edges = [last, *range(last - last % _TWO_HOURS + _TWO_HOURS, end, _TWO_HOURS)[-100:], end]
    since = [Window(first, second) for first, second in pairwise(edges) if second > first]
    return [*before, *since]


def looks(chosen: Sequence[Question], blocks: Mapping[str, Sequence[Window]], seen: Collection[str], most: int) -> list[Question]:
    """Ask panels again, inside each block that none of the chosen windows reaches into; no service more than `most` in all.

    seen: ids that were answered with rows before: one of them is enough, of others a few
    """
    found: list[Question] = []
    count: Counter[str] = Counter()
    ids: set[str] = set()
    for service, windows in blocks.items():
        mine = [one for one in chosen if one.service == service]
        askers = [one for one in mine if one.resource is None and not one.beside]
        reached = [_reach(one) for one in mine]
        unseen = [window for window in windows if not any(_touch(window, one) for one in reached)]
        for window in unseen[-_MOST_LOOKS:]:
            room = max(0, most - len(mine) - count[service])
            inside = [_within(one, window) for one in _picked(askers, window, seen)]
            # Two blocks may begin at one time.
            new = [one for one in inside if one.id not in ids][:room]
            ids.update(one.id for one in new)
            count[service] += len(new)
            found += new
    return found


def _reach(question: Question) -> Window:
    """What a question reaches into: an instant query only a little before its instant."""
    query = question.query
    if query.get("instant") is True and not query.get("range"):
        return Window(question.end - _BACK, question.end)
    return Window(question.start, question.end)


def _touch(block: Window, window: Window) -> bool:
    return window.start < block.end and block.start <= window.end


def _picked(askers: Sequence[Question], window: Window, seen: Collection[str]) -> list[Question]:
    """Others for each block, and the same each night: by a hash of both."""

    def order(one: Question) -> bytes:
        return hashlib.sha256(f"{window.start} {one.id}".encode()).digest()

    known = [one for one in askers if one.id in seen]
    return sorted(known, key=order)[:1] or sorted(askers, key=order)[:_LOOKS]


def _within(question: Question, block: Window) -> Question:
    """The same question at the end of a block, with as much of its window as the block is long."""
    end = block.end - block.end % MINUTE
    if end <= block.start:
        end = block.end
    start = max(block.start, end - (question.end - question.start))
    at = datetime.fromtimestamp(block.start / 1000, UTC)
    return question.model_copy(
        update={"id": f"{question.id} in the block of {at:%Y-%m-%dT%H:%M:%SZ}", "start": start, "end": end}
    )
