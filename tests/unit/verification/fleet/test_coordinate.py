"""The drills of a verification on a fleet: each is in the evidence once, whoever dies, whoever claims what, and however often it is begun."""

import json
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
    world,
)
from verification.fleet.desk import ATTEMPTS
from verification.fleet.work import Machine


def test_nine_drills_on_three_machines() -> None:
    """Each is run once, three at a time; every result names its machine, and is removed when it was collected."""
    there = world()
    one = coordinator(there, [due(each) for each in NINE])
    found = finished(one, there)
    assert [each.service for each in found] == NINE
    assert {each.verdict for each in found} == {"verified"}
    assert {each.machine for each in found} == {"m0", "m1", "m2"}
    assert len(there.runs) == 9
    assert there.now - MONDAY < minutes(6)
    one.collector.clear()
    assert there.shelf.kept == {}


def test_a_machine_that_dies_in_the_middle(caplog: pytest.LogCaptureFixture) -> None:
    """Its drill is run elsewhere within two minutes of its death; what it ran before counts."""
    there = world(dead=[("m1", MONDAY + minutes(1.5), MONDAY + minutes(600), True)])
    found = finished(coordinator(there, [due(each) for each in NINE]), there)
    assert {each.verdict for each in found} == {"verified"}
    assert len(there.runs) == 11, "the one that ran there, and the one that was to be next"
    assert counted(there) == 9
    again = [run for run in there.runs.values() if run.ticket.service == list(there.runs.values())[4].ticket.service]
    assert again[-1].begun - MONDAY < minutes(1.5 + 1.5 + 1.5)  # type: ignore[operator]
    assert "taken for dead; it is run again" in caplog.text


def test_a_machine_that_is_back_at_once_has_lost_its_drill_all_the_same() -> None:
    """A power cut of half a minute: its worker is heard again, the drill never is."""
    there = world(dead=[("m1", MONDAY + minutes(0.5), MONDAY + minutes(1), True)])
    found = finished(coordinator(there, [due(each) for each in NINE]), there)
    assert {each.verdict for each in found} == {"verified"}
    assert len(there.runs) == 11


def test_a_machine_that_nobody_hears_goes_on_and_its_result_is_not_counted_twice(caplog: pytest.LogCaptureFixture) -> None:
    """Two machines have run one drill: the first result counts, the second is told."""
    there = World(THREE[:2], {"s0": 400.0, "s1": 700.0}, dead=[("m0", MONDAY + minutes(1), MONDAY + minutes(60), False)])
    there.machines = [*THREE[:1], Machine("m1", 64 * GIB, 64 * GIB, 2)]
    found = finished(coordinator(there, [due("s0", 400), due("s1", 700)]), there)
    assert [each.verdict for each in found] == ["verified", "verified"]
    assert counted(there) == 3
    assert ", latest: a second result, of m1, is not counted: that of m0 came before" in caplog.text


def test_a_result_that_came_late_is_found_before_the_drill_is_sent_again() -> None:
    """Its machine was unheard, and did the work: nothing is run for it a second time."""
    there = World(THREE[:2], {"s0": 200.0, "s1": 400.0}, dead=[("m0", MONDAY + minutes(1), MONDAY + minutes(4.5), False)])
    found = finished(coordinator(there, [due("s0", 200), due("s1", 400)]), there)
    assert [each.verdict for each in found] == ["verified", "verified"]
    assert len(there.runs) == counted(there) == 2


def test_a_drill_that_kills_its_machines_is_given_up() -> None:
    """Not for ever: three attempts, and why, are in the evidence."""
    there = world(breaks=[(each.name, "s3") for each in THREE])
    found = finished(coordinator(there, [due(each) for each in NINE]), there)
    bad = found[3]
    assert (bad.verdict, bad.reached) == ("could-not-run", True)
    assert bad.reasons[0].startswith(f"given up after {ATTEMPTS} attempts; m")
    assert bad.reasons[0].count("the repository cannot be opened from here") == ATTEMPTS
    assert all(f"{each.name}: " in bad.reasons[0] for each in THREE)
    assert sum(each.verdict == "verified" for each in found) == 8


def test_a_machine_where_nothing_runs_takes_nothing_from_the_others() -> None:
    """What could not run there is tried elsewhere; nothing is lost for one machine without the key, or without an image."""
    there = world(breaks=[("m0", each) for each in NINE[:5]], cannot=[("m0", each) for each in NINE[5:]])
    found = finished(coordinator(there, [due(each) for each in NINE]), there)
    assert {each.verdict for each in found} == {"verified"}
    assert {each.machine for each in found} == {"m1", "m2"}


def test_what_could_not_run_anywhere_is_told_as_it_was_found() -> None:
    there = world(cannot=[(each.name, "s3") for each in THREE])
    bad = finished(coordinator(there, [due(each) for each in NINE]), there)[3]
    assert (bad.verdict, bad.reasons[0], bad.machine is not None) == ("could-not-run", "no image", True)


def test_a_machine_too_small_refuses_and_another_one_runs_it() -> None:
    there = world(refuses=[("m0", each) for each in NINE])
    found = finished(coordinator(there, [due(each) for each in NINE]), there)
    assert {each.machine for each in found} == {"m1", "m2"}


