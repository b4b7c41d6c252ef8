"""Short drills that are sent in one run: each is in the evidence once, loses nothing for the others, and nobody waits for them."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.verification.fleet.paper_fleet import (
    GIB,
    MONDAY,
    NINE,
    THREE,
    Killed,
    World,
    coordinator,
    counted,
    due,
    finished,
    minutes,
)
from verification.fleet.desk import Desk
from verification.fleet.work import Due, Machine

ONE, TWO = THREE[:1], THREE[:2]
SECOND = timedelta(seconds=1)


def test_many_tiny_drills_cost_few_processes_and_the_machines_are_done_together() -> None:
    """Two hundred of four seconds, and a process takes six to begin: no run is so long that the others wait for it at the end."""
    names = [f"s{number:03}" for number in range(200)]
    there = World(THREE, dict.fromkeys(names, 4.0), step=SECOND, begins=timedelta(seconds=6))
    found = finished(coordinator(there, [due(each, 4) for each in names]), there)
    assert {each.verdict for each in found} == {"verified"}
    assert len(there.begun) == 200
    assert len(there.runs) <= 24
    assert (there.now - MONDAY).total_seconds() <= 1.15 * 200 * 4 / 3


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 90), min_size=1, max_size=60), st.integers(1, 4), st.integers(1, 3))
def test_no_run_is_longer_than_a_fair_share_of_what_is_left(times: list[int], number: int, at_once: int) -> None:
    """What is done in one run ends no later than all could be done, or is one drill."""
    machines = [Machine(f"m{each}", 64 * GIB, 64 * GIB, at_once) for each in range(number)]
    drills = sorted((due(f"s{at}", seconds) for at, seconds in enumerate(times)), key=lambda each: -each.seconds)
    desk = Desk(drills, machines, MONDAY)
    given = desk.assign({each.name for each in machines}, MONDAY)
    for run, _ in given:
        takes = sum(drills[each].seconds for each in run)
        assert run == sorted(run), "none overtakes another one"
        assert len(run) == 1 or takes <= min(60, sum(times) / (number * at_once) + 1e-6)


def test_the_machine_that_dies_loses_only_what_has_no_result_and_only_what_had_begun_is_an_attempt() -> None:
    there = World(
        TWO, dict.fromkeys(NINE, 10.0), step=SECOND, dead=[("m0", MONDAY + timedelta(seconds=15), MONDAY + minutes(600), True)]
    )
    one = coordinator(there, [due(each, 10) for each in NINE])
    found = finished(one, there)
    assert {each.verdict for each in found} == {"verified"}
    first = there.runs["0"]
    assert (first.ticket.machine, len(first.tickets) > 2) == ("m0", True)
    assert counted(there) == 9
    attempts = {line.due.service: line.attempts for line in one.desk.lines}
    assert [name for name, count in attempts.items() if count > 1] == [first.services[1]]
    assert Counter(ticket.service for ticket, _ in there.begun) == Counter([*NINE, first.services[1]])


def test_a_drill_that_ends_its_run_takes_none_of_the_others_with_it_and_is_sent_alone_from_then_on() -> None:
    there = World(ONE, dict.fromkeys(NINE, 5.0), step=SECOND, breaks=[("m0", "s3")])
    found = finished(coordinator(there, [due(each, 5) for each in NINE]), there)
    assert [each.service for each in found if each.verdict != "verified"] == ["s3"]
    assert [run.services for run in there.runs.values() if "s3" in run.services][1:] == [["s3"], ["s3"]]
    assert Counter(ticket.service for ticket, _ in there.begun) == Counter([*NINE, "s3", "s3"])


def test_what_could_not_run_on_a_machine_stops_nothing_behind_it_in_its_run() -> None:
    there = World(TWO, dict.fromkeys(NINE, 5.0), step=SECOND, cannot=[("m0", each) for each in NINE])
    found = finished(coordinator(there, [due(each, 5) for each in NINE]), there)
    assert {(each.verdict, each.machine) for each in found} == {("verified", "m1")}
    assert there.runs["0"].at == len(there.runs["0"].tickets) > 2


def test_what_one_machine_refuses_of_a_run_another_one_does_and_the_rest_is_no_attempt() -> None:
    there = World(TWO, dict.fromkeys(NINE, 5.0), step=SECOND, refuses=[("m0", "s1"), ("m1", "s1")])
    one = coordinator(there, [due(each, 5) for each in NINE])
    found = finished(one, there)
    assert [each.words for each in found] == ["verified", "not reached", *["verified"] * 7]
    assert max(line.attempts for line in one.desk.lines) == 1


def test_behind_a_drill_that_does_not_end_the_rest_of_its_run_goes_elsewhere() -> None:
    """And is not drilled again there when it ends after all."""
    there = World(TWO, {**dict.fromkeys(NINE, 5.0), "s0": 900.0}, step=SECOND)
    done: dict[str, float] = {}

    def look() -> None:
        for service in [ticket.service for ticket, _ in there.begun]:
            done.setdefault(service, (there.now - MONDAY) / minutes(1))

    one = coordinator(there, [due(each, 5) for each in NINE])
    found = finished(one, there, pause=look)
    assert there.runs["0"].services[0] == "s0"
    assert len(there.runs["0"].tickets) > 2
    assert {each.verdict for each in found} == {"verified"}
    assert max(at for service, at in done.items() if service != "s0") < 3
    assert len(there.begun) == counted(there) == 9
    assert {line.attempts for line in one.desk.lines} == {1}


def test_a_machine_with_nothing_to_do_takes_the_last_of_another_ones_run() -> None:
    """It was not heard when the run was sent."""
    there = World(
        TWO, dict.fromkeys(NINE, 20.0), step=SECOND, dead=[("m1", MONDAY - minutes(1), MONDAY + timedelta(seconds=5), True)]
    )
    workers = there.workers
    there.workers = lambda: {
        name: each for name, each in workers().items() if name == "m0" or there.now > MONDAY + timedelta(seconds=5)
    }  # type: ignore[method-assign]
    found = finished(coordinator(there, [due(each, 20) for each in NINE[:3]]), there)
    assert there.runs["0"].services == NINE[:3]
    assert [each.machine for each in found] == ["m0", "m0", "m1"]
    assert len(there.begun) == 3
    assert there.now - MONDAY < timedelta(seconds=45)


def test_cancelled_in_the_ui_all_of_a_run_that_has_no_result_is_not_run_again() -> None:
    there = World(ONE, dict.fromkeys(NINE, 10.0), step=SECOND)

    def stop() -> None:
        if there.now == MONDAY + timedelta(seconds=15):
            there.runs["0"].state = "stopped"

    found = finished(coordinator(there, [due(each, 10) for each in NINE[:4]]), there, pause=stop)
    assert there.runs["0"].services == NINE[:4]
    assert [each.verdict for each in found] == ["verified", *["could-not-run"] * 3]
    assert found[3].reasons == ("its run on m0 was cancelled",)


def test_a_coordinator_that_is_killed_and_begun_again_drills_nothing_of_a_run_twice() -> None:
    there = World(TWO, dict.fromkeys(NINE, 10.0), step=SECOND)
    drills = [due(each, 10) for each in NINE]

    def kill() -> None:
        if there.now == MONDAY + timedelta(seconds=25):
            there.killed = True
            raise Killed

    with pytest.raises(Killed):
        finished(coordinator(there, drills), there, pause=kill)
    there.killed = False
    found = finished(coordinator(there, drills), there)
    assert {each.verdict for each in found} == {"verified"}
    assert len(there.begun) == counted(there) == 9
    assert there.cancelled == []


def test_begun_again_what_was_taken_back_from_a_run_is_waited_for_where_it_is_now() -> None:
    """A run that is at something for long has lost the rest to another machine; nothing of that is cancelled or drilled again."""
    there = World(TWO, {**dict.fromkeys(NINE, 5.0), "s0": 900.0, "s1": 300.0}, step=SECOND)
    drills = [due(each, 5) for each in NINE]

    def kill() -> None:
        if there.runs["0"].recalled and any(ticket.service == "s1" for ticket, _ in there.begun):
            there.killed = True
            raise Killed

    with pytest.raises(Killed):
        finished(coordinator(there, drills), there, pause=kill)
    there.killed = False
    finished(coordinator(there, drills), there)
    assert len(there.begun) == 9
    assert not [run for run in there.cancelled if there.runs[run].begun]


def test_at_the_end_of_the_window_the_rest_of_a_run_does_not_begin() -> None:
    there = World(ONE, dict.fromkeys(NINE, 40.0), step=SECOND)
    found = finished(coordinator(there, [due(each, 10) for each in NINE[:5]], until=MONDAY + timedelta(seconds=60)), there)
    assert len(there.runs["0"].tickets) == 5
    assert [each.words for each in found] == ["verified", "verified", "not reached", "not reached", "not reached"]
    assert len(there.begun) == 2


def test_a_repository_that_cannot_be_read_loses_nothing_of_a_run_that_has_ended() -> None:
    """However it has ended: the results of its first drills are looked for until it answers."""
    there = World(ONE, dict.fromkeys(NINE, 5.0), step=SECOND, breaks=[("m0", "s4")])

    def away() -> None:
        there.shelf.away = MONDAY + timedelta(seconds=22) < there.now < MONDAY + minutes(4)

    finished(coordinator(there, [due(each, 5) for each in NINE[:6]]), there, pause=away)
    assert Counter(ticket.service for ticket, _ in there.begun) == Counter([*NINE[:6], "s4", "s4"])


@pytest.mark.parametrize(
    ("second", "alone"),
    [
        ({}, False),
        ({"measured": False}, True),
        ({"repository": "offsite"}, True),
        ({"seconds": 51}, True),
        ({"memory": 65 * GIB}, True),
        ({"pool": "big"}, True),
    ],
    ids=str,
)
def test_only_what_would_be_next_there_and_is_known_to_be_short_is_in_one_run(second: Any, alone: bool) -> None:
    """What is behind it in order does not overtake it either."""
    machines = [*ONE, Machine("b", 64 * GIB, 64 * GIB, pool="big")]
    values = {"service": "b", "selection": "latest", "seconds": 10.0, **second}
    desk = Desk([due("a", 10), Due(**values)], machines, MONDAY)
    first = desk.assign({"m0"}, MONDAY)[0]
    assert first == ([0] if alone else [0, 1], "m0")
