"""Files and databases fetched from a place over SSH on bad days: connections that are cut, slow or silent, files that change."""

import os
import re
import sqlite3
import subprocess
import threading
from contextlib import closing, suppress
from pathlib import Path

import pytest

from backups.errors import LifeboatError, Transient
from backups.hosts import session
from backups.places.remote import fetch as fetching
from backups.places.remote import shell
from tests.integration.places.remote.harness import MIB, OWNERSHIP, by, fill, sizes, through
from tests.servers import hot_journal
from tests.servers.ssh import SshFactory, SshServer, Wire


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
def test_a_file_that_changes_while_it_comes_is_reported(
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
        "grow": "f2 of .* changed while it was copied: 1048576 bytes were copied, it has 2097152",
        "shrink": "f2 of .* changed while it was copied: 1048576 bytes were copied, it has 10",
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


def test_a_database_is_copied_by_whatever_is_there(ssh_factory: SshFactory, tmp_path: Path) -> None:
    server = ssh_factory()
    with closing(sqlite3.connect(server.root / "g.db")) as live:
        live.execute("CREATE TABLE t (x)")
        live.execute("INSERT INTO t VALUES (1)")
        live.commit()
    (server.root / "text.db").write_text("no database " * 1000)
    place = by(server, "/srv")
    (server.root / "of-472").mkdir()
    hot_journal.make(server.root / "of-472" / "hot.db", names="/srv/shadow")
    hot_journal.make(server.root / "of-472" / "killed.db")
    for path in (server.root / "of-472", *(server.root / "of-472").iterdir()):
        os.chown(path, 472, 472)
    (server.root / "shadow").write_text("root:*:1")
    for tool in ("mv /usr/bin/sqlite3 /root", "mv /usr/bin/python3 /root; mv /root/sqlite3 /usr/bin"):
        server.sh(tool)
        place.fetch_sqlite("g.db", tmp_path / "copy.db", seconds=5)
        with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
            assert copy.execute("SELECT x FROM t").fetchall() == [(1,)]
        with pytest.raises(LifeboatError, match=r"text\.db of .* cannot be copied: .*file is not a database"):
            place.fetch_sqlite("text.db", tmp_path / "no.db", seconds=5)
        (tmp_path / "copy.db").unlink()
    # By the tool that becomes nobody itself: what is read as root would delete what the journal names.
    place.fetch_sqlite("of-472/killed.db", tmp_path / "copy.db", seconds=5)
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT count(*) FROM t WHERE x LIKE 'before%'").fetchall() == [(hot_journal.ROWS,)]
    with suppress(LifeboatError):
        place.fetch_sqlite("of-472/hot.db", tmp_path / "hot.db", seconds=5)
    assert (server.root / "shadow").read_text() == "root:*:1"
    server.sh("mv /usr/bin/setpriv /root")
    with pytest.raises(LifeboatError, match="has neither python3 with its sqlite3 module nor sqlite3 and setpriv"):
        place.fetch_sqlite("of-472/killed.db", tmp_path / "no.db", seconds=5)
    server.sh("rm /usr/bin/sqlite3")
    with pytest.raises(LifeboatError, match="has neither python3 with its sqlite3 module nor sqlite3") as fault:
        place.fetch_sqlite("g.db", tmp_path / "no.db", seconds=5)
    assert "apt-get install python3" in str(fault.value.hint)
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


def test_a_full_disk_here_is_reported(ssh_server: SshServer, top: Path, tmp_path: Path) -> None:
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
