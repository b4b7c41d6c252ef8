"""What a log does not tell is recognised on a real server, table by table, and scanned; beside it, the others are carried."""

import uuid
from collections.abc import Sequence
from pathlib import Path

import pytest

from backups.services.mysql.carry.expected import Value, expected
from tests.integration.mysql.carry.measured import FORM, Measured, emptied, log_since, position
from tests.servers.mysql import MySQLServer

FILLED = (
    "(id INT PRIMARY KEY, n INT, j JSON, b LONGTEXT, KEY plus ((n + 1)), KEY list ((CAST(j->'$.l' AS UNSIGNED ARRAY))), "
    "CHECK (id > 0))"
)
KEPT = "carried"
CALLED = ["user", "event", "role", "server", "view", "definer", "sat\u0131r", "हिन्दी", "ตารางที่", "preis€", "テーブル"]
"""Names of tables that a server takes without quotes."""
CASES: dict[str, tuple[list[str], str, str]] = {
    # what is done -> statements, what becomes of t, what becomes of its neighbour, which is updated too, before it
    "ordinary": (["UPDATE t SET n = 5"], KEPT, KEPT),
    "several tables": (["UPDATE t, neighbour SET t.n = 8, neighbour.n = 8"], KEPT, KEPT),
    "large": (["UPDATE t SET b = REPEAT('x', 3000000) WHERE id = 1"], KEPT, KEPT),
    "too large": (["UPDATE t SET b = REPEAT('x', 17000000) WHERE id = 1"], "a row of 1700", KEPT),
    "minimal image": (["SET binlog_row_image = MINIMAL", "UPDATE t SET n = 5 WHERE id = 1"], "binlog_row_image is not FULL", KEPT),
    "an image without blobs": (["SET binlog_row_image = NOBLOB", "UPDATE t SET n = 5"], "binlog_row_image is not FULL", KEPT),
    "minimal delete": (["SET binlog_row_image = MINIMAL", "DELETE FROM t WHERE id = 1"], "binlog_row_image is not FULL", KEPT),
    "minimal insert": (["SET binlog_row_image = MINIMAL", "INSERT INTO t (id) VALUES (9)"], "binlog_row_image is not FULL", KEPT),
    "partial JSON": (
        ["SET binlog_row_value_options = PARTIAL_JSON", "UPDATE t SET j = JSON_SET(j, '$.a', 2)"],
        "JSON values that were logged in parts",
        KEPT,
    ),
    "compressed": (["SET binlog_transaction_compression = ON", "UPDATE t SET n = 5"], "a compressed transaction", "a compressed transaction"),
    "a statement": (["SET binlog_format = STATEMENT", "UPDATE t SET n = 5"], "rows are not told: UPDATE", "rows are not told: UPDATE"),
    "XA": (["XA START 'x'", "UPDATE t SET n = 5", "XA END 'x'", "XA PREPARE 'x'", "XA ROLLBACK 'x'"], "(XA)", "(XA)"),
    "XA at once": (["XA START 'y'", "UPDATE t SET n = 5", "XA END 'y'", "XA COMMIT 'y' ONE PHASE"], KEPT, KEPT),
    "altered": (["UPDATE t SET n = 5", "ALTER TABLE t ADD z INT FIRST, ALGORITHM=COPY"], "its definition has changed", KEPT),
    "altered and back": (["ALTER TABLE t ADD z INT", "UPDATE t SET z = 1", "ALTER TABLE t DROP z"], "defines it anew", KEPT),
    "truncated": (["TRUNCATE t"], "defines it anew", KEPT),
    "dropped and made anew": (["DROP TABLE t", f"CREATE TABLE t {FILLED}", "INSERT INTO t VALUES (1, 2, NULL, NULL)"], "defines it anew", KEPT),
    "another took its name": (["CREATE TABLE u LIKE t", "INSERT INTO u VALUES (4, 4, NULL, '')", "RENAME TABLE t TO gone, u TO t"], "defines it anew", KEPT),
    "its database went and came": (
        [
            *("DROP DATABASE {db}2", "CREATE DATABASE {db}2", f"CREATE TABLE {{db}}2.t {FILLED}"),
            "INSERT INTO {db}2.t VALUES (1, 2, NULL, NULL)",
        ],
        "kept",
        KEPT,
    ),
    "no key": (
        ["UPDATE t SET n = 5", "UPDATE keyless SET n = 5 LIMIT 1", "INSERT INTO keyless VALUES (5, 1)", "UPDATE hidden SET n = 5 LIMIT 1"],
        KEPT,
        KEPT,
    ),
    "no key, and less of what comes": (["SET binlog_row_image = MINIMAL", "UPDATE keyless SET n = 5"], "kept", KEPT),
    "no key before": (["DELETE FROM keyless LIMIT 1", "ALTER TABLE keyless ADD PRIMARY KEY (n)"], "kept", KEPT),
    "a trigger": (["CREATE TRIGGER tr AFTER INSERT ON t FOR EACH ROW UPDATE neighbour SET n = n + 1", "INSERT INTO t VALUES (8, 8, NULL, NULL)"], KEPT, KEPT),
    "undone": (["BEGIN", "UPDATE t SET n = 5", "SAVEPOINT s", "DELETE FROM t", "ROLLBACK TO s", "COMMIT"], KEPT, KEPT),
    "of a gone table": (["CREATE TABLE v (id INT PRIMARY KEY)", "INSERT INTO v VALUES (1)", "UPDATE t SET n = 5", "DROP TABLE v"], KEPT, KEPT),
    "tables of such names": ([f"TRUNCATE {name}" for name in CALLED], "kept", KEPT),
    "its name in a text": (["CREATE TABLE neighbour2 (a INT) COMMENT 'about t'", "UPDATE t SET n = 5"], KEPT, KEPT),
}  # fmt: skip


