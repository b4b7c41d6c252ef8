"""Full and incremental captures of real servers: whole, exact in their positions, nothing left behind, no password in sight."""

import subprocess
import threading
import time
from itertools import pairwise
from pathlib import Path

import pymysql.err
import pytest

from backups.errors import ChainBroken, LifeboatError, Transient
from backups.machine.runs import Run
from backups.machine.wait import wait_until
from backups.services.mysql.binlog import pull
from backups.services.mysql.clone import clone
from backups.services.mysql.source import connection
from tests.integration.mysql.conftest import Capturing, Taken
from tests.servers.mysql import IMAGE, PASSWORD, MySQLServer, StartMySQL, replicate


def _assert_whole(taken: Taken, server: MySQLServer) -> None:
    """The clone and the log are there, and the log ends where the witness was taken."""
    details = taken.details
    assert details.server_uuid == server.value("SELECT @@server_uuid")
    if taken.manifest.kind == "full":
        assert (taken.directory / "datadir" / "ibdata1").stat().st_size > 0
        assert details.segments[0].start == 0
        assert details.segments[0].file == details.start.file
    assert (details.segments[-1].file, details.segments[-1].end) == (details.end.file, details.end.offset)
    for segment in details.segments:
        assert (taken.directory / segment.path).stat().st_size == segment.end - segment.start
    kept = {path.relative_to(taken.directory).parts[0] for path in taken.directory.rglob("*") if path.is_file()}
    assert kept == ({"datadir", "log"} if taken.manifest.kind == "full" else {"log"})


def _containers(run: Run) -> list[str]:
    return [str(thing.name) for thing in run.docker.labelled(f"lifeboat.run={run.id}")]


@pytest.mark.parametrize("gtid", [True, False])
def test_a_chain_is_taken_under_a_writer(
    mysql_server: MySQLServer, mysql_server_without_gtid: MySQLServer, capture: Capturing, run: Run, gtid: bool
) -> None:
    """A full and two incrementals while rows and tables change; each begins where the one before ends."""
    server = mysql_server if gtid else mysql_server_without_gtid
    with server.add_writer(ddl=True) as writer:
        writer.wait_for(100)
        full = capture(server)
        writer.wait_for(100)
        first = capture(server, (full,))
    server.sql("FLUSH BINARY LOGS")
    with server.add_writer() as writer:
        writer.wait_for(50)
    second = capture(server, (full, first))
    for taken in (full, first, second):
        _assert_whole(taken, server)
        assert taken.details.gtid == gtid
        assert (taken.details.end.gtid_executed is not None) == gtid
    assert first.details.start == full.details.end
    assert second.details.start == first.details.end
    assert [segment.start for segment in second.details.segments] == [first.details.end.offset, 0]
    assert second.details.log_created == pull.created_stamp(
        lambda: connection.connect(server.settings()), second.details.end.file
    )
    assert full.details.log_created == first.details.log_created
    assert "mysql_clone.so" in full.details.plugins
    assert full.details.variables["innodb_page_size"] == "16384"
    assert _containers(run) == []


def test_nothing_changed_is_an_incremental_of_nothing(mysql_server: MySQLServer, capture: Capturing) -> None:
    """No segment, the same end, and the next one still knows the file."""
    full = capture(mysql_server)
    empty = capture(mysql_server, (full,))
    assert empty.details.segments == ()
    assert empty.details.end == full.details.end
    assert empty.details.log_created == full.details.log_created
    mysql_server.sql("CREATE DATABASE later", "DROP DATABASE later")
    _assert_whole(capture(mysql_server, (full, empty)), mysql_server)


def test_a_user_that_must_use_tls_is_served(start_mysql: StartMySQL, capture: Capturing) -> None:
    """REQUIRE SSL, on a server that takes nothing else; its certificate checked against the server's own authority."""
    server = start_mysql("--require-secure-transport=ON")
    server.sql("ALTER USER lifeboat@'%' REQUIRE SSL")
    _assert_whole(capture(server, tls="verify", tls_ca=server.directory / "ca.pem"), server)
    _assert_whole(capture(server), server)
    assert any("over TLS" in line for line in capture.said)
    with pytest.raises(LifeboatError):
        capture(server, tls="disabled")


