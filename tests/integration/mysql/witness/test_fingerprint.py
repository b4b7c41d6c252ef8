"""The fingerprint changes with every change to any stored byte: the weaknesses that simpler checksums have, one by one."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from backups.errors import LifeboatError
from backups.services.mysql.source.connection import Session, connect, rows
from backups.services.mysql.witness import catalogue, fingerprint, sessions
from tests.servers.mysql import MySQLServer

Print = Callable[[str], tuple[int, str]]


@pytest.fixture(scope="module")
def database(mysql_server: MySQLServer) -> Iterator[str]:
    mysql_server.sql("DROP DATABASE IF EXISTS prints", "CREATE DATABASE prints")
    yield "prints"
    mysql_server.sql("DROP DATABASE prints")


@pytest.fixture(scope="module")
def root(mysql_server: MySQLServer, database: str) -> Iterator[Session]:
    with mysql_server.connect(database) as session:
        rows(session, "SET sql_mode = ''")
        yield session


@pytest.fixture
def sql(root: Session, database: str) -> Iterator[Callable[..., None]]:
    """Run statements; the tables that they make are gone afterwards."""

    def run(*statements: str) -> None:
        for statement in statements:
            rows(root, statement)

    yield run
    for (table,) in rows(root, "SHOW TABLES"):
        rows(root, f"DROP TABLE {table}")


@pytest.fixture(scope="module")
def measurer(mysql_server: MySQLServer) -> Iterator[Session]:
    with sessions.sessions(lambda: connect(mysql_server.settings()), 1) as (session,):
        yield session


@pytest.fixture
def take(measurer: Session, database: str) -> Print:
    """Rows and fingerprint of a table, measured as Lifeboat measures."""
    return lambda table: measure(measurer, database, table)


def measure(session: Session, database: str, name: str, where: str = "") -> tuple[int, str]:
    """By itself, and beside another one, as a full does it that is compared with the chain before: it is the same."""
    table = next(table for table in catalogue.read(session).tables if (table.schema, table.name) == (database, name))

    def read(**how: Any) -> Sequence[object]:
        statement = fingerprint.query(table.schema, table.name, table.columns, keyed=table.keyed, where=where, **how)
        return sessions.rows_without_warnings(session, statement)[0]

    fingerprint.keep_secret(session, "5e" * 32, "7a" * 32)
    plain, secret = read(), read(secret=True)
    assert [*read(secret=True, earlier="plain")] == [*secret, *plain[1:]]
    assert [*read(earlier="secret")][: len(plain)] == [*plain]
    return fingerprint.value(plain)


KEYED = "id INT PRIMARY KEY"
KEYLESS = "id INT"


@pytest.mark.parametrize("key", [KEYED, KEYLESS], ids=["with a key", "without a key"])
class TestRows:
    """What must not be equal although a weak checksum of it is."""

    def test_values_swapped_between_two_rows(self, sql: Callable[..., None], take: Print, key: str) -> None:
        sql(f"CREATE TABLE t ({key}, text VARCHAR(9))", "INSERT INTO t VALUES (1, 'aaaa'), (2, 'bbbb')")
        before = take("t")
        sql("UPDATE t SET text = IF(id = 1, 'bbbb', 'aaaa')")
        assert take("t") != before
        sql("UPDATE t SET text = IF(id = 1, 'aaaa', 'bbbb')")
        assert take("t") == before

    def test_null_that_moves_to_the_next_column(self, sql: Callable[..., None], take: Print, key: str) -> None:
        sql(f"CREATE TABLE t ({key}, a VARCHAR(9), b VARCHAR(9), c VARCHAR(9))", "INSERT INTO t VALUES (1, 'a', NULL, 'b')")
        before = take("t")
        sql("UPDATE t SET b = 'b', c = NULL")
        assert take("t") != before

    @pytest.mark.parametrize("value", ["''", "'N'", "'NULL'", "'0'"])
    def test_null_and_a_text_that_looks_like_it(self, sql: Callable[..., None], take: Print, key: str, value: str) -> None:
        sql(f"CREATE TABLE t ({key}, text VARCHAR(9), number INT)", "INSERT INTO t VALUES (1, NULL, NULL)")
        before = take("t")
        sql(f"UPDATE t SET text = {value}")
        assert take("t") != before

    def test_separators_inside_values(self, sql: Callable[..., None], take: Print, key: str) -> None:
        sql(f"CREATE TABLE t ({key}, a VARCHAR(9) NOT NULL, b VARCHAR(9))", "INSERT INTO t VALUES (1, 'a,1', 'b')")
        before = take("t")
        sql("UPDATE t SET a = 'a', b = '1,b'")
        assert take("t") != before

    def test_a_row_less_and_a_row_more(self, sql: Callable[..., None], take: Print, key: str) -> None:
        sql(f"CREATE TABLE t ({key}, text VARCHAR(9))", "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')")
        before = take("t")
        sql("DELETE FROM t WHERE id = 2")
        without = take("t")
        sql("INSERT INTO t VALUES (2, 'b')")
        assert without != before == take("t")

    def test_the_order_of_rows_does_not_matter(self, sql: Callable[..., None], take: Print, key: str) -> None:
        sql(
            f"CREATE TABLE t ({key})", f"CREATE TABLE u ({key})", "INSERT INTO t VALUES (1), (2)", "INSERT INTO u VALUES (2), (1)"
        )
        assert take("t") == take("u")

    def test_a_row_longer_than_a_packet(self, sql: Callable[..., None], take: Print, key: str) -> None:
        """Large values are hashed by themselves: a whole row of them may be larger than any string the server can make."""
        sql(f"CREATE TABLE t ({key}, {', '.join(f'c{number} LONGTEXT' for number in range(6))})", "INSERT INTO t (id) VALUES (1)")
        for number in range(6):
            sql(f"UPDATE t SET c{number} = REPEAT('x', 12000000)")
        before = take("t")
        assert before[0] == 1
        sql("UPDATE t SET c5 = CONCAT(LEFT(c5, 11999999), 'y')")
        assert take("t") != before


@pytest.mark.parametrize("key", ["", ", PRIMARY KEY (row_text)"], ids=["without a key", "with a key"])
def test_a_table_may_have_the_names_that_the_query_gives_its_own_parts(
    sql: Callable[..., None], measurer: Session, database: str, key: str
) -> None:
    """Names of tables and of columns, which a condition names, too."""
    for name in ("hashed", "row_hash"):
        sql(
            f"CREATE TABLE {name} (row_text INT NOT NULL, ROW_HASH INT, earlier_hash INT{key})",
            f"INSERT INTO {name} VALUES (1, 2, 3)",
        )
        assert measure(measurer, database, name)[0] == 1
        assert measure(measurer, database, name, "`row_text` > 1")[0] == 0


def test_equal_rows_do_not_cancel(sql: Callable[..., None], take: Print) -> None:
    """In a table without a key: the same row twice is not the same as not at all, nor as another row twice."""
    sql("CREATE TABLE t (a INT)", "CREATE TABLE u (a INT)", "INSERT INTO t VALUES (1), (1), (2), (2)")
    sql("INSERT INTO u VALUES (1), (1), (3), (3)")
    assert take("t")[1] != take("u")[1]
    sql("TRUNCATE u", "INSERT INTO u VALUES (1), (1), (1), (2)")
    assert take("t")[1] != take("u")[1]


def test_a_nullable_unique_key_is_no_key(sql: Callable[..., None], take: Print) -> None:
    """Two rows (NULL, 'a') are equal although the key is unique: in an XOR they would cancel."""
    sql("CREATE TABLE t (a INT UNIQUE, b VARCHAR(9))", "CREATE TABLE u LIKE t")
    sql("INSERT INTO t VALUES (NULL, 'a'), (NULL, 'a')", "INSERT INTO u VALUES (NULL, 'b'), (NULL, 'b')")
    assert take("t")[1] != take("u")[1]


CHANGES = [
    ("TINYINT", "1", "2"),
    ("BIGINT UNSIGNED", "18446744073709551615", "18446744073709551614"),
    ("INT(6) ZEROFILL", "1", "2"),
    ("DECIMAL(65,30)", "1.000000000000000000000000000001", "1.000000000000000000000000000002"),
    # FLOAT prints six digits, which would make these two alike.
    ("FLOAT", "1.2345678", "1.2345679"),
    ("FLOAT(20,2)", "16777216", "16777218"),
    ("DOUBLE", "0.1", "0.10000000000000002"),
    ("DOUBLE(22,2)", "1e15", "1000000000000000.125"),
    ("BIT(64)", "b'1'", "b'1000000000000000000000000000000000000000000000000000000000000001'"),
    ("YEAR", "2026", "2027"),
    ("DATE", "'0000-00-00'", "'2026-11-22'"),
    ("TIME(6)", "'-838:59:58.000001'", "'-838:59:58.000002'"),
    ("DATETIME(6)", "'2026-11-22 10:00:00.000001'", "'2026-11-22 10:00:00.000002'"),
    ("TIMESTAMP(6)", "'2026-11-22 10:00:00.000001'", "'2026-11-22 10:00:00.000002'"),
    ("CHAR(10)", "'a'", "'A'"),
    ("VARCHAR(10) COLLATE utf8mb4_0900_ai_ci", "'a'", "'á'"),
    ("VARCHAR(10) COLLATE utf8mb4_general_ci", "'a'", "'a '"),
    ("VARCHAR(10) CHARACTER SET latin1", "'é'", "'e'"),
    ("VARCHAR(10) CHARACTER SET utf16", "'€'", "'E'"),
    ("BINARY(4)", "x'00'", "x'0020'"),
    ("VARBINARY(10)", "x'FF00'", "x'FF'"),
    ("TINYBLOB", "x'00'", "x'0000'"),
    ("TINYTEXT", "''", "' '"),
    ("MEDIUMTEXT CHARACTER SET utf16", "'€'", "'E'"),
    ("LONGBLOB", "REPEAT(x'00', 100000)", "REPEAT(x'00', 100001)"),
    ("ENUM('a','b','')", "'a'", "'b'"),
    ("ENUM('a','b','')", "''", "'no such member'"),
    ("SET('a','b','c')", "'a,b'", "'a,c'"),
    ("JSON", "'{\"a\": [1, 2]}'", "'{\"a\": [2, 1]}'"),
    ("JSON", "'1'", "'1.0'"),
    ("GEOMETRY", "ST_GeomFromText('POINT(1 2)', 0)", "ST_GeomFromText('POINT(1 2)', 4326)"),
    ("POLYGON", "ST_GeomFromText('POLYGON((0 0,0 1,1 1,0 0))')", "ST_GeomFromText('POLYGON((0 0,0 1,1 2,0 0))')"),
    ("GEOMETRYCOLLECTION", "ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1))')", "ST_GeomFromText('GEOMETRYCOLLECTION EMPTY')"),
    ("VECTOR(2)", "TO_VECTOR('[1,2]')", "TO_VECTOR('[2,1]')"),
    ("INT INVISIBLE", "1", "2"),
]


def test_every_type_shows_every_change(sql: Callable[..., None], take: Print) -> None:
    """One value, another, NULL: three fingerprints that no other state of the table has."""
    columns = ", ".join(f"c{number} {kind} NULL" for number, (kind, _, _) in enumerate(CHANGES))
    sql(f"CREATE TABLE t (id INT PRIMARY KEY, {columns})", "INSERT INTO t (id) VALUES (1)")
    seen = {take("t"): "all NULL"}
    for number, (kind, *values) in enumerate(CHANGES):
        for value in values:
            # By way of NULL: the server does not store a JSON value that it holds equal to the one there.
            sql(f"UPDATE t SET c{number} = NULL", f"UPDATE t SET c{number} = {value}")
            found = take("t")
            assert found not in seen, f"{kind}: {value} looks like {seen[found]}"
            seen[found] = f"{kind}: {value}"


SHAPES = [
    ("id INT PRIMARY KEY, v VARCHAR(20) NOT NULL, {index} (v)", ""),
    ("id INT PRIMARY KEY, v VARCHAR(20), w INT, {index} (w, v)", ""),
    ("a INT, b INT, PRIMARY KEY (a, b), {index} (b)", ""),
    ("a INT, b INT, {index} (a, b)", ""),
    ("a INT NOT NULL, b INT NOT NULL, UNIQUE KEY u (a, b), {index} (b, a)", ""),
    ("a INT NOT NULL, v INT AS (a + 1) VIRTUAL, PRIMARY KEY (a), {index} (v)", ""),
    ("a INT NOT NULL, s INT AS (a + 1) STORED, PRIMARY KEY (a), {index} (s, a)", ""),
    ("id INT PRIMARY KEY, v INT, {index} (v, id)", "PARTITION BY HASH (id) PARTITIONS 3"),
    ("id INT, v INT, {index} (v, id)", "PARTITION BY RANGE (id) (PARTITION p VALUES LESS THAN MAXVALUE)"),
    ("id INT PRIMARY KEY, v INT, {index} (v)", "ROW_FORMAT=COMPRESSED"),
    ("id BINARY(16) PRIMARY KEY, v DATE, {index} (v)", "TABLESPACE innodb_system"),
    ("v INT INVISIBLE, id INT PRIMARY KEY, {index} (v)", ""),
    ("id INT PRIMARY KEY", ""),
]


@pytest.mark.parametrize("index", ["KEY k", "UNIQUE KEY k", "KEY k USING HASH"])
def test_rows_are_read_where_they_are_stored(sql: Callable[..., None], measurer: Session, index: str) -> None:
    """Whatever index there is, and however small it is: one that holds all columns says nothing of the rows."""
    for number, (columns, options) in enumerate(SHAPES):
        sql(f"CREATE TABLE s{number} ({columns.format(index=index)}) {options}")
    found = {table.name: table for table in catalogue.read(measurer).tables if table.schema == "prints"}
    plain = 0
    for number, (columns, _) in enumerate(SHAPES):
        table = found[f"s{number}"]
        for keyed in {table.keyed, False}:
            statement = fingerprint.query(table.schema, table.name, table.columns, keyed=keyed)
            plan = rows(measurer, f"EXPLAIN FORMAT=TREE {statement}")[0][0]
            assert f"Table scan on s{number}" in plan, f"{columns}: {plan}"
            assert "ndex scan" not in plan, f"{columns}: {plan}"
            plain += "index scan" in rows(measurer, f"EXPLAIN FORMAT=TREE {statement.replace(' USE INDEX ()', '')}")[0][0]
    assert plain > len(SHAPES) // 2, "the server would read an index of these tables, were it not told otherwise"


TYPED = {
    "DATE": ("CAST(DATE '2020-01-02' AS JSON)", "'2020-01-02'"),
    "TIME": ("CAST(TIME '10:00:00' AS JSON)", "'10:00:00.000000'"),
    "DATETIME": ("CAST(TIMESTAMP '2020-01-02 10:00:00' AS JSON)", "'2020-01-02 10:00:00.000000'"),
    "UNSIGNED": ("CAST(CAST(5 AS UNSIGNED) AS JSON)", "5"),
    "DECIMAL": ("CAST(CAST(1.5 AS DECIMAL(10,1)) AS JSON)", "CAST(1.5e0 AS JSON)"),
    "its scale": ("CAST(CAST(1.50 AS DECIMAL(10,2)) AS JSON)", "CAST(CAST(1.5 AS DECIMAL(10,1)) AS JSON)"),
    "BLOB": ("CAST(x'00ff' AS JSON)", "'base64:type15:AP8='"),
    "BOOLEAN": ("CAST('true' AS JSON)", "'true'"),
}
NESTS = (
    "JSON_OBJECT('k', {})",
    "JSON_ARRAY({})",
    "JSON_ARRAY(1, JSON_OBJECT('a b', JSON_ARRAY('x', {}, NULL)), 2)",
    "JSON_OBJECT('a', JSON_OBJECT('b', JSON_OBJECT('c', JSON_ARRAY(JSON_ARRAY(), JSON_ARRAY(JSON_ARRAY({}))))))",
)


@pytest.mark.parametrize("key", [KEYED, KEYLESS], ids=["with a key", "without a key"])
def test_types_inside_json_values_are_seen(sql: Callable[..., None], root: Session, measurer: Session, key: str) -> None:
    """At every depth, where the text is the same; and what a copy reads from its own text is the same where nothing is lost."""
    sql(f"CREATE TABLE t ({key}, lb_m INT, j JSON)", "INSERT INTO t (id) VALUES (1)")
    (table,) = [table for table in catalogue.read(measurer).tables if (table.schema, table.name) == ("prints", "t")]

    def take(value: str) -> tuple[str, str, object]:
        rows(root, "UPDATE t SET j = NULL")
        rows(root, f"UPDATE t SET j = {value}")
        text, typed = (
            fingerprint.value(
                sessions.rows_without_warnings(
                    measurer, fingerprint.query("prints", "t", table.columns, keyed=table.keyed, typed_json=typed)
                )[0]
            )[1]
            for typed in (False, True)
        )
        return text, typed, rows(root, "SELECT CAST(j AS CHAR) FROM t")[0][0]

    seen = set()
    for nest in NESTS:
        for name, pair in TYPED.items():
            (text, typed, said), (other_text, other_typed, other_said) = (take(nest.format(each)) for each in pair)
            assert typed != other_typed, f"{name} in {nest}"
            assert (text == other_text) == (said == other_said)
            seen.add(said == other_said)
        plain = nest.format("'plain'")
        assert take(plain)[1] == take(f"CAST(CAST({plain} AS CHAR) AS JSON)")[1]
    assert True in seen, "there are pairs that only their types tell apart"


def test_generated_columns(sql: Callable[..., None], take: Print) -> None:
    """A stored one counts, a virtual one holds nothing: two tables that differ in it alone are alike."""
    sql(
        "CREATE TABLE t (id INT PRIMARY KEY, s INT AS (id + 1) STORED, v INT AS (id + 1) VIRTUAL)",
        "INSERT INTO t (id) VALUES (1)",
    )
    sql(
        "CREATE TABLE u (id INT PRIMARY KEY, s INT AS (id + 1) STORED, v INT AS (id + 2) VIRTUAL)",
        "INSERT INTO u (id) VALUES (1)",
    )
    sql(
        "CREATE TABLE w (id INT PRIMARY KEY, s INT AS (id + 2) STORED, v INT AS (id + 2) VIRTUAL)",
        "INSERT INTO w (id) VALUES (1)",
    )
    assert take("t") == take("u") != take("w")


def test_a_key_that_the_server_hides_is_a_column_like_others(sql: Callable[..., None], take: Print) -> None:
    """sql_generate_invisible_primary_key adds one, and information_schema may be told to keep silent about it."""
    sql("SET sql_generate_invisible_primary_key = ON", "CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1), (1)")
    sql("SET sql_generate_invisible_primary_key = OFF")
    before = take("t")
    sql("UPDATE t SET my_row_id = 9 WHERE my_row_id = 1")
    assert take("t") != before


def test_a_server_that_warns_has_proven_nothing(sql: Callable[..., None], measurer: Session) -> None:
    """A row longer than max_allowed_packet becomes NULL with a warning, and drops out: that must be an error."""
    sql("CREATE TABLE t (id INT PRIMARY KEY, text LONGTEXT)", "INSERT INTO t VALUES (1, REPEAT('x', 40000000))")
    with pytest.raises(LifeboatError, match=r"answered with 1 warnings, so the answer proves nothing: warning 1301: "):
        sessions.rows_without_warnings(measurer, "SELECT BIT_XOR(UNHEX(SHA2(CONCAT(text, text), 256))) FROM prints.t")


def test_does_not_depend_on_what_the_server_is_set_to(
    mysql_server: MySQLServer, sql: Callable[..., None], take: Print, database: str
) -> None:
    """Time zone, SQL mode and limits of the server must not change what its data are."""
    sql("CREATE TABLE t (id INT PRIMARY KEY, at TIMESTAMP, text CHAR(10))")
    sql("INSERT INTO t VALUES (1, '2026-07-01 12:00:00', 'a'), (2, NULL, 'b')")
    before = take("t")
    odd = {
        "time_zone": "'+09:00'",
        "sql_mode": "'ANSI,PAD_CHAR_TO_FULL_LENGTH'",
        "sql_select_limit": "1",
        "max_execution_time": "1",
        "show_gipk_in_create_table_and_information_schema": "OFF",
    }
    try:
        mysql_server.sql(*(f"SET GLOBAL {name} = {value}" for name, value in odd.items()))
        with sessions.sessions(lambda: connect(mysql_server.settings()), 1) as (session,):
            assert measure(session, database, "t") == before
    finally:
        mysql_server.sql(*(f"SET GLOBAL {name} = DEFAULT" for name in odd), "SET GLOBAL time_zone = 'SYSTEM'")
