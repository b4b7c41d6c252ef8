"""A log that is pulled on again and again while it is written is the source's, with neither a gap nor a false alarm."""

from pathlib import Path

import pytest

from backups.manifest import Source
from backups.services.mysql.binlog.joined import join
from backups.services.mysql.binlog.pull import Pulled
from backups.services.mysql.details import MySQLDetails
from backups.services.mysql.methods.follow import pull_on
from tests.integration.mysql.binlog.test_pull import _assert_equal_to_disk, _chain, _position
from tests.servers.mysql import MySQLServer
from tests.unit.mysql.binlog.test_before_full import manifest

PULLS = 60
BEFORE = {"carried": {"agama-20261123T000001Z": ("w.a",)}, "unlogged": ("w.b",), "partial": ("x",), "limits": ("y",)}
"""What the backup before says of its witness."""


@pytest.mark.parametrize("gtid", [True, False])
def test_a_log_is_pulled_on_while_it_is_written(gtid: bool, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Each pull ends wherever the log is then, between transactions that are being flushed, synced and committed."""
    server: MySQLServer = request.getfixturevalue("mysql_server" if gtid else "mysql_server_without_gtid")
    chain = _chain(server, **BEFORE)
    version = Source(version=server.value("SELECT @@version"), image="i")
    last = manifest(chain.model_dump()).model_copy(update={"source": version})
    parts: list[tuple[MySQLDetails, Path]] = []

    def pull() -> None:
        nonlocal last
        room = tmp_path / str(len(parts))
        room.mkdir()
        captured = pull_on(server.settings(), last, room)
        assert captured.taken_at > last.taken_at
        last = last.model_copy(update={"details": dict(captured.details), "taken_at": captured.taken_at})
        parts.append((MySQLDetails.model_validate(captured.details), room))

    database = f"pulled_on_{'with' if gtid else 'without'}"
    try:
        with server.add_writer(database, threads=4) as writer:
            for number in range(PULLS):
                if number == PULLS // 2:
                    server.sql("FLUSH BINARY LOGS")
                pull()
            assert not writer.errors
        pull()
        into = tmp_path / "into"
        into.mkdir()
        whole = join(parts, into)
        end = _position(server)
        assert (whole.start, whole.end.file, whole.end.offset) == (chain.end, end.file, end.offset)
        _assert_equal_to_disk(server, into, Pulled(whole.segments, None))
        assert sum(bool(details.segments) for details, _ in parts) > PULLS // 2
        assert len(whole.segments) == 2
        if gtid:
            here, there = whole.end.gtid_executed, end.gtid_executed
            left = server.rows("SELECT GTID_SUBTRACT(%s, %s), GTID_SUBTRACT(%s, %s)", [here, there, there, here])
            assert left == [("", "")]
        assert (whole.carried, whole.unlogged, whole.partial, whole.limits) == ({}, (), (), ())
    finally:
        server.sql(f"DROP DATABASE IF EXISTS {database}")
