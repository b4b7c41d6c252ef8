"""A dashboard is anybody's with a browser: nothing in one takes the memory or the time of a backup, or its other questions."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backups.errors import LifeboatError
from backups.panels import asking, spread
from backups.panels.boards import AlertRule, Board, Boards
from backups.panels.choose import Circumstances, lookups
from backups.panels.dashboards import room
from backups.panels.dashboards.room import Rooms
from backups.panels.question import FILE, Answer, Panels
from backups.services.base import PanelsJob
from backups.services.panelled import keep
from tests.unit.panels.answers import question
from tests.unit.panels.dashboards import END, SERVICES, SOURCES, chosen, grafana, panel, sql

LONG = "x" * 200_000
TEXT = {"name": "v", "type": "textbox", "query": "y" * 99_000}


def rule(**more: Any) -> Boards:
    """One alert rule, and a panel beside it."""
    data = [{"refId": "A", "datasourceUid": "prom-uid", "model": {"expr": "up"}}]
    return grafana(
        panel(), rules=[AlertRule(**({"organisation": 1, "uid": "u", "title": "t", "folder": "f", "data": data} | more))]
    )


def variable(**more: Any) -> Boards:
    """One variable, and a panel that needs none."""
    return grafana(panel(), variables=[{"name": "v", "type": "query", "query": "label_values(job)", **more}])


PLACES: dict[str, Callable[[str], Boards]] = {
    "number": lambda text: grafana(panel(), {**panel(), "id": text}),
    "title": lambda text: grafana(panel(title=text)),
    "type": lambda text: grafana(panel(), panel(type=text, targets=[])),
    "letter": lambda text: grafana(panel(targets=[{"refId": text, "expr": "up"}])),
    "query": lambda text: grafana(panel(), panel(text)),
    "data source": lambda text: grafana(panel(), panel(datasource={"uid": text})),
    "placeholder": lambda text: grafana(panel(), panel(datasource={"uid": "${" + text + "}"})),
    "repeat": lambda text: grafana(panel(), panel(repeat=text)),
    "library": lambda text: grafana(panel(), {"id": 2, "libraryPanel": {"uid": text, "name": text}}),
    "rule": lambda text: rule(title=text),
    "rule's uid": lambda text: rule(uid=text),
    "folder": lambda text: rule(folder=text),
    "variable": lambda text: variable(name=text),
    "label": lambda text: variable(query=f"label_values({text})"),
    "series": lambda text: variable(query=" " * 50_000 + "%" * 49_000 + text[:1000]),
    "pattern": lambda text: variable(regex=text),
    "kind": lambda text: variable(type=text),
    "dashboard": lambda text: Boards(SOURCES, (Board(1, text, text, "classic", {"panels": [panel()]}),)),
}


@pytest.mark.parametrize("place", PLACES)
def test_text_of_any_length_costs_no_other_question(place: str) -> None:
    """And whatever is not asked is told."""
    boards = PLACES[place](LONG)
    choice = chosen(boards)
    assert [one for one in choice.questions if one.query.get("expr") == "up"]
    lookups(boards, Circumstances(SERVICES, END))
    assert sum(len(one.model_dump_json()) for one in (*choice.questions, *choice.not_asked)) < 10_000


def test_a_short_text_that_names_a_long_one_often_is_never_put_together() -> None:
    """99 kB thirty thousand times are 3 GB."""
    boards = grafana(panel("$v " * 30_000), panel(number=2), variables=[TEXT])
    tracemalloc.start()
    try:
        choice = chosen(boards)
        assert tracemalloc.get_traced_memory()[1] < 50 << 20
    finally:
        tracemalloc.stop()
    assert [one.panel for one in choice.questions] == ["panel 2 P2"]
    assert "more than 100,000 characters" in choice.not_asked[0].why


def test_a_dashboard_uses_no_more_than_its_own_room() -> None:
    """What is filled in thousands of times is told; the next dashboard is asked all the same."""
    evil = {"panels": [panel("$v", number) for number in range(2000)], "templating": {"list": [TEXT]}}
    boards = Boards(SOURCES, (Board(1, "evil", "E", "classic", evil), Board(1, "good", "G", "classic", {"panels": [panel()]})))
    choice = chosen(boards)
    assert sum(len(one.query["expr"]) for one in choice.questions) < room._OF_ONE
    assert [one.dashboard for one in choice.questions if one.query["expr"] == "up"] == ["good"]
    assert sum(one.kind == "not-asked" and "4,000,000 characters" in one.why for one in choice.not_asked) > 1900


def test_all_dashboards_together_have_room_for_ten_such() -> None:
    """In characters and in seconds."""
    rooms = Rooms()
    given = []
    for _ in range(12):
        each = rooms.next()
        given.append((each.characters, each.seconds))
        each.characters, each.seconds = -1, -0.1
    assert [characters for characters, _ in given] == [room._OF_ONE] * 10 + [0] * 2
    assert sum(seconds for _, seconds in given if seconds > 0) == room._SECONDS_OF_ALL


@pytest.mark.long
def test_a_panel_of_very_many_queries_is_asked_a_hundred() -> None:
    """The others are told, and a long chain of expressions takes no time."""
    chain = [
        {"refId": f"A{number}", "datasource": {"uid": "__expr__"}, "expression": f"$A{number - 1}"} for number in range(1, 2000)
    ]
    choice = chosen(grafana(panel(targets=[{"refId": "A0", "expr": "up"}, *chain])), through=True)
    assert len(choice.questions) == 100
    assert "2,000 queries, and only the first 100 are asked" in choice.not_asked[0].why


def test_the_questions_of_a_service_have_a_size_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is beyond it is told, panel by panel."""
    monkeypatch.setattr(spread, "_MOST_CHARACTERS", 10_000)
    choice = chosen(grafana(*[panel("up" * 1000, number) for number in range(20)]))
    assert len(choice.questions) == 5
    assert sum("10,000 characters" in one.why for one in choice.not_asked) == 15


