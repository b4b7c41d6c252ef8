"""Gives each execution of a command a directory, a label in Docker and a lock, and clears what killed ones left.

The kernel drops the lock when the process dies, however it dies; the next run then removes what the dead one left.
"""

import logging
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from backups import durations
from backups.errors import LifeboatError
from backups.machine import ending, locks, private, processes
from backups.machine.docker import RUN_LABEL, STATE_LABEL, Docker

_STARTING = 60.0
"""Seconds that a run may take between making its directory and marking it alive."""

_INTERVAL = 0.5
"""Seconds between two attempts to get a lock."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """A live run. Everything below `directory`, and every container and network of `docker`, is removed when it ends."""

    id: str
    directory: Path
    docker: Docker
    cancelled: threading.Event = field(default_factory=threading.Event)

    def raise_if_cancelled(self) -> None:
        """Raise LifeboatError when the run has been cancelled."""
        if self.cancelled.is_set():
            raise _interrupted()


COLD_START = "cold-start"
"""The directory of a drilled start from nothing, below the state directory; also the name of the lock of a living one."""
COLD_STATE = Path("rescued", "state")
"""Below it: the state directory of what is brought back there."""

_live: dict[str, Run] = {}
"""The live runs of this process."""


_enders: list[Callable[[], None]] = []


def cancelled_by(end: Callable[[], None]) -> None:
    """Have `end` called by `cancel_all`, which may come again and again: it ends what threads wait for."""
    _enders.append(end)


def cancel_all() -> None:
    """End what the threads of this process wait for: commands, calls, its runs' containers, as an interrupt does."""
    for run in list(_live.values()):
        run.cancelled.set()
    processes.interrupt_all()
    for end in _enders:
        end()
    for run in list(_live.values()):
        _clear_docker(run.docker, run.id)


def _clear_all() -> None:
    """Remove what the live runs of this process have, whatever their threads do: they end with it."""
    live = list(_live.values())
    for run in live:
        run.cancelled.set()
    # restic takes its lock away when it is interrupted, which the kernel does when this process ends.
    processes.kill_all(but="restic")
    for run in live:
        _clear_docker(run.docker, run.id)
    for run in live:
        shutil.rmtree(run.directory, ignore_errors=True)


ending.cleared_by(_clear_all)


@contextmanager
def start(state: Path) -> Iterator[Run]:
    """Start a run under the state directory, after removing what dead runs left there.

    An error that ends a cancelled run is reported as the interrupt: what the run waited for was ended by it.
    """
    try:
        private.make(state / "runs")
        reap(state)
        identifier = uuid.uuid4().hex[:12]
        directory = state / "runs" / identifier
        directory.mkdir(mode=0o700)
    except OSError as error:
        raise LifeboatError(
            f"the state directory {state} cannot be written: {error.strerror}",
            hint="run Lifeboat as the user that owns it, or set `state:` in lifeboat.yaml to a directory you may write",
        ) from error
    run = Run(identifier, directory, Docker(labels={RUN_LABEL: identifier, STATE_LABEL: str(state)}))
    try:
        with locks.marked_alive(directory / locks.ALIVE):
            _live[identifier] = run
            yield run
    except LifeboatError as fault:
        if run.cancelled.is_set():
            raise _interrupted() from fault
        raise
    finally:
        _live.pop(identifier, None)
        _clear_docker(run.docker, identifier)
        _remove(directory)


def reap(state: Path) -> list[str]:
    """Remove what dead runs of this state directory left, on disk and in Docker; returns their ids."""
    docker = Docker()
    dead = [directory.name for directory in sorted((state / "runs").glob("*")) if _clear_if_dead(directory, docker)]
    # Of a restic that copied between two repositories: see backups/repository/two_places.py.
    dead += [directory.name for directory in sorted((state / "cache").glob("ssh-*")) if _clear_if_dead(directory, docker)]
    # Containers of runs without a directory: Docker did not answer when those runs ended.
    with suppress(LifeboatError):
        for identifier in docker.owners(f"{STATE_LABEL}={state}"):
            if not (state / "runs" / identifier).exists():
                dead.append(identifier)
                _clear_docker(docker, identifier)
    _clear_cold_start(state, docker)
    if dead:
        log.info("removed what %d dead runs left", len(dead))
    return dead


def one_at_a_time(
    state: Path, service: str, *, patience: timedelta = timedelta(0), run: Run | None = None
) -> AbstractContextManager[None]:
    """Hold the service's backup lock on this machine.

    While another backup holds it, wait for up to `patience`, then raise LifeboatError; a cancelled `run` stops waiting.
    """
    deadline = time.monotonic() + patience.total_seconds()
    announced = ""

    def busy(holder: str) -> None:
        nonlocal announced
        if time.monotonic() >= deadline:
            waited = f", and still after {durations.describe(patience)}" if patience else ""
            raise LifeboatError(
                f"a backup of {service} is already running on this machine ({holder}){waited}",
                hint="wait for it to end, then start again; nothing was changed",
            )
        if announced != holder:
            log.info("%s: waiting for the backup that %s is taking, for up to %s", service, holder, durations.describe(patience))
            announced = holder
        if run:
            run.raise_if_cancelled()
        time.sleep(min(_INTERVAL, max(0.0, deadline - time.monotonic())))

    return locks.once_free(state / "locks" / f"{service}.lock", busy)


def _interrupted() -> LifeboatError:
    return LifeboatError("interrupted: nothing of this run was kept", hint="start it again when you like")


def _clear_docker(docker: Docker, identifier: str) -> None:
    """Remove a run's containers and networks; what Docker does not remove now is removed by the next run."""
    try:
        docker.remove_labelled(f"{RUN_LABEL}={identifier}")
    except LifeboatError as error:
        log.debug("the containers of run %s were not removed: %s", identifier, error.message)


def _clear_cold_start(state: Path, docker: Docker) -> None:
    """Remove what a killed cold start left: an unpacked kit, and the copies of the state directory that is below this one."""
    folder = state / COLD_START
    if not folder.is_dir():
        return
    with suppress(FileNotFoundError), locks.if_free(state / "locks" / f"{COLD_START}.lock") as free:
        if free:
            try:
                docker.remove_labelled(f"{STATE_LABEL}={folder / COLD_STATE}")
            except LifeboatError as error:
                log.debug("the copies of a cold start that was killed were not removed: %s", error.message)
            _remove(folder)


def _remove(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    if directory.exists():
        log.warning("%s could not be removed; remove it by hand (its files may belong to another user)", directory)


def _clear_if_dead(directory: Path, docker: Docker) -> bool:
    try:
        with locks.if_free(directory / locks.ALIVE) as free:
            if free:
                _clear_docker(docker, directory.name)
                _remove(directory)
            return free
    except FileNotFoundError:
        # Not marked alive: a run that is about to start, one that has just ended, or one killed while it started.
        if not directory.is_dir() or time.time() - directory.stat().st_mtime < _STARTING:
            return False
    _remove(directory)
    return True
