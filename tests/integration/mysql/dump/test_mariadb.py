"""Dumps of MariaDB: taken while it is written to, and equal to the witness when brought back."""

import shutil
from pathlib import Path

import pytest

from backups.errors import Damaged
from backups.services.mysql.service import MySQLService
from tests.integration.mysql.dump.harness import Dumping, differences
from tests.servers.mariadb import StartMariaDB

EVERYTHING = (
    "CREATE DATABASE `odd ``name`` ü` CHARACTER SET latin1",
    "CREATE DATABASE nothing_in_it",
    "CREATE DATABASE agama",
    "CREATE TABLE `odd ``name`` ü`.`a``b.c d 'e' %s` (`ki``nd` INT PRIMARY KEY, `Größe` TEXT)",
    "INSERT INTO `odd ``name`` ü`.`a``b.c d 'e' %s` VALUES (1, 'één'), (2, NULL)",
    (
        "CREATE TABLE agama.kinds (id INT AUTO_INCREMENT PRIMARY KEY, f FLOAT, d DOUBLE, n DECIMAL(30,10), b BIT(9), e ENUM('x','y'), "
        "s SET('p','q'), c CHAR(5), vb VARBINARY(20), bl LONGBLOB, t LONGTEXT, j JSON, da DATE, ti TIME(3), dt DATETIME(6), "
        "ts TIMESTAMP(6) NULL, y YEAR, u UUID, i6 INET6, g POINT, v DOUBLE AS (d + 1) VIRTUAL, st DOUBLE AS (d + 2) STORED)"
    ),
    (
        "INSERT INTO agama.kinds (f, d, n, b, e, s, c, vb, bl, t, j, da, ti, dt, ts, y, u, i6, g) VALUES "
        "(1.2345678, 0.1, 1.5, 257, 'y', 'p,q', 'ab', X'00ff27', REPEAT(X'00275c', 100), 'é''\\\\\\n', '{\"a\": 1}', '2024-02-29', "
        "'-12:34:56.789', '2024-01-01 00:00:00.123456', '2024-07-01 12:00:00.5', 2024, "
        "'123e4567-e89b-12d3-a456-426614174000', '::1', ST_GeomFromText('POINT(1 2)')), "
        "(3.4028234e38, -1e-300, -0.0000000001, 0, NULL, '', '', '', '', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
    ),
    "CREATE TABLE agama.keyless (a INT, b VARCHAR(20), i4 INET4)",
    "INSERT INTO agama.keyless VALUES (1, 'x', '1.2.3.4'), (1, 'x', '1.2.3.4'), (NULL, NULL, NULL)",
    "CREATE TABLE agama.parts (id INT PRIMARY KEY, t TEXT) PARTITION BY HASH (id) PARTITIONS 4",
    "INSERT INTO agama.parts VALUES (1, 'a'), (2, 'b')",
    "CREATE SEQUENCE agama.numbers START 100",
    "CREATE FUNCTION agama.twice (x INT) RETURNS INT DETERMINISTIC RETURN x * 2",
    "CREATE PROCEDURE agama.`do``it` (IN x INT) SELECT x",
    "CREATE VIEW agama.doubled AS SELECT agama.twice(a) AS twice FROM agama.keyless",
    "CREATE TRIGGER agama.touch BEFORE INSERT ON agama.keyless FOR EACH ROW SET NEW.b = CONCAT(NEW.b, '!')",
    "CREATE EVENT agama.tick ON SCHEDULE EVERY 1 SECOND DO INSERT INTO agama.keyless VALUES (2, 'tick', NULL)",
    "CREATE EVENT agama.asleep ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1",
    "CREATE ROLE reader",
    "GRANT SELECT ON agama.* TO reader",
    "CREATE USER 'o''brien'@'10.%' IDENTIFIED BY 'secret'",
    "GRANT reader TO 'o''brien'@'10.%' WITH ADMIN OPTION",
    "SET DEFAULT ROLE reader FOR 'o''brien'@'10.%'",
    "GRANT EXECUTE ON FUNCTION agama.twice TO 'o''brien'@'10.%'",
)


def test_mariadb_written_to_at_full_speed_comes_back_equal(start_mariadb: StartMariaDB, dumping: Dumping, tmp_path: Path) -> None:
    """Every kind of column and object, a writer that never stops; and every fact is equal."""
    server = start_mariadb()
    server.sql(*EVERYTHING)
    with server.add_writer(threads=2) as writer:
        writer.wait_for(100)
        dumped = dumping.take(server)
        writer.wait_for(20)
    assert dumped.details.mariadb
    assert dumped.details.lock == "global"
    assert dumped.details.position is not None
    assert dumped.details.position.gtid_executed
    assert dumped.details.lock_seconds < 10
    copy = dumping.bring_back(dumped, server)
    assert differences(dumped, copy) == []
    # A single table out of the copy, loaded beside the running server.
    (file,) = copy.export(["agama.kinds"], tmp_path / "tables")
    shutil.copyfile(file, server.directory / "kinds.sql")
    server.sql("CREATE DATABASE again")
    load = "mariadb --no-defaults --socket=/var/lib/mysql/mysqld.sock -uroot again < /var/lib/mysql/kinds.sql >/var/lib/mysql/said 2>&1"
    assert (server.container.execute(["sh", "-c", load]), (server.directory / "said").read_text()) == (0, "")
    sums = {server.rows(f"CHECKSUM TABLE {database}.kinds")[0][1] for database in ("agama", "again")}
    assert len(sums) == 1


def test_a_missing_or_broken_file_is_damage_and_a_lost_table_is_an_ailment(start_mariadb: StartMariaDB, dumping: Dumping) -> None:
    """A file that is gone, or no SQL: said with its name. The watch and the losses work on MariaDB too."""
    server = start_mariadb()
    server.sql("CREATE DATABASE agama", "CREATE TABLE agama.client (id INT PRIMARY KEY)", "INSERT INTO agama.client VALUES (1)")
    dumped = dumping.take(server)
    with pytest.raises(Damaged, match=r"lacks dump/data-0\.sql"):
        dumping.copy(dumped, server, damage=lambda data: (data / "dump/data-0.sql").unlink()).assemble()
    with pytest.raises(Damaged, match=r"the server does not accept dump/data-0\.sql"):
        dumping.bring_back(
            dumped, server, damage=lambda data: (data / "dump/data-0.sql").write_text("INSERT INTO agama.nobody VALUES (1);")
        )
    service = MySQLService("agama", server.settings(), dumping.run.docker)
    witness = dumped.manifest.witness
    assert list(service.health(witness, 0.5)) == []
    assert list(service.loss(witness)) == []
    findings = list(service.examine(dumping.run.docker))
    assert all(finding.ok for finding in findings), findings
    server.sql("INSERT INTO agama.client VALUES (2)")
    assert list(service.loss(witness)) == ["agama.client: 1 row more than the backup"]
    server.sql("DROP TABLE agama.client")
    assert [(problem.kind, problem.subject) for problem in service.health(witness, 0.5)] == [("loss", "agama.client")]
