"""A MariaDB server with everything odd that was found in the field: dumped, brought back, equal; what cannot be is named."""

from backups.services.mysql.dump_details import LIMITS
from backups.services.mysql.source.connection import rows
from tests.integration.mysql.dump.harness import Dumping, differences
from tests.servers.mariadb import StartMariaDB

ODD = (
    "CREATE DATABASE w",
    "CREATE SEQUENCE w.sq START 5",
    "CREATE TABLE w.drawn (id BIGINT DEFAULT NEXTVAL(w.sq) PRIMARY KEY, t TEXT)",
    "INSERT INTO w.drawn (t) VALUES ('a'), ('b')",
    "CREATE TABLE w.h (id INT PRIMARY KEY, f FLOAT, t TEXT) WITH SYSTEM VERSIONING",
    "INSERT INTO w.h VALUES (1, 1.2345678, 'a'), (2, 2, 'b')",
    "UPDATE w.h SET t = 'c' WHERE id = 1",
    "DELETE FROM w.h WHERE id = 2",
    (
        "CREATE TABLE w.named (id INT, since TIMESTAMP(6) GENERATED ALWAYS AS ROW START INVISIBLE, "
        "until TIMESTAMP(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (since, until)) WITH SYSTEM VERSIONING "
        "PARTITION BY SYSTEM_TIME (PARTITION past HISTORY, PARTITION present CURRENT)"
    ),
    "INSERT INTO w.named (id) VALUES (1), (1), (2)",
    "DELETE FROM w.named WHERE id = 2",
    (
        "CREATE TABLE w.by_transaction (id INT PRIMARY KEY, s BIGINT UNSIGNED GENERATED ALWAYS AS ROW START INVISIBLE, "
        "e BIGINT UNSIGNED GENERATED ALWAYS AS ROW END INVISIBLE, PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING"
    ),
    "INSERT INTO w.by_transaction VALUES (1), (2)",
    "DELETE FROM w.by_transaction WHERE id = 2",
    "CREATE DATABASE Sys",
    "CREATE TABLE Sys.mine (id INT PRIMARY KEY)",
    "INSERT INTO Sys.mine VALUES (1)",
    "CREATE TABLE w.Orders (id INT PRIMARY KEY)",
    "INSERT INTO w.Orders VALUES (1), (2)",
    "CREATE TABLE w.orders (id INT PRIMARY KEY)",
    "INSERT INTO w.orders VALUES (3)",
    "SET SESSION check_constraint_checks = 0",
    "CREATE TABLE w.checked (a INT CHECK (a > 0))",
    "INSERT INTO w.checked VALUES (-1)",
    "SET SESSION check_constraint_checks = 1",
    "CREATE PROCEDURE w.`a'b` () BEGIN SELECT 1; END -- name of it's ;; routine",
    "CREATE TRIGGER w.one BEFORE INSERT ON w.orders FOR EACH ROW SET NEW.id = NEW.id + 1 -- ends",
    "CREATE TRIGGER w.zero BEFORE INSERT ON w.orders FOR EACH ROW PRECEDES one BEGIN SET NEW.id = 2; END # it's",
    "CREATE EVENT w.daily ON SCHEDULE EVERY 1 DAY STARTS '2020-01-02 00:00:00' DO SELECT 'a;;;b' # x",
    "SET SESSION sql_mode = 'ORACLE'",
    ("CREATE PACKAGE w.pack AS PROCEDURE p; FUNCTION f RETURN INT; END; -- spec"),
    (
        "CREATE PACKAGE BODY w.pack AS PROCEDURE p AS BEGIN SELECT 1; END; FUNCTION f RETURN INT AS BEGIN RETURN 1; END; END; -- body"
    ),
    "SET SESSION sql_mode = DEFAULT",
    "CREATE VIEW w.z1 AS SELECT id, 'é' AS accent FROM w.orders",
    "CREATE VIEW w.a1 AS SELECT id, accent COLLATE utf8mb4_bin AS a FROM w.z1",
    "CREATE TABLE w.gone (a INT)",
    "CREATE VIEW w.broken AS SELECT a FROM w.gone",
    "CREATE VIEW w.after_broken AS SELECT a FROM w.broken",
    "DROP TABLE w.gone",
    "CREATE TABLE w.old (a INT, b INT)",
    "CREATE USER g1",
    "GRANT SELECT, INSERT ON w.old TO g1",
    "GRANT SELECT (a), UPDATE (b) ON w.old TO g1",
    "DROP TABLE w.old",
    "CREATE SERVER srv2 FOREIGN DATA WRAPPER mysql OPTIONS (USER 'u''x', HOST '10.0.0.1', DATABASE 'd', PORT 3307)",
    "CREATE TABLE mysql.mine (id INT)",
)
NOT_WITNESSED = (
    "SELECT id, t, row_start, row_end FROM w.h FOR SYSTEM_TIME ALL ORDER BY id, row_start",
    "SELECT id, since, until FROM w.named FOR SYSTEM_TIME ALL ORDER BY id, since, until",
    "SELECT * FROM mysql.servers",
    "SELECT next_not_cached_value FROM w.sq",
)
"""What no fact of the witness says by itself: asked of both servers."""


def test_everything_odd_comes_back_equal_or_is_named(start_mariadb: StartMariaDB, dumping: Dumping) -> None:
    """One server, one dump, one drill; directories beside its databases, tables that keep their history."""
    server = start_mariadb()
    server.sql(*ODD)
    for name in ("lost+found", ".ssh", "backup.old"):
        (server.directory / name).mkdir(mode=0o777)
    dumped = dumping.take(server)
    limits = dumped.details.limits[len(LIMITS) :]
    assert all(name in limits[0] for name in ("w.broken (Table 'w.gone' doesn't exist)", "w.after_broken")), limits[0]
    assert "#mysql50#.ssh, #mysql50#backup.old, #mysql50#lost+found" in limits[1]
    assert limits[2].endswith(": w.by_transaction")
    assert "mysql.mine" in limits[3]
    assert len(limits) == 4
    findings = {finding.subject: finding for finding in dumping.service(server).examine(dumping.run.docker)}
    assert all(finding.ok for finding in findings.values()), findings
    assert ".ssh, backup.old, lost+found" in findings["stray directories"].message
    assert "w.by_transaction" in findings["system versioning"].message
    assert "mysql.mine" in findings["method"].message
    copy = dumping.bring_back(dumped, server)
    assert differences(dumped, copy) == []
    for question in NOT_WITNESSED:
        asked = copy._server.run(lambda session, asked=question: rows(session, asked))
        assert asked == server.rows(question) != [], question
    # A row of the past that is another one: only the fingerprint over all times shows it.
    copy._server.run(
        lambda session: [
            rows(session, statement)
            for statement in (
                "SET GLOBAL read_only = OFF",
                "SET SESSION system_versioning_insert_history = 1",
                "INSERT INTO w.h (id, row_start, row_end) VALUES (9, '2020-01-01', '2020-01-02')",
            )
        ]
    )
    assert [(check.subject, check.metric) for check in differences(dumped, copy)] == [("w.h", "fingerprint")]
    service = dumping.service(server)
    assert list(service.health(dumped.manifest.witness, 0.5)) == []
    assert list(service.loss(dumped.manifest.witness)) == []
