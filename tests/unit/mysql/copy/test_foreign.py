"""A forged backup runs nothing and is mounted nowhere; what a copy's server plants in its mounts is never followed."""

import socket
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any, cast

import pytest

from backups.errors import Damaged, LifeboatError, Transient
from backups.machine.docker import Image
from backups.manifest import Manifest, Source
from backups.services.base import Fetched
from backups.services.mysql.binlog.chain import RelayLog
from backups.services.mysql.copy import advance, server
from backups.services.mysql.copy.copy import MySQLCopy
from backups.services.mysql.dump.copy import DumpedCopy
from tests.unit.mysql.source.test_command_line import DUMP, OWN

NOW = datetime(2026, 11, 30, tzinfo=UTC)


class Untouched:
    """A sandbox in which nothing is run, and whose files belong to nobody else."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def image(self, name: str) -> Image:
        return Image(name, "sha256:1")

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked for a forged backup")


def fetched(directory: Path, details: dict[str, Any]) -> Fetched:
    (directory / "data").mkdir()
    manifest = Manifest(
        lifeboat="0", id="agama-20261130T000000Z", service="agama", type="mysql", kind="full", chain="agama-20261130T000000Z", sequence=0, parent=None,
        started_at=NOW, taken_at=NOW, finished_at=NOW, source=Source(version="9.7.4", image="mysql:9.7"), files=(),
        details=details, witness=(),
    )  # fmt: skip
    return Fetched(manifest, directory / "data")


def assemble(kind: type[MySQLCopy] | type[DumpedCopy], tmp_path: Path, details: dict[str, Any]) -> None:
    kind("agama", cast("Any", None), [fetched(tmp_path, details)], cast("Any", Untouched(tmp_path))).assemble()


@pytest.mark.parametrize(
    ("kind", "details"),
    [
        (MySQLCopy, {**OWN, "variables": {"plugin-dir": "/var/lib/mysql/evil"}, "changed": []}),
        (MySQLCopy, {**OWN, "plugins": ["/lifeboat/evil.so"]}),
        (MySQLCopy, {**OWN, "unknown": {"plugin_load_add": "evil.so"}}),
        (DumpedCopy, {**DUMP, "variables": {"init_file": "/lifeboat/dump/evil.sql"}}),
    ],
)
def test_a_forged_command_line_is_damaged_before_anything_runs(
    kind: type[MySQLCopy] | type[DumpedCopy], details: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(Damaged, match="would have a server started with what no backup of Lifeboat says"):
        assemble(kind, tmp_path, details)


def test_a_data_directory_that_is_a_link_is_no_data_directory(tmp_path: Path) -> None:
    (tmp_path / "host").mkdir()
    one = fetched(tmp_path, OWN)  # what is fetched holds no link: it is planted afterwards
    (one.data / "datadir").symlink_to(tmp_path / "host")
    with pytest.raises(Damaged, match="holds no datadir/"):
        MySQLCopy("agama", cast("Any", None), [one], cast("Any", Untouched(tmp_path))).assemble()
    assert (one.data / "datadir").is_symlink()


def test_a_clone_with_code_in_it_is_not_moved_to_a_server(tmp_path: Path) -> None:
    one = fetched(tmp_path, OWN)
    (one.data / "datadir" / "evil").mkdir(parents=True)
    (one.data / "datadir" / "evil" / "mysql_clone.so").touch()
    with pytest.raises(Damaged, match=r"evil/mysql_clone\.so among its data files"):
        MySQLCopy("agama", cast("Any", None), [one], cast("Any", Untouched(tmp_path))).assemble()


def _in_place_of_a_log(home: Path, victim: Path) -> None:
    (home / "relay" / "base.index").symlink_to(victim / "file")
    (home / "relay" / "base.000001").symlink_to(victim / "file")


def _in_place_of_the_directory(home: Path, victim: Path) -> None:
    (home / "relay").rmdir()
    (home / "relay").symlink_to(victim)


@pytest.mark.parametrize("plant", [_in_place_of_a_log, _in_place_of_the_directory])
def test_logs_are_handed_in_without_following_what_was_planted(plant: Callable[[Path, Path], None], tmp_path: Path) -> None:
    placed, home, victim = tmp_path / "placed", tmp_path / "home", tmp_path / "victim"
    for directory in (placed, home, home / "relay", victim):
        directory.mkdir()
    (victim / "file").write_text("theirs")
    plant(home, victim)
    for name in ("base.000001", "base.index"):
        (placed / name).write_text("log")
    logs = [RelayLog("binlog.000001", "base.000001", 3, 0)]
    if plant is _in_place_of_the_directory:
        with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
            advance.hand_in(placed, home, logs)
    else:
        kept = advance.hand_in(placed, home, logs)
        assert kept is not None
        assert (placed / kept.name).read_text() == (home / "relay" / "base.000001").read_text() == "log"
        assert not (home / "relay" / "base.index").is_symlink()
    assert ([path.name for path in victim.iterdir()], (victim / "file").read_text()) == (["file"], "theirs")


@pytest.mark.parametrize("planted", ["socket", "directory"])
def test_a_link_to_another_server_s_socket_is_not_connected_to(planted: str, tmp_path: Path) -> None:
    """Of the machine's own MySQL, say: our account and statements would go there."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for directory in (home, elsewhere):
        directory.mkdir()
    with closing(socket.socket(socket.AF_UNIX)) as other:
        other.bind(str(elsewhere / "mysqld.sock"))
        other.listen()
        other.setblocking(False)
        if planted == "directory":
            (home / "run").symlink_to(elsewhere)
        else:
            (home / "run").mkdir()
            (home / "run" / "mysqld.sock").symlink_to(elsewhere / "mysqld.sock")
        with pytest.raises(Transient, match="there is no socket"):
            server.connect(home, "lifeboat", "secret")
        with pytest.raises(BlockingIOError):
            other.accept()
    assert PurePath("run/mysqld.sock") == server.SOCKET
    assert issubclass(Transient, LifeboatError)
