"""The binary log pulled from real servers is, byte for byte, what the server has on its disk."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backups.errors import ChainBroken
from backups.machine.wait import wait_until
from backups.services.mysql.binlog import pull as binlog
from backups.services.mysql.binlog.pull import Pulled
from backups.services.mysql.binlog.stream import LogError
from backups.services.mysql.details import MySQLDetails, Position
from backups.services.mysql.source import connection, source
from backups.services.mysql.versions import Version
from tests.servers.mysql import MySQLServer, StartMySQL

_IN_USE = 17 + 4
"""Where a file's first event keeps its flags: the lowest bit of the first byte says that the server still writes the file."""


def _connect(server: MySQLServer, **changes: object) -> Callable[[], connection.Session]:
    return lambda: connection.connect(server.settings(**changes))


def _position(server: MySQLServer) -> Position:
    with connection.connect(server.settings()) as session:
        return source.position(session, Version.parse(server.value("SELECT @@version")))


def _fresh_file(server: MySQLServer) -> Position:
    server.sql("FLUSH BINARY LOGS")
    return _position(server).model_copy(update={"offset": 0})


def _on_disk(server: MySQLServer, file: str, start: int, end: int) -> bytes:
    data = bytearray(server.binary_log(file)[:end])
    if len(data) > _IN_USE:
        data[_IN_USE] &= 0xFE
    return bytes(data[start:])


def _assert_equal_to_disk(server: MySQLServer, directory: Path, pulled: Pulled) -> None:
    for segment in pulled.segments:
        kept = (directory / segment.path).read_bytes()
        assert len(kept) == segment.end - segment.start
        assert kept == _on_disk(server, segment.file, segment.start, segment.end), segment


@pytest.mark.parametrize("tls", ["required", "disabled"])
def test_pulled_files_are_the_servers_files(start_mysql: StartMySQL, tmp_path: Path, tls: str) -> None:
    """Several files, many small events, over TLS and without."""
    server = start_mysql("--max-binlog-size=65536")
    # Without TLS only a server that remembers the password can be proven that we know it.
    _connect(server)().close()
    start = _fresh_file(server)
    with server.add_writer(ddl=True) as writer:
        writer.wait_for(800)
    end = _position(server)
    pulled = binlog.pull(_connect(server, tls=tls), start, end, tmp_path)
    assert len(pulled.segments) > 3
    assert [segment.start for segment in pulled.segments] == [0] * len(pulled.segments)
    assert (pulled.segments[-1].file, pulled.segments[-1].end) == (end.file, end.offset)
    _assert_equal_to_disk(server, tmp_path, pulled)
    assert pulled.created == binlog.created_stamp(_connect(server), end.file)


def test_pulled_in_pieces_is_the_same_as_pulled_at_once(mysql_server: MySQLServer, tmp_path: Path) -> None:
    """Two chains' worth of incrementals, put end to end, are the file; an incremental of nothing has no segment."""
    first = _fresh_file(mysql_server)
    with mysql_server.add_writer("pieces") as writer:
        writer.wait_for(200)
    middle = _position(mysql_server)
    with mysql_server.add_writer("pieces") as writer:
        writer.wait_for(200)
    mysql_server.sql("FLUSH BINARY LOGS", "DROP DATABASE pieces")
    end = _position(mysql_server)
    for name in ("once", "twice"):
        (tmp_path / name).mkdir()
    at_once = binlog.pull(_connect(mysql_server), first, end, tmp_path / "once")
    pieces = [
        binlog.pull(_connect(mysql_server), start, until, tmp_path / "twice")
        for start, until in ((first, middle), (middle, middle), (middle, end))
    ]
    assert pieces[1] == Pulled((), None)
    for segment in at_once.segments:
        parts = [part for piece in pieces for part in piece.segments if part.file == segment.file]
        assert [part.start for part in parts] == [0, *(part.end for part in parts[:-1])]
        assert (
            b"".join((tmp_path / "twice" / part.path).read_bytes() for part in parts)
            == (tmp_path / "once" / segment.path).read_bytes()
        )
    _assert_equal_to_disk(mysql_server, tmp_path / "twice", pieces[2])