def test_too_small_everywhere_and_a_pool_that_nobody_serves_are_not_reached() -> None:
    """In words, with both numbers, and without waiting for anything."""
    there = world()
    drills = [due("s0", memory=96 * GIB), due("s1", pool="big"), due("s2")]
    found = finished(coordinator(there, drills), there)
    assert [(each.words, each.reached) for each in found] == [("not reached", False), ("not reached", False), ("verified", True)]
    assert "needs 96.0 GiB of memory, the largest machine of pool verification has 64.0 GiB" in found[0].reasons[0]
    assert "no machine serves its pool big" in found[1].reasons[0]


def test_refused_by_every_machine_is_not_reached_with_each_ones_reason() -> None:
    there = world(refuses=[(each.name, "s0") for each in THREE])
    (bad,) = finished(coordinator(there, [due("s0")]), there)
    assert bad.words == "not reached"
    assert bad.reasons[0].count("needs 96 GiB of memory, it has 64 GiB") == 3


def test_machines_that_are_silent_are_waited_for_and_named() -> None:
    """No worker is there: told within minutes, not after a night."""
    there = world(dead=[(each.name, MONDAY - minutes(60), MONDAY + minutes(600), True) for each in THREE])
    # A worker that is offline is not among those that the scheduler tells of.
    there.workers = dict  # type: ignore[method-assign]
    (bad,) = finished(coordinator(there, [due("s0")]), there)
    assert bad.words == "not reached"
    assert "no worker of m0, m1, m2 was heard, or began what it was sent, for 5 min" in bad.reasons[0]
    assert there.runs == {}


def test_what_the_window_has_no_room_for_is_not_reached() -> None:
    """Four minutes, three machines, drills of a minute: the rest is there, and is told."""
    there = world()
    drills = [due(each, 60) for each in NINE]
    found = finished(coordinator(there, drills, until=MONDAY + minutes(2.6)), there)
    assert [each.words for each in found].count("verified") == 6
    assert [each.words for each in found].count("not reached") == 3
    assert all("the window ends at 2026-11-23 06:02 UTC" in each.reasons[0] for each in found if not each.reached)


def test_a_repository_has_its_own_limit() -> None:
    there = world()
    one = coordinator(there, [due(each) for each in NINE], repositories={"first": 1})
    most = 0

    def look() -> None:
        nonlocal most
        most = max(most, len(there.drilling()))

    finished(one, there, pause=look)
    assert most == 1


deaths = st.lists(
    st.tuples(st.sampled_from(["m0", "m1", "m2"]), st.integers(0, 600), st.integers(10, 900), st.booleans()), max_size=6
)
pairs = st.sets(st.tuples(st.sampled_from(["m0", "m1", "m2"]), st.sampled_from(NINE)), max_size=6)


@pytest.mark.long
@settings(max_examples=60, deadline=None)
@given(deaths, pairs, pairs, pairs, st.lists(st.integers(1, 60), max_size=2), st.integers(1, 3), st.sampled_from([60, 12]))
def test_whatever_dies_every_drill_is_there_once(
    dead: Any, refuses: Any, breaks: Any, cannot: Any, kills: list[int], at_once: int, reckoned: int
) -> None:
    """Machines die and come back, silently or for good; some refuse; the coordinator is killed: one result each, none of them made up."""
    there = World(
        [Machine(f"m{number}", 64 * GIB, 64 * GIB, at_once) for number in range(3)],
        {name: 30.0 + 17 * number for number, name in enumerate(NINE)},
        dead=[
            (name, MONDAY + timedelta(seconds=at), MONDAY + timedelta(seconds=at + span), lost) for name, at, span, lost in dead
        ],
        refuses=refuses,
        breaks=breaks,
        cannot=cannot,
    )
    drills = [due(name, reckoned) for name in NINE]
    turns = 0

    def kill() -> None:
        nonlocal turns
        turns += 1
        assert max(Counter(ticket.machine for ticket in there.drilling()).values(), default=0) <= at_once
        if turns in kills:
            there.killed = True
            raise Killed

    while True:
        there.killed, done = False, _delivered(there)
        sent = len(there.runs)
        try:
            found = finished(coordinator(there, drills), there, pause=kill)
        except Killed:
            continue
        finally:
            # Begun again, it sends nothing of which there was a result that counts.
            assert not {service for run in list(there.runs.values())[sent:] for service in run.services} & done
        break
    assert [each.service for each in found] == NINE
    bad = set(refuses) | set(breaks) | set(cannot)
    for each in found:
        # What was taken back before it began is none, nor is what waited on a machine that died.
        mine = [ticket for ticket, _ in there.begun if ticket.service == each.service]
        tries = len([ticket for ticket in mine if (ticket.machine, each.service) not in refuses])
        assert tries <= ATTEMPTS * (len(kills) + 1) + len(dead)
        if each.verdict == "verified":
            assert any(ticket.machine == each.machine for ticket in mine)
            assert (each.machine, each.service) not in bad
        else:
            assert each.verdict == "could-not-run"
            assert each.reasons


def _delivered(there: World) -> set[str]:
    """The services of which a result is there that counts."""
    kept = (json.loads(content)["result"] for _, content in there.shelf.kept.values())
    return {each["service"] for each in kept if each["verdict"] == "verified"}