def test_a_server_without_tls_is_told_the_password_by_nothing(start_mysql: StartMySQL, capture: Capturing) -> None:
    """Neither by our sessions, nor by CLONE, which would encrypt it by whatever key it is sent."""
    server = start_mysql("--tls-version=")
    with pytest.raises(LifeboatError, match="by a key that it sends along"):
        capture(server)
    # Now it remembers the password: our sessions can prove that they know it.
    server.connect(user="lifeboat", password=PASSWORD).close()
    with pytest.raises(LifeboatError, match="CLONE would tell lifeboat's password to whoever stands between"):
        capture(server)
    with pytest.raises(LifeboatError, match="tls: required"):
        capture(server, tls="required")


def test_another_authority_is_not_trusted(mysql_server: MySQLServer, capture: Capturing, tmp_path: Path) -> None:
    """`verify` with a certificate authority that did not sign the server's certificate."""
    key, certificate = tmp_path / "key.pem", tmp_path / "ca.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-subj", "/CN=other"],
        check=True,
        capture_output=True,
    )
    with pytest.raises(LifeboatError, match="cannot be reached over TLS") as caught:
        capture(mysql_server, tls="verify", tls_ca=certificate)
    assert "tls_ca" in str(caught.value.hint)


def test_plugins_and_settings_of_the_source_are_met(start_mysql: StartMySQL, capture: Capturing) -> None:
    """Debian's auth_socket, another page size and another character set: the recipient is made to fit."""
    server = start_mysql("--character-set-server=latin1", "--collation-server=latin1_swedish_ci")
    server.sql("INSTALL PLUGIN auth_socket SONAME 'auth_socket.so'", "CREATE USER admin@localhost IDENTIFIED WITH auth_socket")
    taken = capture(server)
    _assert_whole(taken, server)
    assert taken.details.plugins == ("auth_socket.so", "mysql_clone.so")
    assert taken.details.variables["character_set_server"] == "latin1"


def test_a_source_that_replicates_is_served(start_mysql: StartMySQL, capture: Capturing) -> None:
    """It logs what it replicates, under the other server's GTIDs, and goes on replicating."""
    origin, replica = start_mysql(), start_mysql()
    replicate(origin, replica)
    # No DDL during the full: CLONE of a replica that replays DDL often stalls for five minutes before it is begun again.
    with origin.add_writer() as writer:
        writer.wait_for(50)
        assert wait_until(lambda: bool(replica.rows("SHOW DATABASES LIKE 'writing'")), seconds=60)
        full = capture(replica)
    with origin.add_writer(ddl=True) as writer:
        writer.wait_for(50)
        incremental = capture(replica, (full,))
    for taken in (full, incremental):
        _assert_whole(taken, replica)
        assert origin.value("SELECT @@server_uuid") in str(taken.details.end.gtid_executed)
    assert replica.value("SELECT service_state FROM performance_schema.replication_connection_status") == "ON"


def test_a_full_keeps_the_log_since_the_chain_before(start_mysql: StartMySQL, capture: Capturing) -> None:
    """Its own log, and what bridges the two chains, are the source's log without a gap, across whatever rotated it."""
    server = start_mysql()
    with server.add_writer(ddl=True) as writer:
        first = capture(server)
        writer.wait_for(50)
        server.sql("FLUSH BINARY LOGS")
        writer.wait_for(50)
        second = capture(server, before=first)
    _assert_whole(second, server)
    bridge = second.details.bridge
    assert bridge is not None
    assert (bridge.backup, bridge.start) == (first.manifest.id, first.details.end)
    assert (bridge.segments[0].file, bridge.segments[0].start) == (first.details.end.file, first.details.end.offset)
    for segment in bridge.segments:
        whole = server.binary_log(segment.file)
        assert (second.directory / segment.path).read_bytes() == whole[segment.start : segment.end]
    for earlier, later in pairwise([*bridge.segments, *second.details.segments]):
        assert later.start == 0
        assert earlier.end == len(server.binary_log(earlier.file))
    assert len({segment.file for segment in bridge.segments}) > 1