EVERYTHING = [case for case, (_, _, neighbour) in CASES.items() if neighbour != KEPT]
"""What keeps every table of the server from being carried, while it is in the log."""


def prepare(source: MySQLServer, database: str, called: Sequence[str] = ()) -> None:
    first = "(1, 1, '{\"a\": 1}', REPEAT('y', 500)), (2, NULL, NULL, NULL)"
    source.sql(
        *(f"CREATE DATABASE {database}{number}" for number in ("", "2")),
        *(f"CREATE TABLE {database}.{name} {FILLED}" for name in ("t", "neighbour")),
        f"CREATE TABLE {database}2.t {FILLED}",
        f"CREATE TABLE {database}.keyless (n INT, m INT)",
        *(f"CREATE TABLE {database}.`{name}` (n INT PRIMARY KEY)" for name in called),
        *(f"INSERT INTO {database}.`{name}` VALUES (1)" for name in called),
        *("SET sql_generate_invisible_primary_key = ON", f"CREATE TABLE {database}.hidden (n INT)"),
        f"INSERT INTO {database}.hidden VALUES (1), (1)",
        f"INSERT INTO {database}.keyless VALUES (1, 1), (1, 1)",
        *(f"INSERT INTO {table} VALUES {first}" for table in (f"{database}.t", f"{database}.neighbour", f"{database}2.t")),
    )


def unlike(value: Value | str, wanted: str) -> str | None:
    if isinstance(value, Value):
        became = "carried" if value.through_log else "kept"
        return None if became == wanted else f"{became}, not {wanted}"
    return None if wanted in value and wanted != KEPT else value


