"""A tree becomes a local place: renamed or copied, whole or not at all."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from backups.errors import LifeboatError
from backups.places import put as putting
from backups.places.base import Ownership
from backups.places.local.place import LocalPlace
from backups.places.local.put import LocalTarget, numbers
from backups.places.put import Entry

OURS = Ownership(names="nobody-has-this-name:nor-this", user=os.geteuid(), group=os.getegid())


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A directory on another filesystem than pytest's."""
    directory = Path(tempfile.mkdtemp(prefix="lifeboat-test-", dir="/dev/shm"))
    yield directory
    shutil.rmtree(directory)


def plant(tree: Path) -> Path:
    (tree / "sub dir").mkdir(parents=True)
    (tree / "ibdata1").write_bytes(b"x" * 4096)
    (tree / "ibdata1").chmod(0o640)
    (tree / "sub dir" / "t'1.ibd").write_bytes(b"y")
    (tree / "sub dir" / "t'1.ibd").chmod(0o600)
    (tree / "sub dir").chmod(0o750)
    (tree / ".hidden").write_text("h")
    (tree / "link").symlink_to("ibdata1")
    return tree


def held(root: Path) -> dict[str, Entry]:
    return putting.inventory(root)


def test_a_tree_is_renamed_into_a_root_that_is_absent(tmp_path: Path) -> None:
    tree, root = plant(tmp_path / "tree"), tmp_path / "deep" / "down" / "data"
    inode, before = (tree / "ibdata1").stat().st_ino, held(tree)
    place = LocalPlace(root)
    assert place.entries() is None
    place.put(tree, OURS)
    assert held(root) == before
    assert (root / "ibdata1").stat().st_ino == inode
    assert root.stat().st_mode & 0o7777 == 0o750
    assert place.entries() == [".hidden", "ibdata1", "link", "sub dir"]
    assert not tree.exists()
    assert sorted(path.name for path in root.parent.iterdir()) == ["data"]


def test_a_tree_of_another_filesystem_is_copied(tmp_path: Path, elsewhere: Path) -> None:
    tree = plant(elsewhere / "tree")
    before = held(tree)
    LocalPlace(tmp_path / "data").put(tree, OURS)
    assert held(tmp_path / "data") == before
    assert (tmp_path / "data" / "link").readlink() == Path("ibdata1")
    assert not tree.exists()


@pytest.mark.parametrize("across", [False, True])
def test_sockets_and_pipes_stay_behind(tmp_path: Path, elsewhere: Path, across: bool) -> None:
    tree = plant((elsewhere if across else tmp_path) / "tree")
    os.mkfifo(tree / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tree / "mysql.sock"))
    LocalPlace(tmp_path / "data").put(tree, OURS)
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [".hidden", "ibdata1", "link", "sub dir"]


def test_an_empty_root_keeps_its_owner_and_mode(tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir()
    root.chmod(0o2771)
    if os.geteuid() == 0:
        os.chown(root, 4711, 4712)
    LocalPlace(root).put(plant(tmp_path / "tree"), OURS)
    owner = (root.stat().st_uid, root.stat().st_gid)
    assert root.stat().st_mode & 0o7777 == 0o2771
    assert owner == ((4711, 4712) if os.geteuid() == 0 else (os.geteuid(), os.getegid()))
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in root.rglob("*")} == {owner}


def test_the_root_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk" / "mysql").mkdir(parents=True)
    (tmp_path / "data").symlink_to("disk/mysql")
    place = LocalPlace(tmp_path / "data")
    place.put(plant(tmp_path / "tree"), OURS)
    assert (tmp_path / "data").is_symlink()
    assert (tmp_path / "disk" / "mysql" / "ibdata1").is_file()
    assert place.move_aside("before") == f"local:{tmp_path}/disk/mysql.before"
    assert place.entries() is None


def test_a_root_that_holds_anything_is_refused_untouched(tmp_path: Path) -> None:
    tree, root = plant(tmp_path / "tree"), tmp_path / "data"
    root.mkdir()
    for name in ("b", "a", ".c", "d"):
        (root / name).touch()
    before = held(root)
    with pytest.raises(LifeboatError, match=rf"local:{root} is not empty: it holds 4 entries \(\.c, a, b …\)") as fault:
        LocalPlace(root).put(tree, OURS)
    assert "--replace" in str(fault.value.hint)
    assert held(root) == before
    assert (tree / "ibdata1").exists()


