"""How far a followed log is behind its source, which commits 500 transactions a second meanwhile."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from backups.follow import standing
from backups.machine.wait import wait_until
from backups.site import Site
from tests.bench import dataset, sides
from tests.bench.server import Server
from tests.bench.table import Row, at_most

_RATE = 500
"""Transactions a second."""
_OF_100 = 99


def rows(config: Path, server: Server, seconds: float) -> list[Row]:
    """Follow the log behind the newest backup of a site for so long. Raises RuntimeError when the follower does not come to work."""
    site = Site.open(config)
    below = standing.directory(site.state, sides.SERVICE)
    newest = site.repository.backups()[-1]
    command = [sys.executable, "-m", "tests.bench.child", os.devnull, "follow", sides.SERVICE, "--config", str(config)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        if not wait_until(lambda: _until(below, newest.taken_at)[0] > newest.taken_at, seconds=60):
            raise RuntimeError("the follower did not begin within a minute")
        pulled, saved, began = [], [], datetime.now(UTC)

        def look() -> None:
            until, kept = _until(below, newest.taken_at)
            now = datetime.now(UTC)
            pulled.append((now - until).total_seconds())
            # What was kept before it began to work tells of nothing but that.
            saved.append((now - max(kept, began)).total_seconds())

        done = dataset.paced(server, seconds, _RATE, look)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
    what = f"a followed log behind its source under {done / seconds:.0f} transactions/s, {_OF_100} of 100"
    detail = f" (in the repository {_share(saved):.1f} s; {len(pulled)} looks in {seconds:.0f} s)"
    return [at_most(what, _share(pulled), 5, " s", detail=detail)]


def _until(below: Path, at_least: datetime) -> tuple[datetime, datetime]:
    """Return up to when the log is on this machine's disk, and in the repository, as the follower notes it."""
    noted = standing.read(below) or standing.Standing()
    return noted.pulled_until or at_least, noted.saved_until or at_least


def _share(behind: list[float]) -> float:
    """Return what so many of a hundred do not exceed."""
    return sorted(behind)[max(0, len(behind) * _OF_100 // 100 - 1)]
