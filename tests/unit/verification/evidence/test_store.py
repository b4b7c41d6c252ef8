"""Evidence as it is read back out of a repository: the whole report, and what it says of one backup."""

from datetime import timedelta
from typing import Any, cast

import pytest

from backups.errors import Damaged
from backups.repository.listing import Snapshot
from backups.repository.repository import Repository
from tests.unit.verification.samples import MONDAY, check, evidence, lost_row, not_run, result
from verification.evidence import store
from verification.evidence.evidence import DrillResult, Evidence, MomentPart, PhasePart

BACKUP = "agama-20261123T000000Z"


class Held:
    """A repository that holds these reports, each under the id of its snapshot."""

    known_as: frozenset[str | None] = frozenset({None})
    known_id: str | None = None

    def __init__(self, **reports: Evidence | bytes) -> None:
        self.reports = reports

    def name_odd(self, odd: object) -> None:
        assert not list(cast("Any", odd))

    def read(self, snapshot: str, path: str) -> bytes:
        assert path == "report.json"
        report = self.reports[snapshot]
        return report if isinstance(report, bytes) else report.model_dump_json().encode()


def snapshot(name: str, found: Evidence, days: int = 0) -> Snapshot:
    return Snapshot(name, MONDAY + timedelta(days=days), tuple(store.tags(found)))


def drill_of(held: Held, *snapshots: Snapshot) -> DrillResult | None:
    return store.newest_drill(cast("Repository", held), snapshots, BACKUP, MONDAY + timedelta(days=9))


def test_a_report_is_read_as_it_was_written_and_one_of_another_version_is_damaged() -> None:
    found = evidence(result())
    repository = cast("Repository", Held(one=found, two=b'{"schema_version": 9}'))
    assert store.read_report(repository, snapshot("one", found)) == found
    with pytest.raises(Damaged, match="the evidence two cannot be read: ") as refused:
        store.read_report(repository, snapshot("two", found))
    assert "newer Lifeboat" in str(refused.value.hint)


def test_the_newest_drill_of_a_backup_is_found_and_of_one_verification_the_failed_one() -> None:
    old, new = evidence(lost_row(), result()), evidence(result(), result(restore_seconds=50.0))
    other = evidence(result("grafana"))
    held = Held(old=old, new=new, other=other)
    assert drill_of(held, snapshot("old", old), snapshot("other", other, 2)) == old.drills[0]
    assert drill_of(held, snapshot("new", new, 1), snapshot("old", old)) == new.drills[1]
    assert drill_of(held, snapshot("other", other, 2)) is None


MOMENT = MomentPart(asked="T", later="agama-20261130T000000Z", later_at=MONDAY, stands="binlog.000007:4711", transactions=3)
PHASES = tuple(PhasePart(name=name, seconds=1.0) for name in ("fetch", "start", "replay", "ready", "check", "advance"))
WRONG = (check("agama.client", "rows", 1, 2),)


@pytest.mark.parametrize(
    ("changes", "proven"),
    [
        ({"verdict": "between-witnesses", "moment": MOMENT.model_copy(update={"checks": result().checks})}, "verified"),
        ({"verdict": "failed", "moment": MOMENT.model_copy(update={"checks": WRONG})}, "verified"),
        ({"verdict": "failed", "moment": MOMENT.model_copy(update={"refuted": True})}, "verified"),
        ({"verdict": "could-not-run", "moment": MOMENT}, "verified"),
        ({"verdict": "failed", "moment": MOMENT, "checks": WRONG}, "failed"),
        ({"verdict": "failed", "moment": MOMENT, "rto_met": False}, "failed"),
        ({"verdict": "failed", "moment": MOMENT, "checks": ()}, None),
        ({"verdict": "failed", "moment": MOMENT, "phases": PHASES[:5]}, None),
        ({"verdict": "verified"}, "verified"),
        ({"verdict": "failed"}, "failed"),
        ({"verdict": "could-not-run"}, None),
    ],
)
def test_a_drill_of_a_moment_proves_its_backup_alone_whatever_came_after(changes: dict[str, Any], proven: str | None) -> None:
    found = evidence(result(**{"phases": PHASES, **changes}), not_run())
    (proof,) = (
        store.read_proofs([snapshot("one", found)], MONDAY + timedelta(days=9)).items() or [(None, None)]
        if proven
        else [(None, None)]
    )
    assert (proof[0], proof[1] and proof[1].verdict) == ((BACKUP, proven) if proven else (None, None))
    assert not any("agama-20261130T000000Z" in tag or "between" in tag for tag in store.tags(found) if tag.startswith("proof="))
    assert (store.read_proofs([snapshot("one", found)], MONDAY + timedelta(days=9)) == {}) == (proven is None)


