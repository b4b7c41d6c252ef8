"""The restore flow under a real Prefect server: a dry run by default, the runbook as an artifact, and how it fails."""

from pathlib import Path

import pytest

from flows.restore import NotRestored, restore_service
from tests.contract import toy as toys
from tests.contract.toy_site import ToySite
from tests.integration.flows.test_flows import artifacts, found

pytestmark = pytest.mark.usefixtures("prefect_server")


def test_run_without_a_word_more_changes_nothing(toy: ToySite, tmp_path: Path) -> None:
    assert restore_service("toy", to=f"local:{tmp_path}/back", config=toy.folder / "lifeboat.yaml") is None
    assert not (tmp_path / "back").exists()
    assert not (toy.folder / "state" / "restores").exists()


def test_told_to_it_restores_and_keeps_the_runbook_as_an_artifact(toy: ToySite, tmp_path: Path) -> None:
    target = f"local:{tmp_path}/back"
    done = restore_service("toy", to=target, dry_run=False, config=toy.folder / "lifeboat.yaml")
    assert done is not None
    assert (done.verdict, done.delivered) == ("verified", target)
    assert toys.facts(tmp_path / "back") == toys.facts(toy.source)
    assert any(target in str(artifact["data"]) for artifact in artifacts("restore"))


def test_a_copy_that_is_not_equal_fails_the_run(toy: ToySite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = toys.ToyCopy.start
    monkeypatch.setattr(toys.ToyCopy, "start", lambda copy: ((copy.tree / "log.txt").write_text("other"), start(copy))[1])
    with pytest.raises(NotRestored, match="toy: failed") as outcome:
        restore_service("toy", to=f"local:{tmp_path}/back", dry_run=False, config=toy.folder / "lifeboat.yaml")
    assert outcome.value.restoration.delivered is None
    assert not (tmp_path / "back").exists()
    states = [run["state"] for run in found("flow_runs") if run["name"] == "restore toy"]
    assert any(state["type"] == "FAILED" and "toy: failed" in (state["message"] or "") for state in states)
