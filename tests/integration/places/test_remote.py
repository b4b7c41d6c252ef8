"""Places over SSH on bad days: connections that are cut, slow or silent, disks that fill, tools and rights that are missing."""

import os
import re
import shutil
import sqlite3
import subprocess
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from backups import hosts
from backups.errors import ConfigError, LifeboatError, Transient
from backups.hosts import Hosts, session
from backups.machine.docker import Docker
from backups.places import put as putting
from backups.places.base import Ownership
from backups.places.parse import parse
from backups.places.remote import fetch as fetching
from backups.places.remote import shell
from backups.places.remote.place import SshPlace
from tests.servers.ssh import SshFactory, SshServer, Wire

OWNERSHIP = Ownership(names="no-such-user:no-such-group", user=4711, group=4712)
MIB = 2**20


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(shell, "PAUSE", 0.05)
    yield
    hosts.close_all()


@pytest.fixture
def top(ssh_server: SshServer) -> Iterator[Path]:
    """A directory of its own below what the server has as /srv."""
    directory = ssh_server.root / uuid.uuid4().hex[:8]
    directory.mkdir()
    yield directory
    shutil.rmtree(directory)


def by(ssh_server: SshServer, root: Path | str, **changes: object) -> SshPlace:
    where = f"/srv/{root.relative_to(ssh_server.root)}" if isinstance(root, Path) else root
    place = parse(f"ssh:db:{where}", Docker(), Hosts({"db": ssh_server.settings(**changes)}))
    assert isinstance(place, SshPlace)
    return place


def through(wire: Wire) -> dict[str, object]:
    return {"address": f"root@127.0.0.1:{wire.port}"}


def fill(root: Path) -> dict[str, int]:
    root.mkdir(exist_ok=True)
    for number in range(4):
        (root / f"f{number}").write_bytes(os.urandom(MIB))
    return {f"f{number}": MIB for number in range(4)}


def sizes(root: Path) -> dict[str, int]:
    return {name: entry.size for name, entry in putting.inventory(root).items()}


def test_a_place_is_read_from_the_configuration(ssh_server: SshServer) -> None:
    assert str(by(ssh_server, "/var/lib/x y")) == "ssh:db:/var/lib/x y"
    for text in ("ssh:db", "ssh:db:relative", "ssh::/path", "ssh:/path"):
        with pytest.raises(ConfigError, match="is not a place"):
            parse(text, Docker(), Hosts({"db": ssh_server.settings()}))
    with pytest.raises(ConfigError, match="there is no host web under hosts:"):
        parse("ssh:web:/srv", Docker(), Hosts({"db": ssh_server.settings()}))


def test_a_fetch_that_is_cut_goes_on_with_the_files_that_are_missing(
    ssh_server: SshServer, wire: Wire, top: Path, tmp_path: Path
) -> None:
    content = fill(top / "root")
    wire.cut_after = 5 * MIB // 2
    by(ssh_server, top / "root", **through(wire)).fetch(list(content), tmp_path / "into")
    assert sizes(tmp_path / "into") == content
    for name in content:
        assert (tmp_path / "into" / name).read_bytes() == (top / "root" / name).read_bytes()
    assert wire.connections == 2
    # The two files that were whole did not come again.
    assert wire.down < 5 * MIB


