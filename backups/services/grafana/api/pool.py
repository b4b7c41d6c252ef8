"""Asks a server for many objects, a few at once: each by a connection of its own, since one carries one call at a time."""

import logging
import queue
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final, TypeVar

from backups.errors import LifeboatError
from backups.machine.parallel import side_by_side
from backups.services.grafana.client import Client

Item = TypeVar("Item")
Answer = TypeVar("Answer")

READERS: Final = 8
"""How many calls a server is given at once: enough to hide the way there and back, and few enough for people not to notice."""

WRITERS: Final = 4
"""As many that write: a Grafana on SQLite writes one thing at a time, whatever it is given."""

_BATCH = 64
"""After so many it is seen whether one of them failed: a server that went away is not asked for the thousands that follow."""

_SAID_SECONDS = 5.0

log = logging.getLogger(__name__)


def gather(
    client: Client, function: Callable[[Client, Item], Answer], items: Iterable[Item], what: str, *, at_once: int = READERS
) -> Iterator[tuple[Item, Answer]]:
    """Call `function` with a client and an item for each, a few at once; gives each item with its answer, in the items' order.

    what: the items' name in the line that says how far it came, where it takes longer than some seconds
    Raises the first LifeboatError, once the calls that run have ended.
    """
    every = list(items)
    spare: queue.SimpleQueue[Client] = queue.SimpleQueue()
    clients = [replace(client) for _ in range(min(at_once, len(every)))]
    for one in clients:
        spare.put(one)

    def call(item: Item) -> Answer:
        mine = spare.get()
        try:
            with mine.understood():
                return function(mine, item)
        finally:
            spare.put(mine)

    said = time.monotonic()
    try:
        for start in range(0, len(every), _BATCH):
            batch = every[start : start + _BATCH]
            for item, answer in zip(batch, side_by_side(call, batch, at_once=at_once), strict=True):
                if isinstance(answer, LifeboatError):
                    raise answer
                yield item, answer
            if time.monotonic() - said > _SAID_SECONDS and start + len(batch) < len(every):
                said = time.monotonic()
                log.info("grafana: %s of %s %s", f"{start + len(batch):,}", f"{len(every):,}", what)
    finally:
        for one in clients:
            one.line.close()
