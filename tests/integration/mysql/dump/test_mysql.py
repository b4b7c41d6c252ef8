"""Dumps of MySQL servers that CLONE cannot serve: equal when brought back, refused or said where they cannot be."""

import threading
from collections.abc import Callable
from pathlib import Path

import pymysql.err
import pytest

from backups.errors import ChainBroken, LifeboatError
from backups.machine.wait import wait_until
from backups.services.continuous import continuous, continuous_copy
from backups.services.mysql.dump_details import LIMITS
from backups.services.mysql.service import MySQLService
from tests.integration.mysql.dump.harness import Dumped, Dumping, differences
from tests.servers.mariadb import IMAGE as MARIADB
from tests.servers.mariadb import StartMariaDB
from tests.servers.mysql import MySQLServer, StartMySQL

ODD = (
    "CREATE DATABASE `Odd ``name`` ü` CHARACTER SET latin1",
    "CREATE DATABASE nothing_in_it",
    "CREATE DATABASE agama",
    "CREATE TABLE `Odd ``name`` ü`.`a``b.c \\\\ d 'e' %s` (`ki``nd` INT PRIMARY KEY, `Größe €` TEXT)",
    "INSERT INTO `Odd ``name`` ü`.`a``b.c \\\\ d 'e' %s` VALUES (1, 'één'), (2, NULL)",
    (
        "CREATE TABLE agama.kinds (id INT AUTO_INCREMENT PRIMARY KEY, f FLOAT, d DOUBLE, n DECIMAL(30,10), b BIT(9), e ENUM('x','y'), "
        "s SET('p','q'), c CHAR(5), vb VARBINARY(20), bl LONGBLOB, t LONGTEXT, lt VARCHAR(9) CHARACTER SET latin1, j JSON, da DATE, "
        "ti TIME(3), dt DATETIME(6), ts TIMESTAMP(6) NULL, y YEAR, g POINT SRID 4326, ve VECTOR(3), hidden INT INVISIBLE DEFAULT 7, "
        "v DOUBLE AS (f + 1) VIRTUAL, st DOUBLE AS (f + 2) STORED)"
    ),
    (
        "INSERT INTO agama.kinds (f, d, n, b, e, s, c, vb, bl, t, lt, j, da, ti, dt, ts, y, g, ve) VALUES "
        "(1.2345678, 0.1, 1.5, 257, 'y', 'p,q', 'ab', X'00ff27', REPEAT(X'00275c', 100), 'é''\\\\\\n', 'ÿ', '{\"a\": [1, 2.50]}', "
        "'2024-02-29', '-12:34:56.789', '2024-01-01 00:00:00.123456', '2024-07-01 12:00:00.5', 2024, "
        "ST_GeomFromText('POINT(1 2)', 4326), STRING_TO_VECTOR('[1,2,3.5]')), "
        "(3.4028234e38, -1e-300, -0.0000000001, 0, NULL, '', '', '', '', '', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
    ),
    "CREATE TABLE agama.no_floats LIKE agama.kinds",
    "ALTER TABLE agama.no_floats DROP COLUMN v, DROP COLUMN st, DROP COLUMN f",
    (
        "INSERT INTO agama.no_floats (d, n, b, e, s, c, vb, bl, t, lt, j, da, ti, dt, ts, y, g, ve) "
        "SELECT d, n, b, e, s, c, vb, bl, t, lt, j, da, ti, dt, ts, y, g, ve FROM agama.kinds"
    ),
    "CREATE TABLE agama.keyless (a INT, b VARCHAR(20))",
    "INSERT INTO agama.keyless VALUES (1, 'x'), (1, 'x'), (NULL, NULL)",
    "CREATE TABLE agama.parts (id INT PRIMARY KEY, t TEXT) PARTITION BY HASH (id) PARTITIONS 4",
    "INSERT INTO agama.parts VALUES (1, 'a'), (2, 'b')",
    "CREATE TABLE agama.child (id INT PRIMARY KEY, kind INT, FOREIGN KEY (kind) REFERENCES agama.kinds (id) ON DELETE CASCADE)",
    "INSERT INTO agama.child VALUES (1, 1)",
    "CREATE FUNCTION agama.twice (x INT) RETURNS INT DETERMINISTIC RETURN x * 2",
    "CREATE PROCEDURE agama.`do``it` (IN x INT) SELECT x",
    "CREATE VIEW agama.doubled AS SELECT agama.twice(a) AS twice FROM agama.keyless",
    "CREATE TRIGGER agama.touch BEFORE INSERT ON agama.keyless FOR EACH ROW SET NEW.b = CONCAT(NEW.b, '!')",
    "CREATE EVENT agama.tick ON SCHEDULE EVERY 1 SECOND DISABLE DO INSERT INTO agama.keyless VALUES (2, 'tick')",
    "CREATE ROLE reader",
    "CREATE USER 'o''brien'@'10.%' IDENTIFIED BY 'secret' DEFAULT ROLE reader COMMENT 'somebody'",
    "GRANT SELECT ON agama.* TO reader",
    "GRANT reader TO 'o''brien'@'10.%' WITH ADMIN OPTION",
    "GRANT SELECT (a) ON agama.keyless TO 'o''brien'@'10.%'",
    "GRANT EXECUTE ON PROCEDURE agama.`do``it` TO 'o''brien'@'10.%'",
)


