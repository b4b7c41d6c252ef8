"""A restic that has tried the same again for a minute is given up, and one that has success now and then is not."""

from pathlib import Path

from backups.repository.repository import Repository
from backups.repository.retries import Retries

AWAY = "Load(<config/0000000000>, 0, 0) returned error, retrying after 5.06s: dial tcp 127.0.0.1:9: connect: connection refused\n"
BACK = "Load(<config/0000000000>, 0, 0) operation successful after 3 retries\n"
OTHER = "Save(<data/12>) returned error, retrying after 1m2s: unexpected HTTP response (507): 507 Insufficient Storage\n"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def said(*looks: tuple[float, str]) -> list[str | None]:
    clock = Clock()
    retries = Retries(60, clock=clock)
    found = []
    for clock.now, errors in looks:
        found.append(retries.hopeless(errors))
    return found


def test_what_fails_for_a_minute_is_given_up_with_its_reason() -> None:
    [first, later, last] = said((0, AWAY), (59.9, AWAY * 4), (60, AWAY * 5))
    assert (first, later) == (None, None)
    assert last == "Load(<config/0000000000>, 0, 0) failed for 60 s: dial tcp 127.0.0.1:9: connect: connection refused"


def test_a_repository_is_given_a_minute() -> None:
    """Most tests of repositories that are away give it less."""
    assert Repository("r", Path("cache")).tries == 60
    clock = Clock()
    retries = Retries(clock=clock)
    found = []
    for clock.now in (0, 59.9, 60):
        found.append(retries.hopeless(AWAY) is not None)
    assert found == [False, False, True]


def test_success_in_between_begins_anew() -> None:
    assert (
        said((0, AWAY), (50, AWAY + BACK), (70, AWAY + BACK), (80, AWAY + BACK + AWAY), (139, AWAY + BACK + AWAY)) == [None] * 5
    )
    assert said((0, AWAY), (50, AWAY + BACK), (80, AWAY + BACK + AWAY), (140, AWAY + BACK + AWAY))[-1] is not None


def test_what_restic_itself_tries_no_more_ends_nothing_else() -> None:
    """A backup goes on without what failed for a moment; the same fault later has a time of its own."""
    failed = "Load(<config/0000000000>, 0, 0) failed: <config/0000000000> does not exist\n"
    assert said((0, AWAY), (50, AWAY + failed), (70, AWAY + failed), (200, AWAY + failed)) == [None] * 4
    assert said((0, AWAY), (50, AWAY + failed), (80, AWAY + failed + AWAY), (140, AWAY + failed + AWAY))[-1] is not None


def test_another_fault_has_a_time_of_its_own() -> None:
    assert said((0, AWAY), (50, AWAY + BACK + OTHER), (100, AWAY + BACK + OTHER)) == [None] * 3
    [*_, last] = said((0, AWAY), (50, AWAY + BACK + OTHER), (110, AWAY + BACK + OTHER))
    assert last is not None
    assert "507 Insufficient Storage" in last


def test_what_it_prints_otherwise_is_no_retry() -> None:
    assert said((0, "created new cache\n"), (1000, "Fatal: something\nreturned error\n")) == [None, None]


def test_whoever_waits_is_told_once_why_and_for_how_long() -> None:
    clock, told = Clock(), list[str]()
    retries = Retries(60, say=told.append, clock=clock)
    for clock.now in (0, 1.9):
        retries.hopeless(AWAY)
    assert told == [], "a moment is nothing"
    for clock.now in (2, 30):
        retries.hopeless(AWAY)
    assert told == ["for up to 60 s: Load(<config/0000000000>, 0, 0): dial tcp 127.0.0.1:9: connect: connection refused"]
