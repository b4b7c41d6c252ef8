"""Everything that a server stores, from an odd source through a full and an incremental: equal on the copy; each damage is named."""

from pathlib import Path

import pytest

from backups.errors import ChainBroken
from backups.services.base import Fetched
from backups.services.mysql.service import MySQLService
from tests.servers.mysql import StartMySQL
from tests.servers.mysql_chain import Chain, StartChain

WGS = (
    'GEOGCS["x",DATUM["x",SPHEROID["x",6378137,298.25]],PRIMEM["Greenwich",0],UNIT["degree",0.017453292519943278],'
    'AXIS["Lat",NORTH],AXIS["Lon",EAST]]'
)
BEFORE = (
    "CREATE DATABASE w",
    "CREATE DATABASE frozen",
    *(f"CREATE TABLE w.{name} (id INT PRIMARY KEY, v VARCHAR(20) NOT NULL, KEY kv (v))" for name in ("rows_hurt", "index_hurt")),
    *(f"INSERT INTO w.{name} VALUES (1, 'needle01'), (2, 'other002')" for name in ("rows_hurt", "index_hurt")),
    "CREATE TABLE w.docs (id INT PRIMARY KEY, j JSON)",
    "INSERT INTO w.docs VALUES (1, JSON_OBJECT('day', DATE '2020-01-02')), (2, JSON_ARRAY(CAST(5 AS UNSIGNED), 1.50))",
    "CREATE TABLE w.texts (id INT AUTO_INCREMENT PRIMARY KEY, t TEXT, FULLTEXT found (t))",
    "INSERT INTO w.texts (t) VALUES ('lifeboats float on water')",
    "CREATE TABLE w.places (id INT PRIMARY KEY, g POINT NOT NULL SRID 0, SPATIAL KEY at_place (g))",
    "INSERT INTO w.places VALUES (1, POINT(1, 2))",
    # Every number of it is given away, here as there.
    "CREATE TABLE w.full_up (id TINYINT AUTO_INCREMENT PRIMARY KEY)",
    "INSERT INTO w.full_up VALUES (127)",
    "CREATE TABLE mysql.mine (id INT PRIMARY KEY, t TEXT)",
    "INSERT INTO mysql.mine VALUES (1, 'a')",
    "CREATE TABLE mysql.left_over (id INT) ENGINE=MyISAM",
    "INSERT INTO mysql.left_over VALUES (1)",
    "CREATE VIEW sys.mine AS SELECT 1 AS one",
    "CREATE SERVER far FOREIGN DATA WRAPPER mysql OPTIONS (HOST '192.0.2.1', DATABASE 'x', PASSWORD 'hidden away')",
    "CREATE FUNCTION service_get_read_locks RETURNS INT SONAME 'locking_service.so'",
    "CREATE RESOURCE GROUP spare TYPE = USER",
    "GRANT RESOURCE_GROUP_USER ON *.* TO lifeboat@'%'",
    "INSTALL PLUGIN auth_socket SONAME 'auth_socket.so'",
    "INSTALL COMPONENT 'file://component_query_attributes'",
    "CREATE LIBRARY w.lib LANGUAGE JAVASCRIPT AS 'export function f(x) { return x }'",
    f"CREATE SPATIAL REFERENCE SYSTEM 990001 NAME 'mine' DEFINITION '{WGS}'",
    "ALTER DATABASE frozen READ ONLY = 1",
    "CREATE USER twice@'%' IDENTIFIED BY 'old'",
    "CREATE USER by_hand@'%' IDENTIFIED BY 'x'",
    "CREATE USER by_hand_flushed@'%' IDENTIFIED BY 'x'",
    "UPDATE mysql.user SET Insert_priv = 'Y' WHERE user = 'by_hand'",
)
AFTER = (
    "INSERT INTO w.texts (t) VALUES ('tm XL shirts')",
    "INSERT INTO w.places VALUES (2, POINT(3, 4))",
    "INSERT INTO w.docs VALUES (3, JSON_OBJECT('a', JSON_ARRAY(TIME '10:00:00')))",
    "UPDATE mysql.mine SET t = 'b'",
    "UPDATE mysql.server_cost SET cost_value = 0.2 WHERE cost_name = 'row_evaluate_cost'",
    "ANALYZE TABLE w.index_hurt UPDATE HISTOGRAM ON v WITH 4 BUCKETS",
    "ALTER USER twice@'%' IDENTIFIED BY 'new' RETAIN CURRENT PASSWORD",
    "UPDATE mysql.user SET Delete_priv = 'Y' WHERE user = 'by_hand_flushed'",
    "FLUSH NO_WRITE_TO_BINLOG PRIVILEGES",
    "UPDATE mysql.user SET Update_priv = 'Y' WHERE user = 'by_hand'",
)
HARM = {
    ("server far", "definition"): "DROP SERVER far",
    ("loadable function service_get_read_locks", "definition"): "DROP FUNCTION service_get_read_locks",
    ("resource group spare", "definition"): "DROP RESOURCE GROUP spare",
    ("plugin auth_socket", "definition"): "DELETE FROM mysql.plugin WHERE name = 'auth_socket'",
    ("component `file://component_query_attributes`", "definition"): "UNINSTALL COMPONENT 'file://component_query_attributes'",
    ("library w.lib", "definition"): "DROP LIBRARY w.lib",
    ("spatial reference system 990001", "definition"): "DROP SPATIAL REFERENCE SYSTEM 990001",
    ("options of database frozen", "definition"): "ALTER DATABASE frozen READ ONLY = 0",
    ("histogram w.index_hurt.v", "definition"): "ANALYZE TABLE w.index_hurt DROP HISTOGRAM ON v",
    ("account twice@%", "definition"): "ALTER USER twice@'%' DISCARD OLD PASSWORD",
    ("account by_hand@%", "definition"): "UPDATE mysql.user SET Insert_priv = 'N' WHERE user = 'by_hand'",
    ("mysql.mine", "fingerprint"): "UPDATE mysql.mine SET t = 'c'",
    ("mysql.server_cost", "fingerprint"): "UPDATE mysql.server_cost SET cost_value = 0.3 WHERE cost_name = 'row_evaluate_cost'",
    ("view sys.mine", "table in mysql or sys"): "DROP VIEW sys.mine",
    ("w.docs", "fingerprint"): "UPDATE w.docs SET j = CAST(CAST(j AS CHAR) AS JSON) WHERE id = 3",
    ("index w.texts.found", "finds the first row"): "ALTER TABLE w.texts ADD FULLTEXT found (t)",
}


