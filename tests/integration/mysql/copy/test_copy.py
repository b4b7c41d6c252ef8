"""A MySQL server brought back from a chain equals its source at the witness's instant, and says so when it does not."""

import pytest

from tests.servers.mysql import MySQLServer, StartMySQL, replicate
from tests.servers.mysql_chain import Chain, Restored, StartChain


@pytest.mark.parametrize("gtid", [True, False], ids=["with GTIDs", "without GTIDs"])
def test_equals_a_source_that_was_written_to_and_altered_at_full_speed(
    start_mysql: StartMySQL, start_chain: StartChain, gtid: bool
) -> None:
    """The whole idea: after the replay every fact is equal, although the source never stood still."""
    server = start_mysql(gtid=gtid)
    chain = start_chain(server)
    with server.add_writer(threads=2, ddl=True) as writer:
        writer.wait_for(100)
        for _ in range(3):
            chain.backup()
            writer.wait_for(30)
    full, last = chain.restore(0).bring_back(), chain.restore().bring_back()
    assert full.differences() == []
    assert last.differences() == []
    prints = [
        {fact.value for fact in each.manifest.witness if (fact.subject, fact.metric) == ("writing.ledger", "fingerprint")}
        for each in (full, last)
    ]
    assert prints[0] != prints[1]
    assert all(chain.details(number).lock_seconds < 5 for number in range(3))


ODD = (
    "CREATE DATABASE `Odd ``name`` ü` CHARACTER SET latin1",
    "CREATE DATABASE nothing_in_it",
    "CREATE DATABASE agama",
    "CREATE TABLE `Odd ``name`` ü`.`a``b.c \\\\ d 'e' %s` (`ki``nd` INT PRIMARY KEY, `Größe €` TEXT)",
    "INSERT INTO `Odd ``name`` ü`.`a``b.c \\\\ d 'e' %s` VALUES (1, 'one'), (2, NULL)",
    "CREATE TABLE agama.empty (id INT PRIMARY KEY)",
    (
        "CREATE TABLE agama.client (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50), f FLOAT, s DOUBLE AS (f * 2) STORED, "
        "v VARCHAR(60) AS (CONCAT(name, '-')) VIRTUAL, UNIQUE (v), at TIMESTAMP(6) DEFAULT CURRENT_TIMESTAMP(6))"
    ),
    "CREATE TABLE agama.`order` (id INT PRIMARY KEY, client INT, FOREIGN KEY (client) REFERENCES agama.client (id) ON DELETE CASCADE)",
    "CREATE TABLE agama.keyless (a INT, b VARCHAR(20))",
    "CREATE TABLE agama.parts (id INT PRIMARY KEY, t TEXT) PARTITION BY HASH (id) PARTITIONS 4",
    "CREATE TABLE agama.dropped_later (id INT PRIMARY KEY)",
    "INSERT INTO agama.client (name, f) VALUES ('a', 1.1), ('b', 2.2), ('c', 3.3)",
    "INSERT INTO agama.`order` VALUES (1, 1), (2, 2), (3, 3)",
    "INSERT INTO agama.keyless VALUES (1, 'x'), (1, 'x'), (NULL, NULL)",
    "INSERT INTO agama.parts VALUES (1, 'a'), (2, 'b'), (3, 'c')",
    "CREATE VIEW agama.names AS SELECT id, name FROM agama.client",
    "CREATE TRIGGER agama.touch BEFORE INSERT ON agama.client FOR EACH ROW SET NEW.name = CONCAT(NEW.name, '!')",
    "CREATE PROCEDURE agama.`do``it` (IN x INT) SELECT x",
    "CREATE FUNCTION agama.twice (x INT) RETURNS INT DETERMINISTIC RETURN x * 2",
    "CREATE EVENT agama.tick ON SCHEDULE EVERY 1 SECOND DO INSERT INTO agama.keyless VALUES (2, 'tick')",
    "CREATE EVENT agama.asleep ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1",
    "CREATE ROLE reader",
    "CREATE USER o'brien' IDENTIFIED BY 'secret' COMMENT 'somebody'".replace("o'brien'", "'o''brien'@'10.%'"),
    "GRANT SELECT ON agama.* TO reader",
    "GRANT reader TO 'o''brien'@'10.%' WITH ADMIN OPTION",
    "CREATE USER local_only@localhost IDENTIFIED WITH auth_socket",
)
LATER = (
    "INSERT INTO agama.client (name, f) VALUES ('d', 4.4)",
    "UPDATE agama.keyless SET b = 'y' WHERE a = 1 LIMIT 1",
    "DELETE FROM agama.client WHERE id = 2",
    "ALTER TABLE agama.parts ADD COLUMN more JSON",
    "ALTER TABLE agama.parts ADD PARTITION PARTITIONS 2",
    "DROP TABLE agama.dropped_later",
    "CREATE VIEW agama.later AS SELECT 1 AS one",
    "CREATE EVENT agama.`spät €` ON SCHEDULE EVERY 1 HOUR STARTS '2030-01-01 00:00:00' DO SELECT 'später'",
    "CREATE EVENT agama.later_asleep ON SCHEDULE EVERY 1 HOUR DISABLE DO SELECT 1",
    "CREATE TRIGGER agama.later BEFORE DELETE ON agama.client FOR EACH ROW SET @gone = OLD.id",
    "GRANT INSERT ON agama.client TO reader",
    "ALTER USER 'o''brien'@'10.%' IDENTIFIED BY 'another'",
    "CREATE USER later_user@localhost IDENTIFIED WITH auth_socket",
)