def test_a_full_without_the_log_since_the_chain_before_says_so(start_mysql: StartMySQL, capture: Capturing) -> None:
    server = start_mysql()
    first = capture(server)
    server.sql("FLUSH BINARY LOGS")
    server.sql(f"PURGE BINARY LOGS TO '{server.rows('SHOW BINARY LOG STATUS')[0][0]}'")
    second = capture(server, before=first)
    assert second.details.bridge is None
    assert any(
        line.startswith(f"no moment between {first.manifest.id} and this full can be brought back") for line in capture.said
    )


def test_a_chain_whose_log_was_purged_is_broken(start_mysql: StartMySQL, capture: Capturing) -> None:
    """The caller takes a full instead, and says why."""
    server = start_mysql()
    full = capture(server)
    server.sql("FLUSH BINARY LOGS")
    server.sql(f"PURGE BINARY LOGS TO '{server.rows('SHOW BINARY LOG STATUS')[0][0]}'")
    with pytest.raises(ChainBroken, match="is gone from the source"):
        capture(server, (full,))


def test_the_password_shows_nowhere(mysql_server: MySQLServer, capture: Capturing) -> None:
    """Not in an argument of any process, not in the source's general log, not in what containers are started with."""
    seen: list[str] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            seen.append(subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout)
            time.sleep(0.02)

    mysql_server.sql("SET GLOBAL log_output = 'FILE'", "SET GLOBAL general_log = ON")
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        capture(mysql_server)
    finally:
        stop.set()
        watcher.join()
        mysql_server.sql("SET GLOBAL general_log = OFF")
    general_log = (mysql_server.directory / mysql_server.value("SELECT @@general_log_file").rsplit("/", 1)[-1]).read_text()
    assert "FLUSH BINARY LOGS" in general_log
    assert any("--plugin-load-add=mysql_clone.so" in arguments for arguments in seen)
    for text in (general_log, *seen, *capture.said):
        assert PASSWORD not in text
        assert PASSWORD.replace("'", "\\'") not in text


def test_a_failed_clone_leaves_no_container(
    mysql_server: MySQLServer, capture: Capturing, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source refuses in the middle: the recipient is gone, its files too, and the error says what was refused."""
    original = clone._require_fit

    def take_privilege_away(*arguments: object) -> None:
        original(*arguments)  # type: ignore[arg-type]
        mysql_server.sql("REVOKE BACKUP_ADMIN ON *.* FROM lifeboat@'%'")

    monkeypatch.setattr(clone, "_require_fit", take_privilege_away)
    try:
        with pytest.raises(LifeboatError, match="could not be cloned") as caught:
            capture(mysql_server)
    finally:
        mysql_server.sql("GRANT BACKUP_ADMIN ON *.* TO lifeboat@'%'")
    assert "BACKUP_ADMIN" in caught.value.message
    assert _containers(run) == []
    assert not any(run.directory.glob("work*/*"))


@pytest.mark.parametrize("times", [1, 3])
def test_a_clone_that_the_source_broke_off_is_begun_again(
    times: int, mysql_server: MySQLServer, capture: Capturing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source's words for it are those that a replica under DDL has said; what was cloned until then is in the way."""
    original, calls = clone._clone, []

    def broken_off(*arguments: object) -> None:
        calls.append(1)
        original(*arguments)  # type: ignore[arg-type]
        if len(calls) <= times:
            words = "Clone Donor Error: 1815 : Internal error: Innodb Clone Restart failed, existing clone aborted."
            raise pymysql.err.OperationalError(3862, words)

    monkeypatch.setattr(clone, "_clone", broken_off)
    if times < 3:
        _assert_whole(capture(mysql_server), mysql_server)
        assert "the source broke the clone off: beginning it again" in capture.said
    else:
        with pytest.raises(Transient, match="existing clone aborted"):
            capture(mysql_server)
    assert len(calls) == min(times + 1, 3)


def test_the_empty_data_directory_is_made_once(mysql_server: MySQLServer, run: Run, state: Path) -> None:
    """It is kept for the image, and a capture leaves it as it was."""
    capture = Capturing(run, state)
    capture(mysql_server)
    (kept,) = (state / "cache" / "mysql").iterdir()
    before = {path: path.stat().st_mtime_ns for path in kept.rglob("*")}
    capture(mysql_server)
    assert [line for line in capture.said if "initialising" in line] == [
        f"initialising an empty data directory for {IMAGE}, kept for the next time"
    ]
    assert {path: path.stat().st_mtime_ns for path in kept.rglob("*")} == before