def first_of(id_: str | None) -> Repository:
    held = Held()
    held.known_id = id_
    return cast("Repository", held)


@pytest.mark.parametrize(
    ("said", "known", "counts"),
    [("ab" * 32, "ab" * 32, True), ("ab" * 32, "cd" * 32, False), (None, "cd" * 32, True), ("ab" * 32, None, True)],
)
def test_a_proof_of_a_repository_that_was_the_first_is_none_of_what_is_the_first_now(
    said: str | None, known: str | None, counts: bool
) -> None:
    """Evidence is copied with the backups: in a copy that takes the first one's place, it is about the lost one."""
    kept = Snapshot("one", MONDAY, tuple(store.tags(evidence(result(), result(repository="offsite")), said)))
    now = MONDAY + timedelta(days=1)
    assert set(store.proofs_among(first_of(known), [kept], now)) == ({BACKUP} if counts else set())
    assert set(store.read_proofs([kept], now, {"offsite"})) == {BACKUP}


@pytest.mark.parametrize(
    ("said", "known", "counts"),
    [("ab" * 32, "ab" * 32, True), ("ab" * 32, "cd" * 32, False), (None, "cd" * 32, True), ("ab" * 32, None, True)],
)
def test_a_proof_of_a_further_repository_is_none_of_another_one_that_has_its_name_now(
    said: str | None, known: str | None, counts: bool
) -> None:
    """Its disk is lost, another one is made there, and all is copied again, with the evidence: nothing came back from it."""
    drills = evidence(result(), result(repository="offsite"), result(repository="vault"))
    kept = Snapshot(
        "one", MONDAY, tuple(store.tags(drills, "12" * 32, {"offsite": said, "vault": "ef" * 32, "first": "12" * 32}))
    )
    offsite = cast("Any", first_of(known))
    offsite.known_as = frozenset({"offsite"})
    assert set(store.proofs_among(offsite, [kept], MONDAY + timedelta(days=1))) == ({BACKUP} if counts else set())
    assert [tag for tag in kept.tags if tag.startswith("further=")] == [
        *([f"further=offsite|{'ab' * 8}"] if said else []), f"further=vault|{'ef' * 8}"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "tag",
    [
        f"proof-in=offsite|{BACKUP}|verified|1.0",
        f"proof-in={BACKUP}|verified|1.0|2026-11-23T06:00:00+00:00",
        f"proof-in=Off Site|{BACKUP}|verified|1.0|2026-11-23T06:00:00+00:00",
        f"proof-in=../x|{BACKUP}|verified|1.0|2026-11-23T06:00:00+00:00",
        f"proof=offsite|{BACKUP}|verified|1.0|2026-11-23T06:00:00+00:00",
    ],
)
def test_what_is_no_proof_in_a_repository_is_odd_and_nothing_of_its_snapshot_counts(tag: str) -> None:
    forged = Snapshot("one", MONDAY, (*store.tags(evidence(result())), tag))
    assert len(list(store.odd_proofs([forged]))) == 1
    assert not store.read_proofs([forged], MONDAY + timedelta(days=1), {None, "offsite"})


def test_a_backup_is_covered_in_the_repository_that_it_came_back_from() -> None:
    one = snapshot("one", evidence(result(), result("grafana", repository="offsite"), result("shop", repository="first")))
    assert store.proven_by(one) == {BACKUP, "grafana-20261123T000000Z", "shop-20261123T000000Z"}
    assert store.proven_by(one, {None, "first"}) == {BACKUP, "shop-20261123T000000Z"}
    assert store.proven_by(one, {"offsite"}) == {"grafana-20261123T000000Z"}


def test_the_newest_drill_of_a_backup_is_one_from_the_repository_that_is_asked() -> None:
    held = Held(one=evidence(result(restore_seconds=1.0)), two=evidence(result(repository="offsite", restore_seconds=2.0)))
    snapshots = [
        snapshot("one", cast("Evidence", held.reports["one"])),
        snapshot("two", cast("Evidence", held.reports["two"]), 1),
    ]
    found = drill_of(held, *snapshots)
    held.known_as = frozenset({"offsite"})
    there = drill_of(held, *snapshots)
    assert (found and found.restore_seconds, there and there.restore_seconds) == (1.0, 2.0)
