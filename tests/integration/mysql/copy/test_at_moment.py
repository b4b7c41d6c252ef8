"""What a copy must hold at a moment, by the log alone: exact to the transaction, and of other tables the witnesses around it tell."""

from collections.abc import Iterable

import pytest

from backups.services.base import Point
from backups.services.continuous import Expected
from backups.services.mysql.witness import witness
from backups.witness import Fact, compare
from tests.servers.mysql import MySQLServer, StartMySQL
from tests.servers.mysql_chain import Chain, Restored, StartChain


def differing(expected: Expected, observed: Iterable[Fact]) -> set[str]:
    """The tables of which the copy does not hold what the log says."""
    wanted = {(fact.subject, fact.metric) for fact in expected.facts}
    checks = compare(expected.facts, [fact for fact in observed if (fact.subject, fact.metric) in wanted])
    assert len(checks) == len(wanted)
    return {check.subject for check in checks if not check.passed}


def gtid(server: MySQLServer, number: int) -> str:
    return f"{server.value('SELECT @@server_uuid')}:{number}"


def last(server: MySQLServer) -> int:
    return int(str(server.value("SELECT @@GLOBAL.gtid_executed")).rpartition("-")[2])


def at(chain: Chain, point: Point) -> tuple[Restored, Expected]:
    restored = chain.restore(0).bring_back()
    return restored, advanced(chain, restored, 1, point)


def advanced(chain: Chain, restored: Restored, number: int, point: Point) -> Expected:
    """Do the log of backup `number` up to the point; returns what is expected there."""
    later = chain.later(number, restored)
    restored.copy.advance(later, point)
    return restored.copy.expected(later)


def test_the_last_transaction_is_in_and_the_next_is_not(start_mysql: StartMySQL, start_chain: StartChain) -> None:
    """A row that was written beside the log and a zone that is wrong are found by value at the later witness."""
    server = start_mysql(before="export TZ=CET-1")
    padding = ", ".join(f"({number}, REPEAT('x', 200))" for number in range(10, 400))
    server.sql(
        "CREATE DATABASE agama",
        "CREATE TABLE agama.keyed (id INT PRIMARY KEY, text VARCHAR(250))",
        f"INSERT INTO agama.keyed VALUES {padding}",
        "CREATE TABLE agama.quiet (id INT PRIMARY KEY, at TIMESTAMP)",
        "INSERT INTO agama.quiet VALUES (1, '2026-01-01 00:30:00')",
        "CREATE TABLE agama.keyless (id INT, text VARCHAR(9))",
        "INSERT INTO agama.keyless VALUES (1, 'a'), (1, 'a'), (NULL, NULL)",
        "CREATE TABLE agama.altered (id INT PRIMARY KEY, at DATETIME)",
        "INSERT INTO agama.altered VALUES (1, '2026-01-01 00:30:00')",
        "CREATE TABLE agama.stated (id INT PRIMARY KEY)",
        "CREATE TABLE agama.beside (id INT PRIMARY KEY)",
    )
    chain = start_chain(server)
    chain.backup()
    server.sql(
        "INSERT INTO agama.keyless VALUES (2, 'b'), (1, 'a'), (2, 'b')",
        "UPDATE agama.keyless SET text = 'c' WHERE id = 1 LIMIT 1",
        "DELETE FROM agama.keyless WHERE id = 2 LIMIT 1",
        "ALTER TABLE agama.altered MODIFY at TIMESTAMP NULL",
        "SET sql_log_bin = 0",
        "INSERT INTO agama.beside VALUES (1)",
        "SET sql_log_bin = 1",
        "INSERT INTO agama.keyed VALUES (1, 'one'), (2, 'two')",
        "FLUSH BINARY LOGS",
        "UPDATE agama.keyed SET text = 'other' WHERE id < 20",
    )
    number = last(server)
    server.sql(
        "DELETE FROM agama.keyed WHERE id = 1",
        "INSERT INTO agama.beside VALUES (2)",
        "SET binlog_format = STATEMENT",
        "INSERT INTO agama.stated VALUES (1)",
    )
    after = last(server)
    chain.backup()

    restored, expected = at(chain, Point(position=gtid(server, number)))
    told = {fact.subject for fact in expected.facts}
    assert told >= {"agama.keyed", "agama.quiet", "agama.keyless"}
    assert set(expected.untold) >= {"agama.altered"}
    assert not told & set(expected.untold)
    assert differing(expected, restored.copy.observe()) == set()
    # It lacks the last transaction, in part; it has done the next one, too.
    restored.sql("SET GLOBAL super_read_only = OFF", "SET GLOBAL read_only = OFF")
    for harm in ("UPDATE agama.keyed SET text = 'two' WHERE id = 2", "DELETE FROM agama.keyed WHERE id = 1"):
        undo = {"U": "UPDATE agama.keyed SET text = 'other' WHERE id = 2", "D": "INSERT INTO agama.keyed VALUES (1, 'other')"}
        restored.sql(harm)
        assert differing(expected, restored.copy.observe()) == {"agama.keyed"}, harm
        restored.sql(undo[harm[0]])
    assert differing(expected, restored.copy.observe()) == set()
    # One of two equal rows is another, and as many rows are there.
    restored.sql("UPDATE agama.keyless SET id = 2, text = 'b' WHERE text = 'a' LIMIT 1")
    assert differing(expected, restored.copy.observe()) == {"agama.keyless"}

    # The moment before that transaction is another one, by a replay that really ends there.
    earlier, less = at(chain, Point(position=gtid(server, number), before=True))
    found = list(earlier.copy.observe())
    assert differing(less, found) == set()
    assert differing(expected, found) == {"agama.keyed"}

    # A statement may have changed any table: from there on the log tells of none. What another zone makes of one before it, and a
    # row that is in no log, differ from what the source held later.
    wrong = chain.restore(0)
    for fetched in wrong.copy._chain:
        fetched.manifest.details["system_offset"] = 0
    wrong.bring_back()
    later = chain.later(1, wrong)
    wrong.copy.advance(later, Point(position=gtid(server, after)))
    nothing = wrong.copy.expected(later)
    assert nothing.facts == ()
    assert set(nothing.untold) >= told | {"agama.stated"}
    assert all(nothing.untold.values())
    wrong.copy.advance_to_witness(later)
    wrong.manifest = chain.backups[1].manifest
    assert {check.subject for check in wrong.differences()} == {"agama.altered", "agama.beside"}