def test_what_an_earlier_put_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "data.lifeboat-partial" / "old").mkdir(parents=True)
    LocalPlace(tmp_path / "data").put(plant(tmp_path / "tree"), OURS)
    assert not (tmp_path / "data" / "old").exists()
    assert not (tmp_path / "data.lifeboat-partial").exists()


def test_a_lost_and_found_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    (tmp_path / ".lifeboat-partial").mkdir()
    assert LocalPlace(tmp_path).entries() == []


def test_no_room_is_reported_before_the_first_byte(tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = plant(elsewhere / "tree")
    monkeypatch.setattr(LocalTarget, "free", lambda _: 1000)
    with pytest.raises(LifeboatError, match=r"not enough space in .*: 4\.0 KiB are to be put there, 1000 B are free"):
        LocalPlace(tmp_path / "data").put(tree, OURS)
    assert list(tmp_path.iterdir()) == []


def test_a_root_is_moved_aside(tmp_path: Path) -> None:
    root = plant(tmp_path / "data")
    (tmp_path / "data.1").touch()
    with pytest.raises(LifeboatError, match=r"data\.1 exists already"):
        LocalPlace(root).move_aside("1")
    before = held(root)
    assert LocalPlace(root, name="docker:x:/data").move_aside("2") == f"local:{tmp_path}/data.2"
    assert held(tmp_path / "data.2") == before
    with pytest.raises(LifeboatError, match="does not exist"):
        LocalPlace(root).move_aside("3")


def test_room_is_reported_for_a_root_that_is_not_there(tmp_path: Path) -> None:
    assert LocalPlace(tmp_path / "a" / "b").free() == pytest.approx(shutil.disk_usage(tmp_path).free, abs=2**30)


def test_a_file_is_no_root(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LifeboatError, match="cannot be listed: Not a directory"):
        LocalPlace(tmp_path / "file").entries()


def test_commands_run_in_a_shell(tmp_path: Path) -> None:
    place = LocalPlace(tmp_path)
    assert place.run("echo out; echo err >&2; exit 3", seconds=10) == (3, "out\nerr")
    with pytest.raises(
        LifeboatError, match=r"`echo begun; sleep 60` did not end within 0\.5 s on this machine; it printed: begun"
    ):
        place.run("echo begun; sleep 60", seconds=0.5)


def test_a_command_may_start_a_daemon(tmp_path: Path) -> None:
    place = LocalPlace(tmp_path)
    code, said = place.run("sleep 300 & echo $!", seconds=30)
    os.kill(int(said), 9)
    assert code == 0


def test_owners_are_known_by_name_or_by_number() -> None:
    assert numbers(Ownership("root:root", 5, 6)) == (0, 0)
    assert numbers(Ownership("nobody-has-this-name:root", 5, 6)) == (5, 0)
    assert numbers(Ownership("12:nor-this", 5, 6)) == (12, 6)


def test_what_arrived_is_compared(tmp_path: Path) -> None:
    sent = {"a": Entry("f", 0o600, 10), "b": Entry("d", 0o700)}
    putting.compare("ssh:h:/d", sent, dict(sent))
    for arrived, words in (
        (
            {**sent, "a": Entry("f", 0o600, 4)},
            "a in ssh:h:/d is a file of 4 bytes with mode 0600 after the copy; sent was a file of 10 bytes",
        ),
        ({"a": sent["a"]}, "b in ssh:h:/d is nothing after the copy; sent was a directory with mode 0700"),
        ({**sent, "c": Entry("l", 0)}, "c in ssh:h:/d is a link after the copy; sent was nothing"),
    ):
        with pytest.raises(LifeboatError, match=words):
            putting.compare("ssh:h:/d", sent, arrived)


def test_a_device_is_no_part_of_a_backup() -> None:
    with pytest.raises(LifeboatError, match="is a device"):
        putting.inventory(Path("/dev"))
