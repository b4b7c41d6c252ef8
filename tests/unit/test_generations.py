"""Retention by generations: the newest of each day, week, month and year, chains whole, and the exceptions that always hold."""

from collections.abc import Collection, Mapping
from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from backups.chains import chains
from backups.generations import Generations
from backups.manifest import BackupRecord
from backups.retention import Decision, plan
from tests.unit.test_retention import DAY, START, gone, record, why

NUMBERS = ("daily", "weekly", "monthly", "yearly")


def decide(
    records: list[BackupRecord],
    numbers: Mapping[str, int],
    day: float,
    *,
    verified: Collection[str] = (),
    zone: str = "Etc/UTC",
    silence: timedelta | None = None,
    failed: Collection[str] = (),
) -> list[Decision]:
    now = START + day * DAY
    policy = Generations(numbers, ZoneInfo(zone) if zone != "Etc/UTC" else UTC, silence)
    return plan(chains(records), dict.fromkeys(verified, now), policy, now=now, failed=failed)


def kept(decisions: list[Decision]) -> set[str]:
    return {decision.chain.id for decision in decisions if decision.keep}


def test_each_generation_keeps_the_chain_of_its_newest() -> None:
    """2026-01-01 is a Thursday; a chain of its own each day for 100 days."""
    held = [record(day) for day in range(100)]
    assert kept(decide(held, {"daily": 3}, 99.5)) == {"agama-97", "agama-98", "agama-99"}
    # Day 94 is a Sunday (5 April), day 99 the Friday after.
    assert kept(decide(held, {"weekly": 3}, 99.5)) == {"agama-99", "agama-94", "agama-87"}
    assert kept(decide(held, {"monthly": 2}, 99.5)) == {"agama-99", "agama-89"}
    assert kept(decide(held, {"yearly": 5}, 99.5)) == {"agama-99"}
    assert kept(decide(held, {"daily": 1, "monthly": 3}, 99.5)) == {"agama-99", "agama-89", "agama-58"}


def test_a_chain_is_kept_whole_for_the_one_backup_that_counts() -> None:
    weeks = [record(7 * week + day, day, f"agama-{7 * week}" if day else None) for week in range(6) for day in range(7)]
    decisions = decide(weeks, {"daily": 9, "monthly": 2}, 42)
    assert kept(decisions) == {"agama-35", "agama-28"}, "nine days are in two chains, and January ends in the one of day 28"
    assert "newest backup of a day that stays: of 2026-02-" in why(decisions, "agama-35")
    assert (
        why(decisions, "agama-0") == "its full is 42 d 0 h old; it holds no newest backup of those that stay (9 daily, 2 monthly)"
    )


def test_days_without_a_backup_do_not_count_so_a_machine_that_stood_still_loses_nothing() -> None:
    held = [record(day) for day in (0, 10, 20)]
    assert gone(decide(held, {"daily": 3}, 1000)) == set()
    assert gone(decide(held, {"daily": 2}, 1000)) == {"agama-0"}


def test_a_day_begins_where_the_site_is() -> None:
    """23:30 and 00:30 UTC are one day in Berlin."""
    held = [record(0.98), record(1.02), record(3)]
    assert gone(decide(held, {"daily": 3}, 4)) == set()
    assert gone(decide(held, {"daily": 3}, 4, zone="Europe/Berlin")) == {"agama-0.98"}


def test_the_chain_that_grows_stays_though_a_monthly_one_is_newer() -> None:
    held = [record(0), record(1, 1, "agama-0"), record(1.5, standalone=True)]
    decisions = decide(held, {"daily": 1}, 2)
    assert gone(decisions) == set()
    assert why(decisions, "agama-0") == "the next incremental builds on it"


def test_the_exceptions_of_every_retention_hold_here_too() -> None:
    held = [record(day) for day in (0, 10, 20, 30)]
    assert gone(decide(held, {"daily": 1}, 31)) == {"agama-0", "agama-10", "agama-20"}
    assert gone(decide(held, {"daily": 1}, 31, verified={"agama-10"})) == {"agama-0", "agama-20"}
    assert gone(decide(held, {"daily": 1}, 31, failed={"agama-20"})) == {"agama-0", "agama-10"}
    assert gone(decide(held, {"daily": 1}, 31, silence=4 * DAY)) == set(), "ten days of silence: the clock is doubted"
    future = decide([*held, record(60)], {"daily": 1}, 31)
    assert {"agama-60", "agama-30"} <= kept(future), "what is dated in the future takes nobody's place"


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[BackupRecord], set[str], dict[str, int]]:
    """Chains of any lengths and gaps, some proven, and numbers."""
    held: list[BackupRecord] = []
    day = 0.0
    for _ in range(draw(st.integers(1, 12))):
        full = day
        standalone = draw(st.integers(0, 5)) == 0
        for at in range(1 if standalone else draw(st.integers(1, 4))):
            held.append(record(day, at, f"agama-{full}" if at else None, standalone=standalone))
            day += draw(st.sampled_from([0.25, 1.0, 1.0, 3.0, 30.0]))
    proven = {each.id for each in held if draw(st.integers(0, 4)) == 0}
    numbers = {name: draw(st.integers(1, 6)) for name in NUMBERS if draw(st.booleans())} or {"daily": 1}
    return held, proven, numbers


@settings(max_examples=80)
@given(worlds(), st.sampled_from(NUMBERS))
def test_its_promises_hold_for_any_history(world: tuple[list[BackupRecord], set[str], dict[str, int]], more: str) -> None:
    held, proven, numbers = world
    now = max(each.taken_at for each in held) + DAY
    day = (now - START) / DAY
    decisions = decide(held, numbers, day, verified=proven)
    staying = kept(decisions)
    left = [each for each in held if each.chain in staying]
    assert {each.id for each in left} >= {max(held, key=lambda each: each.taken_at).id}, "the newest is gone"
    if proven:
        newest = max(
            (each for each in held if each.id in proven),
            key=lambda each: next(full.taken_at for full in held if full.id == each.chain),
        )
        assert newest.chain in staying, "the newest proven is gone"
    for chain in chains(left)["agama"]:
        chain.up_to(chain.last.id)
    # Done again, nothing more goes; and a larger number never lets go what a smaller one keeps.
    assert kept(decide(left, numbers, day, verified=proven)) == staying
    larger = {**numbers, more: numbers.get(more, 0) + 1}
    assert staying <= kept(decide(held, larger, day, verified=proven))
    for name, number in numbers.items():
        if name == "daily":
            days = sorted({each.taken_at.date() for each in held}, reverse=True)[:number]
            for one in days:
                newest_of_day = max((each for each in held if each.taken_at.date() == one), key=lambda each: each.taken_at)
                assert newest_of_day.chain in staying
