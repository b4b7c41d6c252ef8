"""A command that does nothing is ended; one that computes, reads or writes, however long, is not."""

import sys

import pytest

from backups.machine import processes, stall

COMPUTES = """
import time
for part in range(80):
    while time.process_time() < part * 0.02: pass
    time.sleep(0.08)
"""
MOVES = "import os, time\nfor _ in range(80): os.write(1, bytes(40_000)); time.sleep(0.1)"
ENDS_WELL = "import signal, sys, time\nsignal.signal(signal.SIGINT, lambda *_: sys.exit(0))\ntime.sleep(600)"


@pytest.mark.parametrize("code", ["import time; time.sleep(600)", ENDS_WELL])
def test_what_does_nothing_is_ended_and_has_failed(code: str) -> None:
    """Also when it calls its end a success."""
    done = processes.run([sys.executable, "-c", f"print('hello', flush=True)\n{code}"], stalled=2.0)
    assert done.code != 0
    assert done.output == b"hello\n"
    assert done.errors.endswith("it was ended, since it had done nothing for 2 s")


@pytest.mark.parametrize("code", [COMPUTES, MOVES])
def test_what_works_for_longer_than_that_goes_on_to_its_end(code: str) -> None:
    done = processes.run([sys.executable, "-c", code], stalled=5.0)
    assert (done.code, done.errors) == (0, "")


def test_a_restic_that_waits_for_itself_does_nothing() -> None:
    """What one did in 200 s, for as long as a repository's restic is given: progress shown, a lock renewed."""
    waited = stall.Done(moved=5_039 * 9, computed=3 * 9)
    assert not waited.is_more_than(stall.Done(0, 0), 1800)
    assert stall.Done(moved=500_000, computed=0).is_more_than(stall.Done(0, 0), 1800)
    assert stall.Done(moved=0, computed=1000).is_more_than(stall.Done(0, 0), 1800)


def test_what_ends_in_time_is_not_touched() -> None:
    assert processes.run([sys.executable, "-c", "raise SystemExit(3)"], stalled=60.0).code == 3