def test_transactions_beyond_a_packet_are_pulled_whole(start_mysql: StartMySQL, tmp_path: Path) -> None:
    """A row of 20 MB is an event of two packets; one of just under 16 MB fills a packet."""
    server = start_mysql("--max-allowed-packet=64M", "--binlog-cache-size=64M")
    start = _fresh_file(server)
    server.sql("CREATE DATABASE big", "CREATE TABLE big.big (id INT AUTO_INCREMENT PRIMARY KEY, body LONGBLOB)")
    for size in (20_000_000, *range(0xFFFFFF - 60, 0xFFFFFF - 40, 9)):
        server.sql(f"INSERT INTO big.big (body) VALUES (REPEAT('x', {size}))")
    end = _position(server)
    pulled = binlog.pull(_connect(server), start, end, tmp_path)
    assert end.offset > 4 * (1 << 24)
    _assert_equal_to_disk(server, tmp_path, pulled)


def test_a_log_without_checksums_is_pulled(start_mysql: StartMySQL, tmp_path: Path) -> None:
    """binlog_checksum may be NONE."""
    server = start_mysql("--binlog-checksum=NONE")
    start = _fresh_file(server)
    with server.add_writer() as writer:
        writer.wait_for(50)
    pulled = binlog.pull(_connect(server), start, _position(server), tmp_path)
    _assert_equal_to_disk(server, tmp_path, pulled)


def test_a_position_inside_an_event_is_refused(mysql_server: MySQLServer, tmp_path: Path) -> None:
    """A witness's position is always an event's end; anything else is a fault, not a cut."""
    start = _fresh_file(mysql_server)
    mysql_server.sql("CREATE DATABASE inside", "DROP DATABASE inside")
    end = _position(mysql_server)
    with pytest.raises(LogError, match="inside an event"):
        binlog.pull(_connect(mysql_server), start, end.model_copy(update={"offset": end.offset - 3}), tmp_path)


def test_a_position_that_is_not_reached_is_an_error(mysql_server: MySQLServer, tmp_path: Path) -> None:
    """The log ends before it."""
    start = _fresh_file(mysql_server)
    end = _position(mysql_server)
    with pytest.raises(LogError, match="the log ended there; wanted up to"):
        binlog.pull(_connect(mysql_server), start, end.model_copy(update={"offset": end.offset + 1000}), tmp_path)


def test_two_pulls_at_a_time_do_not_end_one_another(mysql_server: MySQLServer, tmp_path: Path) -> None:
    """The server ends a replica's older dump when a newer one of the same identity starts; ours have none."""
    start = _fresh_file(mysql_server)
    with mysql_server.add_writer("at_once") as writer:
        writer.wait_for(500)
    mysql_server.sql("DROP DATABASE at_once")
    end = _position(mysql_server)
    with ThreadPoolExecutor(4) as pool:
        for number in range(4):
            (tmp_path / str(number)).mkdir()
        pulls = [pool.submit(binlog.pull, _connect(mysql_server), start, end, tmp_path / str(number)) for number in range(4)]
    assert len({pull.result() for pull in pulls}) == 1


def _chain(server: MySQLServer, **changes: object) -> MySQLDetails:
    """A chain that ends at the server's present position."""
    end = _position(server)
    return MySQLDetails(
        **{
            "server_uuid": server.value("SELECT @@server_uuid"),
            "gtid": end.gtid_executed is not None,
            "start": end,
            "end": end,
            "log_created": binlog.created_stamp(_connect(server), end.file),
            "segments": (),
            "variables": {},
            "plugins": (),
            "lock_seconds": 0.0,
            "lock_attempts": 1,
            **changes,
        }
    )


def _require(server: MySQLServer, chain: MySQLDetails, version: str | None = None) -> None:
    binlog.require_continuation(_connect(server), chain, version or server.value("SELECT @@version"))


