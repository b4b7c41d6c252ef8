"""What is made once for all workers of a run, by whichever needs it first."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def folder(directories: pytest.TempPathFactory) -> Path:
    """A directory that all workers of this run see, and no other run does."""
    own = directories.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "of-all-workers"
    shared.mkdir(mode=0o711, exist_ok=True)
    return shared


def made(directory: Path, make: Callable[[Path], object]) -> Path:
    """The directory, filled by `make` unless a worker has filled it; while one does, the others wait. What failed is made anew."""
    with directory.with_name(f"{directory.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not directory.is_dir():
            beside = directory.with_name(f"{directory.name}.begun")
            shutil.rmtree(beside, ignore_errors=True)
            beside.mkdir(mode=0o755)
            make(beside)
            beside.rename(directory)
    return directory
