"""Each block of Prometheus lies in some window, within the number of questions that there may be."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from backups.panels import spread
from backups.panels.choose import Choice
from backups.panels.dashboards.times import MINUTE, Window
from backups.panels.question import Question
from tests.unit.panels.dashboards import END, HOUR, chosen, grafana, panel, sql

OLD = [Window(END - (day + 1) * 24 * HOUR, END - day * 24 * HOUR) for day in range(10, 0, -1)]


def _reach(choice: Choice, window: Window) -> list[Question]:
    return [one for one in choice.questions if one.service == "metrics" and one.start < window.end and window.start <= one.end]


def test_every_block_and_what_came_since_lies_in_some_window() -> None:
    windows = spread.stretches(OLD, END)
    assert windows[-1].end == END
    boards = grafana(*(panel("up", number) for number in range(5)), sql("SELECT 1", 9))
    choice = chosen(boards, blocks={"metrics": windows})
    assert all(_reach(choice, window) for window in windows)
    assert all(one.service == "metrics" for one in choice.questions if " in the block of " in one.id)
    assert not any(" in the block of " in one.id for one in chosen(boards).questions)


def test_a_block_is_looked_into_by_one_panel_that_had_an_answer_before_else_by_a_few() -> None:
    boards = grafana(*(panel("up", number) for number in range(5)))
    block = {"metrics": [OLD[0]]}
    looks = [one for one in chosen(boards, blocks=block).questions if " in the block of " in one.id]
    assert len(looks) == 3
    seen = [one for one in chosen(boards, blocks=block, seen=["1/d1/panel-4/A"]).questions if " in the block of " in one.id]
    assert [one.id for one in seen] == ["1/d1/panel-4/A in the block of 2026-11-18T12:00:00Z"]
    assert (seen[0].start, seen[0].end) == (OLD[0].end - HOUR, OLD[0].end)


def test_an_instant_query_reaches_only_a_little_back() -> None:
    boards = grafana({"id": 1, "targets": [{"refId": "A", "expr": "up", "instant": True}]})
    hour_ago = {"metrics": [Window(END - HOUR, END - 10 * MINUTE)]}
    assert len(chosen(boards, blocks=hour_ago).questions) == 2
    assert len(chosen(grafana(panel()), blocks=hour_ago).questions) == 1


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 60 * 24), st.integers(1, 60 * 24)), max_size=12), st.integers(5, 60), st.integers(0, 8))
def test_looks_stay_within_their_block_and_all_within_the_bound(blocks: list[tuple[int, int]], most: int, panels: int) -> None:
    windows = [Window(END - (ago + length) * MINUTE, END - ago * MINUTE) for ago, length in blocks]
    choice = chosen(grafana(*(panel("up", number) for number in range(panels))), blocks={"metrics": windows}, most=most)
    assert len(choice.questions) <= most
    for one in choice.questions:
        if " in the block of " in one.id:
            assert any(window.start <= one.start and one.end <= window.end for window in windows)


def test_stretches_end_where_all_is_complete() -> None:
    assert spread.stretches([], END) == []
    assert spread.stretches([Window(END + HOUR, END + 2 * HOUR)], END) == []
    whole = spread.stretches([Window(END - 10 * HOUR, END - 5 * HOUR)], END)
    assert all(first.end == second.start for first, second in pairwise(whole))
    assert all(one.end - one.start <= 2 * HOUR for one in whole[1:])
    # A backup that is a year old: what came since is asked as far back as a few days.
    assert len(spread.stretches([Window(END - 9000 * HOUR, END - 8760 * HOUR)], END)) < 110
