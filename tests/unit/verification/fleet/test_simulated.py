"""A thousand services for weeks on machines that die: the Monday is short, nothing is lost or counted twice, no service starves."""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.verification.fleet.simulated_fleet import (
    MONDAY,
    OBJECTIVES,
    Broken,
    Outage,
    Weeks,
    machines,
    run,
    services,
)
from verification.fleet.order import order, with_firsts
from verification.fleet.sequence import best, sequence
from verification.fleet.timetable import timetable
from verification.fleet.work import Due, Machine


def ratio(due: list[Due], every: list[Machine], ordered: list[Due]) -> float:
    ends = timetable(ordered, every, MONDAY).ends
    assert ends
    return (ends - MONDAY).total_seconds() / best(due, every)["verification"]


@pytest.mark.parametrize("number", [1, 2, 3, 7, 20])
@pytest.mark.parametrize("late", [0.0, 0.5])
def test_a_thousand_services_take_at_most_115_hundredths_of_the_shortest_possible(number: int, late: float) -> None:
    every = machines(number)
    due = services(1000, random.Random(number), late=late)
    assert ratio(due, every, sequence(due, every, OBJECTIVES, MONDAY)) <= 1.15


@settings(max_examples=40, deadline=None)
@given(st.integers(), st.integers(1, 20), st.integers(7, 12), st.sampled_from([0.1, 0.5, 1.2]))
def test_so_do_few_services_from_seven_drills_a_machine_on(seed: int, number: int, each: int, spread: float) -> None:
    every = machines(number)
    due = services(number * each, random.Random(seed), spread, late=0.3)
    assert ratio(due, every, sequence(due, every, OBJECTIVES, MONDAY)) <= 1.15


def test_other_orders_take_longer() -> None:
    """The bound above can fail: by urgency alone, and the shortest first."""
    every = machines(4)
    waited = MONDAY - timedelta(days=13.7)
    due = [Due(f"s{each}", "latest", 100.0, tried_at=waited) for each in range(40)]
    due.append(Due("long", "latest", 1000.0, tried_at=MONDAY - timedelta(days=6.7)))
    assert ratio(due, every, order(due, OBJECTIVES, MONDAY)) == 1.6
    assert ratio(due, every, order(due, OBJECTIVES, MONDAY, shortest=True)) == 1.6
    assert ratio(due, every, sequence(due, every, OBJECTIVES, MONDAY)) == 1.04


def outages(number: int) -> Any:
    seconds = st.floats(0, 6000)
    return st.lists(
        st.builds(
            lambda at, machine, away: Outage(f"m{machine:02}", MONDAY + timedelta(seconds=at), at_back(at, away)),
            seconds,
            st.integers(0, number - 1),
            st.none() | st.floats(1, 4000),
        ),
        max_size=5,
        unique_by=lambda each: each.machine,
    )


def at_back(at: float, away: float | None) -> datetime | None:
    return None if away is None else MONDAY + timedelta(seconds=at + away)


@settings(max_examples=40, deadline=None)
@given(st.integers(), outages(3), st.sampled_from([None, 3000, 8000]), st.integers(1, 3))
def test_machines_die_at_any_moment_and_nothing_is_lost_or_counted_twice(
    seed: int, dying: list[Outage], window: int | None, at_once: int
) -> None:
    """`run` requires it of each one. While one machine lives, or comes back, all is reached, if it takes as long as that."""
    chance = random.Random(seed)
    due, every = services(40, chance), machines(3, at_once)
    really = {each.title: each.seconds * chance.uniform(0.3, 3) for each in due}
    until = MONDAY + timedelta(seconds=window) if window else None
    outcome = run(due, every, until=until, outages=dying, really=really)
    if window is None and sum(each.back is None for each in dying) < 3:
        assert not outcome.not_reached


def test_what_ran_on_a_machine_that_died_runs_elsewhere_once_and_ends_as_late_as_it_must() -> None:
    due, every = [Due("long", "latest", 1000.0), Due("short", "latest", 10.0)], machines(2)
    outcome = run(due, every, outages=[Outage("m00", MONDAY + timedelta(seconds=500))])
    assert outcome.tries == {"long, latest": 2, "short, latest": 1}
    (long,) = [slot for slot in outcome.results if slot.due.service == "long"]
    assert (long.machine, (long.ends - MONDAY).total_seconds()) == ("m01", 500 + 90 + 1000)


