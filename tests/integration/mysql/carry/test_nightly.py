"""Incrementals that read only what their log does not tell of: what they state, what a change beside the log does, and its drill."""

import pytest

from backups.errors import ChainBroken
from backups.services.mysql.carry import rotation
from tests.servers.mysql import MySQLServer, StartMySQL
from tests.servers.mysql_chain import StartChain


@pytest.fixture
def server(start_mysql: StartMySQL) -> MySQLServer:
    server = start_mysql()
    server.sql("CREATE DATABASE w")
    return server


@pytest.fixture(autouse=True)
def _none_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tables stand for large ones, which are not read each time."""
    monkeypatch.setattr(rotation, "SMALL", 0)


def test_a_change_beside_the_log_is_found_in_its_turn_and_ends_the_chain(server: MySQLServer, start_chain: StartChain) -> None:
    # By what they are to read: the first night reads `large`, the second `secretly`, `twice` waits, and `other` for the seventh.
    secretly, other, twice = "secretly", "other", "twice"
    for name in (secretly, other, "large", "new", twice):
        key = "" if name in (secretly, twice) else "PRIMARY KEY"
        server.sql(f"CREATE TABLE w.{name} (id INT {key}, v TEXT, n INT)")
    filled = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {}) SELECT n, REPEAT('x', 100), n FROM s"
    counts = {secretly: 880, "large": 950, other: 999, twice: 780}
    server.sql(*(f"INSERT INTO w.{name} {filled.format(rows)}" for name, rows in counts.items()))
    # Rows that are equal: the first twenty.
    server.sql(*(f"INSERT INTO w.{name} {filled.format(20)}" for name in (secretly, twice)))
    server.sql(f"ANALYZE TABLE w.{secretly}, w.{other}, w.large, w.{twice}")
    server.sql("CREATE TABLE w.alike (id INT, v TEXT)", f"INSERT INTO w.alike SELECT 1, v FROM w.{other} LIMIT 200")
    chain = start_chain(server)
    full = chain.backup()
    assert chain.details().carried == {}
    assert (bool(chain.details().form.row_secret), chain.details().form.keyless_form) == (True, "sums")

    server.sql(f"UPDATE w.{secretly} SET n = 7 WHERE id = 8", f"DELETE FROM w.{secretly} WHERE id = 9 LIMIT 1")
    server.sql(f"DELETE FROM w.{twice} WHERE id = 5 LIMIT 1", f"INSERT INTO w.{twice} SELECT * FROM w.{twice} WHERE id < 9")
    server.sql(
        "INSERT INTO w.new VALUES (1, 'a', 1)",
        "ALTER TABLE w.new ADD z INT",
        "SET sql_log_bin = 0",
        f"UPDATE w.{other} SET n = 0",
    )
    server.sql("DELETE FROM w.alike LIMIT 3", "UPDATE w.alike SET id = NULL LIMIT 2")
    # One of two equal rows each; the second table has as many rows as before.
    server.sql("SET sql_log_bin = 0", f"DELETE FROM w.{secretly} WHERE id = 3 LIMIT 1")
    server.sql("SET sql_log_bin = 0", f"UPDATE w.{twice} SET id = 4 WHERE id = 3 LIMIT 1")
    first = chain.backup()
    # Both are what the log says, which is not what the source holds: nothing was read that could tell.
    assert {f"w.{other}", f"w.{secretly}", f"w.{twice}", "sys.sys_config"} <= set(chain.details().carried[full.id])
    assert "w.large" not in chain.details().carried[full.id]
    assert "w.new" not in chain.details().carried[full.id]
    rows = {fact.subject: fact.value for fact in first.witness if fact.metric == "rows"}
    assert (rows[f"w.{secretly}"], rows[f"w.{twice}"], rows["w.new"]) == (899, 800 - 1 + 15, 1)
    assert chain.details().form == chain.details(0).form
    assert first.partial is None
    assert not [line for line in chain.said if "the throw-away server does not" in line]

    second = chain.backup()
    details = chain.details()
    assert details.unlogged == (f"w.{secretly}",)
    assert {f"w.{other}", f"w.{twice}", "w.alike"} <= set(details.carried[full.id])
    assert second.partial == "1 table changed without the log saying so"
    (limit,) = [limit for limit in second.limits if "without its log saying so" in limit]
    assert limit.startswith(f"w.{secretly}: the source changed without its log saying so")
    assert f"since {full.id}" in limit
    assert "rows: 899 by the log, 898 by the table" in limit
    with pytest.raises(ChainBroken, match=f"did not tell of every change of w.{secretly}"):
        chain.backup()

    # A full compares all that the log since the chain before claims, and begins a chain that can be built on. It finds nothing
    # wrong with `alike`, whose rows are equal, and which only the log has told of until now.
    third = chain.backup(anew=True)
    limits = [limit for limit in third.limits if "without its log saying so" in limit]
    for limit, name, count in zip(limits, (other, twice), (999, 814), strict=True):
        assert limit.startswith(f"w.{name}: the source changed without its log saying so, between {full.id} and this full")
        assert f"fingerprint of its {count} rows" in limit
    assert third.partial == "2 tables changed without the log saying so"
    details = chain.details()
    assert (details.unlogged, details.carried) == ((), {})
    assert details.form.row_secret not in (None, chain.details(0).form.row_secret)
    chain.backups.pop()

    # The witness states what the source really held: the copy has what the log tells. What nobody has looked at is not known.
    restored = chain.restore().bring_back()
    assert {(check.subject, check.metric) for check in restored.differences()} == {
        (f"w.{secretly}", "rows"),
        (f"w.{secretly}", "fingerprint"),
    }