@pytest.mark.parametrize("statement", ["DELETE FROM t", "CALL bill()", "SELECT NEXTVAL(numbers)", "SELECT a FROM t FOR UPDATE"])
def test_what_a_variable_may_not_ask_no_grafana_is_sent(statement: str) -> None:
    """It would be done each night, by Lifeboat."""
    made = {"name": "v", "type": "query", "query": statement, "datasource": {"uid": "my-uid"}, "current": {"value": "saved"}}
    boards = grafana(sql("SELECT '$v'"), variables=[made])
    assert lookups(boards, Circumstances(SERVICES, END)) == []
    choice = chosen(boards)
    assert [one.query["rawSql"] for one in choice.questions] == ["SELECT 'saved'"]
    assert "it is not asked" in choice.not_asked[0].why


def test_what_is_too_large_to_be_read_again_is_not_kept_and_fails_no_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backup says so."""
    monkeypatch.setattr("backups.foreign.MOST_BYTES", 1000)
    asked = question({"expr": "x" * 2000})
    answer = Answer(question=asked.id, outcome="empty")
    with pytest.raises(LifeboatError, match="and at most 1,000 are read"):
        asking.write(tmp_path, Panels(grafana="grafana-20261128T000000Z", asked="direct", questions=(asked,), answers=(answer,)))
    limits = keep(PanelsJob("grafana-20261128T000000Z", [asked], ()), "direct", [answer], tmp_path)
    assert limits[0].startswith("what dashboards are answered is not kept: ")
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize(
    "fault", [ValueError("odd\nwords"), OverflowError(), KeyError("x"), ZeroDivisionError(), RecursionError(), AttributeError()]
)
def test_a_question_at_which_an_asker_stumbles_costs_no_other(fault: Exception) -> None:
    """Nor the backup."""

    class Stumbles:
        way = "direct"

        def ask(self, each: Any) -> dict[str, Any]:
            if each.id == "q1":
                raise fault
            return {"status": 200, "frames": []}

    answers = asking.ask_all(Stumbles(), [question(), question(id="q2")], float("inf"), odd=asking.ODD)  # type: ignore[arg-type]
    assert [answer.outcome for answer in answers.values()] == ["not-asked", "empty"]
    assert "\n" not in (answers["q1"].why or "")
    with pytest.raises(type(fault)):
        asking.ask_all(Stumbles(), [question()], float("inf"))  # type: ignore[arg-type]
