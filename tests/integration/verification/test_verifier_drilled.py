"""`lifeboat verify --damage`: what it prints, keeps and ends with, and that a blind verifier is found out. On the toy service."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from backups import witness
from backups.errors import LifeboatError
from backups.repository.repository import Repository
from backups.witness import Check, Fact
from tests.contract.toy_site import ToySite
from verification.damage.catalogue import CATALOGUE
from verification.damage.run import drill_verifier
from verification.evidence import store, verifier_drills
from verification.evidence.verifier_drills import VerifierDrill

ANYWHERE = {kind.name for kind in CATALOGUE.values() if not kind.types}


def stored(repository: Path) -> dict[str, bytes]:
    """Everything in the repository but what says who reads it."""
    files = (path for path in repository.rglob("*") if path.is_file() and path.parent.name != "locks")
    return {path.relative_to(repository).as_posix(): path.read_bytes() for path in files}


def test_every_kind_is_noticed_and_named_and_the_repository_only_gains_the_report(toy: ToySite, tmp_path: Path) -> None:
    before = stored(toy.repository)
    drill = drill_verifier(toy.open(), ["toy"], len(ANYWHERE), seed=3, out=tmp_path / "out")

    assert {fault.kind for fault in drill.faults} == ANYWHERE
    assert [fault for fault in drill.faults if (fault.outcome, fault.named) != ("noticed", True)] == []
    assert (drill.verdict, drill.exit_code) == ("all-noticed", 0)
    assert {path: content for path, content in stored(toy.repository).items() if path in before} == before
    repository = toy.open().repository
    (snapshot,) = repository.snapshots(verifier_drills.TAG)
    assert f"damage=toy|{len(ANYWHERE)}|{len(ANYWHERE)}" in snapshot.tags
    kept = VerifierDrill.model_validate_json(repository.read(snapshot.id, verifier_drills.REPORT))
    assert kept.faults == drill.faults
    assert json.loads((tmp_path / "out" / verifier_drills.REPORT).read_text())["kept"]["snapshot"] in snapshot.id
    # It is no proof of a backup.
    assert store.proofs(repository, drill.finished_at) == {}


def test_the_same_seed_puts_the_same_faults_in(toy: ToySite) -> None:
    first, second = (drill_verifier(toy.open(), ["toy"], 3, seed=8) for _ in range(2))
    # A repository that is damaged has a key of its own, and so other packs each time.
    words = [[fault.words for fault in drill.faults if "pack" not in fault.kind] for drill in (first, second)]
    assert words[0] == words[1] != []
    assert [(fault.kind, fault.target) for fault in first.faults] == [(fault.kind, fault.target) for fault in second.faults]
    assert first.again == second.again
    assert first.again.endswith("--damage 3 --seed 8")


def test_a_blind_verifier_is_found_out(
    toy: ToySite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """One that calls everything equal: the witness's number is unnoticed, the run fails, and says how to see it again."""
    from flows.commands import damaged

    compare = witness.compare

    def blind(expected: Iterable[Fact], observed: Iterable[Fact]) -> list[Check]:
        return [
            Check(each.subject, each.metric, each.expected, each.expected, passed=True) for each in compare(expected, observed)
        ]

    monkeypatch.setattr(witness, "compare", blind)
    monkeypatch.setattr("verification.drill.expectations.judge", lambda *_: [])
    code = damaged.verify(toy.open(), ["toy"], [], 5, 3, {}, tmp_path / "out", None, as_json=False, init=False)
    said = capsys.readouterr().out
    assert code == 1
    assert "unnoticed" in said
    assert "the manifest of toy-" in said
    assert "missed" in said
    assert "--damage 5 --seed 3" in said


def test_nothing_is_damaged_where_the_undamaged_copy_is_not_verified(toy: ToySite) -> None:
    def lost(self: Repository, snapshot: str, into: Path, *, include: object = ()) -> None:
        raise LifeboatError("the network is gone")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Repository, "fetch", lost)
        drill = drill_verifier(toy.open(), ["toy"], 2, seed=1)
    assert (drill.verdict, drill.exit_code, drill.faults) == ("could-not-run", 2, ())
    assert [(each.verdict, each.why) for each in drill.undamaged] == [("could-not-run", "the network is gone")]


def test_a_fault_that_cannot_be_tried_takes_nothing_from_what_the_others_have_shown(
    toy: ToySite, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("verification.damage.bench.damaged_repository", full)
    drill = drill_verifier(toy.open(), ["toy"], len(ANYWHERE), seed=3)
    told = {fault.kind: (fault.outcome, "No space left" in fault.said) for fault in drill.faults}
    assert told.pop("bit of a pack of the repository") == ("undecided", True)
    assert set(told.values()) == {("noticed", False)}
    assert (drill.verdict, len(told)) == ("could-not-run", len(ANYWHERE) - 1)


def test_a_service_without_a_backup_is_told(toy: ToySite) -> None:
    toy.configure(more="retention: {keep: 21d, delete_after: 31d}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Repository, "snapshots", lambda *_: [])
        drill = drill_verifier(toy.open(), ["toy"], 2, seed=1)
    assert drill.exit_code == 2
    assert "toy" in str(drill.undamaged[0].why)


@pytest.mark.parametrize("count", [0, -1, 10_001, 10**18])
def test_a_number_of_faults_that_no_run_could_put_in_is_refused_at_once(toy: ToySite, count: int) -> None:
    with pytest.raises(LifeboatError, match=f"^{count} faults cannot be put in: from 1 to 10,000 can"):
        drill_verifier(toy.open(), ["toy"], count, seed=1)


def test_two_backups_of_one_service_are_refused(toy: ToySite) -> None:
    toy.back_up("full")
    with pytest.raises(LifeboatError, match="two backups of toy were named"):
        drill_verifier(toy.open(), ["toy"], 1, seed=1, selections=["latest", "worst"])
