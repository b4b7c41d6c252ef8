"""A context that is entered beside other work is waited for when it is wanted, and left once, however the work ends."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from backups.machine.parallel import begun


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
        assert door.left == 1
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
    with begun(door.entered()) as taken:
        with pytest.raises(ZeroDivisionError), taken():
            raise ZeroDivisionError
        assert door.left == 1


@contextmanager
def _nothing() -> Iterator[None]:
    yield
