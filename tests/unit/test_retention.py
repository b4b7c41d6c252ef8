"""Retention's promises: one by one, and over years of simulated nights in which things go wrong."""

import random
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backups.chains import Chain, chains
from backups.generations import Generations
from backups.manifest import BackupRecord
from backups.retention import Decision, Rules, plan
from tests.unit import simulated_years
from tests.unit.simulated_years import Broken, Plan, World, Year

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = Rules(keep=21 * DAY, delete_after=31 * DAY)


def record(
    day: float, sequence: int = 0, chain: str | None = None, service: str = "agama", *, standalone: bool = False
) -> BackupRecord:
    identifier = f"{service}-{day}"
    return BackupRecord.model_construct(
        snapshot=f"{identifier}-snapshot", id=identifier, service=service, type="mysql", kind="incremental" if sequence else "full",
        chain=chain or identifier, sequence=sequence, taken_at=START + day * DAY, size=1, standalone=standalone,
    )  # fmt: skip


def decide(
    records: list[BackupRecord],
    verified: set[str],
    day: float,
    *,
    rules: Rules = RULES,
    reading: frozenset[str] = frozenset(),
    failed: frozenset[str] = frozenset(),
) -> list[Decision]:
    proofs = dict.fromkeys(verified, START + day * DAY)
    return plan(chains(records), proofs, rules, now=START + day * DAY, reading=reading, failed=failed)


def gone(decisions: list[Decision]) -> set[str]:
    return {decision.chain.id for decision in decisions if not decision.keep}


def why(decisions: list[Decision], chain: str) -> str:
    return next(decision.reason for decision in decisions if decision.chain.id == chain)


def test_a_chain_goes_whole_when_its_full_is_over_a_month_old() -> None:
    old = [record(0), *(record(day, day, "agama-0") for day in range(1, 7))]
    assert gone(decide([*old, record(30)], {"agama-30"}, 32)) == {"agama-0"}
    assert gone(decide([*old, record(30)], {"agama-30"}, 30.9)) == set()


def test_nothing_goes_of_a_service_that_is_held_and_all_others_go_on() -> None:
    records = [record(day, service=service) for service in ("agama", "grafana") for day in (0, 10, 50)]
    decisions = plan(chains(records), {}, RULES, now=START + 90 * DAY, held={"agama": "prune stands still: why"})
    assert gone(decisions) == {"grafana-0", "grafana-10"}
    assert why(decisions, "agama-0") == "its full is 90 d 0 h old, but prune stands still: why"


def test_the_newest_verified_chain_stays_whatever_its_age() -> None:
    decisions = decide([record(0), record(60), record(90)], {"agama-0"}, 100)
    assert gone(decisions) == {"agama-60"}
    assert "newest verified" in why(decisions, "agama-0")


def test_the_newest_chain_stays_when_nothing_was_ever_proven() -> None:
    assert gone(decide([record(0), record(10)], set(), 400)) == {"agama-0"}


def test_a_failed_chain_stays_until_something_newer_is_proven() -> None:
    """It may hold what nothing else holds, and the failure may be the drill's."""
    held, failed = [record(day) for day in (0, 10, 20, 30)], frozenset({"agama-10", "agama-20"})
    nothing_newer = decide(held, {"agama-0"}, 100, failed=failed)
    assert gone(nothing_newer) == set()
    assert why(nothing_newer, "agama-10") == "its full is 90 d 0 h old, but its drill failed: nothing newer is proven"
    assert gone(decide(held, set(), 100, failed=failed)) == {"agama-0"}
    assert gone(decide(held, {"agama-30"}, 100, failed=failed)) == {"agama-0", "agama-10", "agama-20"}
    assert gone(decide([*held, record(15)], {"agama-15"}, 100, failed=failed)) == {"agama-0", "agama-10"}
    assert gone(decide([*held, record(0, service="other"), record(5, service="other")], {"agama-30"}, 100, failed=failed)) == {
        "agama-0", "agama-10", "agama-20", "other-0"
    }  # fmt: skip


def test_a_chain_whose_newest_backup_failed_stays_as_its_older_ones_proof_does() -> None:
    """The full was verified, the incremental on it failed: it is both the newest proven chain and a failed one."""
    held = [record(0), record(1, 1, "agama-0"), record(40)]
    assert gone(decide(held, {"agama-0"}, 100, failed=frozenset({"agama-0"}))) == set()


def test_a_chain_that_is_being_read_stays() -> None:
    decisions = decide([record(0), record(10), record(40)], {"agama-40"}, 50, reading=frozenset({"agama-10"}))
    assert gone(decisions) == {"agama-0"}
    assert "is reading it" in why(decisions, "agama-10")


def test_a_chain_that_went_on_for_want_of_fulls_stays_while_it_holds_points_of_three_weeks() -> None:
    old = [record(0), *(record(day, day, "agama-0") for day in range(1, 30)), record(45)]
    assert gone(decide(old, {"agama-45"}, 49.9)) == set()
    assert gone(decide(old, {"agama-45"}, 50.1)) == {"agama-0"}


