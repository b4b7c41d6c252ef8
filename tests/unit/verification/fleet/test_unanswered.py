"""What a coordinator does not get: an answer, a result that it can read, a beginning of what it sent. No drill is lost or doubled for it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from backups.errors import Transient
from tests.unit.verification.fleet.paper_fleet import (
    MONDAY,
    NINE,
    THREE,
    Killed,
    Shelf,
    World,
    coordinator,
    counted,
    due,
    finished,
    minutes,
    world,
)
from verification.fleet.post import Seen
from verification.fleet.pulse import Pulse


class Half(Shelf):
    """A repository of which one read in two is broken off, each time at another result."""

    asked = 0

    def read(self, snapshot: str, path: str) -> bytes:
        self.asked += 1
        if self.asked % 2 == 0:
            raise Transient("the repository does not answer any more")
        return super().read(snapshot, path)


def test_a_repository_that_breaks_off_in_the_middle_loses_none_of_what_was_read() -> None:
    """What came before the fault counts, and what comes behind it is read the next time: nothing is drilled again."""
    there = world(shelf=Half())
    found = finished(coordinator(there, [due(each) for each in NINE]), there)
    assert {each.verdict for each in found} == {"verified"}
    assert len(there.runs) == 9


def test_a_further_repository_that_is_away_takes_nothing_from_the_others() -> None:
    """No drill of the first one waits for it, is run again, or is lost for it; its own are looked for where results are kept."""
    there = world(offsite=Shelf(away=True))
    drills = [due(each, repository="offsite" if each == "s4" else "first") for each in NINE]
    found = finished(coordinator(there, drills), there)
    assert {each.verdict for each in found} == {"verified"}
    assert len(there.runs) == 9
    assert there.now - MONDAY < minutes(6)


def test_what_is_fetched_from_another_repository_counts_while_the_first_one_is_away() -> None:
    """Its result is where it was fetched from."""
    there = world(shelf=Shelf(away=True), offsite=Shelf())
    (found,) = finished(coordinator(there, [due("s0", repository="offsite")]), there)
    assert found.verdict == "verified"
    assert len(there.runs) == 1
    assert there.now - MONDAY < minutes(3)


@pytest.mark.parametrize("name", ["first", "vault"])
def test_the_first_one_is_asked_whatever_its_name_is(name: str) -> None:
    """In a ticket it is called first."""
    there = world(shelf=Shelf(), offsite=Shelf())
    found = finished(coordinator(there, [due("s0", repository=name), due("s1", repository="offsite")], first=name), there)
    assert [each.verdict for each in found] == ["verified", "verified"]
    assert len(there.runs) == 2


def test_the_repository_with_the_results_stays_away() -> None:
    """Each drill is waited for ten minutes, then it is lost; the whole comes to an end, and tells so."""
    there = world(shelf=Shelf(away=True))
    (found,) = finished(coordinator(there, [due("s0")]), there)
    assert found.verdict == "could-not-run"
    assert "given up after 3 attempts" in found.reasons[0]
    assert there.now - MONDAY < minutes(15)


def test_after_the_scheduler_was_away_no_machine_is_dead_that_could_not_report(caplog: pytest.LogCaptureFixture) -> None:
    """It takes all workers for offline until they report again: what runs on them goes on, once."""
    there = world()
    there.seconds = dict.fromkeys(NINE, 400.0)
    workers, frozen = there.workers, there.workers()

    def offline() -> Any:
        reported = workers()
        return (
            reported
            if there.now > MONDAY + minutes(5.5)
            else {name: replace(each, online=False) for name, each in frozen.items()}
        )

    def away() -> None:
        there.away = MONDAY + minutes(0.5) < there.now < MONDAY + minutes(5)
        there.workers = workers if there.now <= MONDAY + minutes(0.5) else offline  # type: ignore[method-assign]

    found = finished(coordinator(there, [due(each, 400) for each in NINE[:3]]), there, pause=away)
    assert {each.verdict for each in found} == {"verified"}
    assert "taken for dead" not in caplog.text
    assert len(there.runs) == 3


def test_a_machine_that_is_offline_from_the_beginning_gets_nothing() -> None:
    there = world(machines=THREE[:2])
    workers = there.workers
    there.workers = lambda: {name: replace(each, online=name == "m1") for name, each in workers().items()}  # type: ignore[method-assign]
    found = finished(coordinator(there, [due(each) for each in NINE[:4]]), there)
    assert [each.machine for each in found] == ["m1"] * 4


@pytest.mark.parametrize("others", [1, 0])
def test_a_worker_that_takes_nothing_holds_nothing_up(others: int) -> None:
    """It reports, and looks into another queue: what was sent to it runs elsewhere, or is not reached, and that within minutes."""
    there = world(machines=THREE[: 1 + others])
    look = there.look

    def deaf(runs: Any) -> Any:
        return {
            run: Seen("waiting", beat="not yet", taken=False)
            if there.runs[run].ticket.machine == "m0" and each.state in ("waiting", "running")
            else each
            for run, each in look(runs).items()
        }

    there.look = deaf  # type: ignore[method-assign]
    there.seconds = {"s0": 60.0, "s1": 60.0, "s2": 60.0}
    turn = there.turn

    def stand_still() -> None:
        for run in there.runs.values():
            if run.ticket.machine == "m0":
                run.ends = None
        turn()

    there.turn = stand_still  # type: ignore[method-assign]
    found = finished(coordinator(there, [due(each) for each in NINE[:3]]), there)
    if others:
        assert [(each.verdict, each.machine) for each in found] == [("verified", "m1")] * 3
    else:
        assert {each.words for each in found} == {"not reached"}
        assert any("does its worker take from its work queue?" in each.reasons[0] for each in found)
    assert there.now - MONDAY < minutes(10)


def test_what_waits_behind_a_drill_that_is_not_dead_after_all_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    """Its heartbeats are lost, its machine is the only one, and has room for one drill: no drill is lost for that."""
    there = World(THREE[:1], {"s0": 500.0, "s1": 60.0})
    look = there.look

    def unheard(runs: Any) -> Any:
        seen = dict(look(runs))
        for run, each in seen.items():
            if each.state == "waiting":
                seen[run] = replace(each, beat="not yet", taken=False)
            elif run == "0" and each.state == "running":
                seen[run] = replace(each, beat="the first")
        return seen

    there.look = unheard  # type: ignore[method-assign]
    found = finished(coordinator(there, [due("s0", 500), due("s1")]), there)
    assert [each.verdict for each in found] == ["verified", "verified"]
    assert "no word of the drill" in caplog.text


def test_a_drill_whose_sending_was_not_answered_is_not_sent_twice() -> None:
    """The scheduler has it, and was gone before it said so."""
    there = world()
    send = there.send
    lost: list[str] = []

    def swallow(ticket: Any) -> str:
        run = send(ticket)
        if len(there.runs) in (2, 5):
            lost.append(run)
            raise Transient("the Prefect server does not answer")
        return run

    there.send = swallow  # type: ignore[method-assign]
    found = finished(coordinator(there, [due(each) for each in NINE]), there)
    assert {each.verdict for each in found} == {"verified"}
    assert len(lost) == 2
    assert len(there.runs) == counted(there) == 9
    assert there.cancelled == []


def test_taken_up_in_two_goes_nothing_of_its_own_is_cancelled() -> None:
    """The scheduler goes away in the middle of what is found again: that is looked through once more."""
    there = world()
    drills = [due(each) for each in NINE]

    def kill() -> None:
        if len(there.runs) == 6:
            there.killed = True
            raise Killed

    with pytest.raises(Killed):
        finished(coordinator(there, drills), there, pause=kill)
    there.killed = False
    # One that no drill of this plan has sent: it is to be cancelled, and that fails the first time.
    there.send([there.runs["0"].ticket.model_copy(update={"service": "s99", "mark": "c" * 32, "machine": "m2"})])
    there.seconds = {**there.seconds, "s99": 600.0}
    cancel, failed = there.cancel, []

    def fail_once(run: str, why: str, *, dead: bool = False) -> None:
        if not failed:
            failed.append(run)
            raise Transient("the Prefect server does not answer")
        cancel(run, why, dead=dead)

    there.cancel = fail_once  # type: ignore[method-assign]
    found = finished(coordinator(there, drills), there)
    assert {each.verdict for each in found} == {"verified"}
    assert there.cancelled == ["6"]


@pytest.mark.parametrize("step", [timedelta(hours=-1), timedelta(hours=1), timedelta(days=-365)], ids=str)
def test_silence_is_counted_whatever_the_clock_is_set_to(step: timedelta) -> None:
    """A machine is not dead since this one's clock was put right, and one that is dead does not live an hour longer for it."""
    pulse, now = Pulse(), MONDAY
    for look in range(10):
        now += step if look == 5 else timedelta(seconds=10)
        pulse.look(now)
        assert pulse.silent("m0", "beat") <= timedelta(seconds=10 * look + 15)
    assert pulse.silent("m0", "beat") >= timedelta(seconds=70)


def test_a_drill_that_gives_no_heartbeats_is_not_waited_for_without_end() -> None:
    """Its machine lost power for half a minute, and its worker was started without them: the drill never ends."""
    there = world(dead=[("m1", MONDAY + minutes(1), MONDAY + minutes(1.5), True)])
    look = there.look
    there.look = lambda runs: {run: replace(each, beat=None) for run, each in look(runs).items()}  # type: ignore[method-assign]
    there.step = timedelta(seconds=30)
    found = finished(coordinator(there, [due(each) for each in NINE]), there)
    assert {each.verdict for each in found} == {"verified"}
    assert timedelta(hours=24) < there.now - MONDAY < timedelta(hours=25)
