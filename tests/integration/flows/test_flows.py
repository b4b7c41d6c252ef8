"""The flows under a real Prefect server: what they do, what the server sees, and how they fail."""

import asyncio
import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect import flow, get_client

from backups.errors import LifeboatError
from flows.backup import backup_services
from flows.copies import copy_logs
from flows.drill_the_verifier import drill_the_verifier
from flows.outcome import SomeFailed
from flows.prune import prune_chains
from flows.restore import restore_service
from flows.verify import NotVerified, verify_restores
from tasks import alerts, events
from tests.contract.toy_site import IMAGE, ToySite
from tests.integration.flows.test_failed_chain import drilled
from tests.unit.verification.samples import evidence, lost_row, result
from verification import copying
from verification.evidence import store

pytestmark = pytest.mark.usefixtures("prefect_server")


def found(route: str, **filters: Any) -> list[Any]:
    """What the server holds. Prefect's own readers send nulls that its server refuses (3.8.8), so the route is asked itself."""

    async def read() -> list[Any]:
        async with get_client() as client:
            return (await client._client.post(f"/{route}/filter", json=filters)).json()

    return asyncio.run(read())


def artifacts(key: str) -> list[Any]:
    return found("artifacts", artifacts={"key": {"any_": [key]}})


def test_the_backup_flow_takes_a_backup_and_shows_it(toy: ToySite) -> None:
    """The outcome holds the manifest; the server holds an artifact that names the backup."""
    ((name, manifest),) = backup_services(services=["toy"], kind="full", config=toy.folder / "lifeboat.yaml")
    assert (name, manifest.kind) == ("toy", "full")
    assert manifest.id in [record.id for record in toy.open().repository.backups()]
    assert any(manifest.id in str(artifact["data"]) for artifact in artifacts("backups"))
    assert "back up toy (full)" in [run["name"] for run in found("flow_runs")]


def test_the_flow_copies_to_further_repositories_and_no_night_fails_for_one_that_is_another(toy: ToySite) -> None:
    """Also what was there before; and retention goes round all of them, and says of which it could not."""
    site = toy.configure(more="repositories: {offsite: {url: offsite, password: a}, cellar: {url: cellar, password: b}}")
    site.state.mkdir(exist_ok=True)
    (site.state / "repository-offsite.id").write_text("another")
    ((_, manifest),) = backup_services(config=toy.folder / "lifeboat.yaml")
    taken = [record.id for record in site.repository.backups()]
    assert [record.id for record in site.at("cellar").repository.backups()] == taken
    assert taken[-1] == manifest.id
    shown = str(artifacts("copies")[-1]["data"])
    assert f"{len(taken)} backups copied" in shown
    assert "is its disk mounted?" in shown
    site.back_up("toy", kind=None)
    flow(copy_logs, validate_parameters=False)(site, toy.folder / "lifeboat.yaml")
    assert [record.id for record in site.at("cellar").repository.backups()] == taken, "whoever follows a log copied a backup"
    told = [[row["repository"] for row in json.loads(each["data"])] for each in artifacts("copies")]
    assert ["offsite"] in told, "it was said of the other one that it has all"
    with pytest.raises(LifeboatError, match="is its disk mounted"):
        prune_chains(config=toy.folder / "lifeboat.yaml")
    assert prune_chains(config=toy.folder / "lifeboat.yaml", repository="cellar") == 0
    assert any("stays" in str(artifact["data"]) for artifact in artifacts("retention-cellar"))


def test_the_flows_bring_back_from_a_further_repository_and_mondays_takes_them_in_turn(toy: ToySite, tmp_path: Path) -> None:
    site, config = toy.configure(more="repositories: {cellar: {url: cellar, password: b}}"), toy.folder / "lifeboat.yaml"
    copying.copy_all(site)
    evidence = verify_restores(services=["toy"], backup=["latest"], repository="cellar", config=config)
    assert [(drill.repository, drill.verdict) for drill in evidence.drills] == [("cellar", "verified")]
    assert len(site.at("cellar").repository.snapshots(store.TAG)) == 1, "what was shown of it is not in it"
    done = restore_service("toy", to=f"local:{tmp_path}/back", repository="cellar", dry_run=False, config=config)
    assert (done and done.verdict, done and done.repository) == ("verified", "cellar")
    shutil.rmtree(toy.folder / "cellar")
    with pytest.raises(NotVerified, match="toy, latest from cellar: there is no repository at") as monday:
        verify_restores(config=config)
    assert [(drill.repository, drill.verdict) for drill in monday.value.evidence.drills] == [
        ("first", "verified"), ("cellar", "could-not-run"),
    ]  # fmt: skip
    assert "latest from cellar" in str(artifacts("verification")[-1]["data"])
    assert "is its disk mounted?" in str(artifacts("copies")[-1]["data"])
    assert not (toy.folder / "cellar").exists()


