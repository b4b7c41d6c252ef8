"""What a copy must hold at a moment, by the log alone: exact to the transaction, and of other tables the witnesses around it tell."""

from collections.abc import Iterable

from backups.services.base import Point
from backups.services.continuous import Expected
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
    later = chain.later(1, restored)
    restored.copy.advance(later, point)
    return restored, restored.copy.expected(later)


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
        "CREATE TABLE agama.keyless (id INT)",
        "CREATE TABLE agama.altered (id INT PRIMARY KEY, at DATETIME)",
        "INSERT INTO agama.altered VALUES (1, '2026-01-01 00:30:00')",
        "CREATE TABLE agama.stated (id INT PRIMARY KEY)",
        "CREATE TABLE agama.beside (id INT PRIMARY KEY)",
    )
    chain = start_chain(server)
    chain.backup()
    server.sql(
        "INSERT INTO agama.keyless VALUES (1)",
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
    assert told >= {"agama.keyed", "agama.quiet"}
    assert set(expected.untold) >= {"agama.keyless", "agama.altered"}
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


def test_a_moment_in_the_bridge_is_told_from_the_chain_before(start_mysql: StartMySQL, start_chain: StartChain) -> None:
    """Its rows are hashed with the secret of that chain, not of the full after it."""
    server = start_mysql()
    server.sql("CREATE DATABASE agama", "CREATE TABLE agama.t (id INT PRIMARY KEY, text TEXT)")
    rows = ", ".join(f"({number}, REPEAT('x', 200))" for number in range(200))
    server.sql(f"INSERT INTO agama.t VALUES {rows}")
    chain = start_chain(server)
    chain.backup()
    server.sql("INSERT INTO agama.t VALUES (1001, 'a')", "DELETE FROM agama.t WHERE id = 7")
    number = last(server)
    server.sql("DELETE FROM agama.t")
    chain.backup(anew=True)
    assert chain.details(0).form.row_secret != chain.details(1).form.row_secret
    restored, expected = at(chain, Point(position=gtid(server, number)))
    assert {fact.metric: fact.value for fact in expected.facts if fact.subject == "agama.t"}["rows"] == 200
    assert differing(expected, restored.copy.observe()) == set()
