"""Makes questions of the queries of a panel or an alert rule, and says of each query that is not asked why it is not."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from backups.panels import expressions, queries
from backups.panels.dashboards.shape import Kind, Unaskable
from backups.panels.dashboards.sheet import EXPRESSION, Query
from backups.panels.dashboards.times import Window
from backups.panels.question import NotAsked, Question

_MOST_QUERIES = 100
_LONGEST_WHY = 2000
_HIDDEN = Unaskable("it is hidden", "asks-nothing")
_NOT_THROUGH = Unaskable("only a Grafana computes an expression, and none may be asked")


@dataclass(frozen=True)
class Whose:
    """What the questions are about. key: of what asks, unique and the same each night; the other members as in `Question`."""

    organisation: int
    dashboard: str
    title: str
    panel: str
    key: str


@dataclass(frozen=True)
class Made:
    """A query that can be asked. data: whether a data source answers it; else Grafana computes it."""

    service: str
    window: Window
    query: dict[str, Any]
    data: bool = True


@dataclass
class Found:
    """What became of everything that asks there: questions, and why the others are none. reasons: letters by kind and words."""

    whose: Whose
    questions: list[Question] = field(default_factory=list)
    reasons: dict[tuple[Kind, str], list[str]] = field(default_factory=dict)

    def leave(self, reason: Unaskable, letter: str = "") -> None:
        """Note why something is not asked. letter: of the query, "" for all that asks there."""
        letters = self.reasons.setdefault((reason.kind, reason.why), [])
        if letter and letter not in letters:
            letters.append(letter)

    def not_asked(self, several: bool) -> Iterator[NotAsked]:  # noqa: FBT001 - the only argument
        """The reasons, each once. several: there is more than one query, so that each needs its letter."""
        whose = self.whose
        for (kind, why), letters in self.reasons.items():
            which = f"query {', '.join(letters)}: " if several and letters else ""
            yield NotAsked(
                organisation=whose.organisation,
                dashboard=whose.dashboard,
                title=whose.title,
                panel=whose.panel,
                kind=kind,
                why=f"{which}{why}"[:_LONGEST_WHY],
            )


Make = Callable[[Query], Made]
"""Makes a query that can be asked of one that a data source answers; raises Unaskable."""


def questions(
    asking: Sequence[Query], make: Make, fill_in: Callable[[Query, Any], Any], found: Found, *, through: bool, suffix: str = ""
) -> None:
    """Add to `found` the questions of a panel, or of one of its repetitions.

    fill_in: fills an expression's member in. through: a Grafana is asked, so expressions can be
    suffix: what tells a repetition from the others, in the questions' ids
    """
    asking = _few(asking, found)
    by_letter = {one.refid: one for one in asking}
    names = {one.refid: expressions.named(one.target, by_letter) if one.is_expression else () for one in asking}
    inputs = {one.refid: expressions.inputs(one.refid, names) for one in asking if one.is_expression}
    needed = {each for one in asking if one.is_expression and not one.hidden for each in inputs[one.refid]}
    made: dict[str, Made | Unaskable] = {}
    for one in asking:
        result = _made(one, make) if not one.hidden or one.refid in needed else _HIDDEN
        if result is not None:
            made[one.refid] = result
        if isinstance(result, Unaskable):
            found.leave(result, one.refid)
    for one in asking:
        result = made.get(one.refid)
        if result is None and not through:
            found.leave(_NOT_THROUGH, one.refid)
        elif not isinstance(result, Unaskable):
            try:
                if result is None:
                    asked = _computed(found.whose, one, suffix, inputs[one.refid], made, by_letter, fill_in)
                else:
                    asked = _question(found.whose, one.refid, suffix, result)
                found.questions.append(asked)
            except Unaskable as reason:
                found.leave(reason, one.refid)


def _few(asking: Sequence[Query], found: Found) -> Sequence[Query]:
    """The queries of a panel or a rule, as far as they are asked."""
    if len(asking) > _MOST_QUERIES:
        found.leave(Unaskable(f"it has {len(asking):,} queries, and only the first {_MOST_QUERIES} are asked", "not-asked"))
    return asking[:_MOST_QUERIES]


def _made(query: Query, make: Make) -> Made | Unaskable | None:
    """The query as it can be asked, or why it cannot; None for an expression."""
    try:
        return None if query.is_expression else make(query)
    except Unaskable as reason:
        return reason


def _question(whose: Whose, letter: str, suffix: str, made: Made, beside: Iterable[dict[str, Any]] = ()) -> Question:
    return queries.question(
        id=f"{whose.organisation}/{whose.dashboard}/{whose.key}/{letter}{suffix}",
        organisation=whose.organisation,
        dashboard=whose.dashboard,
        title=whose.title,
        panel=whose.panel,
        service=made.service,
        start=made.window.start,
        end=made.window.end,
        query=made.query,
        beside=tuple(beside),
    )


def _computed(
    whose: Whose,
    query: Query,
    suffix: str,
    before: Sequence[str],
    made: Mapping[str, Made | Unaskable],
    by_letter: Mapping[str, Query],
    fill_in: Callable[[Query, Any], Any],
) -> Question:
    """The question of an expression, with all that it is computed from beside it."""
    data, beside = [], []
    for letter in before:
        result = made.get(letter)
        if isinstance(result, Unaskable):
            raise Unaskable(f"it is computed from query {letter}, which is not asked: {result.why}", result.kind)
        if result is None:
            beside.append(_expression(by_letter[letter], fill_in))
        else:
            data.append(result)
            beside.append(result.query)
    if not data:
        raise Unaskable("it is computed from no query")
    if len({one.window for one in data}) > 1:
        raise Unaskable("the queries that it is computed from have different ranges of time")
    # The past of a Prometheus is the same at any instant: whatever else there is decides in whose backup it is asked.
    moving = [one for one in data if one.query["datasource"]["type"] != "prometheus"]
    if len({one.service for one in moving}) > 1:
        raise Unaskable("it is computed from several servers, and their backups are of different instants")
    return _question(whose, query.refid, suffix, replace((moving or data)[0], query=_expression(query, fill_in)), beside)


def _expression(query: Query, fill_in: Callable[[Query, Any], Any]) -> dict[str, Any]:
    members = {name: fill_in(query, value) for name, value in query.target.items() if name not in queries.EDITORS}
    return queries.bounded({**members, "refId": query.refid, "datasource": {"type": EXPRESSION, "uid": EXPRESSION}})
