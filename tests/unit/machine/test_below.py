"""Nothing below a directory that a container wrote in is opened by following a link: not in its place, not on the way there."""

import os
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path, PurePath

import pytest

from backups.errors import Damaged
from backups.machine import below

NAME = PurePath("sub/file")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root" / "sub").mkdir(parents=True)
    (tmp_path / "root" / "sub" / "file").write_text("ours")
    return tmp_path / "root"


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """What a link could lead to: a directory with a file, of somebody else."""
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "file").write_text("theirs")
    return tmp_path / "victim"


def plant_in_place(root: Path, victim: Path) -> None:
    (root / "sub" / "file").unlink()
    (root / "sub" / "file").symlink_to(victim / "file")


def plant_on_the_way(root: Path, victim: Path) -> None:
    (root / "sub").rename(root / "away")
    (root / "sub").symlink_to(victim)


def plant_at_the_root(root: Path, victim: Path) -> None:
    root.rename(root.with_name("away"))
    root.symlink_to(victim)


REFUSED = "Too many levels|Not a directory|leads out|no socket|No such file"
PLANTED = pytest.mark.parametrize("plant", [plant_in_place, plant_on_the_way])
Plant = Callable[[Path, Path], None]


def test_what_is_there_is_read(root: Path) -> None:
    with below.opened(root, NAME) as file:
        assert file.read() == b"ours"
    assert below.text(root, NAME) == "ours"
    assert below.text(root, PurePath("nothing")) == ""
    assert below.files(root) == [NAME]


@PLANTED
def test_a_link_is_not_read(root: Path, victim: Path, plant: Plant) -> None:
    plant(root, victim)
    with pytest.raises(OSError, match=REFUSED), below.opened(root, NAME):
        pass
    assert below.text(root, NAME) == ""
    assert PurePath("sub/file") not in below.files(root)


@pytest.mark.parametrize("inside", ["../victim/file", "sub/../../victim/file", "/etc/passwd"])
def test_no_path_leads_out(root: Path, victim: Path, inside: str) -> None:
    with pytest.raises(OSError, match=REFUSED), below.opened(root, PurePath(inside)):
        pass


def test_a_pipe_does_not_hold_whoever_reads(root: Path) -> None:
    os.mkfifo(root / "pipe")
    assert below.text(root, PurePath("pipe")) == ""


@pytest.mark.parametrize("plant", [plant_in_place, plant_on_the_way, plant_at_the_root])
def test_giving_away_gives_links_away_and_not_what_they_lead_to(root: Path, victim: Path, plant: Plant) -> None:
    plant(root, victim)
    before = [(path, path.lstat().st_uid) for path in (victim, victim / "file")]
    below.own(root, 4711, 4712)
    assert [(path, path.lstat().st_uid) for path, _ in before] == before
    assert root.lstat().st_uid == 4711


def test_giving_away_what_is_in_a_directory_keeps_the_directory(root: Path) -> None:
    below.own(root, 4711, 4712, within=True)
    owners = {path.name: path.stat().st_uid for path in (root, root / "sub", root / "sub" / "file")}
    assert owners == {"root": os.geteuid(), "sub": 4711, "file": 4711}


def test_a_tree_that_is_deeper_than_any_server_s_is_damaged(root: Path) -> None:
    """And nobody's memory or handles run out on it."""
    handle = os.open(root, os.O_RDONLY)
    for _ in range(200):
        os.mkdir("d", dir_fd=handle)
        deeper = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = deeper
    os.close(handle)
    with pytest.raises(Damaged, match="more than 100 directories inside one another"):
        below.own(root, 4711, 4712)


def test_what_is_moved_in_replaces_a_link_and_does_not_follow_it(root: Path, victim: Path, tmp_path: Path) -> None:
    plant_in_place(root, victim)
    (tmp_path / "file").write_text("new")
    below.move_into([tmp_path / "file"], root, PurePath("sub"))
    assert ((root / "sub" / "file").read_text(), (victim / "file").read_text()) == ("new", "theirs")


def test_nothing_is_moved_into_where_a_link_leads(root: Path, victim: Path, tmp_path: Path) -> None:
    plant_on_the_way(root, victim)
    (tmp_path / "new").write_text("new")
    with pytest.raises(OSError, match=REFUSED):
        below.move_into([tmp_path / "new"], root, PurePath("sub"))
    assert [path.name for path in victim.iterdir()] == ["file"]


def test_a_socket_is_reached_and_a_link_to_one_is_not(root: Path, tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(root / "sub" / "s"))
        listening.listen()
        threading.Thread(target=lambda: listening.accept()[0].sendall(b"hi"), daemon=True).start()
        (root / "link").symlink_to("sub/s")
        for refused in ("link", "sub/file", "nothing"):
            with pytest.raises(OSError, match=REFUSED), below.socket(root, PurePath(refused)):
                pass
        with below.socket(root, PurePath("sub/s")) as path, closing(socket.socket(socket.AF_UNIX)) as client:
            # Whatever takes its name now.
            (root / "sub" / "s").unlink()
            (root / "sub" / "s").symlink_to("/nowhere")
            client.connect(str(path))
            assert client.recv(2) == b"hi"


@pytest.mark.parametrize("kind", ["link", "pipe", "socket", "setuid"])
def test_what_is_handed_over_is_files_and_directories_only(root: Path, kind: str) -> None:
    below.require_plain(root, "the data")
    match kind:
        case "link":
            (root / "sub" / "odd").symlink_to("file")
        case "pipe":
            os.mkfifo(root / "sub" / "odd")
        case "socket":
            with closing(socket.socket(socket.AF_UNIX)) as bound:
                bound.bind(str(root / "sub" / "odd"))
        case _:
            (root / "sub" / "odd").touch()
            (root / "sub" / "odd").chmod(0o4755)
    with pytest.raises(Damaged, match=r"sub/odd in the data is a"):
        below.require_plain(root, "the data")