@pytest.fixture
def odd(start_mysql: StartMySQL, start_chain: StartChain) -> Chain:
    """A server on which nothing is ordinary: a full of it, everything changed, an incremental."""
    server = start_mysql("--plugin-load-add=auth_socket=auth_socket.so", "--event-scheduler=ON")
    server.sql(*ODD)
    chain = start_chain(server)
    chain.backup()
    server.sql(*LATER)
    chain.backup()
    return chain


def test_brings_back_everything_and_shows_every_damage(odd: Chain) -> None:
    """Odd names, every kind of object; then each kind of damage shows as differing facts, and its repair shows too."""
    restored = odd.restore().bring_back()
    assert restored.differences() == []
    _require_quiet(restored)

    def damaged(subject: str, metric: str, harm: str, repair: str) -> None:
        restored.sql(harm)
        found = restored.differences()
        assert (subject, metric) in {(check.subject, check.metric) for check in found}, f"{harm}: {found}"
        assert {check.subject for check in found} <= {subject, "agama.`order`", subject.replace("event ", "")}
        restored.sql(repair)
        assert restored.differences() == [], repair

    restored.sql("SET GLOBAL read_only = OFF")
    counted = odd_subject = "`Odd ``name`` ü`.`a``b.c \\\\ d 'e' %s`"
    damaged(odd_subject, "rows", f"DELETE FROM {counted} WHERE `ki``nd` = 2", f"INSERT INTO {counted} VALUES (2, NULL)")
    damaged(
        odd_subject,
        "fingerprint",
        f"UPDATE {counted} SET `Größe €` = ''",
        f"UPDATE {counted} SET `Größe €` = IF(`ki``nd` = 1, 'one', NULL)",
    )
    swap = "UPDATE agama.parts SET t = IF(id = 1, '{}', '{}') WHERE id IN (1, 2)"
    damaged("agama.parts", "fingerprint", swap.format("b", "a"), swap.format("a", "b"))
    grant = "INSERT (`id`) ON agama.client {} 'o''brien'@'10.%'"
    damaged("account o'brien@10.%", "definition", "GRANT " + grant.format("TO"), "REVOKE " + grant.format("FROM"))
    damaged(
        "event agama.asleep",
        "status",
        "ALTER DEFINER=root@'%' EVENT agama.asleep ENABLE",
        "ALTER DEFINER=root@'%' EVENT agama.asleep DISABLE",
    )
    restored.sql(
        "DROP TRIGGER agama.touch",
        "DROP VIEW agama.names",
        "DROP FUNCTION agama.twice",
        "DROP TABLE agama.empty",
        "DROP DATABASE nothing_in_it",
        "ALTER TABLE agama.keyless COMMENT 'another'",
        "DROP EVENT agama.tick",
        "CREATE TABLE agama.surplus (id INT)",
    )
    found = {(check.subject, check.metric): check for check in restored.differences()}
    assert {subject for subject, _ in found} == {
        "trigger agama.touch",
        "view agama.names",
        "function agama.twice",
        "agama.empty",
        "database nothing_in_it",
        "agama.keyless",
        "event agama.tick",
        "agama.surplus",
    }
    assert found["agama.empty", "rows"].expected == 0
    assert found["agama.empty", "rows"].observed is None


