"""What was done to this machine and others, as commands that a person could type: whoever writes a runbook listens."""

import shlex
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

Listener = Callable[[str, float], None]

_listeners: list[Listener] = []
_guard = threading.Lock()


def tell(command: Sequence[str] | str, seconds: float) -> None:
    """Tell whoever listens that a command was run, and how long it took. It must hold no secret."""
    words = command if isinstance(command, str) else shlex.join(command)
    with _guard:
        listeners = list(_listeners)
    for listener in listeners:
        listener(words, seconds)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call `listener` with every command that any thread of ours runs meanwhile, and its seconds."""
    with _guard:
        _listeners.append(listener)
    try:
        yield
    finally:
        with _guard:
            _listeners.remove(listener)
