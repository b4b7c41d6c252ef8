"""Asks a Grafana again after an answer that may be another one the next time: within bounds, and only what may be asked again."""

import time
from collections.abc import Callable, Container
from typing import Final, TypeVar

from backups.errors import Transient
from backups.services.http.answer import Answer
from backups.services.http.faults import Unserved

Result = TypeVar("Result")

TRIES: Final = 5
_FEW_TRIES = 3
_ENOUGH_SECONDS = 300.0
"""After so long a call is not made again: a server that hangs for minutes each time would hold a backup for the night."""
_LONGEST_PAUSE_SECONDS = 60.0
_TRIES_OF = {429: TRIES, 500: 3, 502: TRIES, 503: TRIES, 504: TRIES}
"""How often a read is made at most, by the status of its answer. A 500 may be a locked database, or the same for ever."""


def insist(call: Callable[[], Result], pause: Callable[[float], None]) -> Result:
    """Return what a reading call returns, called a few times where something outside may pass."""
    for attempt in range(1, _FEW_TRIES):
        try:
            return call()
        except Unserved:
            raise
        except Transient:
            pause(_seconds("", attempt))
    return call()


def ask(
    once: Callable[[], Answer],
    *,
    reads: bool,
    pause: Callable[[float], None],
    definite: Container[int] = (),
    met: bool = True,
) -> Answer:
    """Return the answer of `once`, called as often as it takes and helps.

    A read is made again after a connection that was refused or cut, and after an answer that says so. Of writes only those that
    were put off (429): whether any other was carried out is not known. definite: statuses that are answers to this question
    met: whether the server has answered before. Nobody waits for one that was never seen to serve

    Raises what the last call raised.
    """
    began = time.monotonic()
    for attempt in range(1, TRIES + 1):
        last = attempt == TRIES or time.monotonic() - began > _ENOUGH_SECONDS
        try:
            answer = once()
        except Transient as error:
            if last or not reads or (isinstance(error, Unserved) and not met):
                raise
            pause(_seconds("", attempt))
            continue
        enough = attempt >= _TRIES_OF.get(answer.status, 0) or answer.status in definite
        if last or enough or not (reads or answer.status == 429):
            return answer
        pause(_seconds(answer.headers.get("retry-after", ""), attempt))
    raise AssertionError("the last one returns or raises")


def _seconds(wanted: str, attempt: int) -> float:
    """As long as the server wants (Retry-After), else longer with each attempt."""
    return min(float(wanted) if wanted.isascii() and wanted.isdigit() else 2.0 ** (attempt - 1), _LONGEST_PAUSE_SECONDS)
