"""SIGTERM, Ctrl-C and a closed terminal end a process whatever its threads hang in, and leave nothing. Each wait is bounded."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from backups.machine import ending
from backups.machine.docker import STATE_LABEL, Docker
from backups.machine.wait import wait_until
from tests.integration.conftest import ROOT, Child, said

SECONDS = 60.0
"""A process that has not ended by then hangs."""

HANGING = """
import socket, sys, tempfile, threading, time
from pathlib import Path
from backups.machine import ending, processes, runs
from backups.machine.parallel import side_by_side
state = Path(sys.argv[1])
silent, _other = socket.socketpair()
drip, dripping = socket.socketpair()
threading.Thread(target=lambda: [(dripping.send(b"x"), time.sleep(0.3)) for _ in range(10000)], daemon=True).start()

def stubborn():
    while True:
        try:
            drip.recv(1)
        except Exception:
            pass

WAYS = {
    "silent peer": lambda run: silent.recv(1),
    "dripping peer": lambda run: stubborn(),
    "lock": lambda run: threading.Lock().acquire() and threading.Event().wait(),
    "deaf command": lambda run: processes.run(["sh", "-c", "trap '' INT TERM; while :; do sleep 1; done", str(state)]),
    "container": lambda run: run.docker.run(
        "lifeboat-" + run.id, run.docker.image("lifeboat/prometheus:3.5"), entrypoint=["sleep"], command=["600"]).wait(),
}

def work(way):
    with runs.start(state) as run, tempfile.TemporaryDirectory(prefix="hanging-", dir=state.parent) as scratch:
        (Path(scratch) / "rows").write_text("secret")
        sys.stdout.write(f"working\\n")
        WAYS[way](run)
        time.sleep(3600)

with ending.on_signals():
    side_by_side(work, WAYS, at_once=len(WAYS))
"""

MAIN = """
import ctypes, sys, time
from backups.machine import ending
ending._IN_ORDER = float(sys.argv[1])
with ending.on_signals():
    libc, words = ctypes.CDLL(None), "working"
    while True:
        try:
            if words:
                print(words, flush=True)
                words = ""
            libc.pause()
        except KeyboardInterrupt:
            print("deaf", flush=True)
"""


def ended(process: "subprocess.Popen[str]") -> int | None:
    wait_until(lambda: process.poll() is not None, seconds=SECONDS)
    return process.poll()


def nothing_is_left(state: Path) -> None:
    assert list((state / "runs").iterdir()) == []
    assert list(state.parent.glob("hanging-*")) == []
    docker = Docker()
    assert not docker.owners(f"{STATE_LABEL}={state}")
    mark = str(state).encode()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert mark not in path.read_bytes()
        except OSError:
            continue


@pytest.mark.docker
@pytest.mark.parametrize("number", ending.SIGNALS)
def test_threads_that_hang_in_any_way_are_not_waited_for(child: Child, state: Path, number: signal.Signals) -> None:
    process = child(HANGING, state)
    for _ in range(5):
        assert said(process) == "working"
    assert wait_until(lambda: bool(Docker().owners(f"{STATE_LABEL}={state}")), seconds=120)
    process.send_signal(number)
    assert ended(process) == ending.EXIT_CODE
    nothing_is_left(state)


def test_a_main_thread_that_does_not_hear_is_ended_too(child: Child) -> None:
    process = child(MAIN, 1)
    assert said(process) == "working"
    process.send_signal(signal.SIGTERM)
    assert ended(process) == ending.EXIT_CODE


def test_a_second_signal_ends_at_once(child: Child) -> None:
    """The first would have had an hour."""
    process = child(MAIN, 3600)
    assert said(process) == "working"

    def again() -> bool:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        return process.poll() is not None

    assert wait_until(again, seconds=SECONDS, interval=0.4)
    assert process.returncode == ending.EXIT_CODE


def test_the_seconds_are_fewer_than_ten() -> None:
    assert ending._IN_ORDER + ending._BY_FORCE < 10


def test_a_terminal_that_is_closed_ends_what_ran_in_it(tmp_path: Path, state: Path) -> None:
    """As an SSH session that drops: writing to it fails from then on, and the clearing up goes on all the same."""
    script = tmp_path / "hanging.py"
    script.write_text(
        HANGING.replace('    "container"', '    "-"').replace("side_by_side(work, WAYS", 'side_by_side(work, ["silent peer"]')
    )
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", sys.executable, "-u", str(script), str(state)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=theirs, stdout=theirs, stderr=theirs, text=True,
    )  # fmt: skip
    os.close(theirs)
    read = b""
    while b"working" not in read:
        read += os.read(ours, 100)
    os.close(ours)
    assert ended(process) == ending.EXIT_CODE
    assert list((state / "runs").iterdir()) == []


def test_a_hangup_that_is_ignored_stays_so(tmp_path: Path) -> None:
    """`nohup lifeboat backup &`."""
    script = "from backups.machine import ending\nimport signal\nwith ending.on_signals():\n    print(repr(signal.getsignal(signal.SIGHUP)))"
    done = subprocess.run(
        ["nohup", sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert "SIG_IGN" in done.stdout
