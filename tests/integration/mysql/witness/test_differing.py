"""The rows by which two tables differ are found, whatever their keys and columns are, and nothing else is called different."""

import random
import time
from collections.abc import Iterator

import pytest

from backups.services.mysql.details import Form
from backups.services.mysql.source.connection import Session, connect, rows
from backups.services.mysql.witness import catalogue, differing, fingerprint, sessions
from backups.services.mysql.witness.catalogue import Table
from backups.services.mysql.witness.data import Counted
from backups.services.mysql.witness.differing import NotFound, Reader
from backups.services.traced import Row, Trace
from tests.servers.mysql import ROOT_PASSWORD, MySQLServer

FORM = Form(json_values="typed", row_secret="5e" * 32)
SCHEMAS = {
    "number": "id INT PRIMARY KEY, a VARCHAR(40), b JSON, c DECIMAL(9,2), d DATETIME(6), e BIT(3), f ENUM('x','y'), g BLOB",
    "text": "email VARCHAR(60) COLLATE utf8mb4_0900_ai_ci PRIMARY KEY, a INT, b TEXT",
    "two": "x BINARY(4), y DATE, a FLOAT, b GEOMETRY SRID 0, PRIMARY KEY (y, x)",
    "unique_alone": "k BIGINT UNSIGNED NOT NULL UNIQUE, a YEAR, b TIME(3), v INT GENERATED ALWAYS AS (a + 1) VIRTUAL",
    # The names that the queries give their own parts.
    "hashed": "row_hash INT PRIMARY KEY, lb_m JSON, lb_e INT, lb_json INT",
}
VALUES = {
    "number": "({n}, 'a{n}', JSON_OBJECT('n', {n}), {n}.25, '2026-01-01 00:00:00.000001', b'101', 'x', REPEAT(CHAR({n} % 250), 30))",
    "text": "('person{n}@example.org', {n}, REPEAT('t{n}', 20))",
    "two": "(LPAD({n}, 4, '0'), '2026-01-01' + INTERVAL {n} DAY, {n} / 3, ST_GeomFromText('POINT({n} 1)'))",
    "unique_alone": "(18446744073709550000 + {n}, 2000 + {n} % 100, '01:02:03.456', DEFAULT)",
    "hashed": "({n}, JSON_OBJECT('n', {n}), {n}, {n})",
}
CHANGES = {
    "number": {"a": "UPPER(a)", "b": "JSON_SET(b, '$.m', CAST('2026-01-01' AS DATE))", "c": "c + 0.01", "d": "d + INTERVAL 1 MICROSECOND",
               "e": "e ^ 1", "f": "'y'", "g": "CONCAT(g, 'z')"},
    "text": {"a": "a + 1", "b": "CONCAT(b, ' ')"},
    "two": {"a": "a + 1", "b": "ST_GeomFromText('POINT(0 0)')"},
    "unique_alone": {"a": "a + 1", "b": "b + INTERVAL 1000 MICROSECOND"},
    "hashed": {"lb_m": "JSON_SET(lb_m, '$.m', CAST('2026-01-01' AS DATE))", "lb_e": "lb_e + 1", "lb_json": "lb_json + 1"},
}  # fmt: skip


@pytest.fixture(scope="module")
def server(mysql_server: MySQLServer) -> Iterator[MySQLServer]:
    for database in ("right_ones", "wrong_ones"):
        mysql_server.sql(f"DROP DATABASE IF EXISTS {database}", f"CREATE DATABASE {database}")
        for table, columns in SCHEMAS.items():
            rows_of = ", ".join(VALUES[table].format(n=number) for number in range(1, 301))
            mysql_server.sql(f"CREATE TABLE {table} ({columns})", f"INSERT INTO {table} VALUES {rows_of}", database=database)
        mysql_server.sql("CREATE TABLE keyless (a INT)", "INSERT INTO keyless VALUES (1), (1)", database=database)
    yield mysql_server
    mysql_server.sql("DROP DATABASE right_ones", "DROP DATABASE wrong_ones")


@pytest.fixture
def both(server: MySQLServer) -> Iterator[tuple[Session, Session]]:
    with sessions.sessions(lambda: connect(server.settings(user="root", password=ROOT_PASSWORD)), 2) as (right, wrong):
        for session in (right, wrong):
            fingerprint.keep_secret(session, FORM.row_secret)
        yield right, wrong


def table(session: Session, database: str, name: str) -> Table:
    return next(each for each in catalogue.read(session).tables if (each.schema, each.name) == (database, name))


def reader(session: Session, database: str, name: str, seconds: float = 60) -> Reader:
    found = table(session, database, name)
    return Reader(session, found, differing.key_of(session, found), FORM, time.monotonic() + seconds)


def trace(both: tuple[Session, Session], name: str, *, expected: Counted | None = None, values: bool = False) -> Trace:
    right, wrong = both
    return differing.trace(
        name, reader(wrong, "wrong_ones", name), reader(right, "right_ones", name), expected=expected, values=values
    )


def whole(both: tuple[Session, Session], name: str) -> Counted:
    """Rows and fingerprint as the witness states them."""
    found = table(both[0], "right_ones", name)
    statement = fingerprint.query(found.schema, found.name, found.columns, keyed=True, typed_json=True, secret=True)
    return fingerprint.value(rows(both[0], statement)[0])


