"""Evidence in the repository: any machine that has it knows what was proven."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups.errors import LifeboatError
from backups.repository.listing import Snapshot
from tests.contract.toy_site import ToySite
from verification.evidence import store
from verification.evidence.store import Proof
from verification.verify import verify

A, B = "toy-20261122T000000Z", "toy-20261123T000000Z"


def snapshot(at: datetime, *tags: str) -> Snapshot:
    return Snapshot("abcdef0123", at, (store.TAG, *tags))


def test_evidence_is_kept_whole_and_read_from_tags_alone_and_is_no_backup(toy: ToySite) -> None:
    site = toy.open()
    backups = site.repository.backups()

    evidence = verify(site, ["toy"])

    assert evidence.kept is not None
    assert evidence.kept.snapshot is not None
    proofs = store.proofs(site.repository, datetime.now(UTC))
    assert list(proofs) == [backups[-1].id]
    proof = proofs[backups[-1].id]
    assert (proof.verdict, proof.at) == ("verified", evidence.finished_at)
    assert proof.restore_seconds == max(drill.restore_seconds or 0 for drill in evidence.drills)
    assert store.proven_at(proofs) == {backups[-1].id: evidence.finished_at}
    assert site.repository.backups() == backups
    kept = json.loads(site.repository.read(evidence.kept.snapshot, "/report.json"))
    assert kept["verdict"] == "verified"
    assert b"<!doctype html>" in site.repository.read(evidence.kept.snapshot, "/report.html")
    assert b"<testsuites" in site.repository.read(evidence.kept.snapshot, "/junit.xml")


def test_a_report_that_has_no_place_any_more_at_the_end_does_not_lose_the_evidence(toy: ToySite, tmp_path: Path) -> None:
    """As when the disk fills up while hours of drills run: the fault is told once their result is kept."""
    site, out, asked = toy.open(), tmp_path / "report", 0

    def now() -> datetime:
        nonlocal asked
        asked += 1
        if asked > 1:
            out.touch()
        return datetime.now(UTC)

    with pytest.raises(LifeboatError, match="the report cannot be written into"):
        verify(site, ["toy"], out=out, now=now)

    assert [proof.verdict for proof in store.proofs(site.repository, datetime.now(UTC)).values()] == ["verified"]


def test_the_newest_proof_of_a_backup_counts_newest_first() -> None:
    now = datetime(2026, 11, 23, 6, tzinfo=UTC)
    last_week = now - timedelta(days=7)
    proofs = store.read_proofs(
        [
            snapshot(now, f"proof={B}|failed|70.5|{now.isoformat()}"),
            snapshot(
                last_week, f"proof={A}|verified|41.0|{last_week.isoformat()}", f"proof={B}|verified|60.0|{last_week.isoformat()}"
            ),
        ],
        now,
    )

    assert list(proofs.items()) == [(B, Proof("failed", 70.5, now)), (A, Proof("verified", 41.0, last_week))]


def test_of_two_drills_of_one_backup_the_failed_one_counts_then_the_slower() -> None:
    now = datetime(2026, 11, 23, 6, tzinfo=UTC)
    stamp = now.isoformat()

    one = store.read_proofs([snapshot(now, f"proof={A}|failed||{stamp}", f"proof={A}|verified|9.0|{stamp}")], now)
    two = store.read_proofs([snapshot(now, f"proof={A}|verified|9.0|{stamp}", f"proof={A}|verified|3.0|{stamp}")], now)

    assert one == {A: Proof("failed", None, now)}
    assert two == {A: Proof("verified", 9.0, now)}
