"""Single tables of a copy, written as SQL: loaded beside a running server, they hold the same bytes; and what is newer, told."""

from pathlib import Path
from typing import cast

import pytest

from backups.errors import LifeboatError
from backups.services.mysql import loss
from backups.services.mysql.service import MySQLService
from backups.services.mysql.source import connection
from backups.services.mysql.witness import catalogue, fingerprint
from backups.witness import Fact
from tests.servers.mariadb import StartMariaDB
from tests.servers.mysql import MySQLServer, StartMySQL
from tests.servers.mysql_chain import StartChain

KINDS = (
    "CREATE TABLE agama.kinds (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, t TINYINT ZEROFILL, b BIGINT UNSIGNED, d DECIMAL(65,30), "
    "f FLOAT, g DOUBLE, bits BIT(64), y YEAR, da DATE, ti TIME(6), dt DATETIME(6), ts TIMESTAMP(6) NULL, c CHAR(10), v VARCHAR(90), "
    "l VARCHAR(90) CHARACTER SET latin1, j TEXT CHARACTER SET sjis, u VARCHAR(20) CHARACTER SET utf16, bi BINARY(4), vb VARBINARY(90), "
    "bl LONGBLOB, te LONGTEXT, js JSON, e ENUM('a','ü'',\\\\'), s SET('x','y'), p POINT SRID 4326, geo GEOMETRY, ve VECTOR(3), "
    "gv INT AS (t * 2) VIRTUAL, gs VARCHAR(99) AS (CONCAT(v, '!')) STORED, at DATETIME DEFAULT CURRENT_TIMESTAMP, "
    "hidden INT INVISIBLE DEFAULT 7, CHECK (t <> 13)) DEFAULT CHARSET utf8mb4"
)
FILLED = (
    (
        "INSERT INTO agama.kinds (t, b, d, f, g, bits, y, da, ti, dt, ts, c, v, l, j, u, bi, vb, bl, te, js, e, s, p, geo, ve) VALUES "
        "(1, 18446744073709551615, 12345678901234567890.123456789012345678901234567890, 1.1, 0.1, b'1000000000000000000000000000000000000000000000000000000000000001', "
        "1999, '2026-02-03', '-838:59:59', '2026-02-03 04:05:06.123456', '2026-03-29 01:30:00.000001', 'a ', 'q''uo\"te\\\\ \n\r\n\0\\Z -- ; /* %s',"
        " 'grüße €', 'テスト', '𝄞', X'00FF0A0D', X'', X'0001FF5C27', '🎉 DELIMITER ;;\\n\\\\! ls', '{\"a\": [1, 1.5, null, \"\\\\n🎉\"]}', 'ü'',\\\\', 'x,y', "
        "ST_GeomFromText('POINT(1.1 2.2)', 4326), ST_GeomFromText('GEOMETRYCOLLECTION(POINT(0.1 1),LINESTRING(0 0,1 1.3))'), STRING_TO_VECTOR('[1,2.5,-3]'))"
    ),
    "INSERT INTO agama.kinds () VALUES ()",
    "INSERT INTO agama.kinds (f, g, c, v, l, u, bl, te, ti) VALUES (-0e0, -0e0, '', '', '', '', '', '', '00:00:00')",
    "INSERT INTO agama.kinds (f, g, d) VALUES (3.4028234e38, 1.7976931348623157e308, -0.000000000000000000000000000001)",
    "INSERT INTO agama.kinds (f, g, d) VALUES (1.17549435e-38, 2.2250738585072014e-308, 1), (16777217, 9007199254740993, 2)",
    (
        "INSERT INTO agama.kinds (l) SELECT GROUP_CONCAT(CHAR(n USING latin1) ORDER BY n SEPARATOR '') FROM "
        "(WITH RECURSIVE n AS (SELECT 128 AS n UNION ALL SELECT n + 1 FROM n WHERE n < 200) SELECT n FROM n) AS all_of_them"
    ),
    "INSERT INTO agama.kinds (id, t) VALUES (100, 5)",
    "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'",
    "INSERT INTO agama.kinds (id, da, dt, y, e, ts) VALUES (0, '0000-00-00', '2026-00-00', 0, 'no such', '0000-00-00')",
)
SOURCE = (
    "CREATE DATABASE agama",
    KINDS,
    *FILLED,
    "CREATE DATABASE `Odd.``name`` ü`",
    "CREATE TABLE `Odd.``name`` ü`.`a/b.c \\\\ d %s` (`ki``nd %d` INT, `value(s)` FLOAT)",
    "INSERT INTO `Odd.``name`` ü`.`a/b.c \\\\ d %s` VALUES (1, 1.1), (1, 1.1), (NULL, NULL)",
    "CREATE TABLE agama.many (id INT PRIMARY KEY, text VARCHAR(200), parent INT, FOREIGN KEY (parent) REFERENCES many (id))",
    (
        "INSERT INTO agama.many WITH RECURSIVE n AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM n WHERE n < 900) "
        "SELECT (a.n - 1) * 900 + b.n, REPEAT('t', b.n % 200), 810001 - ((a.n - 1) * 900 + b.n) FROM n AS a, n AS b WHERE a.n <= 40"
    ),
    "CREATE TABLE agama.empty (id INT AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT = 77 PARTITION BY HASH (id) PARTITIONS 3",
    "CREATE VIEW agama.seen AS SELECT id FROM agama.many",
)


