"""What a machine is sent ahead: begun while another drill runs, never beside it, and elsewhere after all where that one does not end."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.verification.fleet.paper_fleet import (
    GIB,
    MONDAY,
    NINE,
    World,
    coordinator,
    due,
    finished,
    minutes,
)
from verification.fleet.desk import Desk
from verification.fleet.work import Due, Machine

ONE = [Machine("m0", 64 * GIB, 64 * GIB)]
TWO = [*ONE, Machine("m1", 64 * GIB, 64 * GIB)]


@pytest.mark.parametrize(("processes", "longest"), [(2, 10.5), (1, 14)])
def test_the_next_drill_is_made_ready_while_one_runs(processes: int, longest: float) -> None:
    """Nine drills of a minute, each of which takes half a minute to begin: that is waited for once, where its worker starts both."""
    there = World(ONE, dict.fromkeys(NINE, 60.0), begins=timedelta(seconds=30), processes=processes)
    found = finished(coordinator(there, [due(each) for each in NINE]), there)
    assert {each.verdict for each in found} == {"verified"}
    assert longest - 3 < (there.now - MONDAY) / minutes(1) <= longest
    assert len(there.runs) == 9


@pytest.mark.long
@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 8), st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=9), st.integers(1, 3))
def test_memory_and_repository_suffice_for_what_drills_whatever_is_sent_ahead(
    drills: list[tuple[int, int, int]], at_once: int
) -> None:
    """Whichever of them ends first, and however wrong it was reckoned."""
    seconds = {name: 10.0 * really for name, (_, _, really) in zip(NINE, drills, strict=False)}
    there = World([Machine("m0", 8 * GIB, 64 * GIB, at_once), Machine("m1", 8 * GIB, 64 * GIB, at_once)], seconds)
    most = 0

    def look() -> None:
        nonlocal most
        working = there.drilling()
        most = max(most, len(working))
        for machine in ("m0", "m1"):
            mine = [each for each in working if each.machine == machine]
            assert sum(each.memory for each in mine) <= 8 * GIB
            assert len({each.slot for each in mine}) == len(mine) <= at_once

    due_ = [due(name, 10 * reckoned, memory=size * GIB) for name, (size, reckoned, _) in zip(NINE, drills, strict=False)]
    found = finished(coordinator(there, due_, repositories={"first": 3}), there, pause=look)
    assert {each.verdict for each in found} == {"verified"}
    assert most <= 3


def test_behind_a_drill_that_does_not_end_nothing_waits_while_another_machine_has_room() -> None:
    there = World(TWO, {**dict.fromkeys(NINE, 60.0), "s0": 7200.0})
    ended: dict[str, float] = {}

    def look() -> None:
        for snapshot, content in there.shelf.kept.values():
            ended.setdefault(content.decode().split('"service":"', 1)[1].split('"', 1)[0], (there.now - MONDAY) / minutes(1))
            assert snapshot

    found = finished(coordinator(there, [due(each) for each in NINE]), there, pause=look)
    assert {each.verdict for each in found} == {"verified"}
    assert max(span for name, span in ended.items() if name != "s0") < 12


def test_the_last_ones_are_not_left_behind_a_long_one_on_a_machine_beside_an_idle_one() -> None:
    """It ends in a minute and a half; the other machine is free at once."""
    there = World(TWO, {"s0": 100.0, "s1": 10.0, "s2": 100.0})
    found = finished(coordinator(there, [due("s0", 100), due("s1", 10), due("s2", 100)]), there)
    assert {each.service: each.machine for each in found}["s2"] == "m1"
    assert there.now - MONDAY <= timedelta(seconds=150)


def test_what_waited_behind_another_when_its_machine_died_has_lost_no_attempt() -> None:
    there = World(TWO, dict.fromkeys(NINE, 60.0), dead=[("m0", MONDAY + minutes(0.5), MONDAY + minutes(600), True)])
    one = coordinator(there, [due(each) for each in NINE])
    found = finished(one, there)
    assert {each.verdict for each in found} == {"verified"}
    twice = [line.due.service for line in one.desk.lines if line.attempts > 1]
    assert twice == [next(run.ticket.service for run in there.runs.values() if run.ticket.machine == "m0")]
    assert len([run for run in there.runs.values() if run.gone]) == 2


def test_at_the_end_of_the_window_what_waits_behind_a_drill_does_not_begin() -> None:
    there = World(ONE, {"s0": 300.0, "s1": 60.0})
    found = finished(coordinator(there, [due("s0", 60), due("s1", 60)], until=MONDAY + minutes(3)), there)
    assert [each.words for each in found] == ["verified", "not reached"]
    assert [run.ticket.service for run in there.runs.values() if run.begun] == ["s0"]


def test_a_drill_is_sent_ahead_late_and_only_to_the_same_repository() -> None:
    """Until the last two minutes another machine may be free for it; and a repository gives no more at once than it may."""
    desk = Desk([due("s0", 600), due("s1", 60, repository="offsite"), due("s2", 60)], ONE, MONDAY)
    assert desk.assign({"m0"}, MONDAY) == [([0], "m0")]
    assert desk.assign({"m0"}, MONDAY + minutes(7.9)) == []
    assert desk.assign({"m0"}, MONDAY + minutes(8.1)) == [([2], "m0")]
    assert [desk.is_behind(each) for each in (0, 1, 2)] == [False, False, True]
    assert desk.assign({"m0"}, MONDAY + minutes(8.2)) == [], "one at most"
    desk.ended(0)
    assert desk.assign({"m0"}, MONDAY + minutes(9)) == []
    assert not desk.is_behind(2)


def test_what_is_overdue_gets_nobody_behind_it() -> None:
    desk = Desk([Due("a", "latest", 60), Due("b", "latest", 60), Due("c", "latest", 60)], ONE, MONDAY)
    assert desk.assign({"m0"}, MONDAY) == [([0], "m0"), ([1], "m0")]
    desk.lost(1, "its process was killed")
    assert desk.assign({"m0"}, MONDAY + minutes(3)) == []
