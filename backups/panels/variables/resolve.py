"""Says what each variable of a dashboard has chosen, as its page would when it is opened; the next file is `lookup.py`.

A variable may ask a data source for its values, and need others for that: what is not answered yet is `Pending`.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from backups.panels import queries
from backups.panels.boards import DataSource
from backups.panels.dashboards.references import ASKED_TYPES, Sources
from backups.panels.dashboards.room import Room
from backups.panels.dashboards.shape import Json, Unaskable, mapping, objects, text, texts
from backups.panels.dashboards.sheet import Sheet, Variable
from backups.panels.dashboards.times import Window
from backups.panels.question import Question
from backups.panels.sql import fit
from backups.panels.variables import lookup
from backups.panels.variables.fill import Scope, fill
from backups.panels.variables.lookup import Option
from backups.panels.variables.value import Value

ALL = "$__all"
_LOOKS = frozenset({"adhoc", "groupby", "system", "snapshot"})
"""Types that hold no value for a query."""


class Pending(Unaskable):
    """A variable needs an answer that is not there yet."""


class Variables:
    """The variables of a dashboard.

    replies: what was answered, by the question's id. final: what has no answer by now gets none
    service: which service protects a data source; raises Unaskable for one that none does. room: for what is filled in
    """

    def __init__(
        self,
        sheet: Sheet,
        sources: Sources,
        service: Callable[[DataSource], str],
        window: Window,
        replies: Mapping[str, Json],
        *,
        final: bool,
        room: Room,
    ) -> None:
        self._sheet = sheet
        self._sources = sources
        self._service = service
        self._window = window
        self._replies = replies
        self._final = final
        self.room = room
        self._known = {one.name: one for one in sheet.variables}
        self._values: dict[str, Value | Unaskable] = {}
        self._open: list[str] = []
        self.questions: dict[str, Question] = {}
        """By variable; complete once each was asked for by `value`."""
        self.told: dict[str, Unaskable] = {}
        """Why a variable has no question of its own, by its name."""

    def value(self, name: str) -> Value | None:
        """What it has chosen; None where there is no such variable. Raises Unaskable where nobody knows."""
        variable = self._known.get(name)
        if variable is None:
            return None
        if name in self._open:
            raise Unaskable(f"the variable {name} needs itself")
        if name not in self._values:
            self._open.append(name)
            try:
                self._values[name] = self._found(variable)
            except Unaskable as reason:
                self._values[name] = reason
            finally:
                self._open.pop()
        found = self._values[name]
        if isinstance(found, Unaskable):
            raise type(found)(found.why, found.kind)
        return found

    def chosen(self, name: str) -> str | None:
        """The data source that a variable has chosen, by uid or name; see `Sources.find`."""
        value = self.value(name)
        return None if value is None else next(iter(value.chosen), "default")

    def filters(self, source: DataSource) -> list[Json]:
        """The filters of ad-hoc variables that narrow what is asked of this data source."""
        found: list[Json] = []
        for one in self._sheet.variables:
            if one.type == "adhoc":
                # Of a data source that is not there, nothing is narrowed.
                with suppress(Unaskable):
                    if self._sources.find(one.content.get("datasource"), self.chosen) == source:
                        found += [*objects(one.content.get("baseFilters")), *objects(one.content.get("filters"))]
        return found

    def _found(self, variable: Variable) -> Value:
        content, kind = variable.content, variable.type
        if kind == "query":
            return self._queried(variable)
        self.told[variable.name] = Unaskable(f"a variable of type {kind[:40] or 'unknown'} asks nobody", "asks-nothing")
        if kind == "datasource":
            return self._source(variable)
        if kind in ("constant", "textbox"):
            saved = "".join(texts(mapping(content.get("current")).get("value"))[:1])
            own = lookup.query_text(content)
            return Value(variable.name, ((own or saved) if kind == "constant" else (saved or own),))
        if kind in ("custom", "interval"):
            return self._chosen(variable, _listed(content))
        if kind == "switch":
            return Value(variable.name, texts(content.get("current"))[:1] or ("false",))
        if kind in _LOOKS:
            raise Unaskable(f"the variable {variable.name} of type {kind} stands for no text")
        raise Unaskable(f"the variable {variable.name} is of a type that Lifeboat does not know: {kind[:40] or 'none'}")

    def _source(self, variable: Variable) -> Value:
        """Of a type, and of names that a pattern lets through: the saved one while it is there, else the default or first."""
        content = variable.content
        kind, pattern = text(content.get("query")), text(content.get("regex"))
        there = self._sources.of_type(kind)
        if pattern:
            there = tuple(
                one for one in there if lookup.matched(fill(pattern, self._scope(kind)), one.name, self.room) is not None
            )
        saved = texts(mapping(content.get("current")).get("value"))
        if ALL in saved and there:
            return Value(variable.name, tuple(one.uid for one in there), several=True, listed=True)
        known = [found for one in saved if (found := self._sources.known(one)) is not None and found.type == kind]
        if not known and not there:
            raise Unaskable(f"there is no data source of type {kind[:80] or 'unknown'} for the variable {variable.name}")
        return Value(variable.name, tuple(one.uid for one in known) or (there[0].uid,), several=bool(content.get("multi")))

    def _queried(self, variable: Variable) -> Value:
        try:
            found = self._options(variable)
        except Pending:
            raise
        except Unaskable as reason:
            self.told.setdefault(variable.name, reason)
            return self._saved(variable, reason)
        return self._chosen(variable, found)

    def _options(self, variable: Variable) -> list[Option]:
        content = variable.content
        source = self._sources.find(content.get("datasource"), self.chosen)
        service = self._service(source)
        if source.type not in ASKED_TYPES:
            raise Unaskable(f"queries of type {source.type[:80]} are not asked")
        written = lookup.query_text(content)
        if not written.strip():
            raise Unaskable("it has no query")
        query = fill(written, self._scope(source.type))
        question = self._question(variable, source, service, query)
        self.questions[variable.name] = question
        reply = self._replies.get(question.id)
        if reply is None:
            if not self._final:
                raise Pending(f"the variable {variable.name} is not answered yet")
            raise Unaskable("its query was not answered", "not-asked")
        found = lookup.options(reply, query, source.type, self.room)
        pattern = fill(text(content.get("regex")), self._scope(""))
        return lookup.refined(found, pattern, _order(content.get("sort")), self.room)

    def _question(self, variable: Variable, source: DataSource, service: str, query: str) -> Question:
        asked: dict[str, Any] = {"refId": "tempvar", "datasource": {"type": source.type, "uid": source.uid}}
        path = None
        if source.type == "mysql":
            # A Grafana would send anything, also what writes, each night.
            if why := fit.unfit(query):
                raise Unaskable(f"it is not asked: {why}")
            asked |= {"rawSql": query, "format": "table", "intervalMs": 60_000, "maxDataPoints": 100}
        else:
            path = lookup.resource(query, self._window)
        sheet = self._sheet
        return queries.question(
            id=f"{sheet.organisation}/{sheet.uid}/variable {variable.name}",
            organisation=sheet.organisation,
            dashboard=sheet.uid,
            title=sheet.title,
            panel=f"variable {variable.name}",
            service=service,
            start=self._window.start,
            end=self._window.end,
            query=asked,
            resource=path,
        )

    def _chosen(self, variable: Variable, found: list[Option]) -> Value:
        """Among what there is: what was saved while that is there, else the first."""
        content, name = variable.content, variable.name
        several = bool(content.get("multi") or content.get("includeAll"))
        saved = texts(mapping(content.get("current")).get("value"))
        values = tuple(one.value for one in found)
        if ALL in saved or (content.get("includeAll") and not any(saved)):
            if every := text(content.get("allValue")):
                return Value(name, (every,), several, raw=True)
            return Value(name, values or ("",), several, listed=True)
        if variable.type == "interval" and saved and saved[0].startswith("$__auto"):
            return Value(name, (f"$__auto_interval_{name}",), raw=True)
        there = set(values)
        kept = tuple(one for one in saved if one in there) or values[:1] or ("",)
        return Value(name, kept, several, listed=bool(content.get("multi")))

    def _saved(self, variable: Variable, reason: Unaskable) -> Value:
        """What the dashboard was saved with, for a variable whose own query has no answer."""
        content = variable.content
        saved = texts(mapping(content.get("current")).get("value"))
        listed = [one for each in objects(content.get("options")) for one in texts(each.get("value")) if one != ALL]
        if any(saved) and ALL not in saved:
            several = bool(content.get("multi") or content.get("includeAll"))
            return Value(variable.name, saved, several, listed=len(saved) > 1)
        if listed or (ALL in saved and text(content.get("allValue"))):
            return self._chosen(variable, [Option(one, one) for one in listed])
        raise Unaskable(f"the variable {variable.name} has no value: {reason.why}", reason.kind)

    def _scope(self, kind: str) -> Scope:
        sheet = self._sheet
        return Scope(
            self.value, kind, self._window, 60_000, sheet.organisation, sheet.uid, sheet.title, sheet.timezone, room=self.room
        )


def _listed(content: Json) -> list[Option]:
    """What a variable of fixed values may choose: `a, text : value, with\\, comma`, or JSON."""
    written = lookup.query_text(content)
    if content.get("valuesFormat") == "json":
        try:
            found = json.loads(written)
        except (ValueError, RecursionError):
            found = None
        return [Option(text(one.get("text")) or text(one.get("value")), text(one.get("value"))) for one in objects(found)]
    parts = [one.replace("\0", ",").strip() for one in written.replace("\\,", "\0").split(",")]
    pairs = [one.partition(" : ") for one in parts if one]
    found_here = [Option(shown.strip(), (value if colon else shown).strip()) for shown, colon, value in pairs]
    saved = [Option(text(one.get("text")), value) for one in objects(content.get("options")) for value in texts(one.get("value"))]
    return found_here or [one for one in saved if one.value != ALL]


def _order(sort: Any) -> int:
    words = ("disabled", "alphabeticalAsc", "alphabeticalDesc", "numericalAsc", "numericalDesc",
             "alphabeticalCaseInsensitiveAsc", "alphabeticalCaseInsensitiveDesc", "naturalAsc", "naturalDesc")  # fmt: skip
    if isinstance(sort, str):
        return words.index(sort) if sort in words else 0
    return sort if isinstance(sort, int) else 0