def test_a_fetch_that_is_cut_each_time_leaves_only_whole_files(
    ssh_server: SshServer, wire: Wire, top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = fill(top / "root")
    monkeypatch.setattr(shell, "ATTEMPTS", 1)
    wire.cut_after = 5 * MIB // 2
    with pytest.raises(Transient, match=r"the connection to db \(.*\) was cut in the middle"):
        by(ssh_server, top / "root", **through(wire)).fetch(list(content), tmp_path / "into")
    assert sizes(tmp_path / "into") == {"f0": MIB, "f1": MIB}


def test_a_fetch_from_a_peer_that_falls_silent_is_begun_again(
    ssh_server: SshServer, wire: Wire, top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = fill(top / "root")
    monkeypatch.setattr(session, "STALL_SECONDS", 4.0)
    wire.stop_after = 5 * MIB // 2
    by(ssh_server, top / "root", **through(wire)).fetch(list(content), tmp_path / "into")
    assert sizes(tmp_path / "into") == content
    assert wire.connections >= 2


def test_a_slow_way_only_takes_longer(ssh_server: SshServer, wire: Wire, top: Path, tmp_path: Path) -> None:
    wire.delay = 0.005
    content = fill(top / "root")
    by(ssh_server, top / "root", **through(wire)).fetch(list(content), tmp_path / "into")
    assert sizes(tmp_path / "into") == content
    by(ssh_server, top / "data", **through(wire)).put(tmp_path / "into", OWNERSHIP)
    assert sizes(top / "data") == content
    assert wire.connections == 1


@pytest.mark.parametrize("change", ["grow", "shrink", "vanish"])
def test_a_file_that_changes_while_it_comes_is_told(
    ssh_server: SshServer, top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    content = fill(top / "root")
    unpack = fetching._unpack

    def and_change(*arguments: object) -> None:
        unpack(*arguments)  # type: ignore[arg-type]
        if change == "vanish":
            (top / "root" / "f2").unlink()
        else:
            os.truncate(top / "root" / "f2", 2 * MIB if change == "grow" else 10)

    monkeypatch.setattr(fetching, "_unpack", and_change)
    told = {
        "grow": "f2 of .* changed while it was copied: 1048576 bytes came, it has 2097152",
        "shrink": "f2 of .* changed while it was copied: 1048576 bytes came, it has 10",
        "vanish": "f2 of .* cannot be read: No such file or directory",
    }
    with pytest.raises(LifeboatError, match=told[change]):
        by(ssh_server, top / "root").fetch(list(content), tmp_path / "into")
    assert not (tmp_path / "into" / "f2").exists()


def test_a_file_that_shrinks_in_the_middle_never_looks_whole(ssh_server: SshServer, top: Path, tmp_path: Path) -> None:
    (top / "root").mkdir()
    with (top / "root" / "big").open("wb") as file:
        file.truncate(200 * MIB)
    place = by(ssh_server, top / "root")
    shrunk = threading.Event()

    def shrink() -> None:
        while not list(tmp_path.glob("into/.lifeboat-partial-*")):
            if shrunk.wait(0.005):
                return
        os.truncate(top / "root" / "big", MIB)

    job = threading.Thread(target=shrink)
    job.start()
    try:
        with pytest.raises(LifeboatError, match=r"big of ssh:db:.* changed while it was copied"):
            place.fetch(["big"], tmp_path / "into")
    finally:
        shrunk.set()
        job.join()
    assert [path.name for path in (tmp_path / "into").iterdir() if path.name != "big"] == []


def test_a_put_that_is_cut_is_begun_again(ssh_server: SshServer, wire: Wire, top: Path, tmp_path: Path) -> None:
    content = fill(tmp_path / "tree")
    wire.cut_up_after = 5 * MIB // 2
    by(ssh_server, top / "data", **through(wire)).put(tmp_path / "tree", OWNERSHIP)
    assert sizes(top / "data") == content
    assert wire.connections == 2
    assert [path.name for path in top.iterdir()] == ["data"]


def test_a_put_that_fails_leaves_the_root_and_the_tree_as_they_were(
    ssh_server: SshServer, wire: Wire, top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = fill(tmp_path / "tree")
    monkeypatch.setattr(shell, "ATTEMPTS", 1)
    wire.cut_up_after = 5 * MIB // 2
    place = by(ssh_server, top / "data", **through(wire))
    with pytest.raises(Transient, match="was cut in the middle"):
        place.put(tmp_path / "tree", OWNERSHIP)
    assert list(top.iterdir()) == []
    assert sizes(tmp_path / "tree") == content
    place.put(tmp_path / "tree", OWNERSHIP)
    assert sizes(top / "data") == content


@pytest.mark.parametrize("done", [True, False])
def test_a_rename_whose_answer_is_lost(ssh_server: SshServer, top: Path, tmp_path: Path, done: bool) -> None:
    content = fill(tmp_path / "tree")
    place = by(ssh_server, top / "data")
    move = '/bin/mv "$@"' if done else ":"
    dying = f"#!/bin/sh\nrm /usr/local/bin/mv\n{move}\npkill -KILL -f '^sshd-session: '\nexit 1\n"
    ssh_server.sh(f"cat > /usr/local/bin/mv <<'EOF'\n{dying}EOF\nchmod 755 /usr/local/bin/mv")
    if not done:
        with pytest.raises(Transient, match=r"was cut while /srv/.*/data\.lifeboat-partial was renamed"):
            place.put(tmp_path / "tree", OWNERSHIP)
        assert [path.name for path in top.iterdir()] == ["data.lifeboat-partial"]
        assert sizes(tmp_path / "tree") == content
    place.put(tmp_path / "tree", OWNERSHIP)
    assert sizes(top / "data") == content
    assert [path.name for path in top.iterdir()] == ["data"]
    assert not (tmp_path / "tree").exists()


def test_no_room_is_told_with_both_numbers(ssh_server: SshServer, tmp_path: Path) -> None:
    fill(tmp_path / "tree")
    (tmp_path / "tree" / "big").write_bytes(b"0" * 9 * MIB)
    with pytest.raises(LifeboatError, match=r"ssh:db:/small/data has no room: 13\.0 MiB are to be put there, 8\.0 MiB are free"):
        by(ssh_server, "/small/data").put(tmp_path / "tree", OWNERSHIP)
    assert ssh_server.sh("ls -A /small") == ""


def test_a_disk_that_fills_in_the_middle_keeps_nothing(
    ssh_server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "tree")
    (tmp_path / "tree" / "big").write_bytes(b"0" * 30 * MIB)
    monkeypatch.setattr(putting, "require_room", lambda *_: None)
    with pytest.raises(LifeboatError, match=r"the disk of ssh:db:/small/data filled while files were put there"):
        by(ssh_server, "/small/data").put(tmp_path / "tree", OWNERSHIP)
    assert ssh_server.sh("ls -A /small") == ""
    assert (tmp_path / "tree" / "big").exists()


def test_a_mount_point_is_filled_from_within(ssh_server: SshServer, tmp_path: Path) -> None:
    content = fill(tmp_path / "tree")
    (tmp_path / "tree" / ".new\nline").touch()
    ssh_server.sh("mkdir '/small/lost+found'; chown 33:34 /small; chmod 751 /small")
    place = by(ssh_server, "/small")
    try:
        place.put(tmp_path / "tree", OWNERSHIP)
        assert place.entries() == [".new\nline", *content]
        assert ssh_server.sh("stat -c '%u %g %a' /small /small/f0") == "33 34 751\n33 34 644"
        assert ssh_server.sh("ls -A /small").split("\n")[-1] == "lost+found"
        with pytest.raises(LifeboatError, match="is a mount point, which cannot be renamed"):
            place.move_aside("before")
    finally:
        ssh_server.sh("find /small -mindepth 1 -delete; chown 0:0 /small; chmod 755 /small")


def test_a_move_that_fails_takes_the_others_back(ssh_server: SshServer, tmp_path: Path) -> None:
    fill(tmp_path / "tree")
    ssh_server.sh(
        """printf '#!/bin/sh\ncase "$*" in *f2*small/f2) echo broken >&2; exit 1;; esac\nexec /bin/mv "$@"\n' > /usr/local/bin/mv; chmod 755 /usr/local/bin/mv"""
    )
    try:
        with pytest.raises(LifeboatError, match="nothing can be put into ssh:db:/small: broken"):
            by(ssh_server, "/small").put(tmp_path / "tree", OWNERSHIP)
    finally:
        ssh_server.sh("rm /usr/local/bin/mv")
    assert ssh_server.sh("ls -A /small") == ""


def test_a_user_without_sudo_owns_what_it_puts(
    ssh_server: SshServer, top: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    top.chmod(0o777)
    content = fill(tmp_path / "tree")
    by(ssh_server, top / "data", address=f"plain@{ssh_server.address}").put(tmp_path / "tree", OWNERSHIP)
    assert sizes(top / "data") == content
    assert (top / "data" / "f0").stat().st_uid == int(ssh_server.sh("id -u plain"))
    assert "belong to plain, not to 4711:4712, since Lifeboat is not root there" in caplog.text


def test_missing_rights_are_told(ssh_server: SshServer, top: Path, tmp_path: Path) -> None:
    fill(top / "root")
    (top / "root" / "closed").mkdir(mode=0o700)
    (top / "root" / "f1").chmod(0o600)
    plain = f"plain@{ssh_server.address}"
    place = by(ssh_server, top / "root", address=plain)
    with pytest.raises(LifeboatError, match=r"\. of ssh:db:.* cannot be listed: .*Permission denied"):
        place.files()
    with pytest.raises(LifeboatError, match=r"f1 of ssh:db:.* cannot be read: Permission denied"):
        place.fetch(["f0", "f1", "f2"], tmp_path / "into")
    with pytest.raises(LifeboatError, match=r"f2 of ssh:db:.* cannot be removed: .*Permission denied") as fault:
        place.remove("f2")
    assert "sudo: true" in str(fault.value.hint)
    fill(tmp_path / "tree")
    with pytest.raises(LifeboatError, match=r"nothing can be put into ssh:db:.*Permission denied"):
        by(ssh_server, top / "data", address=plain).put(tmp_path / "tree", OWNERSHIP)
    (top / "root").chmod(0o700)
    with pytest.raises(LifeboatError, match="cannot be read: Permission denied"):
        place.check()
    with pytest.raises(LifeboatError, match="plain may not use sudo on db") as fault:
        by(ssh_server, top / "root", address=plain, sudo=True).check()
    assert "plain ALL=(root) NOPASSWD: ALL" in str(fault.value.hint)


def test_a_login_that_talks_is_told(ssh_factory: SshFactory) -> None:
    server = ssh_factory()
    server.sh("usermod -s /bin/bash plain; echo 'echo Welcome aboard' > /home/plain/.bashrc; chown plain /home/plain/.bashrc")
    with pytest.raises(
        LifeboatError, match=r"the login of db \(plain@.*\) prints what no command asked for: Welcome aboard"
    ) as fault:
        by(server, "/srv", address=f"plain@{server.address}").check()
    assert "~plain/.bashrc" in str(fault.value.hint)


def test_a_database_is_copied_by_whatever_is_there(ssh_factory: SshFactory, tmp_path: Path) -> None:
    server = ssh_factory()
    with closing(sqlite3.connect(server.root / "g.db")) as live:
        live.execute("CREATE TABLE t (x)")
        live.execute("INSERT INTO t VALUES (1)")
        live.commit()
    (server.root / "text.db").write_text("no database " * 1000)
    place = by(server, "/srv")
    server.sh("mv /usr/bin/sqlite3 /root")
    place.fetch_sqlite("g.db", tmp_path / "copy.db", seconds=5)
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT x FROM t").fetchall() == [(1,)]
    with pytest.raises(LifeboatError, match=r"text\.db of .* cannot be copied: file is not a database"):
        place.fetch_sqlite("text.db", tmp_path / "no.db", seconds=5)
    server.sh("rm /usr/bin/python3")
    with pytest.raises(LifeboatError, match="has neither sqlite3 nor python3") as fault:
        place.fetch_sqlite("g.db", tmp_path / "no.db", seconds=5)
    assert "apt-get install sqlite3" in str(fault.value.hint)
    assert server.sh("ls -A /var/tmp /tmp | grep -i lifeboat", check=False) == ""
    server.sh("mv /usr/bin/find /root")
    with pytest.raises(LifeboatError, match=re.escape(f"db (root@{server.address}:22) has no GNU find")):
        place.check()


def test_a_database_that_is_cut_comes_again_and_leaves_nothing_there(
    ssh_server: SshServer, wire: Wire, top: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(top / "g.db")) as live:
        live.execute("CREATE TABLE t (x)")
        live.execute("INSERT INTO t VALUES (randomblob(3000000))")
        live.commit()
    wire.cut_after = MIB
    by(ssh_server, top, **through(wire)).fetch_sqlite("g.db", tmp_path / "copy.db", seconds=5)
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy, closing(sqlite3.connect(top / "g.db")) as live:
        assert copy.execute("SELECT x FROM t").fetchall() == live.execute("SELECT x FROM t").fetchall()
    assert wire.connections == 2
    assert (
        ssh_server.sh("for i in 1 2 3 4 5 6 7 8 9 10; do ls /var/tmp | grep -q lifeboat || exit 0; sleep 1; done; ls /var/tmp")
        == ""
    )


def test_a_full_disk_here_is_told(ssh_server: SshServer, top: Path, tmp_path: Path) -> None:
    content = fill(top / "root")
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "lifeboat-test", str(small)], check=True)
    try:
        with pytest.raises(LifeboatError, match="the disk filled during the copy from ssh:db:"):
            by(ssh_server, top / "root").fetch(list(content), small / "into")
        assert all(size == MIB for size in sizes(small / "into").values())
    finally:
        subprocess.run(["umount", str(small)], check=True)
