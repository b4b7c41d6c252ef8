"""What is called whole can be brought back: real sources with an encrypted log, and with a log that no copy could replay."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from backups.errors import ChainBroken
from backups.services.base import Point
from backups.services.mysql.binlog import pull
from backups.services.mysql.source import connection
from tests.servers.mysql import MySQLServer, StartMySQL
from tests.servers.mysql_chain import Restored, StartChain

if TYPE_CHECKING:
    from backups.services.mysql.details import MySQLDetails

FOREIGN = "11111111-1111-1111-1111-111111111111"
_KEYRING = (
    """echo '{"components": "file://component_keyring_file"}' > /usr/sbin/mysqld.my;"""
    """echo '{"path": "/tmp/keyring", "read_only": false}' > /usr/lib/mysql/plugin/component_keyring_file.cnf"""
)
_SEE_ALL = "GRANT RESOURCE_GROUP_USER ON *.* TO lifeboat@'%'"
"""Then a witness has no limits of its own."""
HARMLESS = (
    "CREATE TABLE w.fast (id INT PRIMARY KEY, engine VARCHAR(9) COMMENT 'DATA DIRECTORY ''/ext''') ENGINE=MEMORY",
    "INSERT INTO w.fast VALUES (1, 'x')",
    "CREATE TABLE w.copied SELECT * FROM w.mark",
    "DROP TABLE w.fast",
    "SET SESSION binlog_format = STATEMENT",
    "INSERT INTO w.note VALUES (1, 'CREATE TABLE t (id INT) DATA DIRECTORY = ''/tmp''')",
)


def _mark(server: MySQLServer, number: int) -> None:
    server.sql(f"INSERT INTO w.mark VALUES ({number})")


def _marks(restored: Restored) -> list[object]:
    return [row[0] for row in restored.sql("SELECT id FROM w.mark ORDER BY id")]


def test_a_source_with_an_encrypted_log_is_backed_up_in_full_again_and_again(
    start_mysql: StartMySQL, start_chain: StartChain
) -> None:
    """Its files are 512 bytes longer than their last position. A moment between two chains comes back too."""
    server = start_mysql("--binlog-encryption=ON", before=_KEYRING)
    server.sql(_SEE_ALL, "CREATE DATABASE w", "CREATE TABLE w.mark (id INT PRIMARY KEY)")
    chain = start_chain(server)
    chain.backup()
    _mark(server, 1)
    chain.backup()
    _mark(server, 2)
    second = _last_gtid(server)
    server.sql("FLUSH BINARY LOGS")
    _mark(server, 3)
    chain.backup(anew=True)
    details = chain.details()
    assert details.limits == ()
    assert details.bridge is not None
    assert [segment.file for segment in details.bridge.segments] == ["binlog.000002", "binlog.000003"]
    assert server.rows("SHOW BINARY LOGS")[1][2] == "Yes"
    _require_end_is_known(server, details)

    restored = chain.restore(1).bring_back()
    assert restored.differences() == []
    restored.copy.advance(chain.later(2, restored), Point(position=second))
    assert _marks(restored) == [1, 2]
    chain.backups = chain.backups[2:]
    restored = chain.restore().bring_back()
    assert (restored.differences(), _marks(restored)) == ([], [1, 2, 3])


def _last_gtid(server: MySQLServer) -> str:
    source, _, numbers = str(server.rows("SHOW BINARY LOG STATUS")[0][4]).partition(":")
    return f"{source}:{numbers.rpartition('-')[2]}"


def _require_end_is_known(server: MySQLServer, details: "MySQLDetails") -> None:
    """A chain's end is held against what the file really holds, to the byte."""
    connect: Callable[[], connection.Session] = lambda: connection.connect(server.settings())  # noqa: E731
    version = server.value("SELECT @@version")
    pull.require_continuation(connect, details, version)
    beyond = details.model_copy(update={"end": details.end.model_copy(update={"offset": details.end.offset + 1})})
    with pytest.raises(ChainBroken, match=f"but that file now ends at {details.end.offset}$"):
        pull.require_continuation(connect, beyond, version)


def test_a_log_that_no_copy_could_replay_is_not_called_whole(start_mysql: StartMySQL, start_chain: StartChain) -> None:
    """A table outside of the data directory that is gone by night, then the dump of another GTID server: a full is due each time."""
    server = start_mysql("--binlog-transaction-compression=ON", "--innodb-directories=/tmp")
    server.sql(
        _SEE_ALL,
        "CREATE DATABASE w",
        "CREATE TABLE w.mark (id INT PRIMARY KEY)",
        "CREATE TABLE w.note (id INT PRIMARY KEY, t TEXT)",
    )
    chain = start_chain(server)
    chain.backup()
    _mark(server, 1)
    first = _last_gtid(server)
    server.sql("CREATE TABLE w.ext DATA DIRECTORY='/tmp' SELECT * FROM w.mark", "DROP TABLE w.ext")
    with pytest.raises(ChainBroken) as caught:
        chain.backup()
    reason = caught.value.message
    assert reason.startswith(
        "the log holds a statement that no copy can run: DATA DIRECTORY puts files outside the data directory"
    )
    chain.backup(anew=True)
    details = chain.details()
    (limit,) = details.limits
    assert limit in chain.said
    assert limit.startswith("no moment from 20")
    assert limit.endswith(f" UTC up to this full can be brought back: {reason}")
    assert details.bridge is not None
    restored = chain.restore(0).bring_back()
    restored.copy.advance(chain.later(1, restored), Point(position=first))
    assert _marks(restored) == [1], "what was written before the table came is not lost"

    server.sql("SET SESSION sql_log_bin = 0", f"SET GLOBAL gtid_purged = '+{FOREIGN}:1-10'")
    chain.backups = chain.backups[-1:]
    with pytest.raises(ChainBroken) as caught:
        chain.backup()
    reason = caught.value.message
    assert reason == f"the source has transactions that its log does not hold: {FOREIGN}:1-10"
    chain.backup(anew=True)
    before, full = chain.backups
    details = chain.details()
    assert details.bridge is None
    assert details.limits == (
        f"no moment between {before.manifest.id} and this full can be brought back, unless its log was followed: {reason}",
    )
    assert [path.name for path in (full.data / "log").iterdir()] == [
        segment.path.removeprefix("log/") for segment in details.segments
    ]
    chain.backups = [full]
    server.sql(*HARMLESS)
    chain.backup()
    assert chain.restore().bring_back().differences() == []