def change(both: tuple[Session, Session], *statements: str) -> None:
    for statement in statements:
        rows(both[1], statement)


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_rows_that_differ_are_named_with_the_columns_that_do(both: tuple[Session, Session], name: str) -> None:
    """Inside one transaction of the wrong side, which ends without having changed anything."""
    key = differing.key_of(both[1], table(both[1], "wrong_ones", name))
    order = ", ".join(key)
    rows(both[1], "START TRANSACTION")
    try:
        change(both, "USE wrong_ones", f"DELETE FROM {name} ORDER BY {order} LIMIT 2")
        for number, (column, value) in enumerate(CHANGES[name].items()):
            change(both, f"UPDATE {name} SET {column} = {value} ORDER BY {order} DESC LIMIT {number + 1}")
        extra = VALUES[name].format(n=9999 if name != "unique_alone" else 1599)
        change(both, f"INSERT INTO {name} VALUES {extra}")
        found = trace(both, name, expected=whole(both, name))
        again = trace(both, name, values=True)
    finally:
        rows(both[1], "ROLLBACK")
    changed = list(CHANGES[name])
    kinds = [row.kind for row in found.rows]
    assert kinds == ["missing"] * 2 + ["extra"] + ["changed"] * len(changed)
    assert found.total == len(kinds)
    # The last row had every change, the one before it all but the first, and so on.
    assert {frozenset(row.columns) for row in found.rows if row.kind == "changed"} == {
        frozenset(changed[start:]) for start in range(len(changed))
    }
    assert all([name for name, _ in row.key] == list(key) for row in found.rows)
    assert not any(row.values for row in found.rows)
    assert {column for row in again.rows for column, then, now in row.values if then != now} == set(changed)


def test_a_key_that_is_no_number_shows_as_its_hash_unless_values_are_asked_for(both: tuple[Session, Session]) -> None:
    rows(both[1], "START TRANSACTION")
    try:
        change(
            both, "DELETE FROM wrong_ones.text WHERE email = 'person7@example.org'", "DELETE FROM wrong_ones.number WHERE id = 7"
        )
        (secret,), (open_,), (number,) = (
            trace(both, "text").rows,
            trace(both, "text", values=True).rows,
            trace(both, "number").rows,
        )
    finally:
        rows(both[1], "ROLLBACK")
    hashed = rows(both[0], "SELECT SHA2('person7@example.org', 256)")[0][0]
    assert secret.key == (("email", f"sha256 {hashed[:12]}…"),)
    assert open_.key == (("email", "person7@example.org"),)
    assert number == Row("missing", (("id", "7"),))


def test_random_losses_are_all_found(both: tuple[Session, Session]) -> None:
    chance = random.Random(14)
    for _ in range(5):
        lost = chance.sample(range(1, 301), chance.randint(1, 20))
        rows(both[1], "START TRANSACTION")
        try:
            change(both, f"DELETE FROM wrong_ones.number WHERE id IN ({', '.join(map(str, lost))})")
            found = trace(both, "number", expected=whole(both, "number"))
        finally:
            rows(both[1], "ROLLBACK")
        assert {int(row.key[0][1]) for row in found.rows if row.kind == "missing"} == set(lost)
        assert found.total == len(lost) == len(found.rows)


def test_more_than_twenty_are_counted_and_twenty_named(both: tuple[Session, Session], monkeypatch: pytest.MonkeyPatch) -> None:
    rows(both[1], "START TRANSACTION")
    try:
        change(both, "UPDATE wrong_ones.number SET c = c + 1")
        found = trace(both, "number")
        monkeypatch.setattr(differing, "_MOST_HASHES", 50)
        few = trace(both, "number")
    finally:
        rows(both[1], "ROLLBACK")
    assert (len(found.rows), found.total) == (20, 300)
    assert (len(few.rows), few.total) == (20, None)


@pytest.mark.parametrize(
    ("expected", "why"),
    [((300, "00" * 32), "changed there since"), ((299, None), "changed there since"), ((0, "0"), "changed there since")],
)
def test_another_side_that_is_not_what_the_witness_has_proves_nothing(
    both: tuple[Session, Session], expected: tuple[int, str | None], why: str
) -> None:
    with pytest.raises(NotFound, match=why):
        trace(both, "number", expected=(expected[0], expected[1] or whole(both, "number")[1]))


def test_equal_tables_have_no_row_that_differs(both: tuple[Session, Session]) -> None:
    with pytest.raises(NotFound, match="no row that differs"):
        trace(both, "number", expected=whole(both, "number"))


def test_a_table_without_a_key_is_told(both: tuple[Session, Session]) -> None:
    with pytest.raises(NotFound, match="no key"):
        trace(both, "keyless")


def test_what_is_written_between_two_looks_is_noticed(both: tuple[Session, Session], monkeypatch: pytest.MonkeyPatch) -> None:
    right, wrong = reader(both[0], "right_ones", "number"), reader(both[1], "wrong_ones", "number")
    expected = whole(both, "number")
    really = Reader.hashes

    def hashes(self: Reader, parts: list[int]) -> dict[str, str]:
        found = really(self, parts)
        return dict(list(found.items())[1:]) if self is right else found

    monkeypatch.setattr(Reader, "hashes", hashes)
    rows(both[1], "START TRANSACTION")
    try:
        change(both, "UPDATE wrong_ones.number SET c = c + 1 WHERE id = 4")
        with pytest.raises(NotFound, match="written to there meanwhile"):
            differing.trace("number", wrong, right, expected=expected, values=False)
    finally:
        rows(both[1], "ROLLBACK")


def test_no_time_is_told(both: tuple[Session, Session]) -> None:
    slow = reader(both[0], "right_ones", "number", seconds=-1)
    with pytest.raises(NotFound, match="no time"):
        differing.trace("number", slow, slow, expected=None, values=False)