def test_a_moment_in_the_bridge_is_told_from_the_chain_before(
    start_mysql: StartMySQL, start_chain: StartChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows are hashed with the secret of that chain, not of the full after it; that chain is from before sums were kept."""
    server = start_mysql()
    server.sql("CREATE DATABASE agama", "CREATE TABLE agama.t (id INT PRIMARY KEY, text TEXT)")
    rows = ", ".join(f"({number}, REPEAT('x', 200))" for number in range(200))
    server.sql(f"INSERT INTO agama.t VALUES {rows}")
    for name in ("still", "written"):
        server.sql(f"CREATE TABLE agama.{name} (id INT, text TEXT)", f"INSERT INTO agama.{name} VALUES {rows}, {rows}")
    chain = start_chain(server)
    with monkeypatch.context() as before:
        before.setattr(witness, "OF_ROWS", witness.OF_ROWS.model_copy(update={"keyless_form": "digest"}))
        chain.backup()
    # As it was written then.
    del chain.backups[0].manifest.details["form"]["keyless_form"]
    server.sql("INSERT INTO agama.t VALUES (1001, 'a')", "DELETE FROM agama.written WHERE id = 7 LIMIT 1")
    chain.backup()
    assert chain.details(1).form == chain.details(0).form
    assert "scanned: 1 table, since it has no key, and its chain is from before sums of its rows were kept" in chain.said
    assert any("1 carried through it" in line for line in chain.said)

    server.sql("DELETE FROM agama.t WHERE id = 7", "DELETE FROM agama.written WHERE id = 8 LIMIT 1")
    number = last(server)
    server.sql("DELETE FROM agama.t WHERE id < 9", "SET sql_log_bin = 0", "UPDATE agama.t SET text = 'y' WHERE id = 9")
    full = chain.backup(anew=True)
    assert chain.details(0).form.row_secret != chain.details(2).form.row_secret
    assert (chain.details(0).form.keyless_form, chain.details(2).form.keyless_form) == ("digest", "sums")
    # What has a key is compared in that chain's form.
    assert [limit for limit in full.limits if limit.startswith("agama.t: the source changed without its log saying so")]
    assert not [limit for limit in full.limits if "agama.still" in limit or "agama.written" in limit]

    restored = chain.restore(1).bring_back()
    assert restored.differences() == []
    expected = advanced(chain, restored, 2, Point(position=gtid(server, number)))
    assert {fact.metric: fact.value for fact in expected.facts if fact.subject == "agama.t"}["rows"] == 200
    assert "agama.still" in {fact.subject for fact in expected.facts}
    assert "its chain is from before" in expected.untold["agama.written"]
    assert differing(expected, restored.copy.observe()) == set()
