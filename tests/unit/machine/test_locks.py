"""A lock is its owner's alone, and names who holds it, never one that is gone."""

import fcntl
import os
import resource
import stat
import subprocess
from pathlib import Path

import pytest

from backups.errors import LifeboatError
from backups.machine import locks


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_lock_and_what_is_above_it_are_the_owners_alone(tmp_path: Path, umask: int) -> None:
    """Who may read a lock file may hold the lock: another user could stop every backup."""
    before = os.umask(umask)
    try:
        with locks.at_once(tmp_path / "locks" / "one.lock", "busy", hint="wait"), locks.marked_alive(tmp_path / "alive"):
            modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("locks", "locks/one.lock", "alive")]
    finally:
        os.umask(before)
    assert modes == [0o700, 0o600, 0o600]


def busy(path: Path) -> str:
    with pytest.raises(LifeboatError) as refused, locks.at_once(path, "busy", hint="wait"):
        pass
    return refused.value.message


def test_the_holder_is_named(tmp_path: Path) -> None:
    with locks.at_once(tmp_path / "lock", "busy", hint="wait"):
        assert busy(tmp_path / "lock") == f"busy (process {os.getpid()})"


def test_on_a_full_disk_a_lock_is_held_all_the_same(tmp_path: Path) -> None:
    """It was told as a bug of Lifeboat, also by a prune, which frees space. Here no file may grow, which is as good as full."""
    path, before = tmp_path / "lock", resource.getrlimit(resource.RLIMIT_FSIZE)
    path.touch()
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with locks.at_once(path, "busy", hint="wait"):
            told = busy(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert told == "busy (process unknown)"


def test_one_that_is_gone_is_never_named(tmp_path: Path) -> None:
    """An earlier holder was killed, or ended; now somebody holds the lock who left no number."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    path = tmp_path / "lock"
    with locks.at_once(path, "busy", hint="wait"):
        pass
    for text in (path.read_text(), f"process {gone.pid}", "process \x1b[2J", "process ../self"):
        path.write_text(text)
        with path.open() as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            assert busy(path) == "busy (process unknown)"
