"""A MySQL server with everything odd that was found in the field: dumped, brought back, equal; what cannot be is named."""

from pathlib import Path

from backups.services.mysql.dump_details import LIMITS
from backups.services.mysql.source.connection import rows
from tests.integration.mysql.dump.harness import Dumping, differences
from tests.servers.mysql import StartMySQL

RELAXED = (
    "SET SESSION innodb_strict_mode = 0, restrict_fk_on_non_standard_key = 0",
    "CREATE DATABASE w",
    "CREATE TABLE w.p (id INT PRIMARY KEY, k INT, KEY (k))",
    "INSERT INTO w.p VALUES (1, 7)",
    "CREATE TABLE w.c (k INT, CONSTRAINT c_k FOREIGN KEY (k) REFERENCES w.p (k))",
    "INSERT INTO w.c VALUES (7)",
    f"CREATE TABLE w.wide (id INT PRIMARY KEY, {', '.join(f'c{n} TEXT' for n in range(12))}) ROW_FORMAT=COMPACT",
    "INSERT INTO w.wide (id, c1) VALUES (1, 'x')",
    "CREATE TABLE w.placed (id INT PRIMARY KEY) DATA DIRECTORY = '/ext'",
    "INSERT INTO w.placed VALUES (1)",
    "CREATE TABLESPACE ts1 ADD DATAFILE 'ts1.ibd'",
    "CREATE TABLE w.spaced (id INT PRIMARY KEY) TABLESPACE ts1",
    "INSERT INTO w.spaced VALUES (1)",
    "SET SESSION sql_generate_invisible_primary_key = 1",
    "CREATE TABLE w.gipk (a INT)",
    "INSERT INTO w.gipk VALUES (1), (2), (3)",
    "DELETE FROM w.gipk WHERE a = 1",
    "SET SESSION sql_generate_invisible_primary_key = 0",
)
TWINS = (
    "CREATE TABLE w.Orders (id INT PRIMARY KEY)",
    "INSERT INTO w.Orders VALUES (1), (2)",
    "CREATE TABLE w.orders (id INT PRIMARY KEY)",
    "INSERT INTO w.orders VALUES (3)",
    "CREATE TABLE w.ORDERS (id INT PRIMARY KEY, f FLOAT)",
    "INSERT INTO w.ORDERS VALUES (4, 1.2345678)",
    "CREATE TABLE w.`é` (id INT PRIMARY KEY)",
    "INSERT INTO w.`é` VALUES (5)",
    "CREATE TABLE w.e (id INT PRIMARY KEY)",
    "INSERT INTO w.e VALUES (6), (7)",
    "CREATE VIEW w.ORDERs AS SELECT id FROM w.orders",
    "CREATE DATABASE W",
    "CREATE TABLE W.orders (id INT PRIMARY KEY)",
    "INSERT INTO W.orders VALUES (8)",
    "CREATE DATABASE Sys",
    "CREATE TABLE Sys.mine (id INT PRIMARY KEY)",
    "INSERT INTO Sys.mine VALUES (9)",
    "CREATE TABLE w.`new\nline``'\"` (id INT PRIMARY KEY)",
    "INSERT INTO w.`new\nline``'\"` VALUES (10)",
)
INSIDE_JSON = (
    "CREATE TABLE w.j (id INT PRIMARY KEY, j JSON, k JSON NOT NULL)",
    (
        "INSERT INTO w.j VALUES (1, CAST(DATE'2020-01-02' AS JSON), '1.50'), "
        "(2, JSON_OBJECT('k', 1.10, 'a', JSON_ARRAY(CAST(5 AS UNSIGNED), -5, 1e0, TRUE, NULL, CAST(TIME'10:00:00' AS JSON), "
        "CAST(X'00ff' AS JSON)), 'n', JSON_OBJECT('z', -0.50, 'ü\\n''', JSON_ARRAY(), 'o', JSON_OBJECT('deep', 10.00))), '[]'), "
        "(3, NULL, JSON_ARRAY(JSON_ARRAY(1.0, JSON_OBJECT('d', CAST('2020-01-02 03:04:05.6' AS DATETIME(6)))), 1e20, 1.250)), "
        "(4, CAST('null' AS JSON), CAST(18446744073709551615 AS JSON))"
    ),
    "CREATE TABLE w.g (id INT PRIMARY KEY, ts TIMESTAMP(3) NULL, d DATE AS (DATE(ts)) STORED, u DATETIME(3) AS (ts) STORED, j JSON)",
    "INSERT INTO w.g (id, ts, j) VALUES (1, '2026-07-04 22:00:00.125', '{\"a\": 1}'), (2, '2026-01-04 22:00:00', NULL), (3, NULL, '2')",
)
PROGRAMS = (
    "CREATE PROCEDURE w.`a'b` () BEGIN SELECT 1; END -- name of it's ;; routine",
    "CREATE FUNCTION w.hashed () RETURNS INT DETERMINISTIC RETURN 1 # :')",
    "CREATE TRIGGER w.one BEFORE INSERT ON w.p FOR EACH ROW SET NEW.k = NEW.k + 1 -- ends",
    "CREATE TRIGGER w.zero BEFORE INSERT ON w.p FOR EACH ROW PRECEDES one BEGIN SET NEW.k = 2; /* here */ END # it's",
    "SET SESSION timestamp = 1577836800",
    "CREATE EVENT w.past ON SCHEDULE AT '2020-01-02 00:00:00' DO SELECT 1 -- once",
    "CREATE EVENT w.ended ON SCHEDULE EVERY 1 DAY STARTS '2020-01-02 00:00:00' ENDS '2020-02-02 00:00:00' DO SELECT 'a;;;b' # x",
    "SET SESSION timestamp = DEFAULT",
    "CREATE LIBRARY w.lib LANGUAGE JAVASCRIPT AS $$ export function f() { return 'it''s' } // ;; $$",
    "ALTER DATABASE w COLLATE latin1_bin",
    "SET NAMES latin1",
    "SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT'",
    "CREATE FUNCTION w.old () RETURNS VARCHAR(9) DETERMINISTIC RETURN '\\' || 'x' -- a \"quote",
    "SET SESSION sql_mode = DEFAULT",
    "SET NAMES binary",
    "CREATE PROCEDURE w.bin () SELECT 'x' -- ends",
    "SET NAMES utf8mb4",
    "ALTER DATABASE w COLLATE utf8mb4_0900_ai_ci",
)
VIEWS = (
    "CREATE VIEW w.z1 AS SELECT id, 'é' AS accent FROM w.e",
    "CREATE VIEW w.a1 AS SELECT id, accent COLLATE utf8mb4_bin AS a FROM w.z1",
    "CREATE TABLE w.gone (a INT)",
    "CREATE VIEW w.broken AS SELECT a FROM w.gone",
    "CREATE VIEW w.after_broken AS SELECT a FROM w.broken",
    "CREATE FUNCTION w.lost () RETURNS INT DETERMINISTIC RETURN 1",
    "CREATE VIEW w.without_function AS SELECT w.lost() AS x",
    "DROP FUNCTION w.lost",
    "CREATE USER leaver",
    "CREATE DEFINER=leaver VIEW w.orphan AS SELECT 1 AS one",
    "CREATE VIEW w.over_orphan AS SELECT one FROM w.orphan",
    "DROP TABLE w.gone",
)
ACCOUNTS = (
    "DROP USER leaver",
    "CREATE TABLE w.old (a INT, b INT)",
    "CREATE USER g1",
    "GRANT SELECT, INSERT ON w.old TO g1 WITH GRANT OPTION",
    "GRANT SELECT (a), UPDATE (b) ON w.old TO g1",
    "DROP TABLE w.old",
    "ALTER TABLE w.wide ADD COLUMN was INT",
    "GRANT SELECT (was, c1) ON w.wide TO g1",
    "ALTER TABLE w.wide DROP COLUMN was",
    "GRANT SELECT ON w.broken TO g1",
    "CREATE DATABASE dropped",
    "CREATE TABLE dropped.t (a INT)",
    "GRANT SELECT ON dropped.t TO g1",
    "DROP DATABASE dropped",
    "CREATE TABLE mysql.proc (a INT)",
    "GRANT SELECT ON mysql.proc TO g1",
    "DROP TABLE mysql.proc",
    "GRANT SELECT ON mysql.user TO g1",
    "CREATE USER twice IDENTIFIED BY 'old'",
    "ALTER USER twice IDENTIFIED BY 'new' RETAIN CURRENT PASSWORD",
)
SERVER = (
    "CREATE SERVER srv2 FOREIGN DATA WRAPPER mysql OPTIONS (USER 'u''x', HOST '10.0.0.1', DATABASE 'd', PORT 3307, PASSWORD 'p\\\\')",
    (
        "CREATE SPATIAL REFERENCE SYSTEM 4120000 NAME 'Gre''ek' ORGANIZATION 'me' IDENTIFIED BY 4120 DEFINITION "
        '\'GEOGCS["Greek",DATUM["Greek",SPHEROID["Bessel 1841",6377397.155,299.1528128]],PRIMEM["Greenwich",0],'
        'UNIT["degree",0.017453292519943278],AXIS["Lat",NORTH],AXIS["Lon",EAST]]\''
    ),
    "CREATE TABLE w.shapes (g POINT SRID 4120000 NOT NULL)",
    "ANALYZE TABLE w.p UPDATE HISTOGRAM ON k WITH 7 BUCKETS",
    "CREATE DATABASE fixed",
    "CREATE TABLE fixed.t (id INT PRIMARY KEY)",
    "INSERT INTO fixed.t VALUES (1)",
    "ALTER DATABASE fixed READ ONLY = 1",
    "CREATE RESOURCE GROUP nightly TYPE = USER",
    "CREATE TABLE mysql.mine (id INT)",
    "CREATE TABLE sys.yours (id INT)",
    "SET GLOBAL innodb_strict_mode = ON, sql_require_primary_key = ON, show_gipk_in_create_table_and_information_schema = OFF",
)


