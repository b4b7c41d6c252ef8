"""Runs a function for many services in parallel; one that fails does not stop the rest."""

import contextlib
import errno
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from typing import TypeVar

from backups.errors import LifeboatError
from backups.machine import disk, runs

Item = TypeVar("Item")
Result = TypeVar("Result")

_HEARTBEAT = 0.5
"""Seconds."""
_LACKING = (*disk.FULL, errno.EROFS)

log = logging.getLogger(__name__)


def side_by_side(function: Callable[[Item], Result], items: Iterable[Item], *, at_once: int) -> list[Result | LifeboatError]:
    """Call `function` for each item in threads; returns, in the items' order, each result or the error in its place.

    An interrupt (Ctrl-C) cancels every run of this process, which ends what the threads wait for, then is raised.
    """
    every = list(items)
    if not every:
        # However many at once: with none, no thread is begun.
        return []
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        futures = [pool.submit(_outcome, function, item) for item in every]
        try:
            # In short waits: a signal that comes just before a long one begins does not wake Python from it.
            while wait(futures, timeout=_HEARTBEAT).not_done:
                pass
            return [future.result() for future in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            # Again after a moment: a thread may have been between two commands.
            while not all(future.done() for future in futures):
                runs.cancel_all()
                with contextlib.suppress(Exception):
                    next(future for future in futures if not future.done()).result(timeout=1)
            raise


def in_time(
    function: Callable[[Item], Result], items: Iterable[Item], *, at_once: int, seconds: float
) -> list[Result | LifeboatError | None]:
    """Call `function` for each item in threads, and wait for each so long at most: None for one that is late.

    Nobody waits for the thread of a late one: it ends with the process.
    """
    every = list(items)
    answers: queue.Queue[tuple[int, Result | LifeboatError]] = queue.Queue()
    turns, began = threading.Semaphore(at_once), [0.0] * len(every)
    outcomes: list[Result | LifeboatError | None] = [None] * len(every)

    def answer(at: int) -> None:
        turns.acquire()
        began[at] = time.monotonic()
        answers.put((at, _outcome(function, every[at])))
        turns.release()

    for at in range(len(every)):
        threading.Thread(target=answer, args=(at,), name=f"lifeboat-in-time-{at}", daemon=True).start()
    waiting = set(range(len(every)))
    while waiting:
        with contextlib.suppress(queue.Empty):
            at, outcome = answers.get(timeout=_HEARTBEAT)
            if at in waiting:
                outcomes[at] = outcome
                waiting.remove(at)
            continue
        late = {at for at in waiting if began[at] and time.monotonic() - began[at] > seconds}
        waiting -= late
        for _ in late:
            # Its turn is somebody else's now.
            turns.release()
    return outcomes


@contextlib.contextmanager
def begun(context: AbstractContextManager[Result]) -> Iterator[Callable[[], AbstractContextManager[Result]]]:
    """Enter a context in a thread of its own while the block goes on, for whoever wants it later: once, or not at all.

    Yields what waits for it, gives its value, or raises why it could not be entered, and has the thread leave it; at the end it
    is left, whether it was wanted or not.
    """
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(max_workers=1) as pool:
        entered = pool.submit(stack.enter_context, context)
        left: list[Future[None]] = []

        @contextlib.contextmanager
        def taken() -> Iterator[Result]:
            while wait([entered], timeout=_HEARTBEAT).not_done:
                pass
            try:
                yield entered.result()
            finally:
                left.append(pool.submit(stack.close))

        yield taken
        for leaving in left:
            leaving.result()


@contextlib.contextmanager
def beside(
    function: Callable[[], Result], *, end: Callable[[], object], meanwhile: Callable[[], object]
) -> Iterator[Callable[[], Result]]:
    """Call `function` in a thread of its own while the block goes on.

    Yields what waits for it, calling `meanwhile` now and then, and returns its result or raises its error. `end` has it end soon:
    it is called where the block is left before.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        called = pool.submit(function)

        def result() -> Result:
            while wait([called], timeout=_HEARTBEAT).not_done:
                meanwhile()
            return called.result()

        try:
            yield result
        finally:
            if not called.done():
                end()
            while wait([called], timeout=_HEARTBEAT).not_done:
                pass


def as_fault(error: Exception) -> LifeboatError:
    """Return a LifeboatError as it is, what this machine lacks as one, and any other error as one that calls it a bug."""
    if isinstance(error, LifeboatError):
        return error
    if isinstance(error, OSError) and error.errno in _LACKING:
        where = f": {error.filename}" if error.filename else ""
        return LifeboatError(
            f"this machine cannot go on: {error.strerror}{where}",
            hint="is the disk of the state directory (`state:` in lifeboat.yaml), or of /tmp, full or read-only? df -h tells",
        )
    return LifeboatError(
        f"unexpected error: {type(error).__name__}: {error}", hint="this is a bug in Lifeboat; LIFEBOAT_DEBUG=1 shows where"
    )


def guarded(function: Callable[[], Result]) -> Result:
    """Call `function`; a bug (any error but a LifeboatError) becomes a LifeboatError, so that it does not stop other services."""
    try:
        return function()
    except LifeboatError:
        raise
    except Exception as error:
        log.debug("unexpected error", exc_info=True)
        raise as_fault(error) from error


def _outcome(function: Callable[[Item], Result], item: Item) -> Result | LifeboatError:
    try:
        return guarded(lambda: function(item))
    except LifeboatError as error:
        return error
