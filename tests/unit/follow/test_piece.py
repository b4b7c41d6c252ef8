"""The pieces of a followed log: which of them lead furthest without a gap, which are of no use any more, and forged ones."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.errors import Damaged
from backups.follow.piece import LOG, Piece, covered, leading, obsolete, read
from backups.follow.spool import range_to_save
from backups.manifest import BackupRecord
from backups.repository.listing import Snapshot

NOW = datetime.now(UTC).replace(microsecond=0)
FULL = "agama-20261123T000000Z"
OTHER = "agama-20261116T000000Z"


def piece(first: int, last: int, *, after: str = FULL, snapshot: str = "", until: datetime = NOW) -> Piece:
    return Piece(
        snapshot=snapshot or f"{first:032x}{last:032x}", service="agama", after=after, first=first, last=last, until=until, size=1
    )


def record(identifier: str, taken_at: datetime, *, chain: str = FULL, sequence: int = 0) -> BackupRecord:
    kind = "full" if sequence == 0 else "incremental"
    return BackupRecord.model_validate(
        {
            "snapshot": "ab",
            "id": identifier,
            "service": "agama",
            "type": "mysql",
            "kind": kind,
            "chain": chain,
            "sequence": sequence,
        }
        | {"taken_at": taken_at, "size": 1, "standalone": False}
    )


ranges = st.tuples(st.integers(1, 8), st.integers(0, 5)).map(lambda each: (each[0], each[0] + each[1]))


@given(st.sets(ranges, max_size=12))
def test_the_pieces_that_lead_furthest_are_without_a_gap_and_as_few_as_can_be(held: set[tuple[int, int]]) -> None:
    way = leading([piece(*each) for each in held], FULL)
    steps = [step for each in way for step in range(each.first, each.last + 1)]
    assert steps == list(range(1, len(steps) + 1))
    # By trying everything: how far one comes, and by how few.
    reached = {1: 0}
    for _ in held:
        for first, last in held:
            if first in reached:
                reached[last + 1] = min(reached.get(last + 1, 99), reached[first] + 1)
    assert (len(steps) + 1, len(way)) == (max(reached), reached[max(reached)])


def test_pieces_behind_another_backup_lead_nowhere() -> None:
    assert leading([piece(1, 3, after=OTHER), piece(2, 2)], FULL) == ()


@pytest.mark.parametrize("count", [1, 7, 8, 9, 63, 64, 65, 600, 2880])
def test_of_a_day_of_saves_few_have_to_be_fetched(count: int) -> None:
    """A save every 30 s for a day are 2,880; each holds three steps."""
    saves: list[int] = []
    held: list[Piece] = []
    for number in range(1, count + 1):
        first, last = range_to_save(saves, number * 3)
        new = piece(first, last)
        gone = covered(held, new)
        held = [each for each in held if each not in gone] + [new]
        saves.append(last)
    way = leading(held, FULL)
    assert (way[0].first, way[-1].last) == (1, count * 3)
    assert len(way) <= 7 * 4
    assert len(held) == len(way)


def test_a_piece_goes_when_its_backup_is_gone_or_the_next_of_its_chain_holds_it() -> None:
    records = [record(FULL, NOW), record("agama-20261124T000000Z", NOW + timedelta(days=1), sequence=1)]
    held, beyond = piece(1, 1, until=NOW + timedelta(hours=23)), piece(2, 2, until=NOW + timedelta(hours=25))
    behind_last = piece(1, 1, after="agama-20261124T000000Z", until=NOW + timedelta(days=1, hours=1))
    gone = piece(1, 1, after=OTHER)
    pieces = [held, beyond, behind_last, gone]
    assert obsolete(pieces, records, records) == [held, gone]
    night = record("agama-20261125T000000Z", NOW + timedelta(days=2), sequence=2)
    assert obsolete(pieces, [*records, night], records) == pieces
    # Of two that claim to be one, none is believed: neither has its pieces go, nor has another's go.
    assert obsolete(pieces, [], records) == [gone]
    assert obsolete(pieces, records[:1], records) == [gone]


@pytest.mark.parametrize("sequence", [2, 9])
def test_a_piece_stays_when_the_backup_that_went_on_from_its_own_is_gone(sequence: int) -> None:
    """Whatever comes later in the chain: what the piece holds is in nothing else, and still leads to its moments."""
    last = record("agama-20261126T000000Z", NOW + timedelta(days=3), sequence=sequence)
    records = [record(FULL, NOW), last]
    assert obsolete([piece(1, 1, until=NOW + timedelta(hours=23))], records, records) == []


GOOD = {"service": "agama", "after": FULL, "first": "1", "last": "2", "until": NOW.isoformat(), "bytes": "3"}


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("service", "../x"),
        ("after", "../../x"),
        ("after", "latest"),
        ("first", "0"),
        ("first", "3"),
        ("last", "-1"),
        ("last", "99999999999999"),
        ("until", "9999-01-01T00:00:00+00:00"),
        ("until", "yesterday"),
        ("bytes", "-1"),
        *((tag, None) for tag in GOOD),
    ],
)
def test_forged_tags_are_no_piece(tag: str, value: str | None) -> None:
    tags = {name: each for name, each in (GOOD | {tag: value}).items() if each is not None}
    written = (LOG, *(f"{name}={each}" for name, each in tags.items()))
    with pytest.raises(Damaged, match="not those of a piece of a log"):
        Piece.from_tags("ab" * 32, written)
    assert read([Snapshot("ab" * 32, NOW, written)]) == []
    assert Piece.from_tags("ab" * 32, [LOG, *(f"{name}={each}" for name, each in GOOD.items())]) is not None
    assert Piece.from_tags("ab" * 32, ["lifeboat"]) is None
