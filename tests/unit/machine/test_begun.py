"""A context that is entered beside other work is waited for when it is wanted, and left once, however the work ends."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from backups.machine.parallel import begun, beside
from backups.machine.wait import wait_until


class Door:
    """A context that counts; `open_` says when it may be entered."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.open_ = threading.Event()
        self.fault = fault
        self.left = 0

    @contextmanager
    def entered(self) -> Iterator[str]:
        assert self.open_.wait(60)
        if self.fault:
            raise self.fault
        try:
            yield "inside"
        finally:
            self.left += 1


def test_it_is_entered_meanwhile_and_left_when_whoever_wanted_it_has_done() -> None:
    door = Door()
    with begun(door.entered()) as taken:
        # Here it is not waited for.
        door.open_.set()
        with taken() as value:
            assert (value, door.left) == ("inside", 0)
        assert wait_until(lambda: door.left == 1, seconds=60), "beside what else is done"
    assert door.left == 1


@pytest.mark.parametrize("fault", [None, KeyboardInterrupt()])
def test_nobody_wanted_it(fault: BaseException | None) -> None:
    door = Door()
    with pytest.raises(KeyboardInterrupt) if fault else _nothing(), begun(door.entered()):
        door.open_.set()
        if fault:
            raise fault
    assert door.left == 1


def test_a_fault_is_that_of_whoever_wants_it() -> None:
    door = Door(ValueError("closed"))
    door.open_.set()
    with begun(door.entered()):
        pass
    door = Door(ValueError("closed"))
    door.open_.set()
    with begun(door.entered()) as taken, pytest.raises(ValueError, match="closed"), taken():
        raise AssertionError("it was not entered")
    assert door.left == 0


def test_what_fails_inside_is_raised_and_it_is_left() -> None:
    door = Door()
    door.open_.set()
    with begun(door.entered()) as taken, pytest.raises(ZeroDivisionError), taken():
        raise ZeroDivisionError
    assert door.left == 1


def test_what_fails_while_it_is_left_is_raised_at_the_end() -> None:
    @contextmanager
    def stuck() -> Iterator[None]:
        yield
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), begun(stuck()) as taken, taken():
        pass


def test_what_is_done_beside_a_block_is_waited_for_with_its_result_or_its_error() -> None:
    asked: list[int] = []
    go = threading.Event()

    def work() -> int:
        assert go.wait(60)
        return 7

    def meanwhile() -> None:
        asked.append(1)
        go.set()

    with beside(work, end=lambda: asked.append(2), meanwhile=meanwhile) as result:
        assert result() == result() == 7
    assert asked == [1], "it was waited for, and not ended"
    with pytest.raises(ZeroDivisionError), beside(lambda: 1 // 0, end=lambda: None, meanwhile=lambda: None) as failing:
        failing()


@pytest.mark.parametrize("fault", [None, KeyboardInterrupt()])
def test_what_nobody_waits_for_is_ended_and_no_thread_is_left(fault: BaseException | None) -> None:
    ended, over = threading.Event(), threading.Event()

    def work() -> None:
        assert ended.wait(60)
        over.set()

    with pytest.raises(KeyboardInterrupt) if fault else _nothing(), beside(work, end=ended.set, meanwhile=lambda: None):
        if fault:
            raise fault
    assert over.is_set()


@contextmanager
def _nothing() -> Iterator[None]:
    yield