NOT_WITNESSED = (
    (
        "SELECT id, JSON_TYPE(j), JSON_TYPE(JSON_EXTRACT(j, '$.k')), JSON_TYPE(JSON_EXTRACT(j, '$.a[0]')), "
        "JSON_TYPE(JSON_EXTRACT(j, '$.a[5]')), JSON_TYPE(JSON_EXTRACT(k, '$[0][1].d')), k FROM w.j ORDER BY id"
    ),
    "SELECT * FROM mysql.servers",
    "SELECT user, HEX(user_attributes->>'$.additional_password') FROM mysql.user WHERE user = 'twice'",
    "SELECT column_name, histogram->>'$.\"number-of-buckets-specified\"' FROM information_schema.column_statistics",
    "SELECT schema_name FROM information_schema.schemata_extensions WHERE options LIKE '%READ ONLY=1%'",
    "SELECT srs_name, definition FROM information_schema.st_spatial_reference_systems WHERE srs_id = 4120000",
    "SELECT library_definition FROM information_schema.libraries WHERE library_name = 'lib'",
)
"""What no fact of the witness says: asked of both servers."""


def test_everything_odd_comes_back_equal_or_is_named(start_mysql: StartMySQL, dumping: Dumping) -> None:
    """One server, one dump, one drill; what cannot be brought back is named, and the doctor names it too."""
    server = start_mysql(
        "--innodb-directories=/ext",
        "--event-scheduler=OFF",
        "--default-time-zone=-05:00",
        clone=False,
        before="mkdir -m 777 /ext",
    )
    server.sql(*RELAXED, *TWINS, *INSIDE_JSON, *PROGRAMS, *VIEWS, *ACCOUNTS, *SERVER)
    server.sql("GRANT EXECUTE ON *.* TO lifeboat@'%'")
    dumped = dumping.take(server)
    limits = dumped.details.limits[len(LIMITS) :]
    broken = ("w.broken (Table 'w.gone' doesn't exist)", "w.after_broken", "w.without_function")
    assert all(name in limits[0] for name in broken), limits[0]
    assert "w.orphan" not in limits[0]
    assert "mysql.mine, sys.yours" in limits[1]
    assert len(limits) == 2
    findings = {finding.subject: finding for finding in dumping.service(server).examine(dumping.run.docker)}
    assert all(finding.ok for finding in findings.values()), findings
    assert "w.broken" in findings["views"].message
    assert "mysql.mine, sys.yours" in findings["method"].message
    copy = dumping.bring_back(dumped, server)
    assert differences(dumped, copy) == []
    for question in NOT_WITNESSED:
        asked = copy._server.run(lambda session, asked=question: rows(session, asked))
        assert asked == server.rows(question) != [], question


