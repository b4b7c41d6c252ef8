"""What a backup is refused for, before anything is copied: each with the words, the place and the SQL that mends it."""

import socket
from typing import Any

import docker
import pytest

from backups.errors import ConfigError, LifeboatError, Transient
from backups.services.mysql.clone import clone
from backups.services.mysql.clone.checks import CloneChecks
from backups.services.mysql.doctor import doctor
from backups.services.mysql.source.source import inspect
from backups.services.mysql.versions import Version
from tests.integration.mysql.conftest import Capturing
from tests.servers.mysql import PRIVILEGES, MySQLServer, StartMySQL


def _refused(capture: Capturing, server: MySQLServer, **settings: object) -> LifeboatError:
    """Capture, which must be refused before the recipient starts or the log is touched."""
    logs = server.rows("SHOW BINARY LOGS") if server.value("SELECT @@log_bin") else []
    with pytest.raises(LifeboatError) as caught:
        capture(server, **settings)
    assert not any(capture.run.directory.glob("data*/*"))
    if logs:
        assert [row[0] for row in server.rows("SHOW BINARY LOGS")] == [row[0] for row in logs]
    return caught.value


def _doctor(server: MySQLServer, capture: Capturing, **settings: object) -> dict[str, doctor.Finding]:
    return {
        finding.subject: finding for finding in doctor.examine(server.settings(**settings), capture.run.docker, CloneChecks())
    }


def test_a_healthy_source_passes_every_check(mysql_server: MySQLServer, capture: Capturing) -> None:
    """And looking changes nothing: no container stays, no log file is begun."""
    before = mysql_server.rows("SHOW BINARY LOGS")
    found = _doctor(mysql_server, capture)
    assert [finding for finding in found.values() if not finding.ok] == []
    assert {"connection", "version", "privileges", "clone plugin", "binary log", "storage engines", "image", "plugins"} <= set(
        found
    )
    assert mysql_server.rows("SHOW BINARY LOGS") == before
    assert list(capture.run.docker.labelled(f"lifeboat.run={capture.run.id}")) == []


@pytest.mark.parametrize("privilege", PRIVILEGES)
def test_a_missing_privilege_is_named_with_its_grant(mysql_server: MySQLServer, capture: Capturing, privilege: str) -> None:
    """A user with all but one."""
    others = ", ".join(name for name in PRIVILEGES if name != privilege)
    mysql_server.sql("CREATE USER partial@'%' IDENTIFIED BY 'partial'", f"GRANT {others} ON *.* TO partial@'%'")
    try:
        error = _refused(capture, mysql_server, user="partial", password="partial")
        assert f"user partial lacks {privilege} on *.*" in error.message
        assert str(error.hint).startswith(f"GRANT {privilege} ON *.* TO 'partial'@'%';")
        finding = _doctor(mysql_server, capture, user="partial", password="partial")["privileges"]
        assert not finding.ok
        assert finding.remedy == error.hint
        # What it says to type mends it.
        mysql_server.sql(str(error.hint).split(";", 1)[0])
        with mysql_server.connect(user="partial", password="partial") as session:
            doctor.require(session, inspect(session), mysql_server.settings(), CloneChecks())
    finally:
        mysql_server.sql("DROP USER partial@'%'")


def test_privileges_held_through_a_role_count(mysql_server: MySQLServer) -> None:
    """A default role is active in every session, the clone's among them."""
    mysql_server.sql(
        "CREATE ROLE saver",
        f"GRANT {', '.join(PRIVILEGES)} ON *.* TO saver",
        "CREATE USER member@'%' IDENTIFIED BY 'member' DEFAULT ROLE saver",
    )
    try:
        with mysql_server.connect(user="member", password="member") as session:
            assert set(PRIVILEGES) <= inspect(session).privileges
    finally:
        mysql_server.sql("DROP USER member@'%'", "DROP ROLE saver")