def _allow(server: MySQLServer, granted: str = "EXECUTE") -> None:
    server.sql(f"GRANT {granted} ON *.* TO lifeboat@'%'")


def test_mysql_written_to_at_full_speed_comes_back_equal_and_a_changed_row_shows(
    start_mysql: StartMySQL, dumping: Dumping
) -> None:
    """No clone plugin, no binary log, everything odd, a writer that never stops: equal; one changed row in the file: not equal."""
    server = start_mysql(clone=False, binlog=False)
    server.sql(*ODD)
    _allow(server)
    with server.add_writer(threads=2) as writer:
        writer.wait_for(100)
        dumped = dumping.take(server)
        writer.wait_for(20)
    assert (dumped.details.position, dumped.details.lock) == (None, "global")
    assert dumped.details.lock_seconds < 10
    assert dumped.details.limits == LIMITS
    copy = dumping.bring_back(dumped, server)
    assert differences(dumped, copy) == []

    def change_a_row(data: Path) -> None:
        (path,) = [path for path in data.glob("dump/data-*.sql") if b"(1,'a')" in path.read_bytes()]
        path.write_bytes(path.read_bytes().replace(b"(1,'a')", b"(1,'z')"))

    damaged = dumping.bring_back(dumped, server, damage=change_a_row)
    assert [(check.subject, check.metric) for check in differences(dumped, damaged)] == [("agama.parts", "fingerprint")]


def test_tables_without_snapshots_hold_the_lock_and_it_is_reported(start_mysql: StartMySQL, dumping: Dumping) -> None:
    """MyISAM rows written all the while are of the same instant as everything else."""
    server = start_mysql("--enforce-gtid-consistency=OFF", clone=False, gtid=False)
    _allow(server)
    server.sql(
        "CREATE DATABASE writing",
        "CREATE TABLE writing.ledger (id BIGINT AUTO_INCREMENT PRIMARY KEY, who INT, note TEXT, at DATETIME(6)) ENGINE=MyISAM",
    )
    with server.add_writer(threads=2) as writer:
        writer.wait_for(100)
        dumped = dumping.take(server)
        writer.wait_for(20)
    assert dumped.details.unsafe_tables == ("writing.ledger (MyISAM)",)
    assert "writers wait while a backup is taken" in dumped.details.limits[-1]
    assert any("writers wait until the whole dump is taken" in line for line in dumped.said)
    assert dumped.details.position is not None
    assert dumped.details.position.file.startswith("binlog.")
    assert differences(dumped, dumping.bring_back(dumped, server)) == []


def test_without_reload_every_table_is_locked_instead(start_mysql: StartMySQL, dumping: Dumping) -> None:
    """A managed server's user: no RELOAD, no REPLICATION CLIENT. Both writers' books still balance."""
    server = start_mysql(clone=False)
    server.sql("REVOKE RELOAD, REPLICATION CLIENT, REPLICATION SLAVE, BACKUP_ADMIN ON *.* FROM lifeboat@'%'")
    _allow(server)
    with pytest.raises(LifeboatError, match="lacks RELOAD"):
        dumping.take(server)
    dumping.jobs[-1].work.rmdir()
    _allow(server, "LOCK TABLES")
    with server.add_writer(threads=2) as writer:
        writer.wait_for(100)
        dumped = dumping.take(server)
        writer.wait_for(20)
    assert (dumped.details.lock, dumped.details.position) == ("tables", None)
    assert differences(dumped, dumping.bring_back(dumped, server)) == []


def test_every_program_opens_its_snapshot_before_writers_go_on(start_mysql: StartMySQL, dumping: Dumping) -> None:
    """While the lock is held, the server itself shows an open snapshot for each program and each reader."""
    server = start_mysql(clone=False)
    _allow(server)
    server.sql(
        "CREATE DATABASE agama",
        *(f"CREATE TABLE agama.t{n} (id INT PRIMARY KEY)" for n in range(4)),
        "SET GLOBAL general_log = ON",
    )
    dumping.take(server)
    log = next(server.directory.glob("*.log")).read_text().splitlines()
    locked = next(at for at, line in enumerate(log) if "FLUSH TABLES WITH READ LOCK" in line)
    session = log[locked].split()[1]
    first = next(at for at in range(locked, len(log)) if log[at].split()[1:4] == [session, "Query", "UNLOCK"])
    opened = [line for line in log[locked:first] if "START TRANSACTION" in line and "CONSISTENT SNAPSHOT" in line]
    assert len(opened) == 4, "\n".join(log[locked:first])


