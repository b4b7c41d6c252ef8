"""Runs `lifeboat` as a user would and says what the process itself needed: `python -m tests.bench.child FILE ARGUMENT…`."""

import json
import logging
import os
import resource
import sys
import threading
import time
from pathlib import Path

from backups.machine import commands_run


class _Steps(logging.Handler):
    """Remembers when each line was logged, in seconds since the process began to work."""

    def __init__(self, started: float) -> None:
        super().__init__(logging.INFO)
        self.started = started
        self.steps: list[tuple[float, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.steps.append((time.monotonic() - self.started, record.getMessage()))


class _Memory(threading.Thread):
    """Looks twenty times a second how much memory is this process's own: pages of files that it maps are the kernel's to take back."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak_bytes = 0
        self._ended = threading.Event()

    def run(self) -> None:
        ended = False
        while not ended:
            ended = self._ended.wait(0.05)
            status = Path("/proc/self/status").read_text()
            self.peak_bytes = max(self.peak_bytes, 1024 * int(status.partition("RssAnon:")[2].split(maxsplit=1)[0]))

    def end(self) -> int:
        """Look once more; returns the most that was seen, in bytes."""
        self._ended.set()
        self.join()
        return self.peak_bytes


def main() -> None:
    """Write {seconds, own_bytes, peak_bytes, steps, restic, processor} into FILE and end as the command does.

    The first four are of this process alone: own_bytes is the most memory of its own, peak_bytes with files that it maps
    restic: the seconds of each start of it that this process waited for
    processor: the seconds of processor time of this process, and of those that it has started
    """
    target, sys.argv = Path(sys.argv[1]), ["lifeboat", *sys.argv[2:]]
    started = time.monotonic()
    steps = _Steps(started)
    restic: list[float] = []

    def hear(line: str, seconds: float) -> None:
        if line.startswith("restic "):
            restic.append(seconds)

    logging.getLogger("backups").addHandler(steps)
    memory = _Memory()
    memory.start()
    try:
        from flows.commands.main import main as lifeboat

        if os.environ.get("BENCH_APART"):
            from backups.repository import ahead

            # Nothing is saved ahead: what that gains is measured against this.
            ahead.Ahead.begin = lambda *_: None
        with commands_run.listening(hear):
            lifeboat()
    finally:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        found = {
            "seconds": time.monotonic() - started,
            "own_bytes": memory.end(),
            "peak_bytes": peak,
            "steps": steps.steps,
            "restic": restic,
            "processor": [each.ru_utime + each.ru_stime for each in used],
        }
        target.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