def test_a_wrong_password_is_reported(mysql_server: MySQLServer, capture: Capturing) -> None:
    """Not tried again, and not shown."""
    error = _refused(capture, mysql_server, password="not this one")
    assert not isinstance(error, Transient)
    assert f"MySQL at {mysql_server.host}:3306 refuses user lifeboat: Access denied" in error.message
    assert "is the password right?" in str(error.hint)
    assert "not this one" not in str(error)
    finding = _doctor(mysql_server, capture, password="not this one")["connection"]
    assert not finding.ok
    for words in ("CREATE USER 'lifeboat'@'%'", "GRANT BACKUP_ADMIN, REPLICATION SLAVE", "INSTALL PLUGIN clone"):
        assert words in str(finding.remedy)


def test_a_source_that_is_down_may_be_tried_again(mysql_server: MySQLServer, capture: Capturing) -> None:
    """Nobody listens at the port."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(Transient, match=f"MySQL at 127.0.0.1:{port} does not answer: Connection refused"):
        capture(mysql_server, host="127.0.0.1", port=port)
    found = _doctor(mysql_server, capture, host="127.0.0.1", port=port)
    assert not found["connection"].ok
    assert found["image"].ok


def test_a_password_that_is_not_set_is_reported(mysql_server: MySQLServer, capture: Capturing) -> None:
    """By the name of its variable."""
    with pytest.raises(ConfigError, match="AGAMA_PASSWORD"):
        capture(mysql_server, password="${AGAMA_PASSWORD}")
    assert "AGAMA_PASSWORD" in _doctor(mysql_server, capture, password="${AGAMA_PASSWORD}")["connection"].message


def test_a_missing_clone_plugin_is_reported(start_mysql: StartMySQL, capture: Capturing) -> None:
    """With the statement that installs it, which mends it."""
    server = start_mysql(clone=False)
    error = _refused(capture, server)
    assert "the clone plugin is not active" in error.message
    assert error.hint == "INSTALL PLUGIN clone SONAME 'mysql_clone.so';"
    assert not _doctor(server, capture)["clone plugin"].ok
    server.sql(str(error.hint).rstrip(";"))
    assert _doctor(server, capture)["clone plugin"].ok


def test_a_binary_log_that_is_off_is_reported(start_mysql: StartMySQL, capture: Capturing) -> None:
    """With the lines for my.cnf."""
    server = start_mysql(binlog=False)
    error = _refused(capture, server)
    assert "the binary log is off (log_bin)" in error.message
    assert "log_bin = binlog" in str(error.hint)
    assert not _doctor(server, capture)["binary log"].ok


def test_tables_that_clone_would_empty_are_named(start_mysql: StartMySQL, capture: Capturing) -> None:
    """MyISAM, CSV, MEMORY: five by name, all by number; mended, the backup is taken."""
    server = start_mysql()
    server.sql("CREATE DATABASE old", "CREATE TABLE old.`odd ``name` (id INT NOT NULL) ENGINE=CSV")
    error = _refused(capture, server)
    assert "1 table is not of InnoDB, and CLONE would lose the rows: old.odd `name (CSV)" in error.message
    assert error.hint == "ALTER TABLE `old`.`odd ``name` ENGINE=InnoDB;"
    for number in range(6):
        server.sql(f"CREATE TABLE old.t{number} (id INT) ENGINE={'MyISAM' if number % 2 else 'MEMORY'}")
    error = _refused(capture, server)
    assert "7 tables are not of InnoDB" in error.message
    assert "old.t0 (MEMORY), old.t1 (MyISAM), old.t2 (MEMORY), old.t3 (MyISAM) and 2 more" in error.message
    assert not _doctor(server, capture)["storage engines"].ok
    server.sql("ALTER TABLE old.`odd ``name` ENGINE=InnoDB", *(f"ALTER TABLE old.t{number} ENGINE=InnoDB" for number in range(6)))
    assert _doctor(server, capture)["storage engines"].ok


def test_files_outside_the_data_directory_are_refused(start_mysql: StartMySQL, capture: Capturing) -> None:
    """A clone would write them outside of its own directory, and they would be lost."""
    server = start_mysql("--innodb-directories=/tmp/elsewhere", before="mkdir /tmp/elsewhere")
    server.sql("CREATE DATABASE far", "CREATE TABLE far.away (id INT PRIMARY KEY) DATA DIRECTORY='/tmp/elsewhere'")
    error = _refused(capture, server)
    assert "outside the data directory" in error.message
    assert "/tmp/elsewhere/far/away.ibd" in error.message


def test_discarded_tablespaces_are_refused_by_name(mysql_server: MySQLServer, capture: Capturing) -> None:
    """One stops every reading of its table; the server's own error names no database."""
    mysql_server.sql("CREATE DATABASE emptied", "CREATE TABLE emptied.`a b` (id INT PRIMARY KEY)")
    try:
        mysql_server.sql("ALTER TABLE emptied.`a b` DISCARD TABLESPACE")
        error = _refused(capture, mysql_server)
        assert "tables without their rows, which no backup can hold: emptied/a b" in error.message
        assert "IMPORT TABLESPACE" in str(error.hint)
    finally:
        mysql_server.sql("DROP DATABASE emptied")
    assert _doctor(mysql_server, capture)["discarded tablespaces"].ok


