"""What a further repository lacks, and in which order it comes: chains whole, what was let go never again."""

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from backups.manifest import BackupRecord
from backups.repositories.missing import Behind, behind, let_go, missing, summed, waves
from backups.retention import Rules
from tests.unit.test_retention import DAY, START, record

CHAIN = [record(0), record(1, 1, "agama-0"), record(2, 2, "agama-0"), record(3, 3, "agama-0")]


def ids(backups: Sequence[BackupRecord]) -> list[str]:
    return [backup.id for backup in backups]


def test_each_comes_after_what_it_builds_on_and_what_is_there_does_not_come_again() -> None:
    other = record(0.5, service="other")
    assert ids(missing([*reversed(CHAIN), other], {"agama-0"})) == ["other-0.5", "agama-1", "agama-2", "agama-3"]
    assert [ids(wave) for wave in waves(missing([*CHAIN, other], ()))] == [
        ["agama-0", "other-0.5"],
        ["agama-1"],
        ["agama-2"],
        ["agama-3"],
    ]
    assert missing(CHAIN, ids(CHAIN)) == []


def test_of_a_broken_chain_only_what_can_be_brought_back_is_copied() -> None:
    assert ids(missing([CHAIN[0], CHAIN[1], CHAIN[3]], ())) == ["agama-0", "agama-1"]
    assert missing(CHAIN[1:], ()) == []
    twin = CHAIN[1].model_copy(update={"id": "agama-twin", "snapshot": "twin"})
    assert ids(missing([*CHAIN, twin], ())) == ["agama-0"], "which of two is the true one is not known"


def test_a_gap_in_the_further_one_is_filled() -> None:
    assert ids(missing(CHAIN, {"agama-0", "agama-2", "agama-3"})) == ["agama-1"]


def test_how_far_it_is_behind_and_since_when() -> None:
    assert behind(CHAIN, ids(CHAIN)) is None
    found = behind(CHAIN, {"agama-0", "agama-1"})
    assert found is not None
    assert (found.backups, found.since) == (2, START + 2 * DAY)
    assert behind(CHAIN, (), {"agama-0"}) is None


def test_what_its_retention_let_go_is_not_copied_again_and_the_newest_is_whatever_its_age() -> None:
    first = [record(0), record(10), record(40)]
    short = Rules(keep=5 * DAY, delete_after=7 * DAY)
    assert let_go(first, [record(40)], short, START + 41 * DAY) == {"agama-0", "agama-10"}
    assert let_go(first, [], short, START + 400 * DAY) == {"agama-0", "agama-10"}


def test_a_clock_that_jumped_copies_nothing_old() -> None:
    """By it all looks old: retention there deletes nothing then, and what it has deleted before does not come back either."""
    first = [record(0), record(10), record(40)]
    doubting = Rules(keep=5 * DAY, delete_after=7 * DAY, silence=4 * DAY)
    assert let_go(first, [record(40)], doubting, START + 60 * DAY) == {"agama-0", "agama-10"}


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[BackupRecord], set[str]]:
    """A first repository, some backups gone from it, and what any killed copies have left in the further one."""
    chains = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    held = [
        record(10 * number + at, at, f"agama-{10 * number}" if at else None)
        for number, length in enumerate(chains)
        for at in range(length)
    ]
    kept = [each for each in held if draw(st.integers(0, 9)) > 0]
    there = {each.id for each in kept if draw(st.booleans())}
    return kept, there


@settings(max_examples=60)
@given(histories(), st.integers(0, 20))
def test_killed_after_any_backup_no_chain_has_a_hole_that_the_first_has_not(
    history: tuple[list[BackupRecord], set[str]], done: int
) -> None:
    first, _ = history
    copied: set[str] = set()
    for backup in missing(first, copied)[:done]:
        copied.add(backup.id)
        numbers = sorted(each.sequence for each in first if each.id in copied and each.chain == backup.chain)
        assert numbers == list(range(len(numbers)))
    rest = missing(first, copied)
    assert {each.id for each in rest}.isdisjoint(copied)
    assert missing(first, copied | {each.id for each in rest}) == []


@settings(max_examples=60)
@given(histories())
def test_behind_counts_what_is_missing_and_nothing_is_behind_itself(history: tuple[list[BackupRecord], set[str]]) -> None:
    first, there = history
    found, lacking = behind(first, there), missing(first, there)
    assert (found.backups if found else 0) == len(lacking)
    assert not found or found.since == min(each.taken_at for each in lacking)
    assert found is None or found.since <= START + timedelta(days=50)
    assert behind(first, {each.id for each in first}) is None


def test_an_incremental_that_is_left_alone_counts_as_one() -> None:
    assert summed([]) is None
    assert summed(CHAIN[3:]) == Behind(1, START + 3 * DAY)
    assert summed(missing(CHAIN, {"agama-0", "agama-1", "agama-2"})) == Behind(1, START + 3 * DAY)