def _require_quiet(restored: Restored) -> None:
    """A copy does nothing by itself, reaches nothing, and is written to by nobody; its events are as they were."""
    assert restored.sql("SELECT @@event_scheduler, @@read_only, @@skip_networking, @@log_bin") == [("OFF", 1, 1, 0)]
    statuses = restored.sql("SELECT event_name, status, definer, character_set_client FROM information_schema.events")
    assert sorted(statuses) == [
        ("asleep", "DISABLED", "root@%", "utf8mb4"),
        ("later_asleep", "DISABLED", "root@%", "utf8mb4"),
        ("spät €", "ENABLED", "root@%", "utf8mb4"),
        ("tick", "ENABLED", "root@%", "utf8mb4"),
    ]
    assert restored.sql("SHOW REPLICA STATUS") == []
    assert restored.sql("SELECT COUNT(*) FROM agama.later", database="agama") == [(1,)]


def test_a_source_that_is_a_replica(mysql_server: MySQLServer, start_mysql: StartMySQL, start_chain: StartChain) -> None:
    """Its copy forgets whom it followed, and never connects there."""
    replica = start_mysql()
    mysql_server.sql(
        "DROP DATABASE IF EXISTS followed", "CREATE DATABASE followed", "CREATE TABLE followed.t (id INT PRIMARY KEY)"
    )
    replicate(mysql_server, replica)
    chain = start_chain(replica)
    try:
        for number in (1, 2):
            mysql_server.sql(f"INSERT INTO followed.t VALUES ({number})")
            wanted = mysql_server.value("SELECT @@GLOBAL.gtid_executed")
            assert replica.rows("SELECT WAIT_FOR_EXECUTED_GTID_SET(%s, 60)", [wanted]) == [(0,)]
            replica.sql("CREATE DATABASE IF NOT EXISTS of_its_own")
            chain.backup()
    finally:
        replica.sql("STOP REPLICA")
        mysql_server.sql("DROP DATABASE followed")
    restored = chain.restore().bring_back()
    assert restored.differences() == []
    assert restored.sql("SHOW REPLICA STATUS") == []
    assert restored.sql("SELECT COUNT(*) FROM followed.t") == [(2,)]


def test_nothing_to_replay(start_mysql: StartMySQL, start_chain: StartChain) -> None:
    """Without GTIDs, only the position says where a copy stands: also at the very beginning of a log file, or after none."""
    server = start_mysql(gtid=False)
    chain = start_chain(server)
    chain.backup()
    chain.backup()
    server.sql("FLUSH BINARY LOGS")
    chain.backup()
    server.sql("CREATE DATABASE changed")
    chain.backup()
    ends = [(chain.details(number).end.file, chain.details(number).end.offset) for number in range(4)]
    assert ends[0] == ends[1] < ends[2] < ends[3]
    for number in (1, 2, 3):
        assert chain.restore(number).bring_back().differences() == []