@pytest.mark.parametrize(
    "cases", [[case for case in CASES if case not in EVERYTHING], *([case] for case in EVERYTHING)], ids="; ".join
)
def test_what_a_log_does_not_tell_is_scanned_and_all_else_is_right(
    cases: list[str], source: MySQLServer, throw_away: MySQLServer, tmp_path: Path
) -> None:
    databases = {case: f"not_{uuid.uuid4().hex[:8]}" for case in cases}
    every = [f"{database}{number}" for database in databases.values() for number in ("", "2")]
    try:
        for case, database in databases.items():
            prepare(source, database, CALLED if case == "tables of such names" else ())
        before, begin = Measured(source, *every), position(source)
        for case, database in databases.items():
            changes = [each.format(db=database) for each in CASES[case][0]]
            source.sql("UPDATE neighbour SET n = 3 WHERE id = 2", *changes, database=database)
        now, pieces = Measured(source, *every), log_since(source, begin, tmp_path)
        found = expected(now.tables, now.definitions, before.known(), pieces, now.cascades, lambda: emptied(throw_away), FORM)
        assert {about: value.counted for about, value in found.items() if isinstance(value, Value)}.items() <= now.values.items()
        wrong = {
            (case, table): words
            for case, database in databases.items()
            for table, wanted in (("t", CASES[case][1]), ("neighbour", CASES[case][2]))
            if (words := unlike(found[f"{database}.{table}"], wanted))
        }
        assert not wrong
        if "no key" in cases:
            assert unlike(found[f"{databases['no key']}.keyless"], KEPT) is None
            fewer, another = (found[f"{databases[case]}.keyless"] for case in ("no key, and less of what comes", "no key before"))
            assert "binlog_row_image is not FULL" in str(fewer)
            assert another == "its definition has changed"
            assert unlike(found[f"{databases['no key']}.hidden"], KEPT) is None
    finally:
        source.sql(*(f"DROP DATABASE IF EXISTS {database}" for database in every))


def test_a_log_without_checksums_is_carried_too(source: MySQLServer, throw_away: MySQLServer, tmp_path: Path) -> None:
    source.sql(
        "SET GLOBAL binlog_checksum = NONE", "CREATE DATABASE unchecked", "CREATE TABLE unchecked.t (id INT PRIMARY KEY, n INT)"
    )
    try:
        source.sql("INSERT INTO unchecked.t VALUES (1, 1), (2, 2)")
        before, begin = Measured(source, "unchecked"), position(source)
        source.sql("UPDATE unchecked.t SET n = n + 5", "FLUSH BINARY LOGS", "DELETE FROM unchecked.t WHERE id = 2")
        now, pieces = Measured(source, "unchecked"), log_since(source, begin, tmp_path)
        found = expected(now.tables, now.definitions, before.known(), pieces, {}, lambda: emptied(throw_away), FORM)
        value = found["unchecked.t"]
        assert isinstance(value, Value)
        assert (value.counted, value.through_log) == (now.values["unchecked.t"], True)
    finally:
        source.sql("SET GLOBAL binlog_checksum = CRC32", "DROP DATABASE unchecked")


def test_children_of_a_cascade_that_the_engine_does_by_itself_are_scanned_however_far(
    source: MySQLServer, throw_away: MySQLServer, tmp_path: Path
) -> None:
    database = f"not_{uuid.uuid4().hex[:8]}"
    source.sql(
        *(f"CREATE DATABASE {database}", f"USE {database}", "CREATE TABLE p (id INT PRIMARY KEY)"),
        "CREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)",
        "CREATE TABLE g (id INT PRIMARY KEY, c INT, FOREIGN KEY (c) REFERENCES c (id) ON DELETE SET NULL)",
        "CREATE TABLE apart (id INT PRIMARY KEY, g INT, FOREIGN KEY (g) REFERENCES g (id))",
        "INSERT INTO p VALUES (1), (2)", "INSERT INTO c VALUES (1, 1), (2, 2)", "INSERT INTO g VALUES (1, 1), (2, 2)",
    )  # fmt: skip
    try:
        before, begin = Measured(source, database), position(source)
        source.sql(f"DELETE FROM {database}.p WHERE id = 1")
        now, pieces = Measured(source, database), log_since(source, begin, tmp_path)
        assert now.cascades == {}, "this server logs what it cascades"
        native = {(database, "p"): {(database, "c")}, (database, "c"): {(database, "g")}}
        known = before.known()
        found = expected(now.tables, now.definitions, known, pieces, native, lambda: emptied(throw_away), FORM)
        assert {about.partition(".")[2] for about, value in found.items() if "foreign key" in str(value)} == {"c", "g"}
    finally:
        source.sql(f"DROP DATABASE {database}")
