"""Every command line that is seen on this machine, looked at all the time, and at the cost of looking once."""

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PAUSE = 0.02
_YOUNG = 1.0
"""Seconds in which a process is looked at each time: it may become another program. Later it is looked at once in that time."""


@contextmanager
def command_lines() -> Iterator[set[bytes]]:
    """Yield what is seen, arguments separated by NUL, until the block ends."""
    seen, over = set[bytes](), threading.Event()

    def look() -> None:
        born: dict[str, float] = {}
        everyone = 0.0
        while not over.wait(_PAUSE):
            now = time.monotonic()
            there = [name for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - twice as quick
            born = {name: born.get(name, now) for name in there}
            if now - everyone > _YOUNG:
                everyone = now
                looked_at = there
            else:
                looked_at = [name for name in there if now - born[name] < _YOUNG]
            for name in looked_at:
                with contextlib.suppress(OSError):
                    seen.add(Path(f"/proc/{name}/cmdline").read_bytes())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()
