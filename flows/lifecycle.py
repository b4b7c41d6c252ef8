"""Starts and ends flows so that nothing outlives them, whether they are cancelled, killed, or lose their worker.

Cancelled in the UI: Prefect raises in the main thread, and `side_by_side` ends what the other threads wait for; what does not
end then is ended by force (`backups/machine/ending.py`). Killed: the kernel ends the commands and drops the locks, and Prefect's
worker calls `clean_up`. Worker killed: the kernel signals the flow's process to end.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow
from prefect.futures import PrefectFuture, wait
from rich.console import Console

from backups import logs
from backups.machine import ending, private, processes, runs
from backups.site import Site

Item = TypeVar("Item")

_GRACE = 20.0
"""Seconds for the threads of a cancelled flow to end; after 30 Prefect kills the process."""


def begin() -> None:
    """Keep what the flow writes to its own user. Under a worker: end this process with it, and send the domain's log to the UI.

    A flow that a person started has no worker, and logs to a terminal.
    """
    private.umask()
    logs.install()
    if os.environ.get("PREFECT__FLOW_RUN_ID"):
        processes.end_with_parent()
        # A restore within a watch is a flow within a flow, and may run in a thread; signals are the main thread's.
        if threading.current_thread() is threading.main_thread() and not ending.is_watching():
            ending.watch_signals()
            if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
                signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        # The worker reads this process's output. On a broken pipe, rich would end the process before it has reported its end.
        Console.on_broken_pipe = _stop_printing  # type: ignore[assignment, method-assign]
        # Prefect sends these to its server (PREFECT_LOGGING_EXTRA_LOGGERS of its worker) and leaves their level at warnings.
        for name in ("backups", "verification"):
            logging.getLogger(name).setLevel(logging.INFO)


def _stop_printing(console: Console) -> None:
    console.quiet = True


def side_by_side(
    submit: Callable[[Item], PrefectFuture[Any]], items: Iterable[Item], *, at_once: int
) -> list[PrefectFuture[Any]]:
    """Submit a task for each item, at most `at_once` of them unfinished, and wait for all.

    An interrupt (cancelled in the UI, SIGTERM, Ctrl-C) ends what the tasks wait for, then is raised.
    """
    free = threading.Semaphore(at_once)
    futures: list[PrefectFuture[Any]] = []
    ended: list[PrefectFuture[Any]] = []

    def done(future: PrefectFuture[Any]) -> None:
        ended.append(future)
        free.release()

    try:
        for item in items:
            free.acquire()
            future = submit(item)
            futures.append(future)
            future.add_done_callback(done)
        wait(futures)
    except BaseException:
        with _signals_ignored():
            # Repeatedly: a thread may have been between two commands.
            deadline = time.monotonic() + _GRACE
            while len(ended) < len(futures) and time.monotonic() < deadline:
                runs.cancel_all()
                time.sleep(0.2)
        raise
    return futures


def results(submit: Callable[[Item], PrefectFuture[Any]], items: Iterable[Item], *, at_once: int) -> list[Any]:
    """What the tasks of `side_by_side` return, in the items' order; an exception in the place of its result."""
    return [future.result(raise_on_failure=False) for future in side_by_side(submit, items, at_once=at_once)]


@contextmanager
def _signals_ignored() -> Iterator[None]:
    """Let a second signal not raise in the middle of the clearing up; `ending.py` sees it, and ends that by force."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def clean_up(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001 - Prefect passes these by name
    """Remove the containers and directories of dead runs: a hook for cancelled and crashed flow runs, called by the worker."""
    config = flow_run.parameters.get("config")
    runs.reap(Site.open(Path(config) if config else None).state)