def test_too_few_sessions_are_refused_with_both_numbers(mysql_server: MySQLServer, capture: Capturing) -> None:
    """Else the witness would fail in the middle, night after night."""
    granted = f"GRANT {', '.join(PRIVILEGES)} ON *.* TO few@'%'"
    mysql_server.sql("CREATE USER few@'%' IDENTIFIED BY 'few' WITH MAX_USER_CONNECTIONS 2", granted)
    try:
        error = _refused(capture, mysql_server, user="few", password="few")
        assert "this user may have 2 sessions at once (max_user_connections); a backup has up to 6" in error.message
        mysql_server.sql("ALTER USER few@'%' WITH MAX_USER_CONNECTIONS 6")
        capture(mysql_server, user="few", password="few")
    finally:
        mysql_server.sql("DROP USER few@'%'")


def test_encrypted_tablespaces_are_refused(start_mysql: StartMySQL, capture: Capturing) -> None:
    """Their key is in the server's keyring, which does not come along."""
    server = start_mysql(
        before="""echo '{"components": "file://component_keyring_file"}' > /usr/sbin/mysqld.my;"""
        """echo '{"path": "/tmp/keyring", "read_only": false}' > /usr/lib/mysql/plugin/component_keyring_file.cnf"""
    )
    server.sql("CREATE DATABASE locked", "CREATE TABLE locked.secret (id INT PRIMARY KEY) ENCRYPTION='Y'")
    error = _refused(capture, server)
    assert "encrypted on the server's disk: locked/secret; Lifeboat cannot carry the server's keyring" in error.message
    server.sql("ALTER TABLE locked.secret ENCRYPTION='N'", "SET GLOBAL innodb_redo_log_encrypt = ON")
    assert "encrypted on the server's disk: innodb_redo_log_encrypt" in _refused(capture, server).message


@pytest.mark.parametrize("option", ["--binlog-ignore-db=left_out", "--binlog-do-db=only_this"])
def test_databases_left_out_of_the_log_are_refused(start_mysql: StartMySQL, capture: Capturing, option: str) -> None:
    """Their changes between the clone and the witness could not be brought back."""
    error = _refused(capture, start_mysql(option))
    name, value = option.removeprefix("--").split("=")
    assert f"leaves databases out of its binary log ({name} = {value})" in error.message


def test_a_replica_that_does_not_log_is_refused(start_mysql: StartMySQL, capture: Capturing) -> None:
    """Only where it replicates: on a server that follows nobody the setting does not matter."""
    server = start_mysql("--log-replica-updates=OFF")
    assert _doctor(server, capture)["log of a replica"].ok
    server.sql("CHANGE REPLICATION SOURCE TO SOURCE_HOST='192.0.2.1', SOURCE_USER='nobody'")
    error = _refused(capture, server)
    assert "does not log what it replicates" in error.message
    assert "log_replica_updates = ON" in str(error.hint)


