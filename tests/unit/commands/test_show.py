"""`lifeboat show`: what it makes of a manifest, a chain and a proof. With a real repository: tests/integration/flows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.text import Text

from backups.errors import LifeboatError
from backups.manifest import BackupRecord, FileEntry, Manifest, Source
from backups.past import Packed, Past, Sign
from backups.repository.listing import Listing
from backups.repository.trust import Trust
from backups.witness import Fact
from flows.commands import show
from tests import documented
from verification.evidence.evidence import DrillResult, ImagePart, PhasePart
from verification.evidence.store import Proof

AT = datetime(2026, 11, 22, 0, 0, 4, tzinfo=UTC)
WITNESS = (
    Fact("agama.client", "rows", 1200),
    Fact("agama.client", "fingerprint", "af01"),
    Fact("agama.boat", "rows", 34),
    Fact("all series", "series at 2026-11-22T00:00:00Z", 100),
    Fact("all series", "series at 2026-11-21T00:00:00Z", 90),
    Fact("block 01", "min time", 1700000000),
)


def _manifest(**changes: Any) -> Manifest:
    values: dict[str, Any] = {
        "lifeboat": "0.1.0", "id": "agama-2", "service": "agama", "type": "mysql", "kind": "incremental", "chain": "agama-1", "sequence": 1,
        "parent": "agama-1", "started_at": AT, "taken_at": AT + timedelta(seconds=2), "finished_at": AT + timedelta(seconds=9),
        "source": Source(version="9.7.4", image="mysql:9.7"), "files": (FileEntry(path="log/binlog.000001@4", size=2048),),
        "details": {"lock_seconds": 0.0049, "lock_attempts": 1}, "witness": WITNESS,
    }  # fmt: skip
    return Manifest.model_construct(**(values | changes))


def _record(number: int) -> BackupRecord:
    return BackupRecord.model_construct(
        snapshot=f"{number}" * 64, id=f"agama-{number}", service="agama", type="mysql", kind="full" if number == 1 else "incremental",
        chain="agama-1", sequence=number - 1, taken_at=AT + timedelta(days=number), size=1024 * number, standalone=False,
    )  # fmt: skip


CHAIN = (_record(1), _record(2))
PROOF = Proof("verified", 41.2, AT + timedelta(days=1))
DRILL = DrillResult(
    service="agama", type="mysql", selection="latest", verdict="verified", started_at=AT, restore_seconds=41.2,
    phases=(PhasePart(name="fetch", seconds=20.1), PhasePart(name="start", seconds=12.5)),
    image=ImagePart(name="mysql:9.7", id="sha256:1", standin=False, words="mysql:9.7"),
)  # fmt: skip


def _text(manifest: Manifest, proof: Proof | None, drill: DrillResult | None) -> str:
    found = show._as_json(manifest, CHAIN, proof, drill)
    lines = show._lines(manifest, found, proof, AT + timedelta(days=2))
    return "\n".join(" ".join(cell.plain if isinstance(cell, Text) else cell for cell in line) for line in lines)


def test_everything_that_is_known_has_the_documented_keys() -> None:
    found = show._as_json(_manifest(), CHAIN, PROOF, DRILL)
    assert documented.differences(documented.examples("show")[0], found) == []
    assert found["lock"] == {"seconds": 0.0049, "attempts": 1}
    assert (found["bytes"], found["restore_bytes"]) == (2048, 3072)
    assert [phase["name"] for phase in found["proof"]["phases"]] == ["fetch", "start"]


def test_how_it_compares_with_its_past_and_who_trusts_it_is_shown() -> None:
    sign = Sign(kind="rows", found=4, usual=1900)
    past = Past(
        packed=Packed(blocks=0, hard=(0, 0, 0, 0, 0)), earlier=1, needed=5, compared="agama-20261122T000000Z", signs=(sign,)
    )
    manifest = _manifest().model_copy(update={"past": past})
    trust = Trust.model_construct(backup="agama-2", at=AT, by="root on backup-1", reason="old orders removed")
    found = show._as_json(manifest, (_record(1).model_copy(update={"suspicious": "rows:4:1900"}),), PROOF, DRILL, trust)
    assert documented.differences(documented.examples("show")[0], found) == []
    assert (found["suspicious"], found["past"]["judged"]) == ("4 rows, 1,900 before", False)
    for trusted, said in ((None, "if that was meant: lifeboat trust agama-2"), (trust, "old orders removed")):
        lines = "\n".join(str(line[-1]) for line in show._lines(manifest, found, PROOF, AT + timedelta(days=2), trusted))
        assert "1 earlier incremental, too few to say what is usual (5 are needed); its counts with those of agama-2" in lines
        assert "4 rows, 1,900 before" in lines
        assert said in lines


def test_only_what_adds_up_is_added() -> None:
    """Rows of tables do; times, texts, and one thing counted at several instants do not."""
    metrics = show._as_json(_manifest(), CHAIN, None, None)["witness"]["metrics"]
    assert metrics == {
        "rows": {"subjects": 2, "total": 1234},
        "fingerprint": {"subjects": 1, "total": None},
        "series": {"subjects": 1, "total": None},
        "min time": {"subjects": 1, "total": None},
    }


def test_a_person_reads_it_in_singular_and_plural() -> None:
    told = _text(_manifest(), PROOF, DRILL)
    assert "lock writers waited 0.005 s (1 attempt)" in told
    assert "size 2.0 KiB in 1 file" in told
    assert "rows of 2 (1,234 in all)" in told
    assert "proof verified" in told
    assert "fetch 20.1 s" in told
    assert "chain 2 backups, 3.0 KiB: what a restore reads" in told
    assert "(3 attempts)" in _text(_manifest(details={"lock_seconds": 1.5, "lock_attempts": 3}), PROOF, DRILL)


def test_what_the_backup_does_not_hold_is_shown_before_its_proof() -> None:
    """`verified` means equal to what was captured: what was not is said beside it."""
    told = _text(_manifest(details={"limits": ["late samples", "the rule file /srv/r.yml"]}), PROOF, DRILL)
    assert "limits late samples\n the rule file /srv/r.yml\nproof verified" in told


def test_what_is_not_known_is_left_out() -> None:
    """No lock of a service that has none; no phases of a backup that was never drilled."""
    told = _text(_manifest(details={}), None, None)
    assert "lock" not in told.splitlines()[6:8]
    assert "writers waited" not in told
    assert "proof never drilled" in told
    assert "fetch" not in told


@pytest.mark.parametrize(
    ("wanted", "message", "hint"),
    [
        ("agama-3", "there is no backup agama-3 in the repository", "did you mean agama-"),
        ("grafana", "grafana has no backup in the repository", "take one: lifeboat backup grafana"),
        ("zzz", "there is no backup zzz in the repository", "see: lifeboat list"),
    ],
)
def test_what_is_not_there_is_told_with_the_nearest_name(wanted: str, message: str, hint: str) -> None:
    with pytest.raises(LifeboatError) as raised:
        show._chain(Listing(CHAIN), wanted, ["agama", "grafana"], AT + timedelta(days=9))
    assert raised.value.message == message
    assert hint in str(raised.value.hint)


def test_a_services_name_means_its_newest_backup() -> None:
    assert [record.id for record in show._chain(Listing(CHAIN), "agama", ["agama"], AT + timedelta(days=9))] == [
        "agama-1",
        "agama-2",
    ]
    assert [record.id for record in show._chain(Listing(CHAIN), "agama-1", ["agama"], AT + timedelta(days=9))] == ["agama-1"]
