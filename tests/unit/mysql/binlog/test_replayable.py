"""A pulled log is looked at before a backup is called whole: what it lacks, and what no copy can replay."""

import struct
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as some

from backups.errors import Damaged
from backups.services.mysql.binlog import replayable
from backups.services.mysql.details import LogSegment, Position
from tests.unit.mysql.binlog.test_gtids import A, B, Members, one_by_one
from tests.unit.mysql.binlog.test_locate import NOON, OTHER, SOURCE, Log
from tests.unit.mysql.binlog.test_statements import FIT, UNFIT, query

BAD, REASON = next(iter(UNFIT.items()))
UUIDS = {str(SOURCE): SOURCE, str(OTHER): OTHER}


@dataclass
class Pulled:
    """Segments of a log that are written event by event: `add(file)` begins the next one."""

    directory: Path
    segments: list[LogSegment] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)

    def add(self, file: str = "binlog.000001", start: int = 0) -> Log:
        self.logs.append(Log(self.directory / f"{file}@{start}", file, start))
        return self.logs[-1]

    def done(self) -> list[LogSegment]:
        for log in self.logs:
            piece = log.done()
            end = piece.start + piece.path.stat().st_size
            self.segments.append(LogSegment(file=piece.file, start=piece.start, end=end, path=piece.path.name))
        return self.segments

    def fault(self, begin: Position | None = None, end: Position | None = None) -> str | None:
        segments = self.segments or self.done()
        first, last = segments[0], segments[-1]
        begin = begin or Position(file=first.file, offset=first.start)
        end = end or Position(file=last.file, offset=last.end)
        return replayable.fault(self.directory, segments, begin, end)


@pytest.fixture
def pulled(tmp_path: Path) -> Pulled:
    return Pulled(tmp_path)


def statement(log: Log, text: str, *, checksum: bool = True) -> int:
    """A statement of its own transaction; returns where its event begins."""
    at = log.piece.start + len(log._content)
    body = query(text.encode())
    log.event(2, body + bytes(4 if checksum else 0))
    if checksum:
        event = bytes(log._content[at - log.piece.start : -4])
        log._content[-4:] = struct.pack("<I", crc32(event))
    return at


def test_a_log_of_rows_and_of_ordinary_statements_can_be_replayed(pulled: Pulled) -> None:
    log = pulled.add()
    for kind in (15, 35):
        log.event(kind, bytes(30))
    for number, text in enumerate(FIT, start=1):
        log.transaction(number, number)
        statement(log, text, checksum=bool(number % 2))
    for kind in (3, 4, 5, 13, 14, 16, 17, 18, 19, 29, 30, 31, 32, 36, 37, 38, 39, 40):
        log.event(kind, bytes(30))
    executed = f"{SOURCE}:1-{len(FIT)}"
    assert pulled.fault(Position(file="binlog.000001", offset=0, gtid_executed=""), _end(pulled, executed)) is None


def _end(pulled: Pulled, executed: str | None) -> Position:
    last = pulled.done()[-1]
    return Position(file=last.file, offset=last.end, gtid_executed=executed)


@pytest.mark.parametrize("checksum", [True, False])
@pytest.mark.parametrize("bad", UNFIT)
def test_a_statement_that_no_copy_can_run_is_found_where_it_is(pulled: Pulled, bad: str, checksum: bool) -> None:
    pulled.add().transaction(0, 1)
    log = pulled.add("binlog.000002", 0)
    log.transaction(3, 2)
    at = statement(log, bad, checksum=checksum)
    statement(log, BAD)
    assert pulled.fault() == f"the log holds a statement that no copy can run: {UNFIT[bad]} (binlog.000002:{at})"


def test_an_obstacle_knows_when_it_was_committed(pulled: Pulled) -> None:
    log = pulled.add(start=900)
    log.transaction(3, 2)
    statement(log, BAD)
    seen = replayable.look(pulled.directory, pulled.done())
    assert seen.obstacle is not None
    assert seen.obstacle.time == NOON + timedelta(seconds=3)


@pytest.mark.parametrize(
    ("kind", "flags", "body", "found"),
    [
        (26, 0, b"\1\0\x0bLOST EVENTSabcd", "an incident: LOST EVENTS (binlog"),
        (26, 0, b"\1\0\0", "an incident: the source lost events"),
        (99, 0, b"", "an event of type 99, which is not known"),
        (6, 0, b"", "an event of type 6, which is not known"),
        (0, 0, b"", "an event of type 0, which is not known"),
        (43, 0, b"", "an event of type 43, which is not known"),
    ],
)
def test_an_event_that_no_copy_can_replay_is_found(pulled: Pulled, kind: int, flags: int, body: bytes, found: str) -> None:
    pulled.add().event(kind, body)
    assert (pulled.fault() or "").startswith(f"the log holds {found}")


