"""Drills of the toy service over a real restic repository: what is proven, and what fails."""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups.machine import runs
from backups.services import registry
from backups.services.base import Captured, Copy, Job
from backups.services.registry import ServiceType
from tests.contract.toy import ToyCopy, ToyService, ToySettings
from tests.contract.toy_site import ToySite
from tests.integration.verification.harness import latest
from verification.drill import sandbox
from verification.drill.drill import drill
from verification.drill.plan import plan
from verification.drill.tamper import Tamper
from verification.evidence.evidence import DrillResult, Evidence
from verification.verify import verify


def tree(copy: Copy) -> Path:
    assert isinstance(copy, ToyCopy)
    return copy.tree


def named(result: DrillResult) -> str:
    """Everything in which a result names its culprit."""
    return " ".join([*result.reasons, *(f"{check.subject} {check.metric}" for check in result.failures)])


def ticking(step: float) -> Callable[[], float]:
    ticks: Iterator[float] = iter(range(1000))
    return lambda: next(ticks) * step


def test_a_drill_proves_a_chain_and_tells_everything(toy: ToySite, tmp_path: Path) -> None:
    """The files of `--out` hold the contract of report.json; phases are in order and add up to the restore."""
    started = datetime.now(UTC)
    evidence = verify(toy.open(), ["toy"], out=tmp_path / "out")
    told = json.loads((tmp_path / "out" / "report.json").read_text())

    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "evidence.dsse.json", "history.html", "junit.xml", "report.html", "report.json",
    ]  # fmt: skip
    assert told["verdict"] == "verified"
    assert told["rto"] == {"budget_seconds": 7200.0, "measured_seconds": told["rto"]["measured_seconds"], "met": True}
    first = told["drills"][0]
    assert {
        "service",
        "type",
        "selection",
        "verdict",
        "backup",
        "image",
        "phases",
        "restore_seconds",
        "rto_met",
        "checks",
        "error",
    } <= set(first)
    assert [phase["name"] for phase in first["phases"]] == ["fetch", "start", "replay", "ready", "check"]
    assert first["restore_seconds"] == pytest.approx(sum(phase["seconds"] for phase in first["phases"][:4]), abs=0.01)
    assert 0 < first["restore_seconds"] <= told["rto"]["measured_seconds"] < (datetime.now(UTC) - started).total_seconds()
    assert first["error"] is None
    assert len(first["backup"]["chain"]) == 2
    assert all(check["passed"] and check["expected"] == check["observed"] for check in first["checks"])
    assert Evidence.model_validate(told) == evidence


LOSSES = {
    "a file is gone": (lambda copy: (tree(copy) / "log.txt").unlink(), "file log.txt"),
    "a byte is another": (lambda copy: (tree(copy) / "log.txt").write_text("Three\n" + "three\n" * 4999), "file log.txt sha256"),
    "a file is there that was not": (lambda copy: (tree(copy) / "new.txt").write_text(""), "file new.txt"),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_copy_that_differs_fails_and_the_culprit_is_named(toy: ToySite, loss: str) -> None:
    damage, culprit = LOSSES[loss]
    result = latest(toy, Tamper(loss, running=damage))

    assert result.verdict == "failed"
    assert culprit in named(result)
    assert result.tampered == loss


def test_damage_to_the_files_before_the_start_fails_too(toy: ToySite) -> None:
    def damage(copy: Copy, directory: Path) -> None:
        assert directory in tree(copy).parents
        (tree(copy) / "log.txt").write_text("nothing left")

    assert latest(toy, Tamper("log emptied", files=damage)).verdict == "failed"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda file: file.unlink(), "came back with 0 files, its manifest lists 1: log.txt is missing"),
        (lambda file: file.write_text("short"), "log.txt has 5 bytes instead of 30000"),
        (lambda file: (file.parent / "more").write_text(""), "more is there and not in its manifest"),
    ],
)
def test_what_came_out_of_the_repository_is_counted_before_anything_is_built_on_it(
    toy: ToySite, damage: Callable[[Path], None], words: str
) -> None:
    result = latest(toy, Tamper("a fetched file", fetched=lambda chain: damage(chain[-1].data / "log.txt")))

    assert result.verdict == "failed"
    assert words in (result.error or "")
    assert result.restore_seconds is None
    assert [phase.name for phase in result.phases] == ["fetch"]


