"""A table that several sessions read in ranges has the fingerprint that one session reads, wherever it is cut."""

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from backups.services.mysql.details import Form
from backups.services.mysql.source.connection import Session, connect, rows
from backups.services.mysql.witness import catalogue, data, fingerprint, ranges, sessions, witness
from backups.services.mysql.witness.catalogue import Catalogue, Table
from backups.services.mysql.witness.data import ChangedMeanwhile
from backups.services.mysql.witness.ranges import Range
from backups.witness import Fact
from tests.servers.mysql import MySQLServer

_DATABASE = "ranged"
_FORMS = [
    (Form(), None),
    (Form(json_values="typed", kinds=("counters",), row_secret="5e" * 32), None),
    (Form(row_secret="5e" * 32), Form(row_secret="7a" * 32)),
    (Form(row_secret="5e" * 32), Form()),
]
_WIDTHS = {"TINYINT": 8, "SMALLINT": 16, "MEDIUMINT": 24, "INT": 32, "BIGINT": 64}


@pytest.fixture(scope="module")
def server(mysql_server: MySQLServer) -> Iterator[MySQLServer]:
    mysql_server.sql(f"DROP DATABASE IF EXISTS {_DATABASE}", f"CREATE DATABASE {_DATABASE}")
    yield mysql_server
    mysql_server.sql(f"DROP DATABASE {_DATABASE}")


@pytest.fixture
def sql(server: MySQLServer) -> Iterator[Callable[..., None]]:
    """Run statements; the tables that they make are gone afterwards."""
    yield lambda *statements: server.sql(*statements, database=_DATABASE)
    for (table,) in server.rows(f"SHOW TABLES FROM {_DATABASE}"):
        server.sql(f"DROP TABLE {_DATABASE}.`{table}`")


@pytest.fixture
def readers(server: MySQLServer, sql: Callable[..., None]) -> Iterator[list[Session]]:
    """Sessions that are closed, and hold no table, before the tables go."""
    with sessions.sessions(lambda: connect(server.settings()), 3) as opened:
        yield opened


@pytest.fixture
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "large", lambda tables, pages, readers: list(tables) if readers > 1 else [])