def test_a_killed_dump_leaves_nothing(start_mysql: StartMySQL, dumping: Dumping, docker_cli: Callable[..., str]) -> None:
    """The program dies: told, and neither lock, session, file nor container is left."""
    server = start_mysql(clone=False)
    _allow(server)
    server.sql("CREATE DATABASE agama", "CREATE TABLE agama.client (id INT PRIMARY KEY)")

    blocker = server.connect("agama")
    blocker.query("LOCK TABLES client WRITE")

    def kill() -> None:
        found: list[str] = []

        def seen() -> bool:
            things = dumping.run.docker.labelled(f"lifeboat.run={dumping.run.id}")
            found.extend(c.name for c in things if "mysql-dump" in c.name and getattr(c, "status", "") == "running")
            return bool(found)

        # While the table is locked nobody gets the read lock, so the program still waits for its sign.
        wait_until(seen, seconds=60)
        docker_cli("kill", found[0])
        blocker.close()

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(LifeboatError, match="the dump program ended with code 137"):
        dumping.take(server)
    killer.join()
    assert list(dumping.jobs[-1].work.iterdir()) == []
    assert list(dumping.run.docker.labelled(f"lifeboat.run={dumping.run.id}")) == []
    sessions = "SELECT id FROM information_schema.processlist WHERE user = 'lifeboat'"
    assert wait_until(lambda: not server.rows(sessions), seconds=120)
    server.sql("INSERT INTO agama.client VALUES (1)")


def test_endless_ddl_waits_for_the_last_round_and_what_is_handed_over_is_clean(start_mysql: StartMySQL, dumping: Dumping) -> None:
    """Tables come and go all the while: with BACKUP_ADMIN the last round blocks that, without it nothing half is kept."""
    server = start_mysql(clone=False)
    _allow(server)
    with server.add_writer(threads=1, ddl=True) as writer:
        writer.wait_for(50)
        dumped = dumping.take(server)
        server.sql("REVOKE BACKUP_ADMIN ON *.* FROM lifeboat@'%'")
        with pytest.raises(LifeboatError, match="in each of 3 rounds"):
            dumping.take(server)
    assert any("round 1 of 3 is void" in line for line in dumped.said)
    assert list(dumping.jobs[-1].directory.iterdir()) == []
    _require_handed_over_clean(dumped, server, dumping)


def test_refusals_say_what_to_do(start_mysql: StartMySQL, start_mariadb: StartMariaDB, dumping: Dumping) -> None:
    """The wrong image, an incremental, MariaDB by clone: each is told with its remedy."""
    server, mariadb = start_mysql(clone=False), start_mariadb()
    _allow(server)
    with pytest.raises(ChainBroken, match="fulls only"):
        dumping.take(server, kind="incremental")
    with pytest.raises(LifeboatError, match=r"a dump needs an image of MySQL 9\.7"):
        dumping.take(server, image=MARIADB)
    with pytest.raises(LifeboatError, match="MariaDB has no CLONE") as refused:
        dumping.take(mariadb, method="clone")
    assert "method: dump" in str(refused.value.hint)
    service = MySQLService("agama", server.settings(method="dump"), dumping.run.docker)
    assert continuous(service) is None
    findings = {finding.subject: finding for finding in service.examine(dumping.run.docker)}
    assert all(finding.ok for finding in findings.values()), findings
    assert LIMITS[0] in findings["method"].message
    for tls in ({"tls": "disabled"}, {"tls": "verify", "tls_ca": server.directory / "ca.pem"}):
        assert dumping.take(server, **tls).details.lock == "global"
    dumped = dumping.take(mariadb, tls="disabled")
    cloning = MySQLService("agama", server.settings(method="clone"), dumping.run.docker)
    assert not cloning.holds(dumped.manifest, "3e11fa47-71ca-11e1-9e33-c80aa9429562:1")
    assert list(cloning.log(dumped.manifest)) == []


def _require_handed_over_clean(dumped: Dumped, server: MySQLServer, dumping: Dumping) -> None:
    """What is handed over starts as it is, without our account; a moment between two backups is refused."""
    copy = dumping.bring_back(dumped, server, for_restore=True)
    assert differences(dumped, copy) == []
    with pytest.raises(LifeboatError, match="no moment between two backups"):
        continuous_copy(copy)
    delivery = copy.settle()
    assert delivery.inside == "/var/lib/mysql"
    assert not (delivery.data / "auto.cnf").exists()
    assert any("not in a dump" in note for note in delivery.notes)
    container = dumping.run.docker.run(
        f"lifeboat-test-delivered-{server.server_id}",
        dumping.run.docker.image(server.settings().image),
        entrypoint=["mysqld"],
        command=["--no-defaults", "--loose-innodb-numa-interleave=OFF", "--skip-name-resolve"],
        mounts={delivery.data: "/var/lib/mysql"},
        user="999:999",
        network="bridge",
    )
    try:
        delivered = MySQLServer(container, container.address(), delivery.data, 1)
        assert wait_until(lambda: _answers(delivered), seconds=60), container.logs(30)
        assert delivered.value("SELECT COUNT(*) FROM writing.ledger") > 0
        assert delivered.rows("SELECT user FROM mysql.user WHERE user LIKE 'lifeboat\\_%%'", ()) == []
    finally:
        container.remove()


def _answers(server: MySQLServer) -> bool:
    try:
        server.connect().close()
    except pymysql.err.MySQLError:
        return False
    return True
