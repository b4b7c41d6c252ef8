"""The place of a moment in a binary log, found by the transactions' first events."""

import struct
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups.errors import Damaged
from backups.services.base import Point
from backups.services.mysql.binlog.locate import Piece, commits, find
from backups.services.mysql.details import Position

SOURCE = uuid.UUID("3e11fa47-71ca-11e1-9e33-c80aa9429562")
OTHER = uuid.UUID("4e11fa47-71ca-11e1-9e33-c80aa9429562")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
BEGIN = Position(file="binlog.000001", offset=4)


class Log:
    """Writes a log file from offset `start` on, as a server does."""

    def __init__(self, path: Path, file: str = "binlog.000001", start: int = 0) -> None:
        self.piece = Piece(file, start, path)
        self._content = bytearray(b"" if start else b"\xfebin")

    def event(self, kind: int, body: bytes = b"") -> None:
        size = 19 + len(body)
        end = (self.piece.start + len(self._content) + size) & 0xFFFFFFFF
        self._content += struct.pack("<IBIIIH", 0, kind, 1, size, end, 0) + body

    def transaction(
        self, seconds: float, number: int = 0, *, source: uuid.UUID = SOURCE, rest: int = 30, original: bool = False, lie: int = 0
    ) -> int:
        """A transaction `seconds` after noon; returns where it ends."""
        micros = int((NOON - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 10**6 + round(seconds * 10**6)
        stamps = (micros | original << 55).to_bytes(7, "little") + (
            (micros - 5_000_000).to_bytes(7, "little") if original else b""
        )
        head = struct.pack("<B16sqBqq", 0, source.bytes, number, 2, 0, 0) + stamps
        # The length's own length depends on it.
        for wide, mark in ((1, b""), (3, b"\xfc"), (4, b"\xfd"), (9, b"\xfe")):
            whole = 19 + len(head) + wide + 4 + rest + lie
            if whole < (251, 1 << 16, 1 << 24, 1 << 63)[len(mark) and b"\xfc\xfd\xfe".index(mark) + 1]:
                break
        self.event(33 if number else 34, head + mark + whole.to_bytes(wide - len(mark), "little") + b"\0\0\0\0")
        self.event(30, bytes(rest - 19))
        return self.piece.start + len(self._content)

    def done(self) -> Piece:
        self.piece.path.write_bytes(self._content)
        return self.piece


def test_reads_every_way_a_transaction_begins(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    log.event(15, bytes(80))
    log.event(35, bytes(8))
    ends = [
        log.transaction(0, 1),
        log.transaction(1.000001, 2, rest=400),
        log.transaction(2, 3, rest=70_000, original=True),
        log.transaction(3, rest=17_000_000),
    ]
    log.event(4, bytes(20))
    found = list(commits([log.done()]))
    assert [commit.end for commit in found] == ends
    assert [commit.time - NOON for commit in found] == [timedelta(seconds=number) for number in (0, 1.000001, 2, 3)]
    assert [commit.gtid for commit in found] == [f"{SOURCE}:1", f"{SOURCE}:2", f"{SOURCE}:3", None]


def test_goes_on_where_offsets_begin_anew(tmp_path: Path) -> None:
    """Offsets inside events have four bytes: in a file beyond 4 GiB they begin anew."""
    log = Log(tmp_path / "log", start=2**32 - 100)
    ends = [log.transaction(number, number + 1) for number in range(3)]
    assert ends[-1] > 2**32
    assert [commit.end for commit in commits([log.done()])] == ends


@pytest.fixture
def pieces(tmp_path: Path) -> list[Piece]:
    """Two files: transactions at 0, 1 and 2 s, an empty piece, then another source's at 3 s, one of ours at 3 s too, and at 5 s."""
    first, empty, second = Log(tmp_path / "1"), Log(tmp_path / "0", "binlog.000001", 900), Log(tmp_path / "2", "binlog.000002")
    for number in range(3):
        first.transaction(number, number + 11)
    second.event(15, bytes(80))
    for seconds, number, source in ((3, 7, OTHER), (3, 15, SOURCE), (5, 14, SOURCE)):
        second.transaction(seconds, number, source=source)
    return [first.done(), empty.done(), second.done()]


@pytest.mark.parametrize(
    ("seconds", "last", "following", "gtids"),
    [
        (-1, None, 11, None),
        (0, 11, 12, f"{SOURCE}:11-11"),
        (0.999999, 11, 12, f"{SOURCE}:11-11"),
        (1, 12, 13, f"{SOURCE}:11-12"),
        (2.5, 13, 7, f"{SOURCE}:11-13"),
        (3, 15, 14, f"{SOURCE}:11-13,{SOURCE}:15-15,{OTHER}:7-7"),
        (9, 14, None, f"{SOURCE}:11-13,{SOURCE}:15-15,{SOURCE}:14-14,{OTHER}:7-7"),
    ],
)
def test_a_time_is_all_that_was_committed_by_then(
    pieces: list[Piece], seconds: float, last: int | None, following: int | None, gtids: str | None
) -> None:
    stop = find(pieces, BEGIN, Point(time=NOON + timedelta(seconds=seconds)))
    assert stop is not None
    numbers = [commit and int(str(commit.gtid).rpartition(":")[2]) for commit in (stop.last, stop.following)]
    assert (*numbers, stop.gtids) == (last, following, gtids)
    assert stop.position == (Position(file=stop.last.file, offset=stop.last.end) if stop.last else BEGIN)


def test_a_gtid_is_all_up_to_and_including_it(pieces: list[Piece]) -> None:
    stop = find(pieces, BEGIN, Point(position=f"{OTHER}:7".upper()))
    assert stop is not None
    assert stop.last is not None
    assert stop.following is not None
    assert (stop.last.gtid, stop.following.gtid, stop.position.file) == (f"{OTHER}:7", f"{SOURCE}:15", "binlog.000002")
    last = find(pieces, BEGIN, Point(position=f"{SOURCE}:14"))
    assert last is not None
    assert last.following is None
    assert find(pieces, BEGIN, Point(position=f"{OTHER}:8")) is None


def test_the_moment_before_a_transaction_is_the_one_after_the_transaction_before_it(pieces: list[Piece]) -> None:
    """Of every transaction, named by its GTID and by where it begins: it is the first one that is left out, and nothing else is."""
    every = list(commits(pieces))
    for number, commit in enumerate(every):
        for name in (str(commit.gtid), str(commit.gtid).upper(), f"{commit.file}:{commit.begin}"):
            before, after = (find(pieces, BEGIN, Point(position=name, before=early)) for early in (True, False))
            assert before is not None
            assert after is not None
            assert (before.following, before.transactions) == (commit, number), name
            assert (after.last, after.transactions) == (commit, number + 1), name
            assert after.following == (every[number + 1] if number + 1 < len(every) else None)
            earlier = every[number - 1] if number else None
            assert before.last == earlier
            assert before.position == (Position(file=earlier.file, offset=earlier.end) if earlier else BEGIN)
            if earlier:
                assert before == find(pieces, BEGIN, Point(position=earlier.gtid))


def test_what_is_no_beginning_of_a_transaction_names_none(pieces: list[Piece]) -> None:
    begins = {(commit.file, commit.begin) for commit in commits(pieces)}
    for file, begin in begins:
        for wrong in (f"{file}:{begin + 1}", f"{file}:{begin - 1}", f"{file}9:{begin}", f"x{file}:{begin}"):
            assert tuple(wrong.rsplit(":", 1)) not in begins
            assert [find(pieces, BEGIN, Point(position=wrong, before=early)) for early in (True, False)] == [None, None], wrong


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda whole: whole[:-1], r"binlog\.000001:\d+: an event of 30 bytes says|binlog\.000001:\d+: a transaction of"),
        (lambda whole: whole + b"\0" * 10, r"binlog\.000001:\d+: unpack_from"),
        (lambda whole: whole + b"\0" * 40, r"binlog\.000001:\d+: an event of 0 bytes says that it ends at 0"),
        (lambda whole: whole[:4] + b"\0" * 4 + b"\x21" + b"\0" * 4 + b"\x13\0\0\0\x17\0\0\0\0\0", r"binlog\.000001:4: "),
    ],
    ids=["cut", "a stump", "zeros", "an event without its content"],
)
def test_bytes_that_are_no_log_are_reported(tmp_path: Path, harm: object, told: str) -> None:
    log = Log(tmp_path / "log")
    log.transaction(0, 1)
    path = log.done().path
    path.write_bytes(harm(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(Damaged, match=f"the binary log cannot be read at ({told})"):
        list(commits([log.piece]))


def test_a_transaction_that_is_longer_than_the_log_is_reported(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    log.transaction(0, 1, lie=100)
    with pytest.raises(Damaged, match=r"binlog\.000001:4: a transaction of \d+ bytes begins \d+ bytes before the end"):
        list(commits([log.done()]))
