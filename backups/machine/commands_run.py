"""Reports each command that Lifeboat runs, as a person could type it, to those who listen: a runbook is written from it."""

import shlex
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

Listener = Callable[[str, float], None]

_listeners: list[Listener] = []
_guard = threading.Lock()


def record(command: Sequence[str] | str, seconds: float) -> None:
    """Report a command, which must hold no secret, and how many seconds it took to every listener."""
    line = command if isinstance(command, str) else shlex.join(command)
    with _guard:
        listeners = list(_listeners)
    for listener in listeners:
        listener(line, seconds)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call `listener` with every command that any thread of this process runs within the block, and its seconds."""
    with _guard:
        _listeners.append(listener)
    try:
        yield
    finally:
        with _guard:
            _listeners.remove(listener)
