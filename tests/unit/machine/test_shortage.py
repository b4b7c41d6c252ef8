"""What a program's words, and a disk, tell of a machine that ran out of something."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from backups.errors import LifeboatError
from backups.machine import shortage
from backups.machine.wait import wait_until
from backups.services.mysql.clone import recipient

Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - as shutil's own


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("write /prometheus/wal/00000002: no space left on device", "the disk is full"),
        ("[ERROR] Error writing file './x' (OS errno 28 - No space left on device)", "the disk is full"),
        ("InnoDB: Operating system error number 28 in a file operation.", "the disk is full"),
        ("(1030, 'Got error 28 from storage engine')", "the disk is full"),
        ('mysqld: Error writing file (Errcode: 28 "No space")', "the disk is full"),
        ("database or disk is full", "the disk is full"),
        ("The table 't' is full: disk full", "the disk is full"),
        ("Disk quota exceeded", "the disk is full"),
        ("open /x: read-only file system", "the disk cannot be written"),
        ("read /x: input/output error", "the disk cannot be written"),
        ("fatal error: runtime: out of memory", "memory ran out"),
        ("mmap: cannot allocate memory", "memory ran out"),
        ("terminate called after throwing an instance of 'std::bad_alloc'", "memory ran out"),
        ("open /x: too many open files", "no more files could be opened"),
        ("Can't create a new thread (errno 11)", "no more processes could be started"),
        ("InnoDB: Plugin initialization aborted with error Data structure corruption", None),
        ("InnoDB: Cannot open './a.ibd', error: 11 Generic error", None),
        ("[ERROR] failed with error 28672", None),
        ("Operating system error number 2 in a file operation", None),
        ("Table 'a.b' doesn't exist", None),
        ("unexpected end of JSON input", None),
        ("", None),
    ],
)
def test_a_programs_own_words_tell_what_ran_out(text: str, what: str | None) -> None:
    assert shortage.said(text) == what


def test_a_disk_that_was_full_for_a_while_is_known_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever filled it has cleared it before anybody asks."""
    left = [10**12, 4096, 10**12]
    looked: list[Path] = []

    def usage(path: Path) -> Usage:
        looked.append(path)
        return Usage(10**12, 0, left.pop(0) if len(left) > 1 else left[0])

    monkeypatch.setattr(shutil, "disk_usage", usage)
    watched = shortage.Watched(tmp_path, every=0.001)
    watched.start()
    assert wait_until(lambda: len(looked) > 4, seconds=120)
    watched.stop()
    assert watched.full() == f"the disk of {tmp_path} had only 4.0 KiB free meanwhile"


def test_a_disk_with_room_and_one_that_is_gone_tell_nothing(tmp_path: Path) -> None:
    assert shortage.of(tmp_path / "gone", "the server ended") is None
    assert shortage.Watched(tmp_path / "gone").full() is None


def test_a_recipient_whose_disk_is_full_says_so(tmp_path: Path) -> None:
    recipient._require_enough(tmp_path / "gone", "[ERROR] unknown variable 'x'")
    with pytest.raises(LifeboatError, match="ended, since the disk is full: Could not write key file: No space left") as caught:
        recipient._require_enough(tmp_path / "gone", "Could not write key file: No space left on device")
    assert "free some space" in str(caught.value.hint)
