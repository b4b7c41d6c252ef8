"""A history says what the tags say, and what is missing among them; it invents nothing."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backups.config.settings import Settings
from backups.manifest import BackupRecord
from backups.repository.listing import Snapshot
from tests.unit.verification.samples import MONDAY, evidence, not_run, result
from verification.evidence import drilled, store
from verification.evidence.gaps import BEFORE_ALL, DELETED, MISSED, gaps
from verification.evidence.history import ServiceHistory, of
from verification.evidence.trend import trend

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
RTO = timedelta(hours=2)
SETTINGS = Settings.model_validate(
    {
        "repository": {"url": "r", "password": "p"},
        "services": {"agama": {"type": "mysql", "image": "mysql:9.7"}},
    }
)


def backup(at: datetime, kind: str = "full", **changes: object) -> BackupRecord:
    id = f"agama-{at:%Y%m%dT%H%M%SZ}"  # noqa: A001
    values = {
        "snapshot": "ab" * 32, "id": id, "service": "agama", "type": "mysql", "kind": kind, "chain": id, "sequence": int(kind != "full"),
        "taken_at": at, "size": 1000, "standalone": False, "holds": "rows:120", "lock_seconds": 0.02, **changes,
    }  # fmt: skip
    return BackupRecord.model_construct(**values)  # type: ignore[arg-type]


def snapshot(at: datetime, *drills: object) -> Snapshot:
    return Snapshot("cd" * 32, at, tuple(store.tags(evidence(*drills, finished_at=at))))  # type: ignore[arg-type]


def history(backups: list[BackupRecord], snapshots: list[Snapshot], now: datetime = MONDAY) -> ServiceHistory:
    [found] = of(SETTINGS, {"agama": "mysql"}, backups, snapshots, now)
    return found


def test_nothing_kept_is_nothing_shown_and_no_gap_between_nothing() -> None:
    found = history([], [])
    assert (found.backups, found.missed_backups, found.drills, found.missed_drills) == ((), (), (), ())
    assert found.forecast.words == "not known yet: 0 timed drills, 3 are needed"


def test_a_backup_is_told_as_its_tags_have_it_and_what_they_do_not_say_is_not_known() -> None:
    older = backup(MONDAY - 3 * HOUR, holds=None, lock_seconds=None)
    first, second = history([backup(MONDAY - HOUR), older], []).backups
    assert (first.unit, first.count, first.lock_seconds) == (None, None, None)
    assert (second.kind, second.bytes, second.unit, second.count, second.lock_seconds) == ("full", 1000, "rows", 120, 0.02)


def test_a_missed_night_is_a_gap_and_so_is_silence_until_now() -> None:
    found = history([backup(MONDAY - days * DAY) for days in (2, 3, 6, 7)], [])
    middle, last = found.missed_backups
    assert (middle.after, middle.until, middle.why) == (MONDAY - 6 * DAY, MONDAY - 3 * DAY, MISSED)
    assert (last.after, last.until, last.seconds) == (MONDAY - 2 * DAY, None, 2 * DAY.total_seconds())


def test_what_retention_may_have_deleted_is_not_called_missed() -> None:
    [old, new] = gaps([MONDAY - 40 * DAY, MONDAY - 10 * DAY], DAY, 21 * DAY, MONDAY)
    assert (old.why, new.why) == (DELETED, MISSED)


def test_what_is_missing_in_a_past_period_may_have_been_deleted_since_it_ended() -> None:
    """An export of November, made in May: nobody missed what retention has deleted."""
    backups = [backup(MONDAY - 12 * DAY), backup(MONDAY - 2 * DAY)]
    for listed_at, why in ((MONDAY, MISSED), (MONDAY + 180 * DAY, DELETED)):
        [found] = of(SETTINGS, {"agama": "mysql"}, backups, [snapshot(MONDAY - 12 * DAY, result())], MONDAY, listed_at=listed_at)
        assert {gap.why for gap in (*found.missed_backups, *found.missed_drills)} == {why}
        assert found.missed_drills


def test_a_period_that_begins_before_all_that_is_kept_has_a_gap_there() -> None:
    objectives = SETTINGS.objectives
    found = history([backup(MONDAY - each * DAY) for each in (3, 2, 1, 0)], [snapshot(MONDAY - DAY, result())])
    begin = MONDAY - 20 * DAY
    within = found.within(begin, MONDAY + DAY, objectives)
    assert [(gap.after, gap.until, gap.why) for gap in within.missed_backups] == [(begin, MONDAY - 3 * DAY, BEFORE_ALL)]
    assert [(gap.after, gap.until, gap.why) for gap in within.missed_drills] == [(begin, MONDAY - DAY, BEFORE_ALL)]
    whole = found.within(MONDAY - 3 * DAY, MONDAY + DAY, objectives)
    assert (whole.missed_backups, whole.missed_drills) == ((), ())


def test_a_drill_that_could_not_run_ends_no_gap() -> None:
    kept = [
        snapshot(MONDAY - 15 * DAY, result()),
        snapshot(MONDAY - 8 * DAY, not_run("agama", type="mysql")),
        snapshot(MONDAY, result()),
    ]
    found = history([backup(MONDAY)], kept)
    assert [(gap.after, gap.until) for gap in found.missed_drills] == [(MONDAY - 15 * DAY, MONDAY)]
    assert [drill.verdict for drill in found.drills] == ["verified", "could-not-run", "verified"]


def test_what_is_dated_in_the_future_and_what_is_another_services_is_left_out() -> None:
    later = MONDAY + 2 * DAY
    found = history([backup(later), backup(MONDAY)], [snapshot(later, result()), snapshot(MONDAY, result("shop"))])
    assert ([each.at for each in found.backups], found.drills) == ([MONDAY], ())


def test_where_the_longest_chain_is_drilled_the_latest_alone_is_not_compared_with_it() -> None:
    fast, slow = result(restore_seconds=10.0), result(selection="worst", restore_seconds=50.0)
    moment = result(selection="moment", restore_seconds=900.0)
    found = history([], [snapshot(MONDAY - DAY, fast), snapshot(MONDAY, fast, slow, moment)])
    assert [drill.seconds for drill in found.slowest] == [10.0, 50.0]
    assert [drill.seconds for drill in found.comparable] == [50.0]
    assert [drill.seconds for drill in history([], [snapshot(MONDAY, fast)]).comparable] == [10.0]
    both = result(selection="worst", also=("latest",), restore_seconds=30.0)
    later = history([], [snapshot(MONDAY - DAY, fast, slow), snapshot(MONDAY - DAY / 2, fast), snapshot(MONDAY, both)])
    assert [drill.seconds for drill in later.comparable] == [50.0, 30.0], "also beside evidence of two drills of one backup"


def test_the_verifiers_drills_are_kept_apart() -> None:
    own = Snapshot("ef" * 32, MONDAY, (drilled.DAMAGE, "damage=agama|30|29", "damage=shop|1|1"))
    found = history([], [own])
    assert ([(each.injected, each.noticed) for each in found.detections], found.drills) == ([(30, 29)], ())


def weekly(*seconds: float) -> list[tuple[datetime, float]]:
    return [(MONDAY - (len(seconds) - 1 - number) * WEEK, value) for number, value in enumerate(seconds)]


def test_a_line_without_scatter_breaks_the_objective_on_its_day() -> None:
    found = trend(weekly(6000.0, 6100.0, 6200.0, 6300.0), RTO, MONDAY)
    assert found.at == found.earliest == found.latest == MONDAY + 9 * WEEK
    assert found.per_week == pytest.approx(100)
    assert found.words.startswith("2 h 00 min are reached about 2027-01-25, with a probability of 95 % between 2027-01-25 and ")


def test_an_objective_that_is_missed_already_is_told_so() -> None:
    found = trend(weekly(7000.0, 7150.0, 7300.0), RTO, MONDAY)
    assert (found.at, found.words) == (MONDAY, "the objective of 2 h 00 min is missed already, by 3 timed drills")


def test_scatter_makes_a_band_that_widens_ahead() -> None:
    """By hand: residuals -3, 9, -9, 3; of four drills Student's quantile is 4.303; at the first one the root of 1.7."""
    found = trend(weekly(6000.0, 6110.0, 6190.0, 6300.0), RTO, MONDAY)
    assert found.earliest is not None
    assert found.at is not None
    assert found.latest is not None
    assert found.earliest < found.at < found.latest
    widths = [each.high - each.low for each in found.line]
    assert widths[0] == pytest.approx(2 * 4.3027 * 90**0.5 * 1.7**0.5, rel=1e-4)
    assert widths[-1] > widths[0]


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        ([], "not known yet: 0 timed drills, 3 are needed"),
        (weekly(1.0), "not known yet: 1 timed drill, 3 are needed"),
        (
            [(MONDAY + number * HOUR, 1.0) for number in range(3)],
            "not known yet: the timed drills span 2 h 00 min, a day is needed",
        ),
        (weekly(40.0, 40.0, 40.0), "restores do not grow; 2 h 00 min are not reached within ten years, by 3 timed drills"),
        (
            weekly(40.0, 40.1, 40.2),
            "restores grow by 0.1 s a week; 2 h 00 min are not reached within ten years, by 3 timed drills",
        ),
    ],
)
def test_what_cannot_be_foreseen_is_not(measured: list[tuple[datetime, float]], words: str) -> None:
    found = trend(measured, RTO, MONDAY)
    assert (found.words, found.at, found.earliest) == (words, None, None)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 60 * 24), max_size=12))
def test_every_hole_that_is_longer_than_promised_is_a_gap_and_no_other(hours: list[int]) -> None:
    times = sorted({MONDAY - hour * HOUR for hour in hours})
    found = gaps(times, 26 * HOUR, 21 * DAY, MONDAY)
    ends = [*times, MONDAY]
    expected = [later - earlier for earlier, later in pairwise(ends) if later - earlier > 26 * HOUR]
    assert [timedelta(seconds=gap.seconds) for gap in found] == expected
    assert all(not any(gap.after < time < (gap.until or MONDAY) for time in times) for gap in found)