def test_a_tampered_drill_is_never_kept_as_proof(toy: ToySite) -> None:
    evidence = verify(toy.open(), ["toy"], selections=["latest"], tamper=Tamper("nothing, in fact"))

    assert evidence.verdict == "verified"
    assert evidence.kept is not None
    assert evidence.kept.snapshot is None
    assert "damaged on purpose" in (evidence.kept.reason or "")
    assert not toy.open().repository.snapshots("lifeboat-evidence")


@pytest.mark.parametrize("which", ["the pack with a file's bytes", "every pack"])
def test_a_byte_flipped_in_a_restic_pack_fails_the_drill(toy: ToySite, which: str) -> None:
    """Whether a file's bytes or the manifest are hit: never verified, never blamed on the machine."""
    packs = sorted(
        (path for path in (toy.folder / "repository" / "data").rglob("*") if path.is_file()), key=lambda path: path.stat().st_size
    )
    for pack in packs if which == "every pack" else packs[-1:]:
        content = bytearray(pack.read_bytes())
        content[len(content) // 3] ^= 0x01
        pack.chmod(0o600)
        pack.write_bytes(content)

    result = latest(toy)

    assert result.verdict == "failed", result.reasons
    assert "damaged" in (result.error or "")
    assert result.hint


def test_a_backup_missing_from_the_chain_fails_the_drill(toy: ToySite) -> None:
    full = toy.open().repository.backups()[0]
    toy.open().repository.forget([full.snapshot])

    result = latest(toy)

    assert result.verdict == "failed"
    assert "needs 2 backups, 1 are in the repository" in (result.error or "")


def test_a_restore_slower_than_the_objective_fails_with_both_numbers(toy: ToySite) -> None:
    """By a given clock whose phases last 40 minutes each: 2 h 40 min instead of 2 h, and every check is fine."""
    site = toy.open()
    with runs.start(site.state) as run, sandbox.opened(run, "slow", site.settings.sandbox) as box:
        [planned] = plan(site, ["toy"], ["latest"])
        service = site.service("toy", run.docker)
        result = drill(service, planned, site.repository, box, rto=timedelta(hours=2), monotonic=ticking(2400.0))

    assert result.verdict == "failed"
    assert result.reasons == ("the restore took 2 h 40 min, the objective is 2 h 00 min",)
    assert (result.restore_seconds, result.rto_met, result.margin_seconds) == (9600.0, False, -2400.0)
    assert not result.failures


class _Hollow(ToyService):
    """Its witness says nothing."""

    def capture(self, job: Job) -> Captured:
        return replace(super().capture(job), witness=[])


def test_a_backup_without_a_witness_is_never_verified(toy: ToySite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.SERVICE_TYPES, "toy", ServiceType(ToySettings, _Hollow))
    toy.back_up("full")
    result = latest(toy)

    assert result.verdict == "failed"
    assert "has no witness" in (result.error or "")


def test_a_machine_without_the_sources_secret_and_without_the_source_verifies(
    toy: ToySite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same lifeboat.yaml, `${TOY_PASSWORD}` unset, and the source's files gone."""
    monkeypatch.delenv("TOY_PASSWORD", raising=False)
    toy.configure(service=", password: '${TOY_PASSWORD}'")
    toy.source.rename(toy.folder / "burnt")

    assert latest(toy).verdict == "verified"


def test_a_verification_says_what_it_does_and_reveals_no_password(toy: ToySite, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    evidence = verify(toy.open(), ["toy"], selections=["latest"])

    assert "toy, latest: bringing back toy-" in caplog.text
    assert "toy, latest: verified, back in" in caplog.text
    assert "correct horse" not in caplog.text + evidence.model_dump_json()
