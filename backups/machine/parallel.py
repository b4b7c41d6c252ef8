"""Many services, one after another or side by side: one that fails does not stop the rest."""

import contextlib
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from backups.errors import LifeboatError
from backups.machine import runs

Item = TypeVar("Item")
Result = TypeVar("Result")

_HEARTBEAT = 0.5
"""Seconds."""

log = logging.getLogger(__name__)


def side_by_side(function: Callable[[Item], Result], items: Iterable[Item], *, at_once: int) -> list[Result | LifeboatError]:
    """Call `function` for each item in threads; results in the items' order, a fault in the place of its result.

    An interrupt (Ctrl-C) cancels every run of this process, which ends what the threads wait for, then is raised.
    """
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        futures = [pool.submit(_outcome, function, item) for item in items]
        try:
            # In short waits: of a long one Python is not woken by a signal that comes just before it begins.
            while wait(futures, timeout=_HEARTBEAT).not_done:
                pass
            return [future.result() for future in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            # Once more after a moment: a thread may have been between two commands.
            while not all(future.done() for future in futures):
                runs.cancel_all()
                with contextlib.suppress(Exception):
                    next(future for future in futures if not future.done()).result(timeout=1)
            raise


def as_fault(error: Exception) -> LifeboatError:
    """A fault as it is; a bug told as one."""
    if isinstance(error, LifeboatError):
        return error
    return LifeboatError(
        f"unexpected fault: {type(error).__name__}: {error}", hint="this is a bug in Lifeboat; LIFEBOAT_DEBUG=1 shows where"
    )


def guarded(function: Callable[[], Result]) -> Result:
    """Call `function`; a bug (anything but a LifeboatError) is told as one, so that it cannot take other services with it."""
    try:
        return function()
    except LifeboatError:
        raise
    except Exception as error:
        log.debug("unexpected fault", exc_info=True)
        raise as_fault(error) from error


def _outcome(function: Callable[[Item], Result], item: Item) -> Result | LifeboatError:
    try:
        return guarded(lambda: function(item))
    except LifeboatError as error:
        return error
