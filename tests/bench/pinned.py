"""The source and the backup machine with a core each: the source's container on one, whatever backs it up on the other."""

import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator

from tests.bench.server import Server

SOURCE, OURS = "1", "0"
"""The cores."""
_LOOK = 0.05
"""Seconds between two looks for new containers."""


@contextlib.contextmanager
def a_core_each(server: Server) -> Iterator[None]:
    """Within the block the source has a core of its own, and this process, all that it starts, and every other container the other.

    Raises RuntimeError on a machine with one core.
    """
    cores = os.sched_getaffinity(0)
    if len(cores) < 2:
        raise RuntimeError("there is one core only")
    ended = threading.Event()
    pin(server.container.name, SOURCE)
    watcher = threading.Thread(target=_pin_new, args=(server.container.name, ended))
    os.sched_setaffinity(0, {int(OURS)})
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
        os.sched_setaffinity(0, cores)
        pin(server.container.name, ",".join(str(core) for core in sorted(cores)))


def pin(container: str, cores: str) -> bool:
    """Give a container these cores; returns whether it is still there."""
    return (
        subprocess.run(["docker", "update", "--cpuset-cpus", cores, container], capture_output=True, check=False).returncode == 0
    )


def _pin_new(source: str, ended: threading.Event) -> None:
    pinned = {source}
    while not ended.wait(_LOOK):
        listed = subprocess.run(["docker", "ps", "--format", "{{.Names}}"], capture_output=True, text=True, check=False)
        for name in set(listed.stdout.split()) - pinned:
            if pin(name, OURS):
                pinned.add(name)
