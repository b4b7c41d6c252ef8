"""Runs `lifeboat` as a user would and says what the process itself needed: `python -m tests.bench.child FILE ARGUMENT…`."""

import json
import logging
import os
import resource
import sys
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


def main() -> None:
    """Write {seconds, peak_bytes, steps, restic, processor} into FILE and end as the command does.

    The first three are of this process alone; restic: the seconds of each start of it that this process waited for; processor:
    the seconds of processor time of this process, and of those that it has started.
    """
    target, sys.argv = Path(sys.argv[1]), ["lifeboat", *sys.argv[2:]]
    started = time.monotonic()
    steps = _Steps(started)
    restic: list[float] = []

    def hear(line: str, seconds: float) -> None:
        if line.startswith("restic "):
            restic.append(seconds)

    logging.getLogger("backups").addHandler(steps)
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
            "peak_bytes": peak,
            "steps": steps.steps,
            "restic": restic,
            "processor": [each.ru_utime + each.ru_stime for each in used],
        }
        target.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
