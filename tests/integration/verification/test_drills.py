"""Drills of the toy service over a real restic repository: what is proven, what fails, and what could not run."""

import json
import logging
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups.errors import Damaged
from backups.machine import runs
from backups.services import registry
from backups.services.base import Captured, Copy, Job
from backups.services.registry import ServiceType
from tests.contract.toy import ToyCopy, ToyService, ToySettings
from tests.contract.toy_site import SUITE, ToySite
from verification.drill import sandbox
from verification.drill.drill import drill
from verification.drill.plan import plan
from verification.drill.tamper import Tamper
from verification.evidence.evidence import DrillResult, Evidence
from verification.verify import drill_one, verify


def latest(toy: ToySite, tamper: Tamper | None = None) -> DrillResult:
    site = toy.open()
    with runs.start(site.state) as run:
        [planned] = plan(site, ["toy"], ["latest"])
        return drill_one(site, planned, run, tamper=tamper)


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

    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["junit.xml", "report.html", "report.json"]
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


def test_no_image_could_not_run(toy: ToySite) -> None:
    """Also when another image is configured by now: a copy runs on the version that its source was."""
    toy.configure(image="lifeboat/nowhere:1")
    toy.back_up("full")
    toy.configure()
    result = latest(toy)

    assert result.verdict == "could-not-run"
    assert "lifeboat/nowhere:1 is not on this machine" in (result.error or "")
    assert result.restore_seconds is None


