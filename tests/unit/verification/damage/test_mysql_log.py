"""What is put into the log of a chain: the sizes stay where that is meant, and the transaction is gone, twice, or late."""

import base64
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from backups.manifest import Manifest
from backups.services.base import Fetched
from backups.services.mysql.binlog.locate import Commit, Piece, commits
from backups.services.mysql.details import LogSegment, MySQLDetails, Position
from verification.damage import mysql_log
from verification.damage.kind import Kind, NotInjected, Stand

RECORDED = base64.b64decode((Path(__file__).parents[2] / "mysql/binlog/recorded-9.7.base64").read_text())
FILE = "binlog.000003"
KINDS: dict[str, Kind] = {kind.name: kind for kind in mysql_log.KINDS}


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    """A full without a log, and an incremental with the recorded one."""
    chain = []
    for number, content in enumerate((b"", RECORDED)):
        data = tmp_path / str(number)
        (data / "log").mkdir(parents=True)
        path = f"log/{FILE}@0"
        if content:
            (data / path).write_bytes(content)
        details = MySQLDetails(
            server_uuid="u", gtid=True, start=Position(file=FILE, offset=0), end=Position(file=FILE, offset=len(content)), log_created=1,
            segments=(LogSegment(file=FILE, start=0, end=len(content), path=path),) if content else (), variables={}, plugins=(),
            lock_seconds=0, lock_attempts=1,
        )  # fmt: skip
        now = datetime(2026, 11, 30, tzinfo=UTC)
        manifest = Manifest.model_construct(
            id=f"agama-2026113{number}T000000Z", details=details.model_dump(), files=(), taken_at=now
        )
        fetched = object.__new__(Fetched)
        object.__setattr__(fetched, "manifest", manifest)
        object.__setattr__(fetched, "data", data)
        chain.append(fetched)
    return Stand("agama", chain)


def log_of(stand: Stand) -> Path:
    return stand.chain[1].data / "log" / f"{FILE}@0"


def held(path: Path) -> list[Commit]:
    return list(commits([Piece(FILE, 0, path)]))


def test_left_out_it_is_gone_and_everything_else_is_where_it_was(stand: Stand) -> None:
    before = held(log_of(stand))
    targets = list(KINDS["log transaction left out"].targets(stand))
    assert len(targets) == len(before) > 3
    target = targets[1]
    done = KINDS["log transaction left out"].inject(stand, target, random.Random(1))
    assert held(log_of(stand)) == [before[0], *before[2:]]
    assert log_of(stand).stat().st_size == len(RECORDED)
    assert done.culprits == (before[1].gtid,)


def test_doubled_the_log_is_longer_by_it(stand: Stand) -> None:
    before = held(log_of(stand))
    KINDS["log transaction doubled"].inject(stand, (stand.chain[1].manifest.id, f"log/{FILE}@0", "2"), random.Random(1))
    assert log_of(stand).stat().st_size == len(RECORDED) + before[2].end - before[2].begin


def test_reordered_the_same_bytes_are_there(stand: Stand) -> None:
    KINDS["log transactions reordered"].inject(stand, (stand.chain[1].manifest.id, f"log/{FILE}@0", "1"), random.Random(1))
    content = log_of(stand).read_bytes()
    assert content != RECORDED
    assert sorted(content) == sorted(RECORDED)


def test_a_full_alone_has_no_log_that_is_surely_needed(stand: Stand) -> None:
    alone = Stand("agama", stand.chain[:1])
    assert [list(kind.targets(alone)) for kind in mysql_log.KINDS] == [[], [], []]


def test_what_is_not_there_cannot_be_damaged(stand: Stand) -> None:
    backup = cast("str", stand.chain[1].manifest.id)
    for kind, number in (("log transaction left out", "999"), ("log transactions reordered", str(len(held(log_of(stand))) - 1))):
        with pytest.raises(NotInjected):
            KINDS[kind].inject(stand, (backup, f"log/{FILE}@0", number), random.Random(1))


def test_without_numbers_nothing_is_left_out_since_a_later_transaction_may_hide_that(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mysql_log, "commits", lambda pieces: [each._replace(source=None) for each in commits(pieces)])
    assert {kind.name: bool(list(kind.targets(stand))) for kind in mysql_log.KINDS} == {
        "log transaction left out": False, "log transaction doubled": True, "log transactions reordered": True,
    }  # fmt: skip
