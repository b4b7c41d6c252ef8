"""The source and the backup machine with a core each: the source's container on one, whatever backs it up on the other."""

import contextlib
import os
import subprocess
import threading
from collections.abc import Iterable, Iterator

from backups.machine.docker import RUN_LABEL
from tests.bench.server import Server

SOURCE, OURS = "1", "0"
"""The cores."""
_STARTED = (
    "docker",
    "events",
    "--filter",
    "event=start",
    "--filter",
    f"label={RUN_LABEL}",
    "--format",
    "{{.Actor.Attributes.name}}",
)
"""Prints the containers of Lifeboat's runs as they start: nobody else's are touched, and to look again and again costs a core."""


@contextlib.contextmanager
def a_core_each(server: Server) -> Iterator[None]:
    """Within the block the source has a core of its own, and this process, all that it starts, and their containers the other.

    Raises RuntimeError on a machine with one core.
    """
    cores = os.sched_getaffinity(0)
    if not {int(SOURCE), int(OURS)} <= cores or not pin(server.container.name, SOURCE):
        raise RuntimeError(f"the source cannot have core {SOURCE}, and its backup core {OURS}: there are {sorted(cores)}")
    with subprocess.Popen(_STARTED, stdout=subprocess.PIPE, text=True) as events:
        watcher = threading.Thread(target=_pin_each, args=(events.stdout,))
        watcher.start()
        os.sched_setaffinity(0, {int(OURS)})
        try:
            yield
        finally:
            events.terminate()
            watcher.join()
            os.sched_setaffinity(0, cores)
            pin(server.container.name, ",".join(str(core) for core in sorted(cores)))


def pin(container: str, cores: str) -> bool:
    """Give a container these cores; returns whether it is still there."""
    return (
        subprocess.run(["docker", "update", "--cpuset-cpus", cores, container], capture_output=True, check=False).returncode == 0
    )


def _pin_each(started: Iterable[str]) -> None:
    for name in started:
        pin(name.strip(), OURS)