@pytest.fixture
def conditions(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The conditions that each table is read by; an empty one: as a whole."""
    seen: dict[str, list[str]] = {}
    really = fingerprint.query

    def query(schema: str, table: str, *arguments: Any, where: str = "", **more: Any) -> str:
        seen.setdefault(table, []).append(where)
        return really(schema, table, *arguments, where=where, **more)

    monkeypatch.setattr(fingerprint, "query", query)
    return seen


def tables_of(session: Session) -> Catalogue:
    found = catalogue.read(session)
    mine = tuple(table for table in found.tables if table.schema == _DATABASE)
    return Catalogue(mine, (), frozenset(), pages=found.pages)


def state(server: MySQLServer, readers: Sequence[Session], form: Form = _FORMS[0][0], earlier: Form | None = None) -> list[Fact]:
    for reader in readers:
        rows(reader, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
    return data.data_of(readers, tables_of(readers[0]), lambda: connect(server.settings()), form, earlier=earlier)


def keys(chance: random.Random, width: int, *, unsigned: bool) -> list[int]:
    """Nothing, one, or many: in runs, with gaps, at the limits of the type, around zero."""
    low, high = (0, 2**width - 1) if unsigned else (-(2 ** (width - 1)), 2 ** (width - 1) - 1)
    found: set[int] = set()
    for _ in range(chance.choice([0, 1, 1, 2, 3])):
        start = chance.choice([low, high - 100, chance.randint(low, high), max(low, -50)])
        step = chance.choice([1, 1, 7, 2 ** (width // 2)])
        found |= {key for key in range(start, start + step * chance.choice([1, 2, 90]), step) if low <= key <= high}
    return sorted(found | {key for key in (low, high) if chance.random() < 0.3})


def shape(chance: random.Random, kind: str) -> str:
    """A table's definition: how its key is made, and what else could lure the server away from it."""
    key = chance.choice(["PRIMARY KEY (id)", "PRIMARY KEY (id DESC)", "PRIMARY KEY (id, n)", "PRIMARY KEY (id, n DESC)"])
    index = chance.choice(
        ["", ", KEY k (id, n, t(9))", ", UNIQUE KEY k (n, id)", ", KEY k (n)", ", KEY k (id, n), KEY l (n, id)"]
    )
    option = chance.choice(["", "ROW_FORMAT=COMPRESSED", "ROW_FORMAT=REDUNDANT", "STATS_PERSISTENT=0"])
    return f"(n INT NOT NULL, id {kind} NOT NULL, t TEXT, j JSON, {key}{index}) {option}"


@pytest.mark.usefixtures("everything_is_large")
def test_ranges_come_to_what_one_session_reads(
    server: MySQLServer, sql: Callable[..., None], readers: list[Session], conditions: dict[str, list[str]]
) -> None:
    """Random keys of every integer type: rows, fingerprint, the one in the earlier form, and the counter."""
    chance, kinds = random.Random(14), [(name, width, sign) for name, width in _WIDTHS.items() for sign in (False, True)]
    for number, (name, width, unsigned) in enumerate(kinds * 2):
        kind = name + " UNSIGNED" * unsigned + " ZEROFILL" * (unsigned and number >= len(kinds))
        values = [f"({chance.randint(0, 9)}, {key}, REPEAT('x', {chance.choice([0, 9, 20000])}), '[1]')" for key in keys(chance, width, unsigned=unsigned)]  # fmt: skip
        sql(f"CREATE TABLE t{number} {shape(chance, kind)}")
        if values:
            sql(f"INSERT INTO t{number} VALUES {', '.join(values)}")
    sql(
        "SET sql_generate_invisible_primary_key = ON",
        "CREATE TABLE hidden (a INT)",
        "CREATE TABLE counted (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY)",
        "INSERT INTO hidden SELECT 1 FROM information_schema.columns LIMIT 500",
        "INSERT INTO counted SELECT NULL FROM information_schema.columns LIMIT 500",
    )
    for form, earlier in _FORMS:
        assert state(server, readers, form, earlier) == state(server, readers[:1], form, earlier)
    cut = {table for table, seen in conditions.items() if any(seen)}
    assert {"hidden", "counted"} <= cut
    assert len(cut) > len(kinds)


def test_source_and_copy_are_both_read_in_ranges(
    server: MySQLServer, sql: Callable[..., None], conditions: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what the server's statistics say of its size."""
    monkeypatch.setattr(ranges, "LARGE", 16)
    sql(
        "CREATE TABLE large (id INT AUTO_INCREMENT PRIMARY KEY, t TEXT)",
        "CREATE TABLE small (id INT PRIMARY KEY)",
        "INSERT INTO large (t) SELECT REPEAT('x', 7000) FROM information_schema.columns LIMIT 400",
        "ANALYZE TABLE large",
    )

    def opened() -> Session:
        return connect(server.settings())

    taken = witness.take(opened, connections=2, say=lambda line: None)
    # A few ranges more than the eight that were wanted at most: estimates are estimates.
    assert 2 <= len(conditions["large"]) <= 16
    assert conditions["small"] == [""]
    held = [server.value(f"SELECT COUNT(*) FROM {_DATABASE}.large WHERE {condition}") for condition in conditions["large"]]
    assert sum(held) == 400
    assert max(held) <= 200, "the server's estimates are of use"
    at_source = len(conditions["large"])
    observed = witness.observe(opened, connections=3, form=taken.form, stated=taken.facts)
    assert len(conditions["large"]) - at_source >= 3
    assert all(conditions["large"])
    mine = [[fact for fact in facts if fact.subject == f"{_DATABASE}.large"] for facts in (taken.facts, observed)]
    assert mine[0] == mine[1]
    assert {fact.metric for fact in mine[0]} == {"rows", "fingerprint", "definition", "next number is free"}


def test_so_do_any_other_bounds(server: MySQLServer, sql: Callable[..., None], readers: list[Session]) -> None:
    """Exactness is owed to no estimate."""
    chance = random.Random(15)
    sql("CREATE TABLE t (id BIGINT, n INT, PRIMARY KEY (id, n), KEY k (n, id))")
    here = keys(chance, 64, unsigned=False) + list(range(-300, 300, 3))
    sql(f"INSERT INTO t VALUES {', '.join(f'({key}, {n})' for key in sorted(set(here)) for n in (0, 1))}")
    (table,) = tables_of(readers[0]).tables
    whole = part(readers[0], table, None)
    for _ in range(100):
        inner = sorted({chance.choice([*here, *range(-310, 310), 2**63 - 1, -(2**63)]) for _ in range(chance.randint(0, 6))})
        each = [Range("id", start, end) for start, end in itertools.pairwise([None, *inner, None])]
        assert fingerprint.joined([part(chance.choice(readers), table, within) for within in each]) == whole, inner


def part(session: Session, table: Table, within: Range | None) -> tuple[int, str]:
    index, where = (ranges.KEY, within.condition) if within else (None, "")
    statement = fingerprint.query(table.schema, table.name, table.columns, keyed=True, index=index, where=where)
    return fingerprint.value(sessions.rows_without_warnings(session, statement)[0])


LURES = [
    "id INT PRIMARY KEY, v INT, KEY k (v)",
    "id INT PRIMARY KEY, v INT, KEY k (id, v)",
    "id INT PRIMARY KEY, v INT, UNIQUE KEY k (id, v), KEY l (v, id)",
    "id INT, v INT, PRIMARY KEY (id, v), UNIQUE KEY k (v, id)",
    "id INT, v INT, PRIMARY KEY (id DESC, v), KEY k (id, v)",
    "id INT PRIMARY KEY, v INT, UNIQUE KEY k (id)",
]


def test_a_range_is_read_where_the_rows_are_stored(sql: Callable[..., None], readers: list[Session]) -> None:
    """Not from an index that holds the same columns, however much of the table the range is."""
    numbers = ", ".join(f"({number}, {number})" for number in range(900))
    for number, columns in enumerate(LURES):
        sql(f"CREATE TABLE s{number} ({columns})", f"INSERT INTO s{number} (id, v) VALUES {numbers}", f"ANALYZE TABLE s{number}")
    lured = 0
    for table in tables_of(readers[0]).tables:
        for within in (Range("id", None, 10), Range("id", 10, 500), Range("id", 500, None), Range("id", None, 10**6), Range("id", None, None)):  # fmt: skip
            statement = fingerprint.query(
                table.schema, table.name, table.columns, keyed=True, index=ranges.KEY, where=within.condition
            )
            plan = rows(readers[0], f"EXPLAIN FORMAT=TREE {statement}")[0][0]
            assert f"on {table.name} using PRIMARY" in plan or f"Table scan on {table.name}" in plan, plan
            assert "using k" not in plan, plan
            assert "using l" not in plan, plan
            free = statement.replace(" FORCE INDEX (`PRIMARY`)", "")
            lured += "using PRIMARY" not in rows(readers[0], f"EXPLAIN FORMAT=TREE {free}")[0][0]
    assert lured >= len(LURES) // 2, "the server would read an index of these tables, were it not told otherwise"


WHOLE = {
    "no key": "(id INT NOT NULL)",
    "a unique key only": "(id INT NOT NULL UNIQUE)",
    "text": "(id VARCHAR(9) COLLATE utf8mb4_0900_ai_ci PRIMARY KEY)",
    "bytes": "(id BINARY(4) PRIMARY KEY)",
    "a decimal": "(id DECIMAL(9, 2) PRIMARY KEY)",
    "a float": "(id DOUBLE PRIMARY KEY)",
    "a year": "(id YEAR PRIMARY KEY)",
    "an enumeration": "(id ENUM('2010', '2011') PRIMARY KEY)",
    "its integer comes second": "(name CHAR(9) DEFAULT '', id INT, PRIMARY KEY (name, id))",
    "another engine": "(id INT PRIMARY KEY) ENGINE=MyISAM",
    "in memory": "(id INT PRIMARY KEY) ENGINE=MEMORY",
    "partitions by hash": "(id INT PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 3",
    "partitions by key": "(id INT PRIMARY KEY) PARTITION BY KEY () PARTITIONS 3",
    "partitions by range": "(id INT PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION p VALUES LESS THAN (2011), PARTITION q VALUES LESS THAN MAXVALUE)",
    "partitions by columns": "(id INT PRIMARY KEY) PARTITION BY RANGE COLUMNS (id) (PARTITION q VALUES LESS THAN (MAXVALUE))",
}


@pytest.mark.usefixtures("everything_is_large")
def test_what_is_not_surely_ordered_as_it_is_compared_is_read_whole(
    server: MySQLServer, sql: Callable[..., None], readers: list[Session], conditions: dict[str, list[str]]
) -> None:
    for number, definition in enumerate(WHOLE.values()):
        sql(f"CREATE TABLE w{number} {definition}", f"INSERT INTO w{number} (id) VALUES ('2010'), ('2011')")
    sql("CREATE TABLE cut (id INT PRIMARY KEY)", "INSERT INTO cut VALUES (2010), (2011)")
    state(server, readers)
    assert any(conditions.pop("cut"))
    assert conditions == {f"w{number}": [""] for number in range(len(WHOLE))}


@pytest.mark.usefixtures("everything_is_large")
def test_a_row_in_a_partition_that_it_does_not_belong_to_is_read(
    server: MySQLServer, sql: Callable[..., None], readers: list[Session]
) -> None:
    """A range would pass it by, on the source and on its copy: it could be lost, and nobody would see it."""
    sql(
        "CREATE TABLE t (id INT PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION p VALUES LESS THAN (10), PARTITION q VALUES LESS THAN MAXVALUE)",
        "CREATE TABLE stray (id INT PRIMARY KEY)",
        "INSERT INTO t VALUES (1), (50)",
        "INSERT INTO stray VALUES (3), (40)",
        "ALTER TABLE t EXCHANGE PARTITION p WITH TABLE stray WITHOUT VALIDATION",
    )
    facts = {(fact.subject, fact.metric): fact.value for fact in state(server, readers)}
    assert facts[f"{_DATABASE}.t", "rows"] == 3


@pytest.mark.usefixtures("everything_is_large")
@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE t FORCE",
        "ALTER TABLE t DROP PRIMARY KEY",
        "ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (v, id)",
        "ALTER TABLE t RENAME COLUMN id TO number",
        "ALTER TABLE t MODIFY id BIGINT NOT NULL",
        "TRUNCATE t",
        "DROP TABLE t",
    ],
)
@pytest.mark.parametrize("when", ["before it is cut", "before it is read"])
def test_a_table_that_changes_meanwhile_voids_the_round(
    server: MySQLServer,
    sql: Callable[..., None],
    readers: list[Session],
    monkeypatch: pytest.MonkeyPatch,
    change: str,
    when: str,
) -> None:
    """Also when only the key has changed that its ranges are of; and nothing that was cut keeps DDL waiting."""
    sql("CREATE TABLE t (id INT PRIMARY KEY, v INT NOT NULL)", "INSERT INTO t VALUES (1, 9), (2, 8), (3, 7)")
    module, name = (ranges, "cut") if when == "before it is cut" else (fingerprint, "query")
    really, sent = getattr(module, name), [change]

    def after_a_change(*arguments: object, **more: object) -> object:
        if sent:
            sql(sent.pop())
        return really(*arguments, **more)

    monkeypatch.setattr(module, name, after_a_change)
    for reader in readers[:2]:
        rows(reader, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
    found = tables_of(readers[2])
    with pytest.raises(ChangedMeanwhile):
        data.data_of(readers[:2], found, lambda: connect(server.settings()))
    assert not sent
