"""The watch from end to end, with the toy service: what it says, what it advises, and that what it says to type works."""

import json
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backups.errors import ConfigError
from backups.machine.wait import wait_until
from backups.services.base import Problem
from backups.site import Site
from tests.contract.toy import names
from tests.contract.toy_site import ToySite
from tests.integration.flows.conftest import Said
from tests.servers.prefect import PrefectServer
from verification.drill.tamper import Tamper
from verification.restore.order import Order
from verification.restore.restore import restore
from verification.verify import verify
from verification.watch import advice, automatic_restore
from verification.watch.watch import Sighting, watch

QUICK = "watch: {pause: 0s}"
LATER = timedelta(hours=3)


def look(toy: ToySite, **changes: Callable[..., object]) -> tuple[Sighting, list[str]]:
    site = toy.configure(more=QUICK)
    (sighting,) = watch(site, ["toy"], **{"now": lambda: datetime.now(UTC) + LATER, **changes})  # type: ignore[arg-type]
    return sighting, advice.lines(sighting, site)


def test_a_service_that_is_well_is_told_nothing_about(toy: ToySite) -> None:
    sighting, lines = look(toy)
    assert (sighting.problems, sighting.error, sighting.advice, lines) == ((), None, None, [])


def test_a_loss_is_told_with_the_backup_that_helps_how_long_it_took_and_commands_that_work(
    toy: ToySite, tmp_path: Path, lifeboat: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the watch says to type is typed, and brings the lost file back."""
    verify(toy.open(), ["toy"], selections=["latest"])
    (toy.source / "shop.sqlite").rename(tmp_path / "lost.sqlite")

    sighting, lines = look(toy)

    assert [(problem.kind, problem.subject) for problem in sighting.problems] == [("loss", "file shop.sqlite")]
    newest = toy.open().repository.backups()[-1]
    text = "\n".join(lines)
    assert text.startswith("toy (toy) calls for a restore\n  seen: file shop.sqlite is gone\n  bring back: " + newest.id)
    assert re.search(r"what was written in the 3 h 0\d min since is not in it", text)
    assert re.search(r"proof: verified 3 h 0\d min ago, was back in \d+\.\d s", text)
    assert "nothing is restored by itself" in text

    before, typed = [line.strip() for line in lines if line.startswith("    ")]
    assert before == f"{typed} --dry-run"
    monkeypatch.setenv("LIFEBOAT_CONFIG", str(toy.folder / "lifeboat.yaml"))
    for command in (before, typed):
        words = shlex.split(command.replace("PLACE", f"local:{tmp_path}/back"))
        assert lifeboat(*words[1:]).code == 0
    assert (tmp_path / "back" / "shop.sqlite").read_bytes() == (tmp_path / "lost.sqlite").read_bytes()
    assert set(names(toy.source)) < set(names(tmp_path / "back"))


def test_a_missed_answer_is_asked_again_and_not_told(toy: ToySite) -> None:
    away = toy.folder / "away"
    toy.source.rename(away)
    waited = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if away.exists():
            away.rename(toy.source)

    sighting, lines = look(toy, sleep=sleep)
    assert (sighting.problems, lines, len(waited)) == ((), [], 1)


def test_trouble_that_stays_is_told_after_as_many_looks_as_are_configured(toy: ToySite) -> None:
    toy.source.rename(toy.folder / "burnt")
    waited: list[float] = []
    (sighting,) = watch(toy.configure(more="watch: {looks: 4, pause: 7s}"), ["toy"], sleep=waited.append)
    assert [problem.kind for problem in sighting.problems] == ["down"]
    assert waited == [7, 7, 7]


def test_a_backup_that_failed_its_proof_is_not_advised(toy: ToySite) -> None:
    """The newest one is damaged, as its drill has shown: the one before it is advised, and the drill is told."""
    (older, newest) = toy.open().repository.backups()
    pack = Tamper("a flipped byte", fetched=lambda fetched: (fetched[-1].data / "log.txt").write_text("damaged"))
    evidence = verify(toy.open(), ["toy"], selections=["latest"], tamper=pack)
    assert evidence.verdict == "failed"
    # Evidence of a damage on purpose is not kept; here it stands for a real one.
    keep_as_real(toy, evidence)
    toy.source.rename(toy.folder / "burnt")

    sighting, lines = look(toy)

    assert sighting.advice is not None
    assert sighting.advice.backup.id == older.id
    assert any(f"last drill: {newest.id} failed" in line for line in lines)
    assert any("this backup was never drilled" in line for line in lines)


def keep_as_real(toy: ToySite, evidence: object) -> None:
    from verification.evidence import store
    from verification.evidence.evidence import Evidence

    assert isinstance(evidence, Evidence)
    directory = toy.folder / "evidence"
    directory.mkdir()
    (directory / "report.json").write_text(evidence.model_dump_json())
    store.keep(evidence, directory, toy.open().repository)


def test_a_repository_that_is_away_hides_no_service_that_is_down(toy: ToySite) -> None:
    toy.repository.rename(toy.folder / "elsewhere")
    sighting, lines = look(toy)
    assert sighting.problems == ()
    assert "there is no repository at that place" in str(sighting.error)
    assert lines[0].startswith("toy could not be looked at: cannot list the repository")

    toy.source.rename(toy.folder / "burnt")
    sighting, lines = look(toy)
    assert sighting.error is not None
    assert [problem.kind for problem in sighting.problems] == ["down"]
    assert any("no backup that could help" in line for line in lines)


def test_many_ailments_are_told_by_the_first_and_their_number(toy: ToySite) -> None:
    problems = tuple(Problem("loss", f"t{number}", f"table t{number} is gone") for number in range(30))
    lines = advice.lines(Sighting("toy", "toy", datetime.now(UTC), problems), toy.open())
    assert len([line for line in lines if "seen: " in line]) == 12
    assert "  and 18 more" in lines


def decided(site: Site, sightings: list[Sighting], now: datetime) -> tuple[list[Order], dict[str, str]]:
    refused = automatic_restore.refusals(site, sightings, now)
    return automatic_restore.orders(site, sightings, refused), refused


def test_a_service_that_allows_it_is_restored_by_itself_once_a_day(toy: ToySite, tmp_path: Path) -> None:
    """Only where it is allowed, to the configured place, and the next time when 24 hours have passed."""
    toy.source.rename(toy.folder / "burnt")
    now = datetime.now(UTC)
    back = tmp_path / "back"
    site = toy.configure(more=QUICK, service=f", restore: {{to: 'local:{back}'}}")
    assert decided(site, watch(site, ["toy"]), now) == ([], {})

    allowed = f", restore: {{to: 'local:{back}', stop: 'true', start: 'true', by_itself: true}}"
    site = toy.configure(more=QUICK, service=allowed)
    newest = site.repository.backups()[-1]
    never = f"toy is not restored by itself: {newest.id} was never proven: lifeboat verify toy"
    sightings = watch(site, ["toy"])
    assert decided(site, sightings, now) == ([], {"toy": never})
    assert any(never in line for line in advice.lines(sightings[0], site, never))

    verify(site, ["toy"], selections=["latest"])
    now = datetime.now(UTC)
    sightings = watch(site, ["toy"])
    wanted = [Order("toy", f"local:{back}", backup=newest.id, replace=True, by_itself=True)]
    assert decided(site, sightings, now) == (wanted, {})
    assert any("restores it by itself, at most once in 24 h" in line for line in advice.lines(sightings[0], site))
    # Its machine says otherwise: what is there is younger than the backup.
    back.mkdir()
    (back / "shop.sqlite").write_text("written since")
    orders, refused = decided(site, sightings, now)
    assert (orders, "are younger than" in refused["toy"]) == ([], True)
    restored = restore(site, wanted[0])
    assert (restored.touched, restored.delivered) == (False, None)
    assert "toy is not restored by itself: files in" in str(restored.error)
    assert names(back) == ["shop.sqlite"]
    (back / "shop.sqlite").unlink()
    # The proof is somebody else's word: the note of this machine is gone.
    shutil.move(site.state / "proven", tmp_path / "notes")
    assert "was never proven on this machine" in decided(site, sightings, now)[1]["toy"]
    shutil.move(tmp_path / "notes", site.state / "proven")

    automatic_restore.note(site, "toy", now)
    orders, refused = decided(site, sightings, now + timedelta(hours=23))
    assert (orders, f"that began at {now:%Y-%m-%d %H:%M:%S} UTC" in refused["toy"]) == ([], True)
    assert decided(site, sightings, now + timedelta(hours=24)) == (wanted, {})

    (tmp_path / "toy" / "state" / "restores" / "toy.by-itself").write_text("yesterday")
    assert "toy.by-itself cannot be read" in decided(site, sightings, now)[1]["toy"]
    with pytest.raises(ConfigError, match=r"needs restore\.to, restore\.stop, restore\.start"):
        toy.configure(service=", restore: {by_itself: true}")
    with pytest.raises(ConfigError, match=r"needs restore\.start:"):
        toy.configure(service=", restore: {by_itself: true, to: 'local:/x', stop: 'true'}")


def test_the_repositorys_secrets_are_not_told(toy: ToySite) -> None:
    config = toy.folder / "lifeboat.yaml"
    toy.source.rename(toy.folder / "burnt")
    toy.configure(more=QUICK)
    config.write_text(
        config.read_text().replace(
            f"password_file: {toy.folder}/key", "password: correct horse, environment: {AWS_SECRET_ACCESS_KEY: s3cret}"
        )
    )
    site = toy.open()
    text = "\n".join(line for sighting in watch(site, ["toy"]) for line in advice.lines(sighting, site))
    assert "lifeboat restore toy --backup" in text
    assert "correct horse" not in text
    assert "s3cret" not in text


def test_by_hand_it_ends_with_0_1_or_2(toy: ToySite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from flows.commands.main import main

    def typed() -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["lifeboat", "watch", "--config", str(toy.folder / "lifeboat.yaml")])
        monkeypatch.setattr("signal.signal", lambda *_: None)
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().out

    toy.configure(more=QUICK)
    assert typed() == (0, "toy: well\n")
    toy.configure(more=QUICK, service=", password: '${NOT_SET_ANYWHERE}'")
    code, out = typed()
    assert (code, "NOT_SET_ANYWHERE" in out) == (2, True)
    toy.source.rename(toy.folder / "burnt")
    toy.configure(more=QUICK)
    code, out = typed()
    assert (code, "toy (toy) calls for a restore" in out) == (1, True)


def test_the_flow_raises_an_event_shows_an_artifact_and_fails_its_run(toy: ToySite, prefect_process: PrefectServer) -> None:
    toy.configure(more=QUICK)
    config = toy.folder / "lifeboat.yaml"
    well = prefect_process.lifeboat("watch", config=config)
    assert well.code == 0, well.err
    toy.source.rename(toy.folder / "burnt")

    said = prefect_process.lifeboat("watch", config=config)

    assert said.code == 1, said.err

    def told() -> list[Any]:
        """Ours, not those that other tests have sent to the shared server."""
        events = prefect_process.events("lifeboat.restore.advised")
        return [event for event in events if event["resource"]["prefect.resource.id"] == "lifeboat.service.toy"]

    assert wait_until(lambda: bool(told()), seconds=60)
    (event,) = told()
    newest = toy.open().repository.backups()[-1]
    assert f"bring back: {newest.id}" in event["payload"]["text"]
    assert "lifeboat restore toy --backup" in event["payload"]["text"]
    (artifact,) = prefect_process.found("artifacts", artifacts={"key": {"any_": ["restore-advised"]}})
    assert "calls for a restore" in json.dumps(artifact["data"])
    states = [run["state"] for run in prefect_process.found("flow_runs") if run["name"].startswith("watch")]
    assert sorted(state["type"] for state in states) == ["COMPLETED", "FAILED"]
    assert any("1 of 1 services call for a restore: toy" in (state["message"] or "") for state in states)

    site = toy.configure(
        more=QUICK, service=f", restore: {{to: 'local:{toy.source}', stop: 'true', start: 'true', by_itself: true}}"
    )
    verify(site, ["toy"], selections=["latest"])
    said = prefect_process.lifeboat("watch", config=config)
    assert said.code == 1, said.err
    assert names(toy.source) == names(toy.folder / "burnt")
    assert wait_until(
        lambda: any(event["payload"]["service"] == "toy" for event in prefect_process.events("lifeboat.restore.completed")),
        seconds=60,
    )
    said = prefect_process.lifeboat("watch", config=config)
    assert said.code == 0, said.err

    toy.source.rename(toy.folder / "burnt again")
    said = prefect_process.lifeboat("watch", config=config)
    assert said.code == 1, said.err
    assert not toy.source.exists()
    again = "toy is not restored by itself again"
    assert wait_until(lambda: any(again in line["message"] for line in prefect_process.found("logs")), seconds=60)


def test_a_collapse_is_written_in_percent(toy: ToySite) -> None:
    assert toy.configure(more="watch: {collapse: 12.5%}").settings.watch.collapse == 0.125
    for wrong in ("0.5", "150%", "0%", "half"):
        with pytest.raises(Exception, match=r"watch\.collapse"):
            toy.configure(more=f"watch: {{collapse: {wrong}}}")
