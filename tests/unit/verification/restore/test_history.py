"""Which stretches of log are read for what is asked, and in what order: chains made up, and a log that says what was read of it."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import pytest

from backups.errors import Damaged
from backups.manifest import BackupRecord
from backups.services.continuous import Transaction
from tests.unit.verification.restore.test_moment import WEEKS, Logged, day, moments, record
from verification.restore.history import Hole, Item, Older, Stretch, Wanted, parts, read


def shape(found: Sequence[Stretch | Hole]) -> list[str]:
    return [
        f"{part.earlier.id}-{part.later.id}"
        if isinstance(part, Stretch)
        else f"hole {part.after.id}-{part.before.id if part.before else ''}"
        for part in found
    ]


class Bridged(Logged):
    """Its fulls kept the log since b2, which is no backup beside the chains."""

    def follows(self, manifest: BackupRecord, before: BackupRecord) -> bool:
        return super().follows(manifest, before) and before.id == "b2"


def test_stretches_and_holes_cover_all_the_time_since_the_first_backup() -> None:
    assert shape(parts(moments(WEEKS))) == ["b0-b1", "b1-b2", "hole b2-b7", "b7-b8", "hole b8-"]
    assert shape(parts(moments(WEEKS, Logged(["b7"])))) == ["b0-b1", "b1-b2", "b2-b7", "b7-b8", "hole b8-"]
    monthly = [*WEEKS, record(4, "m", 0, standalone=True)]
    assert shape(parts(moments(monthly, Bridged(["b7"])))) == ["b0-b1", "b1-b2", "b2-b7", "b7-b8", "hole b8-"]
    assert shape(parts(moments([record(0, "a", 0)]))) == ["hole b0-"]


def test_a_hole_says_why() -> None:
    gone = parts(moments([record(0, "a", 0), record(1, "a", 1), record(3, "a", 3)]))
    assert shape(gone) == ["b0-b1", "hole b1-b3", "hole b3-"]
    assert str(gone[1]) == (
        "nothing is told of 2026-11-03 00:00:00 UTC (b1) to 2026-11-05 00:00:00 UTC (b3): "
        "the backup between them is gone from the chain of a, and its log with it"
    )
    assert str(parts(moments(WEEKS))[2]).endswith("2026-11-09 00:00:00 UTC (b7): b7 kept no log since b2")
    assert str(gone[-1]) == "nothing is told of 2026-11-05 00:00:00 UTC (b3) to now: no backup holds it yet"


class Log:
    """Has a transaction every six hours after each backup, the last one at the next backup's moment; notes what was read."""

    def __init__(self, damaged: str = "") -> None:
        self.read: list[str] = []
        self._damaged = damaged

    def __call__(self, stretch: Stretch) -> Iterator[Transaction]:
        self.read.append(f"{stretch.earlier.id}-{stretch.later.id}")
        at = stretch.earlier.taken_at
        while (at := at + timedelta(hours=6)) <= stretch.later.taken_at:
            yield Transaction(f"{(at - day(0)) / timedelta(days=1):g}", None, "", at)
            if stretch.later.id == self._damaged:
                raise Damaged("it is torn")


def told(log: Log, records: Sequence[BackupRecord] = WEEKS, **wanted: object) -> list[str]:
    found = read(parts(moments(records)), Wanted(**wanted), log)  # type: ignore[arg-type]
    return [_name(item) for item in found]


def _name(item: Item) -> str:
    if isinstance(item, Transaction):
        return item.name
    return "older" if isinstance(item, Older) else shape([item])[0]


FIRST = ["0.25", "0.5", "0.75", "1"]
SECOND = ["1.25", "1.5", "1.75", "2"]
THIRD = ["7.25", "7.5", "7.75", "8"]


def test_all_of_it_is_read_in_its_order() -> None:
    assert told(log := Log()) == [*FIRST, *SECOND, "hole b2-b7", *THIRD, "hole b8-"]
    assert log.read == ["b0-b1", "b1-b2", "b7-b8"]


@pytest.mark.parametrize(
    ("most", "expected", "stretches"),
    [
        (1, ["older", "8", "hole b8-"], ["b7-b8"]),
        (3, ["older", "7.5", "7.75", "8", "hole b8-"], ["b7-b8"]),
        (4, ["older", *THIRD, "hole b8-"], ["b7-b8"]),
        (5, ["older", "2", "hole b2-b7", *THIRD, "hole b8-"], ["b7-b8", "b1-b2"]),
        (12, [*FIRST, *SECOND, "hole b2-b7", *THIRD, "hole b8-"], ["b7-b8", "b1-b2", "b0-b1"]),
        (99, [*FIRST, *SECOND, "hole b2-b7", *THIRD, "hole b8-"], ["b7-b8", "b1-b2", "b0-b1"]),
    ],
)
def test_the_newest_are_read_first_and_no_more_than_needed(most: int, expected: list[str], stretches: list[str]) -> None:
    assert told(log := Log(), most=most) == expected
    assert log.read == stretches


@pytest.mark.parametrize("most", [0, 50])
@pytest.mark.parametrize("since", [None, 0.0, 0.6, 1.0, 1.25, 2.0, 3.0, 7.9, 9.0])
@pytest.mark.parametrize("until", [None, 0.0, 0.6, 1.0, 1.25, 2.0, 3.0, 7.9, 9.0])
def test_a_time_is_told_as_if_all_had_been_read(most: int, since: float | None, until: float | None) -> None:
    """And nothing is fetched that ends before it or begins after it."""
    begin, end = (None if number is None else day(number) for number in (since, until))
    log = Log()
    found = told(log, since=begin, until=end, most=most)
    whole = [*FIRST, *SECOND, *THIRD]
    inside = [name for name in whole if (since is None or float(name) >= since) and (until is None or float(name) <= until)]
    assert [name for name in found if name in whole] == inside
    assert "older" not in found
    spans = {"b0-b1": (0, 1), "b1-b2": (1, 2), "b7-b8": (7, 8)}
    for name, (first, last) in spans.items():
        assert (name in log.read) == ((since is None or last >= since) and (until is None or first <= until)), name


@pytest.mark.parametrize("most", [0, 1, 50])
def test_what_is_damaged_is_a_hole_after_what_could_be_read(most: int) -> None:
    found = list(read(parts(moments(WEEKS)), Wanted(most=most), Log(damaged="b8")))
    names = [_name(item) for item in found]
    assert names[-3:] == ["7.25", "hole b7-b8", "hole b8-"]
    hole = found[-2]
    assert isinstance(hole, Hole)
    assert str(hole).startswith("not all is told of 2026-11-09 00:00:00 UTC (b7) to ")
    assert str(hole).endswith(": it is torn")


def test_a_moment_asked_for_has_a_time_zone() -> None:
    """The last hole has no end: it overlaps whatever begins later."""
    assert told(Log(), since=datetime.fromisoformat("2199-01-01T00:00:00+00:00")) == ["hole b8-"]