def test_when_a_machine_dies_what_still_waits_is_ordered_anew_for_those_that_are_left() -> None:
    """The long ones were to come first, as there was time for all; then there is not, and the short ones would all be left."""
    chance = random.Random(4)
    due = [replace(each, seconds=min(each.seconds, 2400)) for each in services(300, chance)]
    window = timedelta(seconds=sum(each.seconds for each in due) / 4 / 0.9)
    died = [Outage("m01", MONDAY + window / 50)]
    before: list[Due] = []

    def once(due: list[Due], *those: Any, **more: Any) -> list[Due]:
        before.extend([] if before else sequence(due, *those, **more))
        place = {id(each): at for at, each in enumerate(before)}
        return sorted(due, key=lambda each: place[id(each)])

    assert len(run(due, machines(4), until=MONDAY + window, outages=died).results) >= 280
    assert len(run(due, machines(4), until=MONDAY + window, outages=died, sequencer=once).results) <= 200


@pytest.mark.long
def test_a_fleet_that_suffices_keeps_the_objective_of_every_service_while_machines_die() -> None:
    chance = random.Random(1)
    lived = Weeks(services(1000, chance), machines(8), window=timedelta(hours=12)).live(3, chance, outages=3)
    assert lived.reached == [1000] * 3
    assert lived.oldest <= OBJECTIVES.proof


@pytest.mark.parametrize("load", [1.2, 1.5, 2.0, 3.0])
def test_a_fleet_that_does_not_suffice_passes_each_service_over_in_turn(load: float) -> None:
    """And it reaches as many as it can: where a sixth of the work is too much, 19 of 20 services are proven each week."""
    lived = weeks(load)
    assert max(lived.passed.values()) <= ceil(load)
    if load == 1.2:
        assert min(lived.reached) >= 0.9 * len(lived.due)


def weeks(load: float, **more: Any) -> Weeks:
    chance = random.Random(2)
    # None of them longer than the window: such a one is never reached, and told.
    due = [replace(each, seconds=min(each.seconds, 1200)) for each in services(100, chance)]
    window = timedelta(seconds=sum(each.seconds for each in due) / 4 / load)
    return Weeks(due, machines(4), window=window, **more).live(8, chance)


def test_of_two_drills_a_service_one_renews_its_proof_before_others_get_their_second() -> None:
    """A window for two thirds of the work reaches almost every service each week, and each of its drills in its turn."""
    chance = random.Random(3)
    latest = [replace(each, seconds=min(each.seconds, 1200)) for each in services(60, chance)]
    due = [*latest, *(replace(each, selection="worst", seconds=2 * each.seconds) for each in latest)]
    window = timedelta(seconds=sum(each.seconds for each in due) / 4 / 1.5)
    lived = Weeks(with_firsts(due), machines(4), window=window).live(8, chance)
    assert min(lived.reached) == 60
    assert max(lived.passed.values()) <= 2


def test_services_that_fail_every_week_leave_time_for_the_others() -> None:
    failing = frozenset(f"s{each:04}" for each in range(0, 100, 3))
    lived = weeks(2.0, failing=failing)
    assert max(count for name, count in lived.passed.items() if name not in failing) <= 3
    assert max(count for name, count in lived.passed.items() if name in failing) <= 3


def test_a_service_that_starves_is_found() -> None:
    """The longest first whatever they have waited for: the short ones are never reached. Those that failed first likewise."""

    def longest(due: list[Due], *_: Any, **__: Any) -> list[Due]:
        return sorted(due, key=lambda each: -each.seconds)

    def failed(due: list[Due], *_: Any, **__: Any) -> list[Due]:
        return sorted(due, key=lambda each: (not each.failed, each.tried_at or MONDAY))

    assert max(weeks(2.0, sequencer=longest).passed.values()) == 8
    failing = frozenset(f"s{each:04}" for each in range(60))
    assert max(weeks(3.0, failing=failing, sequencer=failed).passed.values()) > 3


def test_a_drill_that_is_forgotten_or_counted_twice_is_found() -> None:
    due = services(5, random.Random(0))
    with pytest.raises(Broken, match=r"^once: "):
        run(due, machines(2), sequencer=lambda due, *_, **__: list(due)[1:])
    with pytest.raises(Broken, match=r"^once: "):
        run(due, machines(2), sequencer=lambda due, *_, **__: [*due, replace(due[0])])
    assert len(run(due, machines(2)).results) == 5