@pytest.fixture
def other(start_mysql: StartMySQL) -> MySQLServer:
    """A running server, which the files are loaded into."""
    return start_mysql(
        "--sql-mode=TRADITIONAL,ANSI,NO_BACKSLASH_ESCAPES", "--character-set-server=latin1", "--default-time-zone=+05:00"
    )


def _prints(server: MySQLServer, names: dict[tuple[str, str], str]) -> dict[str, tuple[int, str]]:
    """Rows and fingerprint of tables, by what they are called here."""
    found = {}
    with connection.connect(server.settings()) as session:
        connection.rows(session, "SET time_zone = '+00:00', sql_mode = ''")
        for table in catalogue.read(session).tables:
            if called := names.get((table.schema, table.name)):
                statement = fingerprint.query(table.schema, table.name, table.columns, keyed=table.keyed)
                found[called] = fingerprint.value(connection.rows(session, statement)[0])
    return found


def _definition(server: MySQLServer, schema: str, table: str) -> str:
    with connection.connect(server.settings()) as session:
        connection.rows(session, "SET sql_mode = ''")
        return str(connection.rows(session, f"SHOW CREATE TABLE {schema}.{table}")[0][1])


def _load(server: MySQLServer, file: Path) -> None:
    """As an operator does it: the client of the image, and a file for its input."""
    (server.directory / "loading.sql").write_bytes(file.read_bytes())
    command = "mysql --socket=/var/lib/mysql/mysqld.sock -uroot loaded < /var/lib/mysql/loading.sql >/var/lib/mysql/said 2>&1"
    assert server.container.execute(["sh", "-ec", command]) == 0, (server.directory / "said").read_text()


def test_tables_come_out_as_they_were(
    start_mysql: StartMySQL, start_chain: StartChain, other: MySQLServer, tmp_path: Path
) -> None:
    server = start_mysql("--sql-mode=")
    server.sql("SET SESSION foreign_key_checks = 0", *SOURCE)
    chain = start_chain(server)
    chain.backup()
    restored = chain.restore().bring_back()
    odd = ("Odd.`name` ü", "a/b.c \\\\ d %s")
    into = tmp_path / "new" / "directory"

    with pytest.raises(LifeboatError, match=r"there is no table agama\.manny at that moment") as missing:
        restored.copy.export(["agama.kinds", "agama.manny"], into)
    assert missing.value.hint == "did you mean agama.many?"
    with pytest.raises(LifeboatError, match=r"agama\.seen is a view, which holds no rows"):
        restored.copy.export(["agama.seen"], into)
    with pytest.raises(LifeboatError, match="there is no table nonsense"):
        restored.copy.export(["nonsense"], into)
    assert not into.exists()

    files = restored.copy.export(
        ["agama.kinds", "`Odd.``name`` ü`.`a/b.c \\\\ d %s`", "agama.many", "agama.empty", "agama.many"], into
    )
    assert [file.name for file in files] == [
        "agama.kinds.sql",
        "Odd%2E%60name%60%20%C3%BC.a%2Fb%2Ec%20%5C%5C%20d%20%25s.sql",
        "agama.many.sql",
        "agama.empty.sql",
    ]
    assert sorted(into.iterdir()) == sorted(files)
    other.sql("CREATE DATABASE loaded")
    for file in files:
        _load(other, file)
    names = {("agama", "kinds"): "kinds", odd: "odd", ("agama", "many"): "many", ("agama", "empty"): "empty"}
    wanted = _prints(server, names)
    assert len(wanted) == 4
    assert _prints(other, {("loaded", table): called for (_, table), called in names.items()}) == wanted
    for table in ("kinds", "empty", "many"):
        assert _definition(other, "loaded", table) == _definition(server, "agama", table)
    with pytest.raises(AssertionError, match="already exists"):
        _load(other, files[0])


