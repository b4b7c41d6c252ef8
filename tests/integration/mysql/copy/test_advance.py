"""Any moment between two backups: exactly what had been committed by then, with and without GTIDs, across files of the log."""

import time
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from backups.errors import Damaged, LifeboatError
from backups.services.base import Point
from backups.services.mysql.binlog.locate import Piece, commits
from backups.services.mysql.details import DATADIR
from tests.servers.mysql import MySQLServer, StartMySQL
from tests.servers.mysql_chain import Chain, Restored, StartChain


def _now(server: MySQLServer) -> datetime:
    return cast("datetime", server.value("SELECT UTC_TIMESTAMP(6)")).replace(tzinfo=UTC)


class Marks:
    """Numbered rows, and the source's clock before and after each was committed."""

    def __init__(self, server: MySQLServer) -> None:
        self._server = server
        self.times: list[tuple[datetime, datetime]] = []

    def add(self, count: int) -> None:
        for _ in range(count):
            before = _now(self._server)
            self._server.sql(f"INSERT INTO agama.mark VALUES ({len(self.times) + 1})")
            self.times.append((before, _now(self._server)))

    def committed_by(self, moment: datetime) -> set[int]:
        """How many of them may be there at that moment: a commit lies somewhere between the two times."""
        return {sum(after <= moment for _, after in self.times), sum(before <= moment for before, _ in self.times)}


def _marks(restored: Restored) -> list[int]:
    return [cast("int", row[0]) for row in restored.sql("SELECT id FROM agama.mark ORDER BY id")]


def _written(server: MySQLServer, chain: Chain, marks: Marks) -> tuple[datetime, datetime, str]:
    """Write between two backups; returns a moment, a whole second, and the last GTID that was executed at the moment."""
    chain.backup()
    with server.add_writer(threads=2, ddl=True) as writer:
        writer.wait_for(40)
    with server.connect() as open_session, open_session.cursor() as cursor, server.add_writer("noise", threads=1) as writer:
        server.sql(
            "CREATE EVENT agama.created ON SCHEDULE EVERY 1 DAY DO SELECT 1",
            "CREATE EVENT agama.created_asleep ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1",
            "CREATE EVENT agama.passing ON SCHEDULE EVERY 1 DAY DO SELECT 1",
            "ALTER TABLE agama.mark ADD COLUMN more INT INVISIBLE",
            "CREATE TABLE agama.dropped AS SELECT 1 AS one",
        )
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO agama.mark VALUES (1000)")
        writer.wait_for(20)
        marks.add(20)
        server.sql("FLUSH BINARY LOGS")
        marks.add(1)
        moment = _now(server)
        cursor.execute("COMMIT")
        server.sql("DROP TABLE agama.dropped", "DROP EVENT agama.passing", "DELETE FROM agama.mark WHERE id = 7")
        second = _now(server).replace(microsecond=0) + timedelta(seconds=1)
        while _now(server) <= second:
            marks.add(1)
        server.sql("FLUSH BINARY LOGS")
        marks.add(3)
        writer.wait_for(20)
    chain.backup()
    return moment, second, str(server.value("SELECT @@GLOBAL.gtid_executed"))


