"""Sees that a command has stalled: it lives, and neither computes nor reads nor writes.

restic 0.14 may wait for ever for itself when the repository's disk is full (1 of 60 backups, see docs/measured.md).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_LOOK = 1.0
"""Seconds between two looks, less where the given time is short; so late may an interrupt be that came just before a wait."""

_BYTES = 64 * 1024
_PROCESSOR_TIME = 10
"""Less than this (bytes read and written, hundredths of a second) in the given time is nothing: a restic that waits for itself
goes on to show its progress and to renew its lock."""


@dataclass(frozen=True)
class _Done:
    """What a process has done so far: bytes read and written, sockets and pipes included, and hundredths of a second computed."""

    moved: int
    computed: int

    def is_more_than(self, earlier: "_Done") -> bool:
        return self.moved - earlier.moved >= _BYTES or self.computed - earlier.computed >= _PROCESSOR_TIME


def ended(pid: int, ends_within: Callable[[float], bool], seconds: float) -> bool:
    """Wait for a command's end; returns False, and leaves it alive, once it has done nothing for that long.

    ends_within: waits for the end for some seconds, and says whether it came
    """
    since, before = time.monotonic(), _done(pid)
    while not ends_within(min(_LOOK, seconds / 20)):
        now = _done(pid)
        if now is None or before is None or now.is_more_than(before):
            since, before = time.monotonic(), now
        elif time.monotonic() - since >= seconds:
            return False
    return True


def _done(pid: int) -> _Done | None:
    """None where the kernel does not say, as of a process that has just ended."""
    try:
        counted = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
        # The name, in parentheses, may hold anything; user and system time are the 12th and 13th field after it.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return _Done(int(counted["rchar"]) + int(counted["wchar"]), int(fields[11]) + int(fields[12]))
