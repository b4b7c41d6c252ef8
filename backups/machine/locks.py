"""Locks files between processes of this machine, by locks that the kernel drops when their holder dies."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NoReturn

from backups.errors import LifeboatError
from backups.machine import private

ALIVE = "alive"
"""The file in a directory that its process holds `marked_alive` for as long as the directory is in use."""


@contextmanager
def waited_for(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, waiting for as long as another process holds it."""
    with _opened(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def at_once(path: Path, busy: str, *, hint: str) -> Iterator[None]:
    """Hold the lock file `path`; raises LifeboatError(`busy`, with the holder's process id) when another holds it."""

    def refuse(holder: str) -> NoReturn:
        raise LifeboatError(f"{busy} ({holder})", hint=hint)

    with once_free(path, refuse):
        yield


@contextmanager
def once_free(path: Path, busy: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock file `path`. While another does, `busy` is called with that one's name: it waits a little, or raises."""
    with _opened(path) as file:
        while not _locked(file):
            file.seek(0)
            busy(_holder(file.read()))
        file.truncate(0)
        # The lock is held all the same: on a full disk only nobody knows by whom.
        with suppress(OSError):
            os.write(file.fileno(), f"process {os.getpid()}".encode())
        try:
            yield
        finally:
            file.truncate(0)


@contextmanager
def marked_alive(path: Path) -> Iterator[None]:
    """Hold a new lock file, which appears at `path` only once it is locked: no process can find it free in between."""
    hidden = path.with_name(f".{path.name}")
    with open(hidden, "w", encoding="utf-8", opener=_for_owner) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        hidden.rename(path)
        yield


@contextmanager
def if_free(path: Path) -> Iterator[bool]:
    """Hold the existing lock file `path` unless another does; yields which. Raises FileNotFoundError when there is none."""
    with path.open("r+", encoding="utf-8") as file:
        yield _locked(file)


@contextmanager
def shared(path: Path) -> Iterator[None]:
    """Hold the lock file `path` together with others, waiting for one who holds it `alone`. The last one removes the file."""
    with _held(path, fcntl.LOCK_SH) as file:
        try:
            yield
        finally:
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(path, file)


@contextmanager
def alone(path: Path) -> Iterator[bool]:
    """Hold the lock file `path` alone unless others hold it; yields which. The file is removed at the end."""
    try:
        file = _held(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
        return
    with file:
        try:
            yield True
        finally:
            _remove(path, file)


def _held(path: Path, how: int) -> IO[str]:
    """Open and lock the file at `path`, not one that its last holder has just removed from there."""
    while True:
        file = _opened(path)
        try:
            fcntl.flock(file, how)
        except BaseException:
            file.close()
            raise
        if _is_there(path, file):
            return file
        file.close()


def _remove(path: Path, file: IO[str]) -> None:
    if _is_there(path, file):
        path.unlink()


def _is_there(path: Path, file: IO[str]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _holder(text: str) -> str:
    """Name the process that wrote itself into a lock file, unless it is gone: a killed one leaves its number there."""
    name, _, number = text.strip().partition(" ")
    return f"{name} {number}" if number.isdecimal() and Path("/proc", number).exists() else "process unknown"


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _opened(path: Path) -> IO[str]:
    try:
        private.make(path.parent)
        return open(path, "a+", encoding="utf-8", opener=_for_owner)
    except OSError as error:
        raise LifeboatError(
            f"the lock {path} cannot be opened: {error.strerror}",
            hint="run Lifeboat as the user that owns the state directory (`state:` in lifeboat.yaml)",
        ) from error


def _for_owner(path: str, flags: int) -> int:
    """Open a file for its owner alone, whatever the umask is: who may read a lock file may hold the lock."""
    return os.open(path, flags, 0o600)