def test_a_verdict_from_a_further_repository_is_none_on_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for a verdict on a service is not content with it; what notifies of one that failed tells it all the same."""
    sent: list[tuple[str, Any]] = []
    monkeypatch.setattr(events, "emit_event", lambda event, resource, payload: sent.append((event, payload)))
    late = {"rto_met": False, "restore_seconds": 9000.0}
    events.send_verification(
        evidence(result(repository="first"), lost_row(repository="cellar", **late), result("shop", repository="cellar"))
    )
    assert [(event, payload["service"], payload.get("repository")) for event, payload in sent] == [
        ("lifeboat.verification.verified", "agama", "first"),
        ("lifeboat.copy.verification.failed", "agama", "cellar"),
        ("lifeboat.rto.missed", "agama", None),
        ("lifeboat.copy.verification.verified", "shop", "cellar"),
    ]  # fmt: skip
    assert sent[1][1]["text"].startswith("latest from cellar: failed")
    assert sent[2][1]["text"] == "the restore from cellar took 9000 s, the objective is 7200 s"
    windows = alerts.Windows(timedelta(days=1), timedelta(days=8))
    (told,) = [each for each in alerts.wanted([], windows, []) if each.name == "lifeboat: a verification failed"]
    assert {sent[1][0], "lifeboat.verification.failed"} <= told.trigger.expect


def test_the_nights_flow_does_not_build_on_a_chain_that_failed_its_drill(toy: ToySite, tmp_path: Path) -> None:
    """The schedule asks for an incremental; the evidence is read once, for all services."""
    site = toy.open()
    last = site.repository.backups()[-1]
    at = datetime.now(UTC) - timedelta(hours=1)
    drilled(site, tmp_path / "evidence", f"proof={last.id}|failed||{at.isoformat()}")
    ((_, manifest),) = backup_services(kind="incremental", config=toy.folder / "lifeboat.yaml")
    reason = f"the chain of {last.chain} failed its drill on {at:%Y-%m-%d %H:%M} UTC"
    assert (manifest.kind, manifest.reason) == ("full", reason)
    assert any(reason in str(artifact["data"]) for artifact in artifacts("backups"))


def test_a_failed_backup_fails_the_flow_and_not_the_other_services(toy: ToySite) -> None:
    """The flow's state says how many failed; what was taken, is taken."""
    text = (toy.folder / "lifeboat.yaml").read_text()
    (toy.folder / "lifeboat.yaml").write_text(
        text + f"  broken: {{type: toy, image: '{IMAGE}', source: '{toy.source}', password: '${{NOT_SET_ANYWHERE}}'}}\n"
    )
    with pytest.raises(SomeFailed, match="1 of 2 backups failed: broken") as failed:
        backup_services(config=toy.folder / "lifeboat.yaml")
    outcomes = dict(failed.value.outcomes)
    assert isinstance(outcomes["broken"], LifeboatError)
    assert "NOT_SET_ANYWHERE" in str(outcomes["broken"])
    assert outcomes["toy"].kind == "incremental"


def test_the_verification_flow_proves_and_shows_the_verdict(toy: ToySite) -> None:
    """Latest and worst are drilled, here at once; the report's verdict is an artifact; the evidence is in the repository."""
    evidence = verify_restores(config=toy.folder / "lifeboat.yaml", out=toy.folder / "out", together=True)
    assert evidence.verdict == "verified"
    # Nothing of it shows dashboards: that is told, and no fault.
    assert evidence.together is not None
    assert (evidence.together.verdict, evidence.together.skipped) == (None, "no service in lifeboat.yaml shows dashboards")
    assert [drill.chosen for drill in evidence.drills] == ["latest and worst"]
    assert (toy.folder / "out" / "report.html").is_file()
    assert re.fullmatch(r"Prefect's run [\w :-]+, by \w+.*", str(evidence.triggered_by)), evidence.triggered_by
    assert evidence.kept is not None
    assert evidence.kept.snapshot
    assert any(
        "verified" in str(artifact["data"]) and "latest and worst" in str(artifact["data"])
        for artifact in artifacts("verification")
    )


def test_a_verification_that_proves_nothing_fails_its_flow(toy: ToySite) -> None:
    """A backup that is not there: the verdict is in the exception, and so in the run's state."""
    with pytest.raises(NotVerified, match="could-not-run") as outcome:
        verify_restores(backup=["toy-20000101T000000Z"], config=toy.folder / "lifeboat.yaml")
    assert outcome.value.evidence.verdict == "could-not-run"


def test_the_flow_that_drills_the_verifier_shows_fault_by_fault_what_was_noticed(toy: ToySite) -> None:
    drill = drill_the_verifier(damage=2, seed=4, config=toy.folder / "lifeboat.yaml", out=toy.folder / "out")
    assert (drill.verdict, len(drill.faults)) == ("all-noticed", 2)
    assert (toy.folder / "out" / "verifier-drill.json").is_file()
    assert any(drill.faults[0].kind in str(artifact["data"]) for artifact in artifacts("verifier-drill"))


def test_the_retention_flow_deletes_nothing_young(toy: ToySite) -> None:
    """Fresh backups stay, and the plan is shown."""
    before = toy.open().repository.backups()
    assert prune_chains(config=toy.folder / "lifeboat.yaml") == 0
    assert toy.open().repository.backups() == before
    assert any("stays" in str(artifact["data"]) for artifact in artifacts("retention"))
