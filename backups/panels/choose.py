"""Chooses, out of everything that dashboards ask, what is asked of the services that Lifeboat protects; it asks nobody itself.

Every panel, variable and alert rule ends in a question or in a reason why it has none. Next files: `walk.py`, what there is;
`asked.py`, questions of one panel; `spread.py`, how many, fairly, and a look into every block of Prometheus.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from backups.panels import asked, queries, ruled, spread
from backups.panels.asked import Found, Made, Whose
from backups.panels.boards import Boards, DataSource
from backups.panels.dashboards import steps, times
from backups.panels.dashboards.references import Services, Sources, service_of
from backups.panels.dashboards.room import Room, Rooms
from backups.panels.dashboards.shape import Json, Unaskable, mapping, text
from backups.panels.dashboards.sheet import Panel, Query, Sheet, sheets
from backups.panels.dashboards.times import MINUTE, Window
from backups.panels.question import NotAsked, Question
from backups.panels.variables import filters
from backups.panels.variables.fill import Scope
from backups.panels.variables.resolve import Variables
from backups.panels.variables.value import Value
from backups.panels.walk import rules

_REPETITIONS = 20
"""Of one panel, for the values of its variable: those beyond are told."""


@dataclass(frozen=True)
class Circumstances:
    """What a choice depends on besides the dashboards.

    services: who protects which data source. end: in milliseconds, UTC; nothing is asked about what is later
    through: a Grafana is asked, which computes expressions. replies: what was answered to `lookups`, by id
    most: questions for each service. blocks: of the services that have some, as windows; `seen`: ids that were answered before
    """

    services: Services
    end: int
    through: bool = False
    replies: Mapping[str, Json] = field(default_factory=dict)
    most: int = 1000
    blocks: Mapping[str, Sequence[Window]] = field(default_factory=dict)
    seen: Collection[str] = frozenset()


@dataclass(frozen=True)
class Choice:
    """What is asked, the most important first, and what is not."""

    questions: tuple[Question, ...]
    not_asked: tuple[NotAsked, ...]


def lookups(boards: Boards, given: Circumstances) -> list[Question]:
    """The variables' questions that can be asked by now and have no answer in `given.replies`; none when all are answered."""
    found = []
    for sheet, variables, _ in _dashboards(boards, given, final=False):
        for one in sheet.variables:
            try:
                variables.value(one.name)
            except Unaskable:
                continue
        found += [one for one in variables.questions.values() if one.id not in given.replies]
    return found


def choose(boards: Boards, given: Circumstances) -> Choice:
    """Choose the questions of every dashboard and alert rule, with the reasons of what is not asked."""
    groups: list[list[Found]] = []
    told: list[NotAsked] = []
    for sheet, variables, sources in _dashboards(boards, given, final=True):
        group = [*_of_variables(sheet, variables)]
        for panel in sheet.panels:
            found = _of_panel(panel, sheet, variables, sources, given)
            told += found.not_asked(several=len(panel.queries) > 1)
            group.append(found)
        told += [one for found in group[: len(sheet.variables)] for one in found.not_asked(several=False)]
        groups.append(group)
    of_rules: dict[tuple[int, str], list[Found]] = {}
    every = _sources(boards)
    room = Room()
    for rule, name in rules(boards):
        here = every.get(rule.organisation, Sources(()))
        found = ruled.of_rule(rule, name, here, given.services, given.end, room, through=given.through)
        told += found.not_asked(several=len(rule.data) > 1)
        of_rules.setdefault((rule.organisation, rule.folder), []).append(found)
    groups += of_rules.values()
    chosen, beyond = spread.fairly([[one.questions for one in group] for group in groups], given.most, given.blocks)
    looks = spread.looks(chosen, given.blocks, given.seen, given.most)
    return Choice((*chosen, *looks), (*told, *beyond))


def _dashboards(boards: Boards, given: Circumstances, *, final: bool) -> Iterator[tuple[Sheet, Variables, Sources]]:
    sources, rooms = _sources(boards), Rooms()
    for sheet in sheets(boards):
        here = sources.get(sheet.organisation, Sources(()))
        window = times.window(sheet.since, sheet.until, given.end)
        known: Callable[[DataSource], str] = lambda source: service_of(source, given.services)  # noqa: E731
        variables = Variables(sheet, here, known, window, given.replies, final=final, room=rooms.next())
        yield sheet, variables, here