def test_tells_what_the_source_has_and_the_backup_has_not(start_mysql: StartMySQL, monkeypatch: pytest.MonkeyPatch) -> None:
    server = start_mysql()
    server.sql(
        "CREATE DATABASE agama",
        *(f"CREATE TABLE agama.`{name}` (id INT PRIMARY KEY)" for name in ("client", "order", "same", "changed.odd", "added")),
        "INSERT INTO agama.client VALUES " + ", ".join(f"({n})" for n in range(1512)),
        "INSERT INTO agama.`changed.odd` VALUES (1)",
        "INSERT INTO agama.added VALUES (1)",
    )
    witness = [
        Fact("agama.client", "rows", 1500),
        Fact("agama.client", "fingerprint", "of no interest"),
        Fact("agama.order", "rows", 3),
        Fact("agama.same", "rows", 0),
        Fact("agama.`changed.odd`", "rows", 3000),
        Fact("agama.gone", "rows", 5),
    ]
    service = MySQLService("agama", server.settings(), cast("object", None))  # type: ignore[arg-type]
    assert list(service.loss(witness)) == [
        "agama.order: 3 rows fewer than the backup",
        "agama.gone: not there any more; the backup has it, with 5 rows",
        "agama.client: 12 rows more than the backup",
        "agama.`changed.odd`: 2,999 rows fewer than the backup",
        "agama.added: new since the backup, 1 row",
    ]
    with server.connect() as session, session.cursor() as cursor:
        cursor.execute("LOCK TABLES agama.client WRITE")
        monkeypatch.setattr(loss, "_LOCK_SECONDS", 1)
        assert "agama.client: not counted (no time); the backup has 1,500 rows" in list(service.loss(witness))
    monkeypatch.setattr(loss, "_SECONDS", 0.0)
    assert list(service.loss(witness)) == [
        "agama.same: not counted (no time); the backup has 0 rows",
        "agama.order: not counted (no time); the backup has 3 rows",
        "agama.gone: not there any more; the backup has it, with 5 rows",
        "agama.client: not counted (no time); the backup has 1,500 rows",
        "agama.`changed.odd`: not counted (no time); the backup has 3,000 rows",
        "agama.added: new since the backup, not counted (no time)",
    ]
    away = MySQLService("agama", server.settings(port=1), cast("object", None))  # type: ignore[arg-type]
    with pytest.raises(LifeboatError, match="does not answer"):
        list(away.loss(witness))


def test_tells_it_of_a_mariadb_too(start_mariadb: StartMariaDB) -> None:
    """Its words for a time limit are others."""
    server = start_mariadb()
    server.sql(
        "CREATE DATABASE agama", "CREATE TABLE agama.client (id INT PRIMARY KEY)", "INSERT INTO agama.client VALUES (1), (2)"
    )
    service = MySQLService("agama", server.settings(), cast("object", None))  # type: ignore[arg-type]
    assert list(service.loss([Fact("agama.client", "rows", 1)])) == ["agama.client: 1 row more than the backup"]
