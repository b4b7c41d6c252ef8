"""Waiting ends with the time that it has, and the condition is asked once more then."""

import pytest

from backups.machine import wait


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(wait.time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(wait.time, "sleep", clock.sleep)
    return clock


@pytest.mark.parametrize(("seconds", "interval"), [(0.1, 3.0), (12.0, 5.0), (1.0, 0.25), (0.0, 1.0)])
def test_no_wait_is_longer_than_its_time_and_the_last_look_is_at_its_end(clock: Clock, seconds: float, interval: float) -> None:
    looks: list[float] = []

    def never() -> bool:
        looks.append(clock.now - 100.0)
        return False

    assert not wait.wait_until(never, seconds=seconds, interval=interval)
    assert looks[-1] == pytest.approx(seconds)
    assert max(clock.slept, default=0.0) <= interval


def test_what_becomes_true_at_the_very_end_is_seen(clock: Clock) -> None:
    assert wait.wait_until(lambda: clock.now >= 112.0, seconds=12.0, interval=5.0)


def test_what_is_asked_seldom_is_asked_at_once_and_then_twice_a_second(clock: Clock) -> None:
    """A loop of eight rounds a second sees the end of what it waits for, half a second late at most."""
    asked: list[float] = []

    def running() -> bool:
        asked.append(clock.now - 100.0)
        return clock.now < 101.9

    seldom = wait.seldom(running)
    assert wait.wait_until(lambda: not seldom(), seconds=12.0, interval=0.125)
    assert asked == [0.0, 0.5, 1.0, 1.5, 2.0]
    assert clock.now == 102.0