def hurt(page_of: str, path: Path, *, page: int) -> None:
    """Change a letter in one page of a table's file; a page whose checksum says `none` is taken for whole."""
    size, mark = 16384, bytes.fromhex("deadbeef")
    data = bytearray(path.read_bytes())
    # Pages 4 and 5 are the roots of the two indexes of a small table: the rows, then `kv`.
    at = data.index(page_of.encode(), page * size, (page + 1) * size)
    data[at : at + 1] = b"N"
    data[page * size : page * size + 4] = mark
    data[(page + 1) * size - 8 : (page + 1) * size - 4] = mark
    path.write_bytes(data)


def damage(chain: list[Fetched]) -> None:
    directory = chain[0].data / "datadir" / "w"
    hurt("needle01", directory / "rows_hurt.ibd", page=4)
    hurt("needle01", directory / "index_hurt.ibd", page=5)


@pytest.fixture
def chain(start_mysql: StartMySQL, start_chain: StartChain) -> Chain:
    server = start_mysql()
    server.sql(*BEFORE)
    # So that the pages are on the disk, and the log of the engine has nothing to write over them.
    server.sql("FLUSH TABLES w.rows_hurt, w.index_hurt FOR EXPORT", "UNLOCK TABLES")
    chain = start_chain(server)
    chain.backup()
    server.sql(*AFTER)
    chain.backup()
    return chain


def test_each_damage_to_what_is_stored_is_named(chain: Chain) -> None:
    """The rows themselves differ where an index still answers as before, and the other way round; all else is equal, then is not."""
    _require_quiet_watch(chain)
    restored = chain.restore(damage=damage).bring_back()
    assert restored.sql("SELECT v FROM w.rows_hurt ORDER BY v LIMIT 1") == [("needle01",)], "a client reads the index"
    assert {(check.subject, check.metric) for check in restored.differences()} == {("w.rows_hurt", "fingerprint")}
    found = restored.copy.inspect(600)
    assert not found.unproven
    assert len(found.checks) == len({fact.subject for fact in restored.manifest.witness if fact.metric == "rows"}) - 4
    assert {(check.subject, check.observed) for check in found.checks if not check.passed} == {
        (f"w.{name}", "index `kv` does not hold what the rows hold") for name in ("rows_hurt", "index_hurt")
    }
    (unproven,) = restored.copy.inspect(0).unproven
    assert unproven.startswith(f"the indexes of {len(found.checks)} of {len(found.checks)} tables were not checked in 0.0 s, so")

    restored.sql("SET GLOBAL read_only = OFF", "CREATE TABLE w.stop (value VARCHAR(30)) CHARACTER SET utf8mb4")
    restored.sql("INSERT INTO w.stop VALUES ('lifeboats'), ('float'), ('water'), ('shirts')")
    restored.sql("SET SESSION innodb_ft_user_stopword_table = 'w/stop'", "ALTER TABLE w.texts DROP INDEX found", *HARM.values())
    harmed = {(check.subject, check.metric) for check in restored.differences()} - {("w.rows_hurt", "fingerprint")}
    besides = {
        ("index w.texts.found", "finds the last row"),
        *(("w.stop", each) for each in ("rows", "fingerprint", "definition")),
    }
    assert harmed == set(HARM) | besides

    # What no log tells of: an incremental would be called whole, and its copy lack it.
    chain.server.sql("DROP SERVER far", "DROP RESOURCE GROUP spare")
    with pytest.raises(ChainBroken) as broken:
        chain.backup()
    assert broken.value.message == (
        "no log tells of it, and it has changed since the last backup: resource group spare, server far"
    )


def _require_quiet_watch(chain: Chain) -> None:
    """The source itself: what is said of it, and that nobody calls it lost or broken."""
    assert any("no drill compares them: mysql.left_over (MyISAM)" in line for line in chain.said)
    details, witness = chain.details(), chain.backups[-1].manifest.witness
    assert [limit.partition(":")[0] for limit in details.limits] == ["account by_hand@%"]
    facts = {(fact.subject, fact.metric): fact.value for fact in witness}
    assert (facts["w.texts", "next number is free"], facts["w.full_up", "next number is free"]) == (True, False)
    assert all(("index w.places.at_place", f"finds the {which} row") in facts for which in ("first", "last"))
    assert not any("hidden away" in str(fact) for fact in witness)
    service = MySQLService("agama", chain.server.settings(), chain.run.docker)
    assert (list(service.health(witness, 0.5)), list(service.loss(witness))) == ([], [])
