"""A chain whose parts do not fit together is damaged, and the copy says which part and where."""

import pytest

from backups.errors import Damaged
from backups.manifest import Manifest
from backups.services.base import Fetched
from backups.services.mysql.copy import replay
from tests.servers.mysql import StartMySQL
from tests.servers.mysql_chain import Chain, StartChain


@pytest.fixture(params=[True, False], ids=["with GTIDs", "without GTIDs"])
def chain(request: pytest.FixtureRequest, start_mysql: StartMySQL, start_chain: StartChain) -> Chain:
    """A full and two incrementals, a row and a log file more in each."""
    server = start_mysql(gtid=request.param)
    server.sql("CREATE DATABASE agama", "CREATE TABLE agama.t (id INT PRIMARY KEY, text VARCHAR(20))")
    taken = start_chain(server)
    for number in range(3):
        server.sql(f"INSERT INTO agama.t VALUES ({number}, 'row {number}')")
        taken.backup()
        server.sql(f"UPDATE agama.t SET text = 'changed' WHERE id = {number}", "FLUSH BINARY LOGS")
    return taken


def test_damage_to_a_chain_is_reported(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    """One chain, damaged in every way that a repository, a disk or a bug could damage it."""
    monkeypatch.setattr(replay, "_OUT_OF_LOG", 1.0)

    def without_a_log(fetched: list[Fetched]) -> None:
        segment = chain.details(1).segments[0]
        (fetched[1].data / segment.path).unlink()

    with pytest.raises(Damaged, match=r"a binary log is missing from the chain: .* which backup agama-20261123T000001Z kept"):
        chain.restore(damage=without_a_log).copy.assemble()

    def without_a_backup(fetched: list[Fetched]) -> None:
        del fetched[1]

    with pytest.raises(
        Damaged, match=r"a binary log is missing from the chain: nothing holds binlog\.\d+:\d+ to binlog\.\d+:\d+"
    ):
        chain.restore(damage=without_a_backup).copy.assemble()

    def without_data(fetched: list[Fetched]) -> None:
        (fetched[0].data / "datadir").rename(fetched[0].data / "elsewhere")

    with pytest.raises(Damaged, match="backup agama-20261123T000000Z holds no datadir/"):
        chain.restore(damage=without_data).copy.assemble()

    def with_a_changed_log(fetched: list[Fetched]) -> None:
        """The row that an update looks for was never there: the log is not the clone's."""
        segment = chain.details(1).segments[0]
        path = fetched[1].data / segment.path
        content = path.read_bytes()
        assert b"changed" in content
        path.write_bytes(content.replace(b"changed", b"chAnged"))

    with pytest.raises(Damaged, match=r"the replay stopped at binlog\.\d+:\d+; wanted: binlog\.\d+:\d+.*; error \d+: "):
        chain.restore(damage=with_a_changed_log).bring_back()


def test_a_clone_that_holds_more_than_its_position_says_comes_back_equal(
    start_mysql: StartMySQL, start_chain: StartChain
) -> None:
    """Without GTIDs, under load, CLONE has done that: here the copy is given the log's first transactions before it is replayed."""
    server = start_mysql(gtid=False)
    server.sql(
        "CREATE DATABASE agama", "CREATE TABLE agama.t (id INT PRIMARY KEY, n INT)", "INSERT INTO agama.t VALUES (1, 1), (2, 2)"
    )
    chain = start_chain(server)
    chain.backup()
    first = ("INSERT INTO agama.t VALUES (3, 3)", "UPDATE agama.t SET n = 20 WHERE id = 2", "DELETE FROM agama.t WHERE id = 1")
    server.sql(*first, "UPDATE agama.t SET n = 30 WHERE id = 3", "INSERT INTO agama.t VALUES (1, 10)")
    chain.backup()
    restored = chain.restore()
    restored.copy.assemble()
    restored.copy.start()
    restored.sql(*first)
    restored.copy.replay()
    assert restored.differences() == []
    assert restored.sql("SELECT @@replica_exec_mode") == [("STRICT",)]


def test_damage_to_the_data_is_reported(chain: Chain) -> None:
    def cut(fetched: list[Fetched]) -> None:
        path = fetched[0].data / "datadir" / "mysql.ibd"
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    restored = chain.restore(damage=cut)
    with pytest.raises(Damaged, match=r"the server ended on the restored data: .*(mysqld got signal|mysql\.ibd)"):
        restored.bring_back()


def test_a_witness_beyond_the_log_is_not_reached(
    start_mysql: StartMySQL, start_chain: StartChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All log is there, and yet a transaction of the witness is in none of it: the replay must not wait for ever, nor pass."""
    monkeypatch.setattr(replay, "_OUT_OF_LOG", 1.0)
    server = start_mysql()
    server.sql("CREATE DATABASE agama", "CREATE TABLE agama.t (id INT PRIMARY KEY)", "INSERT INTO agama.t VALUES (1)")
    chain = start_chain(server)
    chain.backup()
    server.sql("INSERT INTO agama.t VALUES (2)")
    manifest = chain.backup()
    executed = manifest.details["end"]["gtid_executed"]

    def claiming(gtid_executed: str) -> None:
        details = {**manifest.details, "end": {**manifest.details["end"], "gtid_executed": gtid_executed}}
        chain.backups[1] = Fetched(Manifest.model_validate({**manifest.model_dump(), "details": details}), chain.backups[1].data)

    first, _, last = executed.rpartition("-")
    claiming(f"{first}-{int(last) + 1}")
    with pytest.raises(Damaged, match=r"the replay has not moved for \d+ s: it is at binlog\.\d+:\d+; wanted: "):
        chain.restore().bring_back()
    # As if the clone were of a later time than the witness.
    claiming(f"{first}-1")
    with pytest.raises(Damaged, match=r"transactions are not the witness's: .*missing: none, too many: "):
        chain.restore().bring_back()