@pytest.mark.parametrize("gtid", [True, False], ids=["with GTIDs, compressed", "without GTIDs"])
def test_comes_back_to_any_moment(start_mysql: StartMySQL, start_chain: StartChain, gtid: bool) -> None:
    """To the microsecond and to a whole second in the middle of a stream of writes; and what is no moment of the log is refused."""
    server = start_mysql(*(["--binlog-transaction-compression=ON"] if gtid else []), gtid=gtid)
    server.sql(
        "CREATE DATABASE agama",
        "CREATE TABLE agama.mark (id INT PRIMARY KEY)",
        "CREATE EVENT agama.old ON SCHEDULE EVERY 1 DAY DO SELECT 1",
    )
    chain, marks = start_chain(server), Marks(server)
    moment, second, executed = _written(server, chain, marks)
    begins, ends = (fetched.manifest.taken_at for fetched in chain.backups)

    restored = chain.restore(0, for_restore=True).bring_back()
    assert restored.differences() == []
    _refusals(chain, restored, executed if gtid else None)
    # The ends of the log are moments too: at the one nothing has been committed yet, at the other everything.
    nothing = restored.copy.advance(chain.later(1, restored), Point(time=begins))
    assert (nothing.transactions, "no transaction since the backup" in nothing.stands) == (0, True)
    came = restored.copy.advance(chain.later(1, restored), Point(time=moment))
    said = came.stands
    assert came.transactions > 40
    assert _marks(restored) == list(range(1, 22)), said
    assert restored.sql("SELECT one FROM agama.dropped") == [(1,)]
    assert restored.sql("SELECT event_name, status FROM information_schema.events ORDER BY 1") == [
        ("created", "ENABLED"),
        ("created_asleep", "DISABLED"),
        ("old", "ENABLED"),
        ("passing", "DISABLED"),
    ]
    assert restored.sql("SELECT @@read_only, @@innodb_flush_log_at_trx_commit") == [(1, 1)]
    assert restored.sql("SHOW REPLICA STATUS") == []
    ledger, counted = (restored.sql(f"SELECT {what} FROM noise.ledger")[0][0] for what in ("MAX(at)", "COUNT(*)"))
    assert counted
    assert cast("datetime", ledger).replace(tzinfo=UTC) <= moment
    assert "binlog." in said
    assert "its last transaction " in said
    assert "the first one left out " in said
    assert (str(server.value("SELECT @@server_uuid")) in said) == gtid
    notes = restored.copy.settle().notes
    assert any("event agama.passing was changed about that moment" in note for note in notes)
    _proven_at_the_later_end(chain, restored)

    whole = chain.restore(0).bring_back()
    whole.copy.advance(chain.later(1, whole), Point(time=second))
    found = _marks(whole)
    assert set(found) >= {1000}
    assert 7 not in found
    assert len(found) in marks.committed_by(second), (second, marks.times)

    if gtid:
        _by_gtid(server, chain)
        return
    _by_place(chain)
    end = chain.restore(0).bring_back()
    assert "none of this log left out" in end.copy.advance(chain.later(1, end), Point(time=ends)).stands
    # There is nothing to go on to.
    end.copy.advance_to_witness(chain.later(1, end))
    end.manifest = chain.backups[1].manifest
    assert end.differences() == []


def _proven_at_the_later_end(chain: Chain, restored: Restored) -> None:
    """A second copy of what is handed over goes on to the later witness; the first stays as it is."""
    handed = restored.copy._home / DATADIR
    before = {path: path.stat().st_mtime_ns for path in handed.rglob("*")}
    restored.copy.reopen()
    restored.copy.advance_to_witness(chain.later(1, restored))
    restored.manifest = chain.backups[1].manifest
    assert restored.differences() == []
    assert {path: path.stat().st_mtime_ns for path in handed.rglob("*")} == before


def _refusals(chain: Chain, restored: Restored, executed: str | None) -> None:
    later, begins, ends = chain.later(1, restored), restored.manifest.taken_at, chain.backups[1].manifest.taken_at
    second = timedelta(seconds=1)
    for time_, told in (
        (begins - second, "before the log of agama-20261123T000001Z"),
        (ends + second, "after the end of the log of agama-20261123T000001Z"),
    ):
        with pytest.raises(
            LifeboatError, match=rf"is {told}, which goes from {begins:%Y-%m-%d %H:%M}.* to {ends:%Y-%m-%d %H:%M}"
        ):
            restored.copy.advance(later, Point(time=time_))
    some = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1"
    if executed is None:
        with pytest.raises(LifeboatError, match="the source ran without GTIDs"):
            restored.copy.advance(later, Point(position=some))
    else:
        uuid, _, last = executed.rpartition(":")
        for position, told in (
            (some, f"{some} is not in the log of agama-20261123T000001Z"),
            (f"{uuid}:{int(last.rpartition('-')[2]) + 1}", "is not in the log of agama-20261123T000001Z"),
            (f"{uuid}:1", "is not after agama-20261123T000000Z: that backup, of .* holds it already"),
            (executed, "is not the GTID of one transaction"),
        ):
            with pytest.raises(LifeboatError, match=told):
                restored.copy.advance(later, Point(position=position))
    segment = later.data / chain.details(1).segments[0].path
    whole = segment.read_bytes()
    segment.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:] if len(whole) < 9 else b"\xff" * 15 + whole[15:])
    with pytest.raises(Damaged, match=r"the binary log cannot be read at binlog\.\d+:\d+: an event of"):
        restored.copy.advance(later, Point(time=ends))
    segment.unlink()
    with pytest.raises(Damaged, match=r"a binary log is missing from the chain: .* which backup agama-20261123T000001Z kept"):
        restored.copy.advance(later, Point(time=ends))


