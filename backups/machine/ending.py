"""Ends this process within seconds of a signal, whatever its threads wait for, and leaves nothing of its runs.

SIGTERM, Ctrl-C and a closed terminal (SIGHUP) first raise in the main thread, and everything is cleared up in order. A thread
that reads from a peer that never ends its answer cannot be told so. What was not cleared up in order after some seconds, or at a
second signal, is cleared up by force: commands, containers, networks and directories go, then the process itself.

A restore that is cut by force leaves its target as a power cut would: each of its steps there is one rename.
"""

import gc
import os
import select
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
EXIT_CODE = 130
_WORDS = "lifeboat: interrupted; no half backup was kept, nothing is left running"

_IN_ORDER = 6.5
"""Seconds for ending in order."""
_BY_FORCE = 2.5
"""Seconds for clearing up by force: Docker may not answer."""
_ONE = 1.0
"""Seconds within which signals are one: `timeout` and a closed terminal send it to the process and to its group."""

_NAME = "lifeboat-ending"
_clearers: list[Callable[[], None]] = []
_said = threading.Event()


def cleared_by(clear: Callable[[], None]) -> None:
    """Have `clear` called, in a thread of its own, when this process is ended by force."""
    _clearers.append(clear)


@contextmanager
def on_signals() -> Iterator[None]:
    """Within the block a signal raises KeyboardInterrupt in the main thread, and ends the process soon, unless it is ignored."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    watched = watch_signals()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        watched()


def watch_signals() -> Callable[[], None]:
    """Leave the handlers of signals as they are, and end the process by force when they do not end it soon.

    To be called in the main thread; returns what stops the watching, which goes on all the same once a signal has come.
    """
    reads, writes = socket.socketpair()
    writes.setblocking(False)  # noqa: FBT003 - its own signature
    # The kernel's notice comes at once, also when the main thread is in the middle of something that is not Python.
    previous = signal.set_wakeup_fd(writes.fileno(), warn_on_full_buffer=False)
    begun = threading.Event()
    threading.Thread(target=_watch, args=(reads, begun), daemon=True, name=_NAME).start()

    def stop() -> None:
        signal.set_wakeup_fd(previous)
        if not begun.is_set():
            writes.close()

    return stop


def is_watching() -> bool:
    """Return whether signals are watched in this process."""
    return any(thread.name == _NAME for thread in threading.enumerate())


def say() -> None:
    """Tell the person who interrupted that nothing is left."""
    _said.set()
    with suppress(OSError):
        sys.stderr.write(f"{_WORDS}\n")
        sys.stderr.flush()


def by_force() -> None:
    """Clear up as far as that takes seconds, and end this process."""
    clearing = threading.Thread(target=_clear, daemon=True)
    clearing.start()
    clearing.join(_BY_FORCE)
    # Not by `print`: a thread that hangs may hold its lock. The progress display hides the cursor.
    with suppress(OSError):
        words = "" if _said.is_set() else f"{_WORDS}\n"
        os.write(2, (("\x1b[?25h" if os.isatty(2) else "") + words).encode())
    os._exit(EXIT_CODE)


def _watch(reads: socket.socket, begun: threading.Event) -> None:
    while number := reads.recv(1):
        if number[0] in SIGNALS:
            break
    else:
        return
    begun.set()
    first = time.monotonic()
    while (left := first + _IN_ORDER - time.monotonic()) > 0:
        ready, _, _ = select.select([reads], [], [], left)
        notice = reads.recv(1) if ready else b""
        if ready and not notice:
            # Nobody tells of further signals: the block was left at the same moment.
            time.sleep(left)
        elif notice and notice[0] in SIGNALS and time.monotonic() - first >= _ONE:
            break
    by_force()


def _clear() -> None:
    for clear in _clearers:
        # One that fails keeps none of the others from its part.
        with suppress(Exception):
            clear()
    for thing in gc.get_objects():
        if type(thing) is tempfile.TemporaryDirectory:
            with suppress(OSError):
                thing.cleanup()


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature that signal wants
    if number == signal.SIGHUP:
        forget_the_terminal()
    raise KeyboardInterrupt


def forget_the_terminal() -> None:
    """Write to nobody from now on: writing to a terminal that is gone is an error, which would stop the clearing up."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        with suppress(OSError):
            if os.isatty(descriptor):
                os.dup2(nowhere, descriptor)
    os.close(nowhere)
