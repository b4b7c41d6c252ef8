"""Drills of the toy service that could not run: they prove nothing about the backup, say why, and stop no other drill."""

from pathlib import Path

import pytest

from backups.errors import Damaged, LifeboatError
from backups.services.base import Copy
from tests.contract.toy_site import IMAGE, ToySite
from tests.integration.verification.harness import latest
from verification.drill import sandbox
from verification.drill.tamper import Tamper
from verification.verify import verify


def test_no_image_could_not_run(toy: ToySite) -> None:
    toy.configure(image="lifeboat/nowhere:1")
    toy.back_up("full")
    result = latest(toy)

    assert result.verdict == "could-not-run"
    assert "lifeboat/nowhere:1 is not on this machine" in (result.error or "")
    assert result.restore_seconds is None


def test_an_image_that_only_the_backup_names_could_not_run_and_is_run_by_whoever_names_it(toy: ToySite) -> None:
    """Whoever may add to the repository chooses no image: neither one that is here, nor one to pull."""
    site = toy.configure(image="lifeboat/prometheus:3.5" if IMAGE != "lifeboat/prometheus:3.5" else "lifeboat/mysql:9.7")
    toy.back_up("full")
    named = site.repository.manifest(max(site.repository.backups(), key=lambda each: each.taken_at)).source
    toy.configure()
    result = latest(toy)

    assert result.verdict == "could-not-run"
    assert f"the backup names the image {named.image}, lifeboat.yaml names {IMAGE} for toy" in (result.error or "")
    assert f"--image {named.image} allows it" in (result.hint or "")
    assert named.image_id is not None
    assert named.image_id.startswith("sha256:")
    (again,) = verify(toy.open(), ["toy"], selections=["latest"], image=named.image).drills
    assert again.verdict == "verified"
    with pytest.raises(LifeboatError, match="--image x is of one service, and 2 are to be drilled"):
        verify(toy.open(), ["toy", "other"], image="x")


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
    assert "the password is wrong" in (evidence.drills[0].error or "")
    assert "the password is wrong" in (tmp_path / "out" / "report.html").read_text()
    assert evidence.kept is not None
    assert evidence.kept.snapshot is None


def test_no_drill_at_all_could_not_run(toy: ToySite) -> None:
    assert verify(toy.open(), []).verdict == "could-not-run"


def test_a_bug_is_told_as_a_bug_and_is_no_verdict_about_the_backup(toy: ToySite) -> None:
    def bug(copy: Copy) -> None:
        raise ZeroDivisionError("oops")

    result = latest(toy, Tamper("a bug", running=bug))

    assert result.verdict == "could-not-run"
    assert "unexpected error: ZeroDivisionError: oops" in (result.error or "")


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