def _by_gtid(server: MySQLServer, chain: Chain) -> None:
    uuid = server.value("SELECT @@server_uuid")
    first = int(str(chain.details(0).end.gtid_executed).rpartition("-")[2])
    restored = chain.restore(0).bring_back()
    # Before the next one is after this one.
    came = restored.copy.advance(chain.later(1, restored), Point(position=f"{uuid.upper()}:{first + 34}", before=True))
    assert came.transactions == 33
    said = came.stands
    assert f"{uuid}:{first + 33} committed at" in said
    assert f"the first one left out {uuid}:{first + 34} committed at" in said
    assert restored.sql("SELECT @@GLOBAL.gtid_executed") == [(f"{uuid}:1-{first + 33}",)]
    # A moment before the first transaction: all of the log is still to come.
    begin = chain.restore(0).bring_back()
    none = begin.copy.advance(chain.later(1, begin), Point(position=f"{uuid}:{first + 1}", before=True))
    assert (none.transactions, f"the first one left out {uuid}:{first + 1} " in none.stands) == (0, True)
    begin.copy.advance_to_witness(chain.later(1, begin))
    begin.manifest = chain.backups[1].manifest
    assert begin.differences() == []


def _by_place(chain: Chain) -> None:
    """Without GTIDs a transaction is named by where it begins, and what is no beginning is refused."""
    restored = chain.restore(0).bring_back()
    later = chain.later(1, restored)
    details = chain.details(1)
    pieces = [Piece(each.file, each.start, later.data / each.path) for each in details.segments]
    third = list(commits(pieces))[2]
    with pytest.raises(LifeboatError, match=rf"no transaction begins at {third.file}:{third.begin + 1} in the log of"):
        restored.copy.advance(later, Point(position=f"{third.file}:{third.begin + 1}", before=True))
    came = restored.copy.advance(later, Point(position=f"{third.file}:{third.begin}", before=True))
    assert (came.transactions, came.stands.startswith(f"{third.file}:{third.begin}, ")) == (2, True)


def test_goes_on_across_a_full_that_follows(start_mysql: StartMySQL, start_chain: StartChain) -> None:
    """Between the last backup of a chain and the next full is a moment like any other; GTIDs may carry tags there."""
    server = start_mysql()
    server.sql("CREATE DATABASE agama", "CREATE TABLE agama.mark (id INT PRIMARY KEY)")
    chain, marks = start_chain(server), Marks(server)
    chain.backup()
    marks.add(2)
    chain.backup()
    server.sql("FLUSH BINARY LOGS", "SET gtid_next = 'AUTOMATIC:tagged'", "INSERT INTO agama.mark VALUES (3)")
    moment = _now(server)
    server.sql("INSERT INTO agama.mark VALUES (4)")
    time.sleep(0.01)
    chain.backup(anew=True)
    assert chain.details().bridge is not None
    restored = chain.restore(1)
    # As somebody who may not give files away: a container does it, forth and back.
    restored.sandbox.root = False
    restored.bring_back()
    came = restored.copy.advance(chain.later(2, restored), Point(time=moment))
    assert _marks(restored) == [1, 2, 3]
    assert ":tagged:1 committed at" in came.stands
    # Where nothing is handed over, the same copy goes on to the later witness.
    restored.copy.advance_to_witness(chain.later(2, restored))
    restored.manifest = chain.backups[2].manifest
    assert restored.differences() == []
