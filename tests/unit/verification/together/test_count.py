"""Counting what panels answered: nothing is left out, and nothing is called equal that was not compared."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.panels.question import Answer, NotAsked, Question
from verification.evidence.together import WORDS, WRONG, Outcome, added
from verification.together import count
from verification.together.count import Judged, counted

OUTCOMES = list(WORDS)


def question(panel: str = "panel 1 Orders", dashboard: str = "orders", ref: str = "A", **changes: Any) -> Question:
    values: dict[str, Any] = {
        "id": f"{dashboard}/{panel}/{ref}",
        "organisation": 1,
        "dashboard": dashboard,
        "title": dashboard.title(),
        "panel": panel,
        "service": "agama",
        "start": 1_000_000,
        "end": 2_000_000,
        "query": {"refId": ref, "datasource": {"type": "mysql", "uid": "agama-mysql"}, "rawSql": "SELECT 1"},
    }
    return Question(**{**values, **changes})


def frame(*values: Any) -> list[Any]:
    return [
        {
            "name": "",
            "fields": [{"name": "n", "type": "number", "frame": "int64", "labels": {"shop": "1"}, "values": list(values)}],
        }
    ]


def judged(outcome: Outcome, asked: Question | None = None, why: str = "") -> Judged:
    asked = asked or question()
    then = Answer(question=asked.id, outcome="answered", frames=1, rows=3, digest="ab" * 32, shown=frame(1, 2, 3))
    return Judged(asked, then, then.model_copy(update={"rows": 2, "shown": frame(1, 2)}), outcome, why)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["equal", "equal"], "equal"),
        (["equal", "otherwise"], "otherwise"),
        (["otherwise", "silent"], "silent"),
        (["equal", "empty-at-source"], "equal"),
        (["empty-at-source"], "empty-at-source"),
        (["equal", "error-at-source"], "error-at-source"),
        (["equal", "not-fixed"], "not-fixed"),
        (["equal", "cannot-be-asked"], "cannot-be-asked"),
    ],
)
def test_a_panel_is_worth_what_its_worst_question_is(outcomes: list[Outcome], expected: Outcome) -> None:
    found = counted([judged(outcome, question(ref=str(at))) for at, outcome in enumerate(outcomes)], [])
    assert found.counts == {expected: 1}


def test_a_mixed_panel_of_which_one_source_is_nobodys_is_not_called_equal() -> None:
    other = NotAsked(organisation=1, dashboard="orders", title="Orders", panel="panel 1 Orders", kind="not-protected", why="Loki")
    found = counted([judged("equal")], [other])
    assert found.counts == {"not-protected": 1}
    assert [(one.panel, one.outcome, one.why) for one in found.left_out] == [("panel 1 Orders", "not-protected", "Loki")]


def test_what_differs_is_shown_with_its_query_and_both_answers() -> None:
    (different,) = counted([judged("otherwise", why="3 rows, 2 rows"), judged("equal", question("panel 2"))], []).different
    assert (different.service, different.title, different.panel, different.outcome) == (
        "agama",
        "Orders",
        "panel 1 Orders",
        "otherwise",
    )
    assert different.query == "SELECT 1"
    assert different.expected == '3 rows in 1 frame: n{shop="1"} = 1, 2, 3'
    assert different.observed == '2 rows in 1 frame: n{shop="1"} = 1, 2'


def test_a_dashboard_that_does_not_open_answers_nothing() -> None:
    found = counted([judged("equal"), judged("equal", question(dashboard="other"))], [], unopened={(1, "orders"): "HTTP 404"})
    assert found.counts == {"equal": 1, "silent": 1}
    assert {board.uid: board.why for board in found.boards} == {"orders": "HTTP 404", "other": None}
    assert found.different[0].why == "HTTP 404"


def test_what_is_newer_than_the_questions_is_told_and_what_was_asked_is_not_told_twice() -> None:
    newer = [
        (1, "orders", "Renamed", "panel 1 Orders"),
        (1, "orders", "Renamed", "panel 9 New"),
        (1, "", "Rules", "alert rule late"),
    ]
    found = counted([judged("equal")], [], newer)
    assert found.counts == {"equal": 1, "not-asked": 2}
    assert {one.panel for one in found.left_out} == {"panel 9 New", "alert rule late"}


def test_alert_rules_of_two_folders_are_two_boards() -> None:
    rules = [judged("equal", question("alert rule late", "", title=title)) for title in ("Shop", "Machines")]
    assert [(board.uid, board.title) for board in counted(rules, []).boards] == [("", "Machines"), ("", "Shop")]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.sampled_from(OUTCOMES)), max_size=40))
def test_every_thing_that_asks_is_counted_once(things: list[tuple[int, int, Outcome]]) -> None:
    asked = [
        judged(outcome, question(f"panel {panel}", f"board-{board}", str(at)))
        for at, (board, panel, outcome) in enumerate(things)
    ]
    found = counted(asked, [])
    panels = {(board, panel) for board, panel, _ in things}
    assert sum(found.counts.values()) == sum(board.panels for board in found.boards) == len(panels)
    proven = found.counts.get("equal", 0) + sum(found.counts.get(each, 0) for each in WRONG)
    assert len(found.left_out) == len(panels) - proven
    assert len(found.different) == sum(outcome in WRONG for _, _, outcome in things)
    assert found.counts == added(board.counts for board in found.boards)


def test_a_report_names_no_more_than_fits_and_counts_the_rest() -> None:
    many = [judged("otherwise", question(f"panel {at}")) for at in range(130)]
    found = counted(many, [])
    assert (len(found.different), found.more_different, found.counts) == (100, 30, {"otherwise": 130})
    left = [
        NotAsked(organisation=1, dashboard="d", title="D", panel=str(at), kind="cannot-be-asked", why="x") for at in range(2100)
    ]
    found = counted([], left)
    assert (len(found.left_out), found.more_left_out, found.counts) == (2000, 100, {"cannot-be-asked": 2100})


def test_foreign_text_is_shown_on_one_line_and_bounded() -> None:
    asked = question(title="a\nb", query={"refId": "A", "rawSql": "SELECT '\x1b[2J'" + "x" * 5000})
    (different,) = counted([judged("silent", asked)], []).different
    assert different.title == "a\\nb"
    assert "\x1b" not in different.query
    assert len(different.query) < 1600


def test_every_outcome_has_its_place_in_the_order() -> None:
    assert set(count._WORST) == set(WORDS)
