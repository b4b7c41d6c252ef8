"""Counts, dashboard by dashboard, which panels answered as they did at the source, and which did not, or were not proven to.

Pure.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from backups.foreign import shown
from backups.panels.question import Answer, NotAsked, Question
from verification.evidence.together import WRONG, BoardPart, DifferentPart, LeftOutPart, Outcome, added
from verification.together import readable

_DIFFERENT, _LEFT_OUT = 100, 2000
"""How many a report names one by one; all are counted."""
_LONGEST = 1500
"""Characters of a query, or of an answer, in a report."""
_NAME = 200

_WORST: tuple[Outcome, ...] = (
    "silent",
    "otherwise",
    "cannot-be-asked",
    "not-protected",
    "not-asked",
    "not-fixed",
    "error-at-source",
    "equal",
    "empty-at-source",
    "asks-nothing",
)
"""What counts of a panel with several questions. Beside an equal answer an empty one takes nothing away, and adds nothing."""

Thing = tuple[int, str, str, str]
"""What asks: organisation, dashboard, its title, and the panel, variable or rule."""


@dataclass(frozen=True)
class Judged:
    """A question, what the source answered and what the copy did (None where nobody was asked), and how the two compare."""

    question: Question
    then: Answer
    now: Answer | None
    outcome: Outcome
    why: str = ""


@dataclass(frozen=True)
class Counted:
    """All that was asked, and what was not, counted. outcomes: of each thing that asks."""

    boards: tuple[BoardPart, ...]
    different: tuple[DifferentPart, ...]
    more_different: int
    left_out: tuple[LeftOutPart, ...]
    more_left_out: int

    @property
    def counts(self) -> dict[Outcome, int]:
        """How many things have each outcome."""
        return added(board.counts for board in self.boards)


def counted(
    judged: Sequence[Judged],
    not_asked: Iterable[NotAsked],
    newer: Iterable[Thing] = (),
    unopened: Mapping[tuple[int, str], str] | None = None,
) -> Counted:
    """Count them.

    not_asked: what the source was not asked. newer: what asks in the restored dashboards, and is in neither; of any titles
    unopened: dashboards that the copy does not give out as they were: none of their panels answers
    """
    shut = unopened or {}
    things: dict[tuple[int, str, str], tuple[str, list[tuple[Outcome, str]]]] = {}

    def note(thing: Thing, outcome: Outcome, why: str) -> None:
        organisation, dashboard, title, panel = thing
        # Folders of alert rules are told apart by their titles.
        key = (organisation, dashboard or f"\0{title}", panel)
        things.setdefault(key, (title, []))[1].append((outcome, why))

    for each in judged:
        note(_thing(each.question), _in_view(each, shut), each.why or shut.get(_board(each.question), ""))
    for one in not_asked:
        note((one.organisation, one.dashboard, one.title, one.panel), one.kind, one.why)
    for thing in newer:
        if (thing[0], thing[1] or f"\0{thing[2]}", thing[3]) not in things:
            note(thing, "not-asked", "it is newer than the questions of the backups")

    boards: dict[tuple[int, str], tuple[str, dict[Outcome, int]]] = {}
    left_out = []
    for (organisation, dashboard, panel), (title, outcomes) in things.items():
        outcome, why = min(outcomes, key=lambda one: _WORST.index(one[0]))
        counts = boards.setdefault((organisation, dashboard), (title, {}))[1]
        counts[outcome] = counts.get(outcome, 0) + 1
        if outcome != "equal" and outcome not in WRONG:
            left_out.append(_left_out(organisation, title, panel, outcome, why))
    different = [each for each in judged if _in_view(each, shut) in WRONG]
    return Counted(
        boards=tuple(_part(key, title, counts, shut) for key, (title, counts) in sorted(boards.items())),
        different=tuple(_different(each, shut) for each in different[:_DIFFERENT]),
        more_different=max(0, len(different) - _DIFFERENT),
        left_out=tuple(left_out[:_LEFT_OUT]),
        more_left_out=max(0, len(left_out) - _LEFT_OUT),
    )


def _thing(question: Question) -> Thing:
    return question.organisation, question.dashboard, question.title, question.panel


def _board(question: Question) -> tuple[int, str]:
    return question.organisation, question.dashboard


def _in_view(each: Judged, shut: Mapping[tuple[int, str], str]) -> Outcome:
    """An answer that nobody sees, since its dashboard does not open, is none."""
    return "silent" if each.outcome == "equal" and _board(each.question) in shut else each.outcome


def _part(key: tuple[int, str], title: str, counts: dict[Outcome, int], shut: Mapping[tuple[int, str], str]) -> BoardPart:
    organisation, dashboard = key
    return BoardPart(
        organisation=organisation,
        uid="" if dashboard.startswith("\0") else shown(dashboard, _NAME),
        title=shown(title, _NAME),
        panels=sum(counts.values()),
        counts=added([counts]),
        why=shut.get(key),
    )


def _left_out(organisation: int, title: str, panel: str, outcome: Outcome, why: str) -> LeftOutPart:
    return LeftOutPart(
        organisation=organisation,
        title=shown(title, _NAME),
        panel=shown(panel, _NAME),
        outcome=outcome,
        why=shown(why, _LONGEST),
    )


def _different(each: Judged, shut: Mapping[tuple[int, str], str]) -> DifferentPart:
    question = each.question
    return DifferentPart(
        service=question.service,
        title=shown(question.title, _NAME),
        panel=shown(question.panel, _NAME),
        outcome=_in_view(each, shut),
        query=shown(_query(question), _LONGEST),
        start=datetime.fromtimestamp(question.start / 1000, UTC),
        end=datetime.fromtimestamp(question.end / 1000, UTC),
        expected=shown(readable.answer(each.then), _LONGEST),
        observed=shown(readable.answer(each.now), _LONGEST),
        why=shown(each.why or shut.get(_board(question), ""), _LONGEST),
    )


def _query(question: Question) -> str:
    """What a person would call the query: its expression or statement."""
    if question.resource is not None:
        return question.resource
    for name in ("expr", "rawSql"):
        if isinstance(said := question.query.get(name), str):
            return said
    return json.dumps(question.query, ensure_ascii=False, sort_keys=True)
