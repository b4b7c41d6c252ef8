"""The account of a verification that runs: what waits is ordered anew when a machine is gone, or is back."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from tests.unit.verification.fleet.simulated_fleet import GIB, MONDAY, OBJECTIVES, machines, services
from verification.fleet.desk import Arrange, Desk, Standing
from verification.fleet.sequence import sequence
from verification.fleet.work import Due, Machine, Slot


def lived(desk: Desk, dies: str, at: datetime) -> int:
    """Run what is at the desk while one machine dies; returns how many drills were done."""
    now, ends = MONDAY, dict[int, datetime]()
    heard = {each.name for each in desk.machines}
    while not desk.settled:
        for run, _ in desk.assign(heard, now):
            for place, number in enumerate(run, 1):
                ends[number] = now + timedelta(seconds=sum(desk.due[each].seconds for each in run[:place]))
        now = min([*(ends[number] for number in desk.out), *([at] if dies in heard else [])], default=now + timedelta(hours=1))
        if now == at:
            heard.discard(dies)
        for number in desk.out:
            if desk.lines[number].machine == dies and dies not in heard:
                desk.lost(number, "it died")
            elif ends[number] <= now:
                desk.came(number)
    return sum(line.standing is Standing.DONE for line in desk.lines)


def test_when_a_machine_dies_what_still_waits_is_ordered_anew_for_those_that_are_left() -> None:
    chance = random.Random(4)
    due = [replace(each, seconds=min(each.seconds, 1500)) for each in services(150, chance)]
    window = timedelta(seconds=sum(each.seconds for each in due) / 4 / 0.9)
    until = MONDAY + window

    def arranged(waiting: Sequence[Due], there: Sequence[Machine], at: datetime, running: Sequence[Slot]) -> list[Due]:
        return sequence(waiting, there, OBJECTIVES, at, until=until, running=running)

    def done(arrange: Arrange | None) -> int:
        ordered = arranged(due, machines(4), MONDAY, ())
        return lived(Desk(ordered, machines(4), MONDAY, until=until, arrange=arrange), "m01", MONDAY + window / 50)

    assert done(arranged) >= 140
    assert done(None) <= 100


def test_the_order_is_asked_for_when_who_is_heard_changes_and_of_what_waits_alone() -> None:
    asked: list[tuple[list[str], list[str], list[str]]] = []
    long = 1000.0

    def arrange(waiting: Sequence[Due], there: Sequence[Machine], _: datetime, running: Sequence[Slot]) -> list[Due]:
        asked.append(([each.service for each in waiting], [each.name for each in there], [each.due.service for each in running]))
        return list(reversed(waiting))

    due = [Due(name, "latest", long, memory=GIB) for name in "abcde"]
    desk = Desk(due, machines(2), MONDAY, arrange=arrange)
    assert desk.assign({"m00"}, MONDAY) == [([4], "m00")]
    assert desk.assign({"m00"}, MONDAY) == []
    assert desk.assign(set(), MONDAY) == []
    assert desk.assign({"m00", "m01"}, MONDAY) == [([0], "m01")]
    assert asked == [(["a", "b", "c", "d", "e"], ["m00"], []), (["d", "c", "b", "a"], ["m00", "m01"], ["e"])]
    # What a machine loses keeps its place, before what was not tried: it waited longer.
    desk.lost(4, "it died")
    desk.came(0)
    assert desk.assign({"m01", "m00"}, MONDAY) == [([4], "m01"), ([1], "m00")]