def test_services_are_decided_apart() -> None:
    decisions = decide([record(0), record(90), record(0, service="grafana")], {"agama-90"}, 100)
    assert gone(decisions) == {"agama-0"}


def nights(first: int, last: int) -> list[BackupRecord]:
    return [record(day) for day in range(first, last)]


def test_a_clock_that_jumped_ahead_deletes_nothing_also_after_a_backup_by_that_clock() -> None:
    """Two years ahead at once; and with the nights that followed by the wrong clock, until three weeks of them are there."""
    careful = replace(RULES, silence=4 * DAY)
    before = nights(0, 30)
    for after in ([], nights(760, 762), nights(760, 780)):
        day = 760.2 + len(after)
        decisions = decide([*before, *after], {"agama-29"}, day, rules=careful)
        assert gone(decisions) == set()
        assert "a clock that is doubted: nothing was saved between 2026-01-30 00:00 and 20" in why(decisions, "agama-3")
        assert gone(decide([*before, *after], {"agama-29"}, day)), "believing the clock, it would delete"
    assert len(gone(decide([*before, *nights(760, 782)], {"agama-29"}, 781.2, rules=careful))) == 29, "it goes on by itself"


def test_a_week_that_prune_itself_emptied_is_no_jump_of_the_clock_and_does_not_hide_one() -> None:
    """A month's chain is left alone before it; what had been deleted is a sign of life only where it was taken."""
    careful = replace(RULES, silence=4 * DAY)
    held, emptied = [record(3, standalone=True), *nights(15, 35)], [START + day * DAY for day in range(15)]
    now = START + 35.2 * DAY

    def gone_at(now: datetime, deleted: list[datetime]) -> set[str]:
        return gone(plan(chains(held), {}, careful, now=now, deleted=deleted))

    assert gone_at(now, emptied) == {"agama-3"}
    assert gone_at(now, []) == set(), "unknown is who emptied it"
    assert gone_at(now, [time for time in emptied if time < START + 10 * DAY]) == set(), "nothing was saved for five days"
    assert gone_at(now + 10 * DAY, emptied) == set(), "the clock jumped, whatever was deleted before"


def test_a_few_nights_that_failed_do_not_hold_retention_up() -> None:
    careful = replace(RULES, silence=4 * DAY)
    held = [*nights(0, 30), *nights(33, 40)]
    assert "agama-1" in gone(decide(held, {"agama-29"}, 39.2, rules=careful))


def test_a_backup_from_the_future_stays_and_says_so() -> None:
    decisions = decide([*nights(0, 30), record(760)], {"agama-29"}, 29.2)
    assert gone(decisions) == set()
    assert "which is in the future" in why(decisions, "agama-760")


NIGHTS = 2 * 365
FIRST = date(2027, 9, 1)
"""A start in 2027: two years from it hold a 29th of February, and both changes of the clocks twice."""

some = st.frozensets


