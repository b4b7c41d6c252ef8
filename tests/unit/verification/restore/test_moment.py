"""Which backup comes back, and whose log goes on: chains made up, and a service that says which fulls kept the log."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from backups.chains import chains
from backups.errors import Damaged, LifeboatError
from backups.manifest import BackupRecord, Manifest
from backups.services.base import Fetched, Point, Service
from backups.services.continuous import Transaction
from verification.restore.moment import RestorePoints

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)


def record(day: int, chain: str, sequence: int, *, standalone: bool = False) -> BackupRecord:
    return BackupRecord.model_construct(
        snapshot=f"s{day}",
        id=f"b{day}",
        service="agama",
        type="mysql",
        kind="full" if sequence == 0 else "incremental",
        chain=chain,
        sequence=sequence,
        taken_at=MONDAY + timedelta(days=day),
        size=1,
        standalone=standalone,
    )


class Logged:
    """A service with a log: `bridged` are the ids of fulls that kept it; a backup of day n holds the positions up to n."""

    name = "agama"

    def __init__(self, bridged: Sequence[str] = (), *, continuous: bool = True) -> None:
        self.bridged, self.continuous = bridged, continuous

    def follows(self, manifest: BackupRecord, before: BackupRecord) -> bool:
        return manifest.id in self.bridged

    def holds(self, manifest: BackupRecord, position: str) -> bool:
        return int(position) <= int(manifest.id[1:])

    def log(self, manifest: BackupRecord) -> Sequence[str]:
        raise AssertionError("nothing is fetched here")

    def told(self, earlier: Manifest, later: Fetched, only: Sequence[str]) -> Iterator[Transaction]:
        raise AssertionError("nothing is fetched here")


WEEKS = [record(0, "a", 0), record(1, "a", 1), record(2, "a", 2), record(7, "b", 0), record(8, "b", 1)]


def moments(records: Sequence[BackupRecord], service: Logged | None = None) -> RestorePoints:
    # A manifest is only handed back to the service: a record stands for it.
    return RestorePoints(
        cast("Service", service or Logged()),
        chains(records).get("agama", []),
        lambda each: cast("Manifest", cast("Any", each)),
    )


def day(number: float) -> datetime:
    return MONDAY + timedelta(days=number)


def test_a_backup_comes_back_with_all_that_it_stands_on() -> None:
    assert [each.id for each in moments(WEEKS).of_backup("latest").chain] == ["b7", "b8"]
    choice = moments(WEEKS).of_backup("b1")
    assert ([each.id for each in choice.chain], choice.point, choice.later) == (["b0", "b1"], None, None)
    with pytest.raises(LifeboatError, match="agama has no backup b9"):
        moments(WEEKS).of_backup("b9")
    with pytest.raises(LifeboatError, match="agama has no backup in the repository"):
        moments([])


def test_a_moment_between_two_backups_is_reached_by_the_log_of_the_later() -> None:
    choice = moments(WEEKS).at(day(1.5))
    assert choice.later is not None
    assert ([each.id for each in choice.records], choice.point) == (["b0", "b1", "b2"], Point(time=day(1.5)))
    exact = moments(WEEKS).at(day(1))
    assert (exact.backup.id, exact.point, exact.later) == ("b1", None, None)


def test_without_a_log_it_is_the_newest_backup_before() -> None:
    plain = moments(WEEKS, Logged(continuous=False))
    choice = plain.at(day(5))
    assert (choice.backup.id, choice.point, choice.later) == ("b2", None, None)
    assert plain.at(day(99)).backup.id == "b8"
    with pytest.raises(LifeboatError, match="of its 5 backups, of which the oldest is from 2026-11-02 00:00:00 UTC"):
        plain.at(day(-1))
    with pytest.raises(LifeboatError, match="agama has no log, so no position 3"):
        plain.at_position(Point(position="3"))


def test_a_moment_before_a_full_is_reached_only_where_the_full_kept_the_log() -> None:
    apart = "from 2026-11-02 00:00:00 UTC to 2026-11-04 00:00:00 UTC, from 2026-11-09 00:00:00 UTC to 2026-11-10 00:00:00 UTC"
    for moment in (5, -1, 99):
        with pytest.raises(LifeboatError, match=apart):
            moments(WEEKS).at(day(moment))
    bridged = moments(WEEKS, Logged(["b7"]))
    assert [each.id for each in bridged.at(day(5)).records] == ["b0", "b1", "b2", "b7"]
    with pytest.raises(LifeboatError, match="any moment from 2026-11-02 00:00:00 UTC to 2026-11-10 00:00:00 UTC\n"):
        bridged.at(day(99))


def test_a_monthly_full_stands_beside_the_log_and_breaks_nothing() -> None:
    """A moment after it is reached from the chain that goes on; the full itself comes back alone."""
    with_monthly = [*WEEKS, record(4, "m", 0, standalone=True)]
    bridged = moments(with_monthly, Logged(["b7"]))
    assert [each.id for each in bridged.of_backup("b4").chain] == ["b4"]
    choice = bridged.at(day(5))
    assert choice.later is not None
    assert choice.later.id == "b7"
    assert [
        each.id
        for each in moments([record(0, "a", 0), record(2, "a", 1), record(1, "m", 0, standalone=True)]).at(day(1.5)).records
    ] == [
        "b0",
        "b2",
    ]


def test_over_a_backup_that_is_gone_no_log_goes_on() -> None:
    """The log of b2 went with it: a moment between b1 and b3 would lack what b2 held."""
    holed = [record(0, "a", 0), record(1, "a", 1), record(3, "a", 3)]
    with pytest.raises(LifeboatError, match="any moment from 2026-11-02 00:00:00 UTC to 2026-11-03 00:00:00 UTC\n"):
        moments(holed).at(day(1.5))
    assert moments(holed).at(day(0.5)).backup.id == "b0"
    with pytest.raises(Damaged, match="sequence 2"):
        moments(holed).of_backup("latest")


def test_a_position_is_looked_for_between_two_backups() -> None:
    choice = moments(WEEKS).at_position(Point(position="2"))
    assert choice.later is not None
    assert ([each.id for each in choice.records], choice.point) == (["b0", "b1", "b2"], Point(position="2"))
    with pytest.raises(LifeboatError, match="no two backups of agama have 5 between them"):
        moments(WEEKS).at_position(Point(position="5"))
    assert moments(WEEKS, Logged(["b7"])).at_position(Point(position="5")).backup.id == "b2"
    for outside, told in (
        ("0", "b0, of 2026-11-02 00:00:00 UTC, holds it already, and no log leads there from a backup before it"),
        ("99", "none of them holds it, the newest is b8, of 2026-11-10 00:00:00 UTC"),
        ("5", "b7, of 2026-11-09 00:00:00 UTC, holds it already, and no log leads there from a backup before it"),
    ):
        with pytest.raises(
            LifeboatError,
            match=f"no two backups of agama have {outside} between them: {told}; it can be brought back to any moment from",
        ) as refused:
            moments(WEEKS).at_position(Point(position=outside))
        # Of what nothing holds yet, the next backup has the log.
        assert ("lifeboat backup agama, and then again" in str(refused.value.hint)) is (outside == "99")


def test_a_moment_after_the_newest_backup_comes_with_the_next_one() -> None:
    for newer in (True, False):
        time = MONDAY + timedelta(days=8 if newer else -1, hours=1)
        with pytest.raises(LifeboatError, match="agama cannot be brought back to") as refused:
            moments(WEEKS).at(time)
        assert ("lifeboat backup agama, and then again" in str(refused.value.hint)) is newer


@pytest.mark.parametrize("before", [True, False])
def test_before_a_transaction_is_of_the_same_pair_as_after_it(before: bool) -> None:
    """Also for the first one after a backup, whose moment is the backup's own."""
    point = Point(position="2", before=before)
    choice = moments(WEEKS).at_position(point)
    assert ([each.id for each in choice.records], choice.point) == (["b0", "b1", "b2"], point)


class Reset(Logged):
    """Its log was reset before b7, and counts from 0 again."""

    def holds(self, manifest: BackupRecord, position: str) -> bool:
        number = int(manifest.id[1:])
        return int(position) <= (number if number < 7 else number - 7)


def test_a_position_that_a_reset_log_has_twice_is_refused_and_both_are_named() -> None:
    with pytest.raises(LifeboatError, match="since its log was reset: between b7 and b8, and between b0 and b1") as refused:
        moments(WEEKS, Reset()).at_position(Point(position="1"))
    assert "--at TIME" in str(refused.value.hint)
    assert moments(WEEKS, Reset()).at_position(Point(position="2")).backup.id == "b1"


def test_only_chains_that_reach_a_position_are_read_whole() -> None:
    """A manifest is a call of restic each: of the older chain only the last."""
    read: list[str] = []

    def manifest(backup: BackupRecord) -> Manifest:
        read.append(backup.id)
        return cast("Manifest", cast("Any", backup))

    points = RestorePoints(cast("Service", Logged()), chains(WEEKS)["agama"], manifest)
    assert points.at_position(Point(position="8")).backup.id == "b7"
    assert set(read) == {"b2", "b8", "b7"}
