"""Backups of the future, taken while a clock was ahead: every choice is the one that would be made without them."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backups.chains import Chain, ahead, chains, extendable, present, select
from backups.config.settings import Objectives
from backups.errors import ChainBroken, LifeboatError
from backups.manifest import BackupRecord
from backups.repository.listing import Listing, Snapshot
from backups.retention import Decision, Rules, plan
from backups.services.base import Service
from verification.evidence import retention as evidence_retention
from verification.evidence import store
from verification.evidence.store import Proof
from verification.restore.moment import Choice
from verification.restore.order import Order
from verification.restore.plan import Manifests, choose
from verification.watch.status import assess

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = Rules(keep=21 * DAY, delete_after=31 * DAY)
CLOCKS_DIFFER = timedelta(minutes=5)


def record(chain: int, sequence: int, at: datetime, *, standalone: bool = False) -> BackupRecord:
    return BackupRecord.model_construct(
        snapshot=f"s{chain}-{sequence}",
        id=f"agama-{chain}-{sequence}",
        service="agama",
        type="mysql",
        kind="incremental" if sequence else "full",
        chain=f"agama-{chain}",
        sequence=sequence,
        taken_at=at,
        size=1,
        standalone=standalone,
    )


@st.composite
def histories(draw: st.DrawFn) -> list[BackupRecord]:
    """Chains of up to four backups, each a day after the one before; the last ones of some, and all of others, lie in the future."""
    found = []
    for number in range(draw(st.integers(0, 5))):
        begin = NOW - draw(st.integers(-3, 60)) * DAY - timedelta(seconds=draw(st.integers(0, 3600)))
        standalone = draw(st.booleans())
        for sequence in range(1 if standalone else draw(st.integers(1, 4))):
            jump = draw(st.sampled_from([0, 0, 0, 400])) * DAY
            found.append(record(number, sequence, begin + sequence * DAY + jump, standalone=standalone))
    return found


def of_now(records: Sequence[BackupRecord]) -> list[BackupRecord]:
    return [each for each in records if each.taken_at <= NOW + CLOCKS_DIFFER]


def grouped(records: Sequence[BackupRecord]) -> list[Chain]:
    return chains(records).get("agama", [])


def outcome(call: Any, *arguments: Any, **more: Any) -> Any:
    try:
        return call(*arguments, **more)
    except LifeboatError as error:
        return type(error)


@given(histories(), st.sampled_from(["latest", "worst", "random"]), st.none() | st.integers(0, 40), st.integers())
def test_what_is_drilled_is_chosen_as_without_them(
    records: list[BackupRecord], selection: str, ago: int | None, seed: int
) -> None:
    at = None if ago is None else NOW - ago * DAY
    one, other = (
        outcome(select, "agama", grouped(each), selection, at=at, now=NOW, chance=random.Random(seed))
        for each in (records, of_now(records))
    )
    assert one == other


class Silent:
    """A service without a log."""

    name = "agama"


@given(histories(), st.none() | st.integers(0, 40))
def test_what_is_restored_is_chosen_as_without_them(records: list[BackupRecord], ago: int | None) -> None:
    order = Order("agama", "local:/x", at=None if ago is None else NOW - ago * DAY)

    def chosen(held: list[BackupRecord]) -> Any:
        found = outcome(choose, Listing(held), cast("Manifests", None), cast("Service", Silent()), order, NOW)
        return (found.chain, found.point) if isinstance(found, Choice) else found

    assert chosen(records) == chosen(of_now(records))


@given(histories())
def test_one_that_is_named_by_its_id_is_chosen_all_the_same(records: list[BackupRecord]) -> None:
    for each in ahead(grouped(records), NOW):
        assert select("agama", grouped(records), each.id, now=NOW, chance=random.Random(1)) == each
        found = outcome(
            choose,
            Listing(records),
            cast("Manifests", None),
            cast("Service", Silent()),
            Order("agama", "local:/x", backup=each.id),
            NOW,
        )
        assert found.backup == each


@given(histories())
def test_an_incremental_builds_on_nothing_of_the_future_and_forks_no_chain(records: list[BackupRecord]) -> None:
    whole = {chain.id for chain in grouped(records) if chain.backups == tuple(of_now(chain.backups))}
    without = [each for each in records if each.chain in whole]
    found, expected = outcome(extendable, grouped(records), NOW), outcome(extendable, grouped(without), NOW)
    if found is not ChainBroken:
        assert found == expected


@given(histories(), st.data())
def test_age_and_standing_are_those_without_them_and_each_is_complained_of(
    records: list[BackupRecord], data: st.DataObject
) -> None:
    drilled = data.draw(st.sets(st.sampled_from([each.id for each in records]))) if records else set()
    proofs = {identifier: Proof("verified", 9.0, NOW - 2 * DAY) for identifier in drilled}
    [one], [other] = (
        assess({"agama": "mysql"}, chains(each), proofs, Objectives(), now=NOW) for each in (records, of_now(records))
    )
    same = {"complaints", "backups"}
    assert one.model_dump(exclude=same) == other.model_dump(exclude=same)
    for each in ahead(grouped(records), NOW):
        [complaint] = [line for line in one.complaints if f"backup {each.id} is" in line]
        assert f"{each.taken_at:%Y-%m-%d %H:%M:%S}" in complaint
        assert f"{NOW:%Y-%m-%d %H:%M:%S}" in complaint
    assert bool(ahead(grouped(records), NOW)) == any("in the future" in line for line in one.complaints)


@pytest.mark.long
@settings(max_examples=300)
@given(histories(), st.data())
def test_retention_decides_as_without_them_and_deletes_none_of_them(records: list[BackupRecord], data: st.DataObject) -> None:
    drilled = data.draw(st.sets(st.sampled_from([each.id for each in records]))) if records else set()
    proofs = dict.fromkeys(drilled, NOW)

    def decided(held: Sequence[BackupRecord]) -> dict[str, Decision]:
        return {decision.chain.id: decision for decision in plan(chains(held), proofs, RULES, now=NOW)}

    one, other = decided(records), decided(of_now(records))
    for name, decision in one.items():
        if ahead([decision.chain], NOW):
            assert decision.keep
            assert "in the future" in decision.reason
        else:
            assert (decision.keep, decision.reason) == (other[name].keep, other[name].reason)


def test_a_clock_that_is_a_little_ahead_is_nothing() -> None:
    near, far = record(1, 0, NOW + CLOCKS_DIFFER), record(2, 0, NOW + CLOCKS_DIFFER + timedelta(seconds=1))
    assert [chain.id for chain in present(grouped([near, far]), NOW)] == ["agama-1"]
    assert select("agama", grouped([near, far]), "latest", now=NOW, chance=random.Random(1)) == near


def test_where_all_lie_in_the_future_that_is_said_with_both_times() -> None:
    with pytest.raises(LifeboatError) as fault:
        select("agama", grouped([record(1, 0, NOW + DAY)]), "latest", now=NOW, chance=random.Random(1))
    assert fault.value.message == (
        "every backup of agama is dated in the future; backup agama-1-0 is dated 2026-11-24 09:00:00 UTC, in the future: "
        "it is now 2026-11-23 09:00:00 UTC"
    )


def snapshot(at: datetime, *tags: str) -> Snapshot:
    return Snapshot(f"{at:%Y%m%d}", at, (store.TAG, *tags))


def test_a_proof_of_the_future_proves_nothing_and_is_named(caplog: pytest.LogCaptureFixture) -> None:
    before, after = NOW - DAY, NOW + 400 * DAY
    found = store.read_proofs(
        [
            snapshot(before, f"proof=agama-20261122T000000Z|failed|9.0|{before.isoformat()}"),
            snapshot(after, f"proof=agama-20261122T000000Z|verified|9.0|{after.isoformat()}"),
        ],
        NOW,
    )
    assert found == {"agama-20261122T000000Z": Proof("failed", 9.0, before)}
    assert (
        f"the proof of agama-20261122T000000Z is dated {after:%Y-%m-%d %H:%M:%S} UTC, in the future: it is now 2026-11-23"
        in caplog.text
    )


def test_evidence_of_the_future_takes_no_newer_ones_place() -> None:
    old = NOW - 60 * DAY
    kept = evidence_retention.plan([snapshot(old), snapshot(NOW + 400 * DAY)], (), 31 * DAY, now=NOW)
    assert [each.keep for each in kept] == [True, True]
