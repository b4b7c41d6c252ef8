"""Local places on disks of their own: mount points, which nothing can be renamed over, and disks that fill."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backups.errors import LifeboatError
from backups.places import put as putting
from backups.places.base import Ownership
from backups.places.local.place import LocalPlace

OWNERSHIP = Ownership(names="no-such-user:no-such-group", user=4711, group=4712, mode=0o700)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A mounted disk of 8 MiB."""
    disk = tmp_path / "a disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=0751,uid=33,gid=34", "lifeboat-test", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tree" / "db").mkdir(parents=True)
    (tmp_path / "tree" / "db" / "t.ibd").write_bytes(b"1" * 2**20)
    (tmp_path / "tree" / "auto.cnf").write_text("[auto]")
    return tmp_path / "tree"


def test_a_mount_point_is_filled_from_within(small_disk: Path, tree: Path) -> None:
    (small_disk / "lost+found").mkdir()
    before, place = putting.inventory(tree), LocalPlace(small_disk)
    place.put(tree, OWNERSHIP)
    arrived = putting.inventory(small_disk)
    arrived.pop("lost+found")
    assert arrived == before
    assert place.entries() == ["auto.cnf", "db"]
    status = small_disk.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (33, 34, 0o751)
    assert (small_disk / "db" / "t.ibd").stat().st_uid == 33
    with pytest.raises(LifeboatError, match="is a mount point, which cannot be renamed"):
        place.move_aside("before")


def test_a_directory_mounted_from_the_same_disk_is_a_mount_point_too(tmp_path: Path, tree: Path) -> None:
    inside, root = tmp_path / "in side", tmp_path / "mount\tpoint"
    inside.mkdir()
    root.mkdir()
    subprocess.run(["mount", "--bind", str(inside), str(root)], check=True)
    try:
        LocalPlace(root).put(tree, OWNERSHIP)
        with pytest.raises(LifeboatError, match="is a mount point"):
            LocalPlace(root).move_aside("before")
    finally:
        subprocess.run(["umount", str(root)], check=True)
    assert sorted(path.name for path in inside.iterdir()) == ["auto.cnf", "db"]


def test_a_move_that_fails_takes_the_others_back(small_disk: Path, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = os.rename

    def once(path: Any, target: Any, **directories: int) -> None:
        if path == "db":
            raise OSError(5, "Input/output error", path)
        rename(path, target, **directories)

    monkeypatch.setattr(os, "rename", once)
    with pytest.raises(LifeboatError, match="Input/output error"):
        LocalPlace(small_disk).put(tree, OWNERSHIP)
    assert list(small_disk.iterdir()) == []


def test_a_put_that_was_killed_while_it_moved_is_reported(small_disk: Path, tree: Path) -> None:
    (small_disk / ".lifeboat-partial").mkdir()
    (small_disk / "auto.cnf").touch()
    with pytest.raises(
        LifeboatError, match=r"it holds 1 entries \(auto\.cnf\); \.lifeboat-partial in it is from a restore that was killed"
    ):
        LocalPlace(small_disk).put(tree, OWNERSHIP)


def test_no_room_is_reported_with_both_numbers(small_disk: Path, tree: Path) -> None:
    (tree / "big").write_bytes(b"0" * 9 * 2**20)
    with pytest.raises(LifeboatError, match=r"not enough space in .*: 10\.0 MiB are to be put there, 8\.0 MiB are free"):
        LocalPlace(small_disk / "data").put(tree, OWNERSHIP)
    assert list(small_disk.iterdir()) == []
    assert (tree / "big").exists()


def test_a_disk_that_fills_in_the_middle_keeps_nothing(small_disk: Path, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / "big").write_bytes(b"0" * 9 * 2**20)
    monkeypatch.setattr(putting, "require_room", lambda *_: None)
    with pytest.raises(LifeboatError, match=r"the disk of local:.* filled while files were put there"):
        LocalPlace(small_disk / "data").put(tree, OWNERSHIP)
    assert list(small_disk.iterdir()) == []