def test_what_the_server_refuses_does_not_keep_the_rest_from_coming_back(start_mysql: StartMySQL, dumping: Dumping) -> None:
    """A statement that no server takes: its words are in the report, with what is missing, and everything else is equal."""
    server = start_mysql(clone=False, binlog=False)
    server.sql("CREATE DATABASE w", "CREATE TABLE w.a (id INT)", "CREATE TABLE w.b (id INT)", "INSERT INTO w.b VALUES (1)")
    server.sql(
        "CREATE VIEW w.v AS SELECT id FROM w.b", "CREATE USER one", "CREATE USER other", "GRANT EXECUTE ON *.* TO lifeboat@'%'"
    )
    dumped = dumping.take(server)

    def break_some(data: Path) -> None:
        for name, text in (("schema.sql", b"TABLE `a`"), ("views.sql", b"select "), ("accounts.sql", b"USER `one`@`%`")):
            path = data / "dump" / name
            assert text in path.read_bytes()
            path.write_bytes(path.read_bytes().replace(text, b"nonsense"))

    copy = dumping.bring_back(dumped, server, damage=break_some)
    found = differences(dumped, copy)
    assert {check.subject for check in found} == {
        "w.a",
        "view w.v",
        "account one@%",
        "dump/schema.sql",
        "dump/views.sql",
        "dump/data-0.sql",
    }
    (said,) = [check.observed for check in found if check.subject == "dump/schema.sql"]
    assert str(said).startswith("ERROR 1064 (42000) at line ")