def _sources(boards: Boards) -> dict[int, Sources]:
    numbers = {one.organisation for one in boards.sources}
    return {number: Sources(one for one in boards.sources if one.organisation == number) for number in numbers}


def _of_variables(sheet: Sheet, variables: Variables) -> Iterator[Found]:
    for one in sheet.variables:
        found = Found(Whose(sheet.organisation, sheet.uid, sheet.title, f"variable {one.name}", f"variable {one.name}"))
        try:
            variables.value(one.name)
        except Unaskable as reason:
            variables.told.setdefault(one.name, reason)
        if one.name in variables.questions:
            found.questions.append(variables.questions[one.name])
        else:
            found.leave(variables.told[one.name])
        yield found


def _of_panel(panel: Panel, sheet: Sheet, variables: Variables, sources: Sources, given: Circumstances) -> Found:
    found = Found(Whose(sheet.organisation, sheet.uid, sheet.title, panel.name, panel.key))
    if panel.lacks:
        found.leave(Unaskable(panel.lacks, "cannot-be-asked" if panel.broken else "asks-nothing"))
        return found
    try:
        scopes = _repetitions(panel, variables, found)
    except Unaskable as reason:
        found.leave(reason)
        return found
    window = times.window(sheet.since, sheet.until, given.end, own=panel.since, shift=panel.shift)
    for values, suffix in scopes:
        asker = _Panel(panel, sheet, variables, sources, window, values, given)
        asked.questions(panel.queries, asker.make, asker.fill_in, found, through=given.through, suffix=suffix)
    return found


def _repetitions(panel: Panel, variables: Variables, found: Found) -> list[tuple[dict[str, Value], str]]:
    """The values that a panel is repeated for, as its variables have them there, and what its ids end with."""
    chosen: dict[str, Value] = {}
    for name in dict.fromkeys(panel.repeats):
        value = variables.value(name)
        if value is None:
            raise Unaskable(f"it is repeated for the variable {name[:80]}, which there is not")
        chosen[name] = value
    every = [[value.only(one) for one in value.chosen] if len(value.chosen) > 1 else [value] for value in chosen.values()]
    total = 1
    for each in every:
        total *= len(each)
    if total > _REPETITIONS:
        found.leave(Unaskable(f"{total - _REPETITIONS} of its {total} repetitions are left out", "not-asked"))
    scopes: list[tuple[dict[str, Value], str]] = []
    for values in product(*every):
        if len(scopes) == _REPETITIONS:
            break
        suffix = ", ".join(f"{value.name}={','.join(value.chosen)}" for value in values)
        scopes.append(({value.name: value for value in values}, f" ({suffix[:1000]})" if suffix else ""))
    return scopes


@dataclass(frozen=True)
class _Panel:
    """Makes the queries of one repetition of a panel."""

    panel: Panel
    sheet: Sheet
    variables: Variables
    sources: Sources
    window: Window
    repeated: Mapping[str, Value]
    given: Circumstances

    def make(self, query: Query) -> Made:
        """See `asked.Make`."""
        source = self.sources.find(query.source, self._chosen)
        service = service_of(source, self.given.services)
        points = steps.points(self.panel.most_points)
        scope = self._scope(source.type, MINUTE)
        own = queries.filled(self.panel.interval, scope)
        interval = steps.interval(
            self.window.length, points, own=own, source=text(source.settings.get("timeInterval")), kind=source.type
        )
        filled = queries.query_of(query, source, self._scope(source.type, interval), interval=interval, points=points)
        if source.type == "prometheus" and (narrowing := self.variables.filters(source)):
            filled["expr"] = filters.narrowed(filled["expr"], filters.matchers(narrowing))
        return Made(service, self.window, filled)

    def fill_in(self, query: Query, value: Any) -> Any:
        """Fill a member of an expression in; the letters of other queries stay."""
        letters = frozenset(one.refid for one in self.panel.queries)
        return queries.filled(value, self._scope(text(mapping(query.source).get("type")), MINUTE, letters))

    def _value(self, name: str) -> Value | None:
        return self.repeated.get(name) or self.variables.value(name)

    def _chosen(self, name: str) -> str | None:
        value = self._value(name)
        return None if value is None else next(iter(value.chosen), "default")

    def _scope(self, kind: str, interval: int, letters: frozenset[str] = frozenset()) -> Scope:
        sheet = self.sheet
        whose = (sheet.organisation, sheet.uid, sheet.title, sheet.timezone)
        return Scope(self._value, kind, self.window, interval, *whose, letters, self.variables.room)
