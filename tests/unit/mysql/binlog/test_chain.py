"""The log of a chain is put together without a gap, or not at all."""

import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backups.backup import captured_files
from backups.errors import Damaged
from backups.manifest import Manifest, Source
from backups.services.base import Fetched
from backups.services.mysql.binlog import chain as log_chain
from backups.services.mysql.details import LogSegment, MySQLDetails, Position

NOW = datetime(2026, 11, 22, tzinfo=UTC)
Piece = tuple[str, int, bytes]


@pytest.fixture
def chain(tmp_path: Path) -> "Builder":
    return Builder(tmp_path)


class Builder:
    """Builds chains: `add(start, end, pieces)` adds a backup whose pieces are (file, offset, bytes)."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.fetched: list[Fetched] = []
        self.details: list[MySQLDetails] = []

    def add(self, start: tuple[str, int], end: tuple[str, int], pieces: list[Piece]) -> "Builder":
        number = len(self.fetched)
        data = self.directory / f"data{number}"
        (data / "log").mkdir(parents=True)
        segments = []
        for file, offset, content in pieces:
            path = f"log/{file}@{offset}"
            (data / path).write_bytes(content)
            segments.append(LogSegment(file=file, start=offset, end=offset + len(content), path=path))
        details = MySQLDetails(
            server_uuid="u",
            gtid=False,
            start=Position(file=start[0], offset=start[1]),
            end=Position(file=end[0], offset=end[1]),
            log_created=1,
            segments=tuple(segments),
            variables={},
            plugins=(),
            lock_seconds=0,
            lock_attempts=1,
        )
        manifest = Manifest(
            lifeboat="0",
            id=f"agama-20261123T00000{number}Z",
            service="agama",
            type="mysql",
            kind="incremental" if number else "full",
            chain="agama-20261123T000000Z",
            sequence=number,
            parent=None,
            started_at=NOW,
            taken_at=NOW,
            finished_at=NOW,
            source=Source(version="9.7.0", image="mysql:9.7"),
            files=captured_files(data),
            details=details.model_dump(),
            witness=(),
        )
        self.fetched.append(Fetched(manifest, data))
        self.details.append(details)
        return self

    def link(self) -> tuple[log_chain.LogFile, ...]:
        return log_chain.log_files(self.fetched, self.details)


def whole(chain: Builder) -> Builder:
    """A full with all of file 1 and the head of file 2; an incremental without any change; one up to the head of file 3."""
    chain.add(("log.000001", 0), ("log.000002", 3), [("log.000001", 0, b"aaaa"), ("log.000002", 0, b"bbb")])
    chain.add(("log.000002", 3), ("log.000002", 3), [])
    return chain.add(("log.000002", 3), ("log.000003", 2), [("log.000002", 3, b"BB"), ("log.000003", 0, b"cc")])


def test_puts_the_pieces_of_each_file_end_to_end(chain: Builder, tmp_path: Path) -> None:
    files = whole(chain).link()
    assert [(log.file, log.size) for log in files] == [("log.000001", 4), ("log.000002", 5), ("log.000003", 2)]
    placed = list(log_chain.place(files, tmp_path, "relay"))
    assert [(log.file, log.name) for log in placed] == [
        (f"log.{number}", f"relay.{number}") for number in ("000001", "000002", "000003")
    ]
    assert [(tmp_path / log.name).read_bytes() for log in placed] == [b"aaaa", b"bbbBB", b"cc"]


def test_knows_where_the_introduction_of_a_file_ends(chain: Builder, tmp_path: Path) -> None:
    """A description and the GTIDs before it: events that a server reads without moving its position."""

    def event(kind: int, size: int) -> bytes:
        return struct.pack("<IBIIIH", 0, kind, 1, size, 0, 0).ljust(size, b".")

    content = b"\xfebin" + event(15, 100) + event(35, 50) + event(2, 70) + event(15, 100)
    chain.add(("log.000001", 0), ("log.000001", len(content)), [("log.000001", 0, content)])
    assert [log.head for log in log_chain.place(chain.link(), tmp_path, "relay")] == [4 + 100 + 50]


def test_goes_on_behind_the_millionth_file(chain: Builder) -> None:
    chain.add(("log.999999", 0), ("log.1000000", 1), [("log.999999", 0, b"a"), ("log.1000000", 0, b"b")])
    assert len(chain.link()) == 2


def test_misses_a_file_between_two_segments(chain: Builder) -> None:
    chain.add(("log.000001", 0), ("log.000003", 2), [("log.000001", 0, b"aaaa"), ("log.000003", 0, b"cc")])
    with pytest.raises(Damaged, match=r"a binary log is missing from the chain: nothing holds log.000001:4 to log.000003:0"):
        chain.link()


def test_misses_bytes_inside_a_file(chain: Builder) -> None:
    chain.add(("log.000001", 0), ("log.000001", 9), [("log.000001", 0, b"aaaa"), ("log.000001", 6, b"bbb")])
    with pytest.raises(Damaged, match=r"nothing holds log.000001:4 to log.000001:6"):
        chain.link()


def test_misses_a_whole_backup(chain: Builder) -> None:
    """A backup taken out of the middle: the next one begins elsewhere than the last one ends."""
    chain.add(("log.000001", 0), ("log.000001", 4), [("log.000001", 0, b"aaaa")])
    chain.add(("log.000001", 7), ("log.000001", 9), [("log.000001", 7, b"bb")])
    with pytest.raises(
        Damaged, match=r"nothing holds log.000001:4 to log.000001:7, which backup agama-20261123T000001Z builds on"
    ):
        chain.link()


def test_misses_the_log_that_the_witness_needs(chain: Builder) -> None:
    chain.add(("log.000001", 0), ("log.000001", 9), [("log.000001", 0, b"aaaa")])
    with pytest.raises(Damaged, match=r"nothing holds log.000001:4 to log.000001:9"):
        chain.link()


def test_misses_the_head_of_the_first_file(chain: Builder) -> None:
    """Without its first bytes no server can read a log file."""
    chain.add(("log.000001", 4), ("log.000001", 8), [("log.000001", 4, b"aaaa")])
    with pytest.raises(Damaged, match=r"nothing holds log.000001:0 to log.000001:4"):
        chain.link()


def test_misses_a_file_of_the_snapshot(chain: Builder) -> None:
    whole(chain)
    (chain.fetched[2].data / "log" / "log.000002@3").unlink()
    with pytest.raises(
        Damaged, match=r"missing from the chain: log.000002 from 3 to 5 \(2 bytes\), which backup agama-20261123T000002Z kept"
    ):
        chain.link()


def test_notices_a_file_that_was_cut(chain: Builder) -> None:
    whole(chain)
    (chain.fetched[0].data / "log" / "log.000001@0").write_bytes(b"aaa")
    with pytest.raises(Damaged, match=r"log/log.000001@0 of backup agama-20261123T000000Z has 3 bytes, 4 were kept"):
        chain.link()
