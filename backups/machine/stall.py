"""Detects that a command has stalled: it runs, and neither computes nor reads nor writes.

restic 0.14 may block itself for ever when the repository's disk is full (1 of 60 saves, then 1 of 300; see docs/measured.md).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_LOOK = 1.0
"""Seconds between two looks, less where the given time is short; an interrupt just before a wait is noticed that much later."""

_BYTES, _BYTES_A_SECOND = 64 * 1024, 100.0
_COMPUTED, _COMPUTED_A_SECOND = 10, 0.1
"""Bytes read and written, and hundredths of a second computed, that count as nothing. A blocked restic still shows its progress
and renews its lock: measured over 200 s, 25 bytes and 0.015 hundredths a second."""


@dataclass(frozen=True)
class Done:
    """What a process has done so far: bytes read and written, sockets and pipes included, and hundredths of a second computed."""

    moved: int
    computed: int

    def is_more_than(self, earlier: "Done", seconds: float) -> bool:
        """Return whether the process has worked since `earlier`, at most `seconds` ago."""
        moved, computed = self.moved - earlier.moved, self.computed - earlier.computed
        return moved >= _BYTES + seconds * _BYTES_A_SECOND or computed >= _COMPUTED + seconds * _COMPUTED_A_SECOND


def ended(pid: int, ends_within: Callable[[float], bool], seconds: float) -> bool:
    """Wait for a command's end; returns False, and leaves it alive, once it has done nothing for that long.

    ends_within: waits up to so many seconds for the end, and returns whether it came
    """
    changed_at, before = time.monotonic(), _done(pid)
    while not ends_within(min(_LOOK, seconds / 20)):
        now = _done(pid)
        if now is None or before is None or now.is_more_than(before, seconds):
            changed_at, before = time.monotonic(), now
        elif time.monotonic() - changed_at >= seconds:
            return False
    return True


def _done(pid: int) -> Done | None:
    """Return what a process has done; None where the kernel does not say, as of one that has just ended."""
    try:
        counted = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
        # The name, in parentheses, may hold anything; user and system time are the 12th and 13th field after it.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return Done(int(counted["rchar"]) + int(counted["wchar"]), int(fields[11]) + int(fields[12]))
