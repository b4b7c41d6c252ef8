"""Runs commands of this machine (restic, ssh) by argument lists; no command outlives this process."""

import ctypes
import math
import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from backups import secret
from backups.errors import LifeboatError
from backups.machine import commands_run, stall
from backups.machine import environment as inherited

_running: set[subprocess.Popen[bytes]] = set()
_guard = threading.RLock()

_ERRORS_KEPT = 8192
"""Bytes of error output that are kept: the end, where a command names its reason."""

STALLED = "it was ended, since it had done nothing for"
"""In `Completed.errors` of a command that was ended because it stalled."""

_LOOK = 0.2
"""Seconds between two looks at how much a command has printed, where that is bounded, and whether it is to stop."""

_PR_SET_PDEATHSIG = 1

_IF_PARENT_LIVES = ("/bin/sh", "-c", '[ "$PPID" = "$0" ] && exec "$@"')
"""Starts a command unless this process is dead by now: dying before setpriv has asked for the signal would send none."""


@dataclass(frozen=True)
class Completed:
    """How a command ended: its exit code, its standard output, and the end of its error output."""

    code: int
    output: bytes
    errors: str


def run(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    stalled: float | None = None,
    recorded: bool = True,
    most: int | None = None,
    stop: threading.Event | None = None,
    hopeless: Callable[[str], str | None] | None = None,
) -> Completed:
    """Run a command to its end; `environment` is added to what it inherits of this process's (see `environment.py`).

    stalled: seconds after which a command that does nothing is ended (see `stall.py`); the end of its errors then says so
    recorded: whether it is one that a person could type, for a runbook
    most: bytes of output after which it is ended; then a little more than these is returned, and a code that is not 0
    stop: ends it once it is set, by another thread; then the code is not 0
    hopeless: given the end of its errors now and then, says why it is to be ended; the end of its errors is then what it says

    Raises LifeboatError when the program is not installed. An interrupt of this process ends the command first.
    """
    program = shutil.which(arguments[0])
    if program is None:
        raise LifeboatError(
            f"{arguments[0]} is not installed on this machine", hint=f"install it: apt-get install {arguments[0]}"
        )
    # SIGINT, not SIGKILL: restic removes its lock from the repository on an interrupt, also when its parent died.
    guard = ["setpriv", "--pdeathsig", "INT", "--", *_IF_PARENT_LIVES, str(os.getpid())] if shutil.which("setpriv") else []
    guarded = [*guard, program, *arguments[1:]]
    # Files, not pipes: a command that writes into a pipe whose reader has died is killed before it can clean up.
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        # Whoever interrupts all commands between a command's start and its being noted would miss it.
        with _guard:
            child = subprocess.Popen(
                guarded,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                cwd=directory,
                env={**inherited.of(arguments[0], os.environ, without=secret.named), **(environment or {})},
            )
            _running.add(child)
        started = time.monotonic()
        note = ""

        def ends_within(seconds: float) -> bool:
            return _ends_or_exceeds(child, output, most, stop, seconds, given_up)

        def given_up() -> bool:
            nonlocal note
            if hopeless and not note and (why := hopeless(_tail(errors))):
                note = f"\n{why}"
            return bool(note)

        try:
            if not stall.ended(child.pid, ends_within, stalled or math.inf):
                note = f"\n{STALLED} {stalled:g} s"
                _end(child)
        except BaseException:
            _end(child)
            raise
        finally:
            with _guard:
                _running.discard(child)
        if recorded:
            commands_run.record(arguments, time.monotonic() - started)
        output.seek(0)
        text = _tail(errors).strip()
        # A command that was ended has failed, whatever its exit code.
        content = output.read() if most is None else output.read(most + 1)
        ended = note or (most is not None and len(content) > most) or (stop is not None and stop.is_set())
        return Completed((child.returncode or -1) if ended else child.returncode, content, (text + note).strip())


def _tail(errors: IO[bytes]) -> str:
    """Return the end of what a command has printed as errors, without moving the place at which it goes on printing."""
    size = os.fstat(errors.fileno()).st_size
    return os.pread(errors.fileno(), _ERRORS_KEPT, max(0, size - _ERRORS_KEPT)).decode(errors="replace")


def _ends_or_exceeds(
    child: subprocess.Popen[bytes],
    output: IO[bytes],
    most: int | None,
    stop: threading.Event | None,
    seconds: float,
    given_up: Callable[[], bool],
) -> bool:
    """Wait up to `seconds` for its end; one whose output has more than `most` bytes, that is stopped or given up is ended."""
    deadline = time.monotonic() + seconds
    while not _ends_within(child, min(_LOOK, max(0.0, deadline - time.monotonic()))):
        stopped = stop is not None and stop.is_set()
        if stopped or (most is not None and os.fstat(output.fileno()).st_size > most) or given_up():
            _end(child)
            return True
        if time.monotonic() >= deadline:
            return False
    return True


def _ends_within(child: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait up to `seconds` for a command's end, by the kernel's notice: `wait(timeout=…)` looks every 50 ms only."""
    try:
        handle = os.pidfd_open(child.pid)
    except ProcessLookupError:
        child.wait()
        return True
    try:
        end = select.poll()
        end.register(handle, select.POLLIN)
        ended = bool(end.poll(seconds * 1000))
    finally:
        os.close(handle)
    if ended:
        child.wait()
    return ended


def end_with_parent() -> None:
    """Have the kernel send this process SIGTERM when its parent dies, however it dies."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def interrupt_all() -> None:
    """Interrupt every command that a thread of this process is waiting for."""
    with _guard:
        children = list(_running)
    for child in children:
        if child.poll() is None:
            child.send_signal(signal.SIGINT)


def kill_all(*, but: str) -> None:
    """Kill every command that a thread of this process is waiting for, except a program of this name."""
    with _guard:
        children = list(_running)
    for child in children:
        named = isinstance(child.args, list) and any(Path(str(word)).name == but for word in child.args)
        if child.poll() is None and not named:
            child.kill()


def _end(child: subprocess.Popen[bytes]) -> None:
    for polite in (signal.SIGINT, signal.SIGTERM):
        if child.poll() is None:
            child.send_signal(polite)
            try:
                child.wait(timeout=10)
            except subprocess.TimeoutExpired:
                continue
    if child.poll() is None:
        child.kill()
        child.wait()
