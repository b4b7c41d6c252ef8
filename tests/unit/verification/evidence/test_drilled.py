"""What a drill's tag says is what was drilled, and whoever writes another one adds nothing to any history."""

from datetime import timedelta

import pytest

from backups.repository.listing import Snapshot
from tests.unit.verification.samples import MONDAY, evidence, lost_row, not_run, result
from verification.evidence import drilled, store
from verification.evidence.drilled import Detected, Drilled, Timed


def snapshot(*tags: str) -> Snapshot:
    return Snapshot("ab" * 32, MONDAY, tags)


def test_drills_are_read_as_they_were_written() -> None:
    whole = evidence(result(), lost_row(selection="worst"), not_run(backup=None))
    verified, failed, nothing = drilled.read([snapshot(*store.tags(whole))])

    assert verified == Drilled(
        at=MONDAY, service="agama", selection="latest", verdict="verified", seconds=41.2, bytes=2_684_354_560,
        phases=tuple(Timed(name=phase.name, seconds=phase.seconds) for phase in result().phases),
        backup="agama-20261123T000000Z", holds="rows:51",
    )  # fmt: skip
    assert verified.taken_at == MONDAY - timedelta(hours=6)
    assert verified.model_copy(update={"backup": "agama-20261399T000000Z"}).taken_at is None
    assert (nothing.backup, nothing.holds, nothing.taken_at) == (None, None, None)
    assert (failed.selection, failed.verdict, failed.seconds) == ("worst", "failed", 41.2)
    assert (nothing.service, nothing.verdict, nothing.seconds, nothing.bytes, nothing.phases) == (
        "grafana", "could-not-run", None, None, ()
    )  # fmt: skip
    assert not [tag for tag in store.tags(whole) if "," in tag], "restic parts tags there"


def test_a_drill_of_what_several_selections_chose_is_read_as_one_that_counts_as_each() -> None:
    both = result(selection="worst", also=("latest",))
    every = result(selection="worst", also=("latest", "random"), repository="offsite")
    found = list(drilled.read([snapshot(*store.tags(evidence(both, every)))]))
    assert [(each.selection, each.also, each.chosen) for each in found] == [
        ("worst", ("latest",), "latest and worst"), ("worst", ("latest", "random"), "latest, worst and random"),
    ]  # fmt: skip


def test_evidence_of_before_tells_of_the_whole_restore_alone() -> None:
    """Its proofs name the backup, whose service is the beginning of its id."""
    older = snapshot(drilled.TAG, "verdict=verified", f"proof=shop-eu-20261123T000000Z-2|verified|41.2|{MONDAY.isoformat()}")
    assert list(drilled.read([older])) == [
        Drilled(
            at=MONDAY,
            service="shop-eu",
            selection=None,
            verdict="verified",
            seconds=41.2,
            backup="shop-eu-20261123T000000Z-2",
        )
    ]


@pytest.mark.parametrize(
    "tag",
    [
        "drill=",
        "drill=agama|latest|verified|41.2|7||",
        "drill=../x|latest|verified|41.2|7|||",
        "drill=agama|best|verified|41.2|7|||",
        "drill=agama|latest+best|verified|41.2|7|||",
        "drill=agama|latest+|verified|41.2|7|||",
        "drill=agama|latest|excellent|41.2|7|||",
        "drill=agama|latest|verified|-1|7|||",
        "drill=agama|latest|verified|nan|7|||",
        "drill=agama|latest|verified|1|-7|||",
        "drill=agama|latest|verified|1|7|sleep:3||",
        "drill=agama|latest|verified|1|7|fetch:inf||",
        "drill=agama|latest|verified|1|7|fetch||",
        "drill=agama|latest|verified|1|7||../x|",
        "drill=agama|latest|verified|1|7|||rows",
        "drill=agama|latest|verified|1|7|||bytes:1",
        "drill=<script>|latest|verified|1|7|||",
        "drill=offsite|agama|latest|verified|1|7|||",
        "drill-in=agama|latest|verified|1|7|||",
        "drill-in=Off Site|agama|latest|verified|1|7|||",
    ],
)
def test_what_is_no_drill_is_named_and_nothing_of_its_snapshot_counts(tag: str) -> None:
    forged = snapshot(drilled.TAG, drilled.tag(result()), tag)
    assert list(drilled.read([forged])) == []
    [odd] = drilled.odd([forged])
    assert "states what is no drill: " in str(odd)


def test_what_is_no_evidence_states_no_drill() -> None:
    assert list(drilled.read([snapshot("lifeboat", drilled.tag(result()))])) == []
    assert list(drilled.odd([snapshot("lifeboat", "drill=x")])) == []
    assert list(drilled.odd([snapshot(drilled.TAG, drilled.tag(result()))])) == []


def test_the_verifiers_own_drills_are_read_and_impossible_ones_are_not() -> None:
    tags = (drilled.DAMAGE, "damage=agama|30|29", "damage=grafana|2|3", "damage=x|-1|0", "damage=x", "damage=agama|30|a")
    assert list(drilled.detections([snapshot(*tags), snapshot(*tags[1:])])) == [
        Detected(at=MONDAY, service="agama", injected=30, noticed=29)
    ]


def test_a_drill_from_a_further_repository_says_so_and_one_from_the_first_is_as_ever() -> None:
    found = list(
        drilled.read([snapshot(*store.tags(evidence(result(), result(repository="first"), result(repository="offsite"))))])
    )
    assert [each.repository for each in found] == [None, None, "offsite"]
    assert drilled.tag(result()) == drilled.tag(result(repository="first"))
