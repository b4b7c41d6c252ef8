"""What retention promises of evidence: one by one, and over anything that a repository may hold."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from backups.config.settings import Settings
from backups.repository.listing import Snapshot
from backups.site import Site
from verification.evidence import retention
from verification.evidence.retention import EvidenceDecision, plan
from verification.evidence.store import TAG

NOW = datetime(2027, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
LIMIT = 31 * DAY


def told(age: float, *backups: str, verdict: str = "verified") -> Snapshot:
    at = NOW - age * DAY
    tags = (TAG, f"verdict={verdict}", *(f"proof={backup}|{verdict}|3.0|{at.isoformat()}" for backup in backups))
    return Snapshot(f"{age}-{'-'.join(backups)}-{verdict}", at, tags)


def decide(evidence: list[Snapshot], held: set[str], doubt: str | None = None) -> dict[str, EvidenceDecision]:
    return {decision.snapshot: decision for decision in plan(evidence, held, LIMIT, now=NOW, doubt=doubt)}


def test_evidence_goes_when_it_is_old_and_each_of_its_backups_is_gone() -> None:
    old, half, young, newest = told(90, "a", "b"), told(80, "c", "d"), told(30, "e"), told(1, "z")
    decisions = decide([newest, old, young, half], {"d", "z"})
    assert [snapshot for snapshot, decision in decisions.items() if not decision.keep] == [old.id]
    assert decisions[old.id].reason == "it is 90 d 0 h old, and every backup that it covers is gone"
    assert decisions[half.id].reason == "it is 80 d 0 h old, but the repository holds 1 of the backups that it covers: d"
    assert "evidence goes after 31 d" in decisions[young.id].reason


def test_the_newest_stays_and_the_newest_that_says_verified() -> None:
    verified, failed, earlier = told(90, "a"), told(80, "b", verdict="failed"), told(100, "c")
    decisions = decide([verified, failed, earlier], set())
    assert {snapshot for snapshot, decision in decisions.items() if not decision.keep} == {earlier.id}
    assert "it is the newest with the verdict verified" in decisions[verified.id].reason


def test_evidence_that_proves_nothing_goes_by_its_age_and_nothing_by_a_doubted_clock() -> None:
    nothing, newest = told(90, verdict="could-not-run"), told(1, "z")
    assert not decide([nothing, newest], {"z"})[nothing.id].keep
    assert "a clock that is doubted: silence" in decide([nothing, newest], {"z"}, doubt="silence")[nothing.id].reason


NAMES = st.sampled_from("abcdefgh")


@given(
    st.lists(
        st.tuples(st.floats(-5, 400), st.frozensets(NAMES, max_size=4), st.sampled_from(["verified", "failed"])), max_size=15
    ),
    st.frozensets(NAMES),
)
def test_no_proof_of_a_backup_that_is_there_ever_goes(
    rows: list[tuple[float, frozenset[str], str]], held: frozenset[str]
) -> None:
    evidence = [
        replace(told(age, *sorted(backups), verdict=verdict), id=str(row)) for row, (age, backups, verdict) in enumerate(rows)
    ]
    decisions = plan(evidence, held, LIMIT, now=NOW)
    gone = {decision.snapshot for decision in decisions if not decision.keep}
    assert len(decisions) == len(evidence)
    for snapshot, (age, backups, _) in zip(evidence, rows, strict=True):
        if snapshot.id in gone:
            assert age * DAY > LIMIT
            assert not backups & held
    if evidence:
        assert max(snapshot.time for snapshot in evidence) in {each.time for each in evidence if each.id not in gone}


@pytest.mark.parametrize(("configured", "kept"), [("", False), ("evidence: 400d, ", True), ("evidence: 39d, ", False)])
def test_evidence_may_be_kept_longer_than_its_backups(configured: str, kept: bool) -> None:
    settings = Settings.model_validate(
        yaml.safe_load(
            f"{{repository: {{url: r, password: p}}, retention: {{{configured}delete_after: 31d}}, "
            "services: {agama: {type: mysql, image: 'mysql:9.7'}}}"
        )
    )
    old, newest = told(40, "a"), told(1, "z")
    decisions = retention.decide(Site(settings), [old, newest], [], now=NOW, trust_clock=True)
    assert [decision.keep for decision in decisions] == [kept, True]


KINDS = (("lifeboat-verifier-drill",), ("lifeboat-rescue", "kind=rescue"), ("lifeboat-rescue", "kind=cold-start"))


def other(kind: str, age: float, verdict: str, *tags: str) -> Snapshot:
    return Snapshot(f"{kind}-{age}-{verdict}-{tags}", NOW - age * DAY, (kind, f"verdict={verdict}", *tags))


@pytest.mark.parametrize(
    ("tags", "of", "well"),
    [
        (KINDS[0], "verifier drill", "all-noticed"),
        (KINDS[1], "rescue", "verified"),
        (KINDS[2], "cold start", "verified"),
    ],
)
def test_of_each_kind_of_report_the_newest_stays_and_the_newest_that_is_well(tags: tuple[str, str], of: str, well: str) -> None:
    kind, *more = tags
    oldest, good, bad, worse = (
        other(kind, age, verdict, *more) for age, verdict in zip((99, 90, 80, 70), (well, well, "x", "y"), strict=True)
    )
    # What is newer of another kind takes nobody's place.
    rest = [told(1, "z"), *(other(kind, 2, well, *more) for kind, *more in KINDS if (kind, *more) != tags)]
    decisions = retention.decide(site(), [worse, bad, good, oldest, *rest], [], now=NOW, trust_clock=True)
    mine = {each.snapshot: each for each in decisions if each.of == of}
    assert {snapshot for snapshot, each in mine.items() if not each.keep} == {oldest.id, bad.id}
    assert len(mine) == 4
    assert len(decisions) == 4 + len(rest)
    assert f"newest with the verdict {well}" in mine[good.id].reason


def site() -> Site:
    return Site(
        Settings.model_validate(
            yaml.safe_load(
                "{repository: {url: r, password: p}, retention: {delete_after: 31d}, services: {agama: {type: mysql, image: 'mysql:9.7'}}}"
            )
        )
    )