def test_an_unbroken_log_continues_the_chain(mysql_server: MySQLServer, mysql_server_without_gtid: MySQLServer) -> None:
    """With GTIDs and without; also after the log went on to other files."""
    for server in (mysql_server, mysql_server_without_gtid):
        chain = _chain(server)
        server.sql("FLUSH BINARY LOGS", "CREATE DATABASE onward", "DROP DATABASE onward", "FLUSH BINARY LOGS")
        _require(server, chain)


def test_a_purged_file_breaks_the_chain(start_mysql: StartMySQL, tmp_path: Path) -> None:
    """The reason names the file and what there still is; a pull that comes too late says the same."""
    server = start_mysql()
    chain = _chain(server)
    server.sql("FLUSH BINARY LOGS", "FLUSH BINARY LOGS")
    latest = _position(server)
    server.sql(f"PURGE BINARY LOGS TO '{latest.file}'")
    with pytest.raises(ChainBroken) as caught:
        _require(server, chain)
    assert caught.value.message == (
        f"the binary log {chain.end.file}, where the chain ends, is gone from the source: it has {latest.file} to {latest.file}"
    )
    with pytest.raises(ChainBroken, match=f"can no longer send its binary log from {chain.end.file}"):
        binlog.pull(_connect(server), chain.end, latest, tmp_path)


@pytest.mark.parametrize("gtid", [True, False])
def test_a_log_that_was_reset_breaks_the_chain(start_mysql: StartMySQL, gtid: bool) -> None:
    """Even when the new log has a file of the same name that is as long."""
    server = start_mysql(gtid=gtid)
    chain = _chain(server)
    stamp = chain.log_created
    assert wait_until(lambda: time.time() > stamp + 1.1, seconds=5)
    server.sql("RESET BINARY LOGS AND GTIDS")
    with pytest.raises(ChainBroken):
        _require(server, chain)
    with server.add_writer():
        assert wait_until(lambda: _position(server).offset > chain.end.offset, seconds=120)
    with pytest.raises(ChainBroken, match="log was reset"):
        _require(server, chain)


def test_a_log_shorter_than_the_chain_breaks_it(mysql_server: MySQLServer) -> None:
    """A server set back to an earlier state has less than was pulled."""
    chain = _chain(mysql_server)
    longer = chain.model_copy(update={"end": chain.end.model_copy(update={"offset": chain.end.offset + 1})})
    with pytest.raises(ChainBroken, match=f"but that file now ends at {chain.end.offset}"):
        _require(mysql_server, longer)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"server_uuid": "00000000-0000-0000-0000-000000000000"}, "another server answers now"),
        ({"gtid": False}, "GTIDs have been switched on"),
        ({"log_created": 1}, "the binary log was reset"),
    ],
)
def test_another_server_or_mode_breaks_the_chain(mysql_server: MySQLServer, changes: dict[str, object], words: str) -> None:
    """What a failover, a rebuilt server or a change of mode looks like."""
    with pytest.raises(ChainBroken, match=words):
        _require(mysql_server, _chain(mysql_server, **changes))


def test_an_upgraded_server_breaks_the_chain(mysql_server: MySQLServer) -> None:
    """The full's data directory is of the old version."""
    with pytest.raises(ChainBroken, match=r"the chain's full is of 9\.7\.1, it runs 9\.7\."):
        _require(mysql_server, _chain(mysql_server), "9.7.1")


def test_transactions_that_the_source_never_had_break_the_chain(mysql_server: MySQLServer) -> None:
    """A server that was restored from an older state is not the one that was backed up."""
    chain = _chain(mysql_server)
    foreign = f"{chain.end.gtid_executed},11111111-1111-1111-1111-111111111111:1-5"
    with pytest.raises(ChainBroken, match="no longer has all transactions of the chain"):
        _require(mysql_server, chain.model_copy(update={"end": chain.end.model_copy(update={"gtid_executed": foreign})}))