def test_small_packets_are_refused(start_mysql: StartMySQL, capture: Capturing) -> None:
    """CLONE needs two megabytes; both numbers are said."""
    error = _refused(capture, start_mysql("--max-allowed-packet=1M"))
    assert "max_allowed_packet is 1048576 bytes; CLONE needs at least 2097152" in error.message


def test_logged_statements_and_a_short_memory_are_warnings(start_mysql: StartMySQL, capture: Capturing) -> None:
    """The backup is taken, the operator is told."""
    server = start_mysql("--binlog-format=STATEMENT", "--binlog-expire-logs-seconds=3600")
    capture(server)
    assert any("warning: binlog_format is STATEMENT" in line for line in capture.said)
    assert any("warning: the server deletes its log after 1 h 00 min" in line for line in capture.said)
    found = _doctor(server, capture)
    assert not found["log format"].ok
    assert not found["log kept"].ok


def test_an_image_of_another_version_is_refused(
    mysql_server: MySQLServer, capture: Capturing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both versions are said, and which image to name; only one version can be had here, so the source's is made up."""
    original = clone.clone_mismatch
    monkeypatch.setattr(clone, "clone_mismatch", lambda source, image: original(Version.parse("8.4.3"), image))
    with pytest.raises(LifeboatError, match=r"the source runs 8\.4\.3, the image 9\.7\.\S+; CLONE needs an image of MySQL 8\.4"):
        capture(mysql_server)
    assert not any(capture.run.directory.glob("data*/datadir"))


def test_an_image_that_is_not_mysql_is_reported(mysql_server: MySQLServer, capture: Capturing) -> None:
    """By the doctor; and one that is nowhere to be had."""
    assert "does not run mysqld" in _doctor(mysql_server, capture, image="lifeboat/base:sid")["image"].message
    assert "cannot be pulled" in _doctor(mysql_server, capture, image="lifeboat/nowhere:1")["image"].message


def test_a_plugin_that_the_image_lacks_is_named(
    mysql_server: MySQLServer, capture: Capturing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its library."""
    monkeypatch.setattr(clone.recipient.Recipient, "libraries", lambda self: {"auth_socket.so"})
    with pytest.raises(LifeboatError, match=r"are missing in image lifeboat/mysql:9\.7.*clone \(mysql_clone\.so\)"):
        capture(mysql_server)


def test_plugins_are_found_when_what_a_command_printed_is_lost(
    mysql_server: MySQLServer, capture: Capturing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docker-py loses it on a busy machine; the image has all plugins, so nothing may be refused."""
    whole = docker.models.containers.Container.exec_run
    lost = []

    def losing(*arguments: Any, **options: Any) -> docker.models.containers.ExecResult:
        lost.append(whole(*arguments, **options))
        return docker.models.containers.ExecResult(lost[-1].exit_code, b"")

    monkeypatch.setattr(docker.models.containers.Container, "exec_run", losing)
    assert (capture(mysql_server).directory / "datadir").is_dir()
    assert lost


def test_plugins_that_cannot_be_listed_are_not_taken_for_missing(
    mysql_server: MySQLServer, capture: Capturing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image without a shell answers 127."""
    refused = docker.models.containers.ExecResult(127, b"")
    monkeypatch.setattr(docker.models.containers.Container, "exec_run", lambda *_, **__: refused)
    with pytest.raises(
        LifeboatError, match=r"the plugins of image lifeboat/mysql:9\.7 cannot be listed: `ls .*` ended with code 127"
    ):
        capture(mysql_server)


def test_too_little_room_is_reported_before_anything_is_copied(
    mysql_server: MySQLServer, capture: Capturing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both numbers; nothing is started."""
    monkeypatch.setattr(clone, "recipient", type("R", (), {"SIZE": 1 << 60}))
    with pytest.raises(LifeboatError, match=r"the clone needs 1048576\.\d TiB in .* are free"):
        capture(mysql_server)