@given(some.integers(0, 255).filter(lambda kind: kind not in {2, 33, 34, 42}), some.booleans())
def test_of_every_type_a_server_replays_it_or_passes_over_it_or_it_is_an_obstacle(kind: int, ignorable: bool) -> None:
    what = replayable._event(b"\1\0\0", kind, 0x80 if ignorable else 0)
    assert bool(what) == (kind == 26 or not ignorable)


def test_an_event_that_a_server_passes_over_is_no_obstacle(pulled: Pulled) -> None:
    log = pulled.add()
    log.event(99, bytes(4))
    log._content[4 + 17 : 4 + 19] = struct.pack("<H", 0x80)
    assert pulled.fault() is None


@pytest.mark.parametrize(
    "harm", [lambda whole: whole[:-1], lambda whole: whole + b"\0" * 40, lambda whole: whole[:4] + bytes(30)]
)
def test_bytes_that_are_no_log_are_a_reason_and_no_crash(pulled: Pulled, harm: object) -> None:
    pulled.add().transaction(0, 1)
    (segment,) = pulled.done()
    path = pulled.directory / segment.path
    path.write_bytes(harm(path.read_bytes()))  # type: ignore[operator]
    assert (pulled.fault() or "").startswith("the binary log cannot be read at binlog.000001:")


@pytest.mark.parametrize(("kind", "body"), [(33, b""), (42, b""), (42, b"\0\0\0\xff"), (2, b"short"), (2, b""), (26, b"")])
def test_an_event_that_is_cut_in_itself_is_a_reason_and_no_crash(pulled: Pulled, kind: int, body: bytes) -> None:
    pulled.add().event(kind, body)
    assert (pulled.fault() or "").startswith("the binary log cannot be read at binlog.000001:4")
    with pytest.raises(Damaged):
        replayable.look(pulled.directory, pulled.segments)


def test_what_a_full_has_from_its_clone_does_not_count(pulled: Pulled) -> None:
    """Its log begins before the clone: only what comes after the clone's end is replayed for certain."""
    log = pulled.add()
    log.transaction(0, 1)
    statement(log, BAD)
    cloned = log.transaction(1, 2)
    executed = Position(file="binlog.000001", offset=cloned, gtid_executed=f"{SOURCE}:1-2,{OTHER}:1-9")
    log.transaction(2, 3)
    assert pulled.fault(executed, _end(pulled, f"{SOURCE}:1-3,{OTHER}:1-9")) is None


def test_what_comes_after_the_clone_counts_in_each_later_file(pulled: Pulled) -> None:
    log = pulled.add()
    cloned = Position(file="binlog.000001", offset=log.transaction(1, 2))
    at = statement(pulled.add("binlog.000002"), BAD)
    assert pulled.fault(cloned) == f"the log holds a statement that no copy can run: {REASON} (binlog.000002:{at})"


def test_a_statement_right_at_the_clones_end_counts(pulled: Pulled) -> None:
    log = pulled.add()
    log.transaction(1, 2)
    at = statement(log, BAD)
    assert REASON in (pulled.fault(Position(file="binlog.000001", offset=at)) or "")


members = some.frozensets(some.tuples(some.sampled_from([str(SOURCE), str(OTHER)]), some.integers(1, 12)), max_size=14)


@given(before=members, logged=members, unlogged=members)
def test_the_log_has_to_hold_exactly_what_the_source_got(
    tmp_path_factory: pytest.TempPathFactory, before: Members, logged: Members, unlogged: Members
) -> None:
    logged -= before
    unlogged -= before | logged
    pulled = Pulled(tmp_path_factory.mktemp("log"))
    log = pulled.add()
    log.event(15, bytes(80))
    for source, number in logged:
        log.transaction(0, number, source=UUIDS[source])
    begin = Position(file="binlog.000001", offset=0, gtid_executed=one_by_one(before).text() or "")
    fault = pulled.fault(begin, _end(pulled, one_by_one(before | logged | unlogged).text() or ""))
    if not unlogged:
        assert fault is None
    else:
        assert (fault or "").startswith("the source has transactions that its log does not hold: ")
        assert any(f"{source}:{number}" in (fault or "") for source, number in unlogged)
    if logged:
        short = pulled.fault(begin, Position(file="x.000001", offset=1, gtid_executed=one_by_one(before).text() or ""))
        assert (short or "").startswith("the log holds transactions that the source does not have: ")


def test_without_gtids_nothing_is_said_of_transactions(pulled: Pulled) -> None:
    log = pulled.add()
    log.transaction(0)
    log.transaction(1)
    assert pulled.fault(None, _end(pulled, None)) is None


def test_the_dump_of_another_server_is_named(pulled: Pulled) -> None:
    """SET GTID_PURGED = '+…:1-10', as at the head of a dump: nothing is in the log."""
    pulled.add().event(15, bytes(80))
    begin = Position(file="binlog.000001", offset=0, gtid_executed=f"{A}:1-5")
    fault = pulled.fault(begin, _end(pulled, f"{B}:1-10,\n{A}:1-5"))
    assert fault == f"the source has transactions that its log does not hold: {B}:1-10"
