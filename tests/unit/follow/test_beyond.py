"""Moments beyond the newest backup: which pieces lead there, and pieces that are not what they say."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from backups.chains import chains
from backups.errors import Damaged, LifeboatError
from backups.follow.beyond import Beyond, beyond, manifest
from backups.follow.piece import Piece
from backups.manifest import BackupRecord, FileEntry, Manifest, Source
from backups.repository.repository import Repository
from backups.services.base import Point, Service
from backups.services.mysql.binlog.joined import join
from backups.services.mysql.details import LogSegment, MySQLDetails, Position
from flows.commands import log_json
from tests.unit.follow.test_piece import FULL, NOW, OTHER, piece, record
from tests.unit.verification.restore.test_moment import Logged
from verification.restore.history import Hole, Stretch, Wanted, parts, read
from verification.restore.moment import RestorePoints

NIGHT = "agama-20261124T000000Z"
RECORDS = [record(FULL, NOW), record(NIGHT, NOW + timedelta(days=1), sequence=1)]


def later(hours: float) -> datetime:
    return NOW + timedelta(days=1, hours=hours)


class Positions(Logged):
    """A service whose backups hold nothing of the log, and whose pieces hold `7`."""

    def holds(self, manifest: Any, position: str) -> bool:
        return isinstance(manifest, Beyond) and position == "7"


def points(*pieces: Piece, records: list[BackupRecord] = RECORDS) -> RestorePoints:
    service = cast("Service", Positions())
    return RestorePoints(service, chains(records)["agama"], lambda each: cast("Manifest", cast("Any", each)), pieces)


PIECES = (
    piece(1, 1, after=NIGHT, until=later(1)),
    piece(2, 4, after=NIGHT, until=later(2)),
    piece(6, 6, after=NIGHT, until=later(9)),
)


def test_a_moment_after_the_newest_backup_is_reached_as_far_as_the_pieces_lead() -> None:
    choice = points(*PIECES).at(later(1.5))
    assert isinstance(choice.later, Beyond)
    assert [(each.first, each.last) for each in choice.later.pieces] == [(1, 1), (2, 4)]
    assert ([each.id for each in choice.chain], choice.later.taken_at) == ([FULL, NIGHT], later(2))
    assert choice.later.id not in {FULL, NIGHT}
    assert points(*PIECES).at_position(Point(position="7")).later == choice.later
    with pytest.raises(
        LifeboatError, match=f"to any moment from {NOW:%Y-%m-%d %H:%M:%S} UTC to {later(2):%Y-%m-%d %H:%M:%S} UTC"
    ):
        points(*PIECES).at(later(3))


def test_the_next_backups_own_log_is_taken_before_pieces_and_pieces_of_others_lead_nowhere() -> None:
    old = piece(1, 1, until=NOW + timedelta(hours=20))
    assert points(old, *PIECES).at(NOW + timedelta(hours=10)).later == RECORDS[1]
    foreign = piece(1, 1, after=NIGHT, until=later(5)).model_copy(update={"service": "grafana"})
    for others in ((), (old,), (foreign,), (piece(1, 1, after=OTHER, until=later(5)),), PIECES[1:]):
        with pytest.raises(LifeboatError, match="cannot be brought back to"):
            points(*others).at(later(0.5))


def test_where_a_backup_is_gone_from_a_chain_what_was_followed_leads_on() -> None:
    later_one = record("agama-20261126T000000Z", NOW + timedelta(days=3), sequence=2)
    followed = piece(1, 1, until=NOW + timedelta(hours=20))
    choice = points(followed, records=[RECORDS[0], later_one]).at(NOW + timedelta(hours=10))
    assert isinstance(choice.later, Beyond)
    with pytest.raises(LifeboatError, match="cannot be brought back to"):
        points(followed, records=[RECORDS[0], later_one]).at(NOW + timedelta(hours=21))


def test_what_the_log_tells_of_ends_where_it_was_followed_to_and_what_comes_after_is_a_hole() -> None:
    told, hole = parts(points(*PIECES))[1:]
    assert isinstance(told, Stretch)
    assert (told.earlier.id, told.later.taken_at) == (NIGHT, later(2))
    assert isinstance(hole, Hole)
    assert str(hole) == (
        f"nothing is told of {later(2):%Y-%m-%d %H:%M:%S} UTC (its log was followed behind {NIGHT}) to now: no backup holds it yet"
    )
    assert (log_json._hole(hole)["after"], log_json._hole(hole)["from"]) == (NIGHT, later(2).isoformat())
    # A full that kept no log came after it.
    anew = record(OTHER, later(20), chain=OTHER)
    told, hole, last = parts(points(*PIECES, records=[*RECORDS, anew]))[1:]
    assert isinstance(told, Stretch)
    assert isinstance(hole, Hole)
    assert (told.later.taken_at, hole.begins, hole.before) == (later(2), later(2), anew)
    assert str(hole).endswith(f"({OTHER}): {OTHER} kept no log since {NIGHT}")
    assert isinstance(last, Hole)
    assert (last.begins, last.before) == (anew.taken_at, None)


def test_a_log_that_was_followed_and_is_damaged_is_a_hole_between_what_there_is() -> None:
    def torn(stretch: Stretch) -> Iterator[Any]:
        raise Damaged("it is torn")

    found = [item for item in read(parts(points(*PIECES)), Wanted(since=later(0.5)), torn) if isinstance(item, Hole)]
    assert [item.fault is not None for item in found] == [True, False]
    assert str(found[0]).endswith(f"to {later(2):%Y-%m-%d %H:%M:%S} UTC (its log was followed behind {NIGHT}): it is torn")
    assert (log_json._hole(found[0])["before"], log_json._hole(found[0])["to"]) == (None, later(2).isoformat())


def written(**changes: Any) -> Manifest:
    made = Manifest(
        lifeboat="0",
        id=NIGHT,
        service="agama",
        type="mysql",
        kind="incremental",
        chain=FULL,
        sequence=1,
        parent=NIGHT,
        started_at=NOW,
        taken_at=later(1),
        finished_at=NOW,
        source=Source(version="9.7", image="mysql:9.7"),
        files=(FileEntry(path="log/a.000001@4", size=1),),
        details={},
        witness=(),
    )
    return made.model_copy(update=changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"service": "other"},
        {"parent": FULL},
        {"taken_at": later(2)},
        {"files": ()},
        {"parent": None},
    ],
)
def test_a_piece_whose_tags_are_not_its_manifests_is_damaged(changes: dict[str, Any]) -> None:
    log = beyond(RECORDS[1], PIECES[:1])
    assert log

    class Held:
        content = written()

        def read(self, snapshot: str, path: str) -> bytes:
            return self.content.model_dump_json().encode()

    held = Held()
    assert manifest(log, cast("Repository", held)).id == log.id
    held.content = written(**changes)
    with pytest.raises(Damaged, match="holds another piece of a log than its tags say"):
        manifest(log, cast("Repository", held))


def details(start: tuple[str, int], end: tuple[str, int], *segments: tuple[str, int, int]) -> MySQLDetails:
    return MySQLDetails.model_construct(
        start=Position(file=start[0], offset=start[1]),
        end=Position(file=end[0], offset=end[1]),
        segments=tuple(LogSegment(file=file, start=at, end=to, path=f"log/{file}@{at}") for file, at, to in segments),
        limits=(),
    )


def test_logs_that_follow_one_another_are_joined_and_a_gap_is_damage(tmp_path: Path) -> None:
    parts = []
    for number, (each, contents) in enumerate(
        [
            (details(("a.1", 4), ("a.1", 6), ("a.1", 4, 6)), [b"ab"]),
            (details(("a.1", 6), ("a.2", 3), ("a.1", 6, 9), ("a.2", 0, 3)), [b"cde", b"fgh"]),
            (details(("a.2", 3), ("a.2", 4), ("a.2", 3, 4)), [b"i"]),
        ]
    ):
        data = tmp_path / str(number)
        (data / "log").mkdir(parents=True)
        for segment, content in zip(each.segments, contents, strict=True):
            (data / segment.path).write_bytes(content)
        parts.append((each, data))
    into = tmp_path / "into"
    into.mkdir()
    whole = join(parts, into)
    assert (whole.start, whole.end) == (parts[0][0].start, parts[-1][0].end)
    assert [(each.path, (into / each.path).read_bytes()) for each in whole.segments] == [
        ("log/a.1@4", b"abcde"),
        ("log/a.2@0", b"fghi"),
    ]
    (tmp_path / "gap").mkdir()
    with pytest.raises(Damaged, match=r"nothing holds a\.1:6 to a\.2:3"):
        join([parts[0], parts[2]], tmp_path / "gap")
