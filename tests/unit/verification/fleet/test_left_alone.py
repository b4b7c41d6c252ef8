"""A coordinator that is killed, cancelled, held up, or left alone by the scheduler or the repository: what runs goes on, and is found."""

from dataclasses import replace
from typing import Any

import pytest

from backups.errors import ConfigError
from tests.unit.verification.fleet.paper_fleet import (
    MONDAY,
    NINE,
    THREE,
    Killed,
    coordinator,
    counted,
    due,
    finished,
    minutes,
    world,
)


def test_begun_again_nothing_is_drilled_twice() -> None:
    """Killed after some minutes and begun again: what has a result is not run again, what runs is waited for."""
    there = world()
    drills = [due(each) for each in NINE]

    def kill() -> None:
        if there.now > MONDAY + minutes(1.7):
            there.killed = True
            raise Killed

    with pytest.raises(Killed):
        finished(coordinator(there, drills), there, pause=kill)
    there.killed = False
    assert 3 <= counted(there) < 9
    for _ in range(3):
        there.turn()
    found = finished(coordinator(there, drills), there)
    assert {each.verdict for each in found} == {"verified"}
    assert len(there.runs) == 9
    assert counted(there) == 9


def test_begun_again_what_could_not_run_on_one_machine_is_tried_on_another() -> None:
    """As it would have been, had nobody killed the coordinator in between."""
    there = world(cannot=[("m0", "s0")])

    def kill() -> None:
        if there.shelf.kept:
            there.killed = True
            raise Killed

    with pytest.raises(Killed):
        finished(coordinator(there, [due("s0")]), there, pause=kill)
    there.killed = False
    (found,) = finished(coordinator(there, [due("s0")]), there)
    assert found.verdict == "verified"
    assert found.machine != "m0"


def test_cancelled_it_cancels_what_it_sent() -> None:
    there = world()

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finished(coordinator(there, [due(each) for each in NINE]), there, pause=stop)
    assert sorted(there.cancelled) == sorted(there.runs)
    assert len(there.runs) == 6, "three that run, and the next one of each machine"


def test_a_run_that_somebody_cancels_is_not_run_again() -> None:
    there = world()

    def stop() -> None:
        there.runs["0"].state = "stopped"

    found = finished(coordinator(there, [due("s0")]), there, pause=stop)
    assert (found[0].verdict, found[0].reasons) == ("could-not-run", ("its run on m0 was cancelled",))


def test_the_scheduler_goes_away_for_a_while_and_for_good() -> None:
    """What runs goes on meanwhile; after ten minutes nobody waits any more, and all is told."""
    there = world()

    def away() -> None:
        there.away = MONDAY + minutes(0.5) < there.now < MONDAY + minutes(5)

    found = finished(coordinator(there, [due(each) for each in NINE]), there, pause=away)
    assert {each.verdict for each in found} == {"verified"}
    assert len(there.runs) == 9

    gone = world(away=True)
    found = finished(coordinator(gone, [due(each) for each in NINE]), gone)
    assert all("was away for 10 min" in each.reasons[0] for each in found)


def test_while_the_coordinator_is_held_up_nobody_is_taken_for_dead(caplog: pytest.LogCaptureFixture) -> None:
    """Its machine stood still for five minutes, as the others may have: that is no silence of theirs."""
    there = world(machines=THREE[:1])
    there.seconds = {"s0": 900.0}

    def hold_up() -> None:
        if there.now == MONDAY + minutes(1):
            beats, there.now = there.workers(), there.now + minutes(5)
            there.workers, asked = lambda: beats, there.workers  # type: ignore[method-assign, assignment]
            released.append(asked)
        elif released and there.now > MONDAY + minutes(6.5):
            there.workers = released[0]  # type: ignore[method-assign]

    released: list[Any] = []
    (found,) = finished(coordinator(there, [due("s0", 900)]), there, pause=hold_up)
    assert found.verdict == "verified"
    assert "taken for dead" not in caplog.text
    assert len(there.runs) == 1


def test_a_server_without_the_deployment_is_not_waited_for() -> None:
    """What does not pass is raised at once, and what was sent is cancelled."""
    there = world()
    send, sent = there.send, []

    def refuse(ticket: Any) -> str:
        if sent:
            raise ConfigError("the Prefect server has no deployment drill/drill")
        sent.append(ticket)
        return send(ticket)

    there.send = refuse  # type: ignore[method-assign]
    with pytest.raises(ConfigError):
        finished(coordinator(there, [due(each) for each in NINE]), there)
    assert there.cancelled == ["0"]


def test_a_repository_that_is_away_for_a_while_loses_no_result() -> None:
    there = world()

    def away() -> None:
        there.shelf.away = MONDAY + minutes(0.5) < there.now < MONDAY + minutes(5)

    found = finished(coordinator(there, [due(each) for each in NINE]), there, pause=away)
    assert {each.verdict for each in found} == {"verified"}
    assert len(there.runs) == 9


def test_what_the_scheduler_calls_offline_is_dead_after_its_own_silence_alone(caplog: pytest.LogCaptureFixture) -> None:
    """A worker whose heartbeats are late by seconds is called offline at once, and is not dead."""
    there = world()
    workers = there.workers

    def late() -> Any:
        between = MONDAY + minutes(0.5) < there.now < MONDAY + minutes(1.5)
        return {name: replace(each, online=not between) for name, each in workers().items()}

    there.workers = late  # type: ignore[method-assign]
    found = finished(coordinator(there, [due(each) for each in NINE]), there)
    assert {each.verdict for each in found} == {"verified"}
    assert len(there.runs) == 9
    assert "taken for dead" not in caplog.text


def test_nothing_is_left_as_running_that_was_taken_for_dead() -> None:
    """A run that went on after all, and died later, is told to the scheduler at the end."""
    there = world(dead=[("m1", MONDAY + minutes(0.5), MONDAY + minutes(600), True)])

    def revive() -> None:
        for run in there.runs.values():
            if run.state == "silently running":
                run.state = "running"

    finished(coordinator(there, [due(each) for each in NINE]), there, pause=revive)
    assert not [run for run in there.runs.values() if run.state in ("waiting", "running")]
