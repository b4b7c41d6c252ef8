"""Which log leads from a witness to a moment: all of it up to there, and not a byte beyond."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from backups.services.mysql.binlog.locate import Commit, Piece, commits
from backups.services.mysql.copy.advance import Advance
from backups.services.mysql.details import LogSegment, Position
from tests.unit.mysql.binlog.test_locate import Log


@pytest.fixture
def path(tmp_path: Path) -> Advance:
    """From offset 900 of the first file on: two transactions there, in two segments; three in the next file."""
    logs = [
        Log(tmp_path / "1", "binlog.000001", 900),
        Log(tmp_path / "2", "binlog.000001", 0),
        Log(tmp_path / "3", "binlog.000002"),
    ]
    logs[0].transaction(0, 1)
    logs[1] = Log(tmp_path / "2", "binlog.000001", logs[0].transaction(1, 2))
    logs[1].transaction(2, 3)
    for number in range(3):
        logs[2].transaction(3 + number, 4 + number)
    advance = Advance.__new__(Advance)
    advance._details = SimpleNamespace(end=Position(file="binlog.000001", offset=900))  # type: ignore[assignment]
    advance._segments = []
    for log in logs:
        piece = log.done()
        end = piece.start + piece.path.stat().st_size
        segment = LogSegment(file=piece.file, start=piece.start, end=end, path=piece.path.name)
        advance._segments.append((segment, piece.path))
    return advance


def every(path: Advance) -> list[Commit]:
    return list(commits([Piece(segment.file, segment.start, file) for segment, file in path._segments]))


def test_every_transaction_is_the_last_one_of_the_log_up_to_its_end(path: Advance, tmp_path: Path) -> None:
    known = every(path)
    assert [commit.number for commit in known] == [1, 2, 3, 4, 5, 6]
    for number, commit in enumerate(known):
        cut = tmp_path / "cut"
        pieces = path.up_to(Position(file=commit.file, offset=commit.end), cut)
        assert list(commits(pieces)) == known[: number + 1]
        last = pieces[-1]
        assert last.start + last.path.stat().st_size == commit.end
        assert (last.path == cut) == (number in (0, 3, 4))
        cut.unlink(missing_ok=True)
        # What is kept of the log is as it was.
        assert every(path) == known


def test_of_the_witness_itself_there_is_no_log(path: Advance, tmp_path: Path) -> None:
    assert path.up_to(Position(file="binlog.000001", offset=900), tmp_path / "cut") == []
