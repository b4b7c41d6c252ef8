"""Chains: what belongs together, what may be built on, what is chosen."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from backups.chains import Chain, chains, extendable, select
from backups.errors import ChainBroken, Damaged, LifeboatError
from backups.manifest import BackupRecord

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
LATER = MONDAY + timedelta(days=30)


def record(chain: str, sequence: int, day: float, *, service: str = "agama", standalone: bool = False) -> BackupRecord:
    return BackupRecord.model_construct(
        snapshot=f"snapshot-{chain}{sequence}",
        id=f"{chain}{sequence}",
        service=service,
        type="mysql",
        kind="incremental" if sequence else "full",
        chain=chain,
        sequence=sequence,
        taken_at=MONDAY + timedelta(days=day),
        size=1,
        standalone=standalone,
    )


WEEKS = [record("a", 0, 0), record("a", 1, 1), record("a", 2, 2), record("b", 0, 7), record("b", 1, 8)]


def agama(records: list[BackupRecord]) -> list[Chain]:
    return chains(records)["agama"]


@given(some.permutations(WEEKS))
def test_chains_do_not_depend_on_the_order_of_the_listing(records: list[BackupRecord]) -> None:
    assert [(chain.id, [backup.sequence for backup in chain.backups]) for chain in agama(records)] == [
        ("a", [0, 1, 2]),
        ("b", [0, 1]),
    ]


def test_services_do_not_share_chains_even_by_the_same_name() -> None:
    found = chains([record("a", 0, 0), record("a", 0, 0, service="other")])
    assert {service: len(members) for service, members in found.items()} == {"agama": 1, "other": 1}


def test_bringing_back_a_backup_needs_all_before_it_and_none_after() -> None:
    assert [backup.id for backup in agama(WEEKS)[0].up_to("a1")] == ["a0", "a1"]


@pytest.mark.parametrize(
    ("sequences", "gone"),
    [([0, 2], "1"), ([1, 2], "0"), ([2], "0, 1"), ([0, 1, 1, 2], "1"), ([0, 1, 2, 2], "2")],
)
def test_a_chain_with_a_gap_or_a_fork_is_damaged_and_says_where(sequences: list[int], gone: str) -> None:
    [chain] = agama([record("a", sequence, sequence + number / 10) for number, sequence in enumerate(sequences)])
    with pytest.raises(Damaged) as fault:
        chain.up_to("a2")
    assert f"needs 3 backups, {len(sequences)} are in the repository; missing or double: sequence {gone}" in fault.value.message


def test_what_is_before_a_gap_can_still_be_brought_back() -> None:
    [chain] = agama([record("a", 0, 0), record("a", 1, 1), record("a", 3, 3)])
    assert len(chain.up_to("a1")) == 2


def test_the_newest_chain_is_built_on() -> None:
    newest = extendable(agama(WEEKS), LATER)
    assert newest is not None
    assert newest.id == "b"


def test_a_standalone_full_is_not_built_on() -> None:
    newest = extendable(agama([*WEEKS, record("monthly", 0, 12, standalone=True)]), LATER)
    assert newest is not None
    assert newest.id == "b"
    assert extendable(agama([record("monthly", 0, 12, standalone=True)]), LATER) is None
    assert extendable([], LATER) is None


def test_a_broken_chain_is_not_built_on_nor_an_older_one_in_its_place() -> None:
    with pytest.raises(ChainBroken, match="chain b is broken: backup b2 needs 3 backups, 2 are in the repository"):
        extendable(agama([*WEEKS[:4], record("b", 2, 9)]), LATER)


def test_a_chain_whose_newest_backup_lies_in_the_future_is_not_built_on() -> None:
    """A clock was ahead when it was taken: the chain before it goes on; with none, a full is taken, and that one goes on."""
    ahead = record("ahead", 0, 400)
    with pytest.raises(ChainBroken, match=r"backup ahead0 is dated 2027.*, and it is now 2026"):
        extendable(agama([ahead]), LATER)
    for others in (WEEKS, [record("fresh", 0, 20)]):
        newest = extendable(agama([ahead, *others]), LATER)
        assert newest is not None
        assert newest.id == others[-1].chain


def chosen(selection: str, *, day: float | None = None, records: list[BackupRecord] = WEEKS) -> str:
    at = None if day is None else MONDAY + timedelta(days=day)
    return select("agama", chains(records).get("agama", []), selection, at=at, now=LATER, chance=random.Random(7)).id


@pytest.mark.parametrize(
    ("selection", "day", "backup"),
    [
        ("latest", None, "b1"),
        ("latest", 7.5, "b0"),
        ("latest", 8, "b1"),
        ("worst", None, "a2"),
        ("worst", 1.5, "a1"),
        ("worst", 0, "a0"),
        ("a1", None, "a1"),
    ],
)
def test_chooses(selection: str, day: float | None, backup: str) -> None:
    assert chosen(selection, day=day) == backup


def test_of_equally_long_chains_the_newest_is_the_worst() -> None:
    assert chosen("worst", records=[*WEEKS[1:], record("a", 0, 0), record("b", 2, 9)]) == "b2"


@given(some.integers())
def test_random_chooses_any_and_only_what_is_there(seed: int) -> None:
    backup = select("agama", agama(WEEKS), "random", at=MONDAY + timedelta(days=7), now=LATER, chance=random.Random(seed))
    assert backup.id in {"a0", "a1", "a2", "b0"}


def test_nothing_to_choose_from_is_reported() -> None:
    with pytest.raises(LifeboatError) as fault:
        chosen("latest", records=[])
    assert str(fault.value) == "agama has no backup in the repository\nhint: take one: lifeboat backup agama"


def test_an_unknown_backup_is_reported() -> None:
    with pytest.raises(LifeboatError) as fault:
        chosen("a7")
    assert str(fault.value) == "agama has no backup a7\nhint: see: lifeboat list agama"


def test_a_time_before_the_first_backup_is_reported_with_both_times() -> None:
    with pytest.raises(LifeboatError) as fault:
        chosen("latest", day=-1)
    assert fault.value.message == (
        "agama has no backup from 2026-11-15 00:00:00 UTC or earlier; the oldest is from 2026-11-16 00:00:00 UTC"
    )
