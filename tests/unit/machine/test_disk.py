"""Room on disks is asked for first, and told when it runs out."""

import errno
import shutil
from pathlib import Path

import pytest

from backups.errors import LifeboatError
from backups.machine import disk


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1.5 * 2**30, "1.5 GiB"),
        (3 * 2**40, "3.0 TiB"),
        (5000 * 2**40, "5000.0 TiB"),
    ],
)
def test_sizes_read_well(count: float, words: str) -> None:
    assert disk.size(count) == words


def test_too_little_room_is_reported_with_both_numbers(tmp_path: Path) -> None:
    disk.require(tmp_path, 0, "the backup of agama")
    with pytest.raises(LifeboatError, match=r"^the backup of agama needs 1024.0 TiB in .*; [0-9.]+ \w+ are free\nhint") as fault:
        disk.require(tmp_path, 2**50 - 256 * 2**20, "the backup of agama")
    assert fault.value.hint == "free some space there, or set `state:` in lifeboat.yaml to a directory on a larger disk"


def test_a_reserve_stays_free(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    with pytest.raises(LifeboatError, match="needs"):
        disk.require(tmp_path, free, "it")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_is_reported(tmp_path: Path, code: int) -> None:
    with (
        pytest.raises(LifeboatError, match=r"the disk filled during the backup: .* left"),
        disk.full_disk_reported(tmp_path, "the backup"),
    ):
        raise OSError(code, "full")


def test_another_fault_is_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), disk.full_disk_reported(tmp_path, "the backup"):
        raise PermissionError(errno.EACCES, "no")


def test_a_tree_is_measured_without_what_its_links_lead_to(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_bytes(b"x" * 1000)
    (tmp_path / "link").symlink_to("a/b/file")
    assert disk.tree_size(tmp_path) == 1000