def test_no_docker_could_not_run(toy: ToySite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{toy.folder}/nobody.sock")
    result = latest(toy)

    assert result.verdict == "could-not-run"
    assert "Docker does not answer" in (result.error or "")


def test_no_backup_could_not_run_and_stops_no_other_service(toy: ToySite) -> None:
    site = toy.configure(more="", service="")
    text = (toy.folder / "lifeboat.yaml").read_text()
    (toy.folder / "lifeboat.yaml").write_text(text + text.splitlines()[-1].replace("toy: {", "empty: {", 1) + "\n")
    site = toy.open()

    evidence = verify(site, site.chosen([]), selections=["latest"])

    assert [(drill.service, drill.verdict) for drill in evidence.drills] == [("toy", "verified"), ("empty", "could-not-run")]
    assert evidence.verdict == "could-not-run"
    assert "empty has no backup" in (evidence.drills[1].error or "")
    assert evidence.rto.met is None
    assert evidence.rpo.met is None


def test_no_repository_and_a_wrong_password_could_not_run_and_still_report(toy: ToySite, tmp_path: Path) -> None:
    (toy.folder / "key").write_text("another\n")
    evidence = verify(toy.open(), ["toy"], out=tmp_path / "out")

    assert evidence.verdict == "could-not-run"
    assert [drill.selection for drill in evidence.drills] == ["latest", "worst"]
    assert "password is another one" in (evidence.drills[0].error or "")
    assert "password is another one" in (tmp_path / "out" / "report.html").read_text()
    assert evidence.kept is not None
    assert evidence.kept.snapshot is None


def test_no_drill_at_all_could_not_run(toy: ToySite) -> None:
    assert verify(toy.open(), []).verdict == "could-not-run"


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


def test_a_bug_is_told_as_a_bug_and_is_no_verdict_about_the_backup(toy: ToySite) -> None:
    def bug(copy: Copy) -> None:
        raise ZeroDivisionError("oops")

    result = latest(toy, Tamper("a bug", running=bug))

    assert result.verdict == "could-not-run"
    assert "unexpected fault: ZeroDivisionError: oops" in (result.error or "")


def test_a_copy_that_was_killed_from_outside_is_no_verdict_about_the_backup(
    toy: ToySite, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(copy: Copy) -> None:
        raise Damaged("it ended while it was read")

    assert latest(toy, Tamper("a death", running=damaged)).verdict == "failed"
    monkeypatch.setattr(sandbox.DockerSandbox, "cut_short", lambda _: "container x was killed (exit code 137)")
    result = latest(toy, Tamper("a death", running=damaged))
    assert result.verdict == "could-not-run"
    assert "container x was killed (exit code 137), so nothing is proven: it ended while it was read" in (result.error or "")


def test_a_disk_too_small_for_the_chain_is_told_before_anything_is_fetched(toy: ToySite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backups.machine.disk._RESERVE", 2**60)
    result = latest(toy)

    assert result.verdict == "could-not-run"
    assert "needs 1048576.0 TiB" in (result.error or "")


def test_an_interrupt_is_raised_and_leaves_nothing(toy: ToySite) -> None:
    def interrupt(copy: Copy) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        latest(toy, Tamper("Ctrl-C", running=interrupt))

    assert not list((toy.folder / "state" / "runs").glob("*"))


def test_a_machine_without_the_sources_secret_and_without_the_source_verifies(
    toy: ToySite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same lifeboat.yaml, `${TOY_PASSWORD}` unset, and the source's files gone."""
    monkeypatch.delenv("TOY_PASSWORD", raising=False)
    toy.configure(service=", password: '${TOY_PASSWORD}'")
    toy.source.rename(toy.folder / "burnt")

    assert latest(toy).verdict == "verified"


def test_latest_and_worst_are_drilled_even_when_they_are_one_backup_and_differ_when_they_are_not(toy: ToySite) -> None:
    site = toy.open()
    assert len({planned.chain[-1].id for planned in plan(site, ["toy"])}) == 1
    assert [planned.selection for planned in plan(site, ["toy"])] == ["latest", "worst"]

    full = toy.back_up("full")
    new, long = plan(site, ["toy"])

    assert [backup.id for backup in new.chain] == [full]
    assert len(long.chain) == 2


def test_a_backup_can_be_named_by_its_id_by_chance_and_by_time(toy: ToySite) -> None:
    site = toy.open()
    first, second = site.repository.backups()

    [by_id] = plan(site, ["toy"], [second.id])
    [by_time] = plan(site, ["toy"], ["latest"], at=second.taken_at - timedelta(microseconds=1))
    [too_early] = plan(site, ["toy"], ["latest"], at=first.taken_at - timedelta(seconds=1))
    drawn = {each.chain[-1].id for each in plan(site, ["toy"], ["random"] * 20, chance=random.Random(1))}
    [unknown] = plan(site, ["toy"], ["toy-never"])

    assert (by_id.selection, [backup.id for backup in by_id.chain]) == ("id", [first.id, second.id])
    assert by_time.chain[-1].id == first.id
    assert too_early.error is not None
    assert drawn == {first.id, second.id}
    assert "has no backup toy-never" in str(unknown.error)


def test_the_operators_suites_are_judged_on_the_restored_copy(toy: ToySite) -> None:
    """They pass on a good copy; a client who lost the e-mail fails the proof even though his file is whole."""
    (toy.folder / "shop.yaml").write_text(SUITE)
    toy.configure(service=", suites: [shop.yaml]")
    good = latest(toy)
    (toy.folder / "shop.yaml").write_text(SUITE.replace("email IS NULL", "email = 'a@b'"))
    bad = latest(toy)

    assert good.verdict == "verified"
    assert good.checks[-1].subject == "suite shop.yaml: no client without an e-mail"
    assert bad.verdict == "failed"
    assert [(check.metric, check.expected, check.observed) for check in bad.failures] == [("unexpected rows", 0, 1)]
    assert {(part.suite, part.passed) for part in bad.expectations} == {("evidence", True), ("shop.yaml", False)}


@pytest.mark.parametrize(
    ("suite", "words"),
    [
        (SUITE.replace("client WHERE", "nobody WHERE"), "no such table: nobody"),
        (SUITE.replace("database: shop", "database: missing/shop"), "does not answer"),
        (SUITE.replace("unexpected_rows", "rows"), "expectations.0.unexpected_rows"),
    ],
)
def test_a_suite_that_cannot_be_run_is_no_proof(toy: ToySite, suite: str, words: str) -> None:
    (toy.folder / "shop.yaml").write_text(suite)
    toy.configure(service=", suites: [shop.yaml]")
    result = latest(toy)

    assert result.verdict == "could-not-run"
    assert words in (result.error or "")
    assert result.hint


def test_a_verification_says_what_it_does_and_reveals_no_password(toy: ToySite, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    evidence = verify(toy.open(), ["toy"], selections=["latest"])

    assert "toy, latest: bringing back toy-" in caplog.text
    assert "toy, latest: verified, back in" in caplog.text
    assert "correct horse" not in caplog.text + evidence.model_dump_json()
