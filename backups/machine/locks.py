"""Locks between processes of this machine. The kernel drops them when their holder dies, however it dies."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NoReturn

from backups.errors import LifeboatError


@contextmanager
def waited_for(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, waiting for whoever holds it."""
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
    """Hold the lock file `path`. While another holds it, `busy` is called with the holder: it waits a moment, or raises."""
    with _opened(path) as file:
        while not _got(file):
            file.seek(0)
            busy(file.read().strip() or "process unknown")
        file.truncate(0)
        file.write(f"process {os.getpid()}")
        file.flush()
        yield


@contextmanager
def marked_alive(path: Path) -> Iterator[None]:
    """Hold a new lock file that appears at `path` only once it is held: nobody can find it free in between."""
    unborn = path.with_name(f".{path.name}")
    with unborn.open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        unborn.rename(path)
        yield


@contextmanager
def if_free(path: Path) -> Iterator[bool]:
    """Hold the existing lock file `path` unless another holds it; says which. Raises FileNotFoundError when there is none."""
    with path.open("r+", encoding="utf-8") as file:
        yield _got(file)


@contextmanager
def shared(path: Path) -> Iterator[None]:
    """Hold the lock file `path` beside others who share it, waiting for one who holds it `alone`. The last one removes it."""
    with _held(path, fcntl.LOCK_SH) as file:
        try:
            yield
        finally:
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(path, file)


@contextmanager
def alone(path: Path) -> Iterator[bool]:
    """Hold the lock file `path` alone unless others hold it; says which. It is removed at the end."""
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
    """Open and lock `path`: the file that is there once it is locked, not one that its last holder has just removed."""
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


def _got(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _opened(path: Path) -> IO[str]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+", encoding="utf-8")
    except OSError as error:
        raise LifeboatError(
            f"the lock {path} cannot be opened: {error.strerror}",
            hint="run Lifeboat as the user that owns the state directory (`state:` in lifeboat.yaml)",
        ) from error