def years() -> st.SearchStrategy[Year]:
    """Years in which nights fail one by one and in rows, drills fail or are missed for months, prunes are missed or killed."""
    night = st.integers(0, NIGHTS)
    rows = st.lists(st.tuples(night, st.integers(1, 45)), max_size=4).map(
        lambda rows: frozenset(day for first, length in rows for day in range(first, first + length))
    )
    mondays = st.lists(st.tuples(st.integers(0, 104), st.integers(1, 30)), max_size=3).map(
        lambda rows: frozenset(monday for first, length in rows for monday in range(first, first + length))
    )
    fulls = st.lists(st.tuples(st.integers(0, 104), st.integers(1, 8)), max_size=3).map(
        lambda rows: frozenset(_monday(first + number) for first, length in rows for number in range(length))
    )
    return st.builds(
        Year,
        zone=st.sampled_from(["Etc/UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
        failed_nights=st.builds(frozenset.union, some(night, max_size=150), rows, fulls),
        failed_monthlies=some(st.integers(1, 24)),
        failed_drills=mondays,
        missed_drills=mondays,
        missed_prunes=some(night, max_size=100),
        killed_prunes=st.dictionaries(night, st.integers(0, 9), max_size=100),
        readers=some(night, max_size=100),
    )


def _monday(number: int) -> int:
    """The night of a Monday, counted from FIRST."""
    return (7 - FIRST.weekday()) % 7 + 7 * number


@pytest.mark.long
@settings(max_examples=30)
@given(years())
def test_years_of_nights_keep_every_promise(year: Year) -> None:
    World(year).live(FIRST, NIGHTS)


@pytest.mark.long
@settings(max_examples=20)
@given(years(), st.integers(30, NIGHTS), st.floats(5, 5000), st.integers(1, 60))
def test_a_clock_that_jumps_ahead_and_is_put_right_costs_no_point_of_three_weeks(
    year: Year, night: int, days: float, length: int
) -> None:
    World(replace(year, jumps={night: days, night + length: 0.0})).live(FIRST, NIGHTS)


@pytest.mark.long
@settings(max_examples=10)
@given(years(), st.dictionaries(st.sampled_from(["daily", "weekly", "monthly", "yearly"]), st.integers(1, 14), min_size=1))
def test_years_by_generations_doubt_no_clock_for_what_prune_itself_deleted(year: Year, numbers: dict[str, int]) -> None:
    World(year, policy=Generations(numbers, UTC, simulated_years.RULES.silence)).live(FIRST, NIGHTS)


@pytest.mark.long
@pytest.mark.parametrize("seed", [2, 26])
def test_a_clock_is_not_doubted_for_a_week_that_prune_itself_emptied(seed: int) -> None:
    """Many nights, drills and prunes fail by chance: by these chances a month's chain is left alone before an emptied week."""
    World(_random_year(seed)).live(FIRST, NIGHTS)


def _random_year(seed: int) -> Year:
    chance = random.Random(seed)
    failed_nights, missed_drills, missed_prunes, readers = (
        frozenset(chance.sample(range(among), number)) for among, number in ((730, 100), (104, 30), (730, 40), (730, 40))
    )
    return Year(failed_nights=failed_nights, missed_drills=missed_drills, missed_prunes=missed_prunes, readers=readers)


def _without(**changes: Any) -> Plan:
    """The plan with arguments of its own instead of the given ones."""
    return lambda held, verified, rules, **options: plan(
        held, changes.get("verified", verified), changes.get("rules", rules), **{**options, **changes.get("options", {})}
    )


def _with(decide: Callable[[Decision, list[Decision]], bool]) -> Plan:
    """The plan with another say over each decision."""

    def mutated(*arguments: Any, **options: Any) -> list[Decision]:
        decisions = plan(*arguments, **options)
        return [replace(decision, keep=decide(decision, decisions)) for decision in decisions]

    return mutated


def _in_pieces(held: dict[str, list[Chain]], *arguments: Any, **options: Any) -> list[Decision]:
    """Goes by the age of each backup, not of its chain."""
    decisions = plan(held, *arguments, **options)
    old = options["now"] - RULES.delete_after
    return [
        replace(decision, keep=False, chain=Chain(decision.chain.id, cut))
        for decision in decisions
        if (cut := tuple(backup for backup in decision.chain.backups if backup.taken_at < old))
    ]


CALM = Year()
NEVER_DRILLED = Year(missed_drills=frozenset(range(200)))
MUTANTS: dict[str, tuple[str, Plan, Year]] = {
    "deletes after three weeks": ("three weeks", _without(rules=Rules(14 * DAY, 18 * DAY)), CALM),
    "forgets the points of a long chain": (
        "three weeks",
        _without(rules=replace(RULES, keep=timedelta())),
        Year(failed_nights=frozenset(_monday(number) for number in range(10, 18)), failed_monthlies=frozenset(range(24))),
    ),
    "knows nothing of proofs": ("proven", _without(verified={}), Year(missed_drills=frozenset(range(20, 60)))),
    "trusts any clock": ("three weeks", _without(rules=RULES), Year(jumps={100: 700.0})),
    "deletes the newest chain": (
        "newest",
        _with(lambda decision, _: decision.keep and "newest chain" not in decision.reason),
        replace(NEVER_DRILLED, failed_nights=frozenset(range(50, 400)), failed_monthlies=frozenset(range(24))),
    ),
    "does not look who reads": ("read", _without(options={"reading": ()}), Year(readers=frozenset(range(NIGHTS)))),
    "forgets what it has deleted": ("month", _without(options={"deleted": ()}), _random_year(2)),
    "never deletes": ("month", _with(lambda *_: True), CALM),
    "is a week late": ("month", _without(rules=Rules(21 * DAY, 38 * DAY)), CALM),
    "keeps the monthly chains": (
        "month",
        _with(lambda decision, _: decision.keep or not decision.chain.backups[0].standalone),
        CALM,
    ),
    "cuts chains": ("pieces", _in_pieces, CALM),
}


@pytest.mark.long
def test_generations_whose_deletions_are_forgotten_cry_wolf_in_a_year_in_which_all_is_well() -> None:
    policy = Generations({"daily": 7, "monthly": 12}, UTC, simulated_years.RULES.silence)
    World(CALM, policy=policy).live(FIRST, NIGHTS)
    with pytest.raises(Broken, match=r"^wolf:"):
        World(CALM, plan=_without(options={"deleted": ()}), policy=policy).live(FIRST, NIGHTS)


@pytest.mark.long
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_plan_that_breaks_a_promise_is_caught(mutant: str) -> None:
    """Each promise can be broken: the simulation tells which, and the real plan keeps it in the same years."""
    promise, mutated, year = MUTANTS[mutant]
    with pytest.raises(Broken, match=f"^{re.escape(promise)}:"):
        World(year, plan=mutated).live(FIRST, NIGHTS)
    World(year).live(FIRST, NIGHTS)
