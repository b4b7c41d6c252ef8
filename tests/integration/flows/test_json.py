"""What `--json` prints is what docs/commands.md says: each command's real output is held to its documented keys."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import documented
from tests.contract.toy_site import SUITE, ToySite

Lifeboat = Callable[..., Any]
OLD_KEYS = ("brings back", "stands at", "puts it to", "before that", "after that", "takes", "loses")
"""What a dry run's keys were before they were documented; they are kept for one version."""


@pytest.fixture
def printed(lifeboat: Lifeboat, toy: ToySite, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Call a command with --json; returns what it printed."""
    monkeypatch.setenv("LIFEBOAT_CONFIG", str(toy.folder / "lifeboat.yaml"))

    def call(*arguments: str, code: int = 0) -> Any:
        said = lifeboat(*arguments, "--json")
        assert said.code == code, said.out + said.err
        return json.loads(said.out)

    return call


def held(command: str, real: Any, number: int = 0) -> None:
    """Hold an output to the command's example in the page."""
    assert documented.differences(documented.examples(command)[number], real) == []


@pytest.mark.parametrize("proven", [False, True])
def test_reports_of_the_repository_have_the_documented_keys(
    printed: Callable[..., Any], toy: ToySite, tmp_path: Path, proven: bool
) -> None:
    """Before anything was proven, and afterwards, when no part of them is null for want of a proof."""
    if proven:
        (toy.folder / "suite.yaml").write_text(SUITE)
        toy.configure(service=", suites: [suite.yaml]")
        verified = printed("verify", "--out", str(tmp_path / "report"))
        held("verify", verified)
        assert verified == json.loads((tmp_path / "report" / "report.json").read_text())
    listed, shown, status = printed("list"), printed("show", "toy"), printed("status", code=0 if proven else 1)
    held("list", listed)
    held("show", shown)
    held("status", status)
    held("history", printed("history"))
    planned = printed("plan")
    held("plan", planned)
    assert [each["measured"] for each in planned["drills"]] == [proven]
    assert (shown["id"], shown["bytes"]) == (listed[-1]["id"], listed[-1]["bytes"])
    assert [each["id"] for each in shown["chain"]] == [each["id"] for each in listed]
    assert bool(shown["proof"]) == bool(listed[-1]["proof"]) == proven
    assert printed("show", listed[0]["id"])["restore_bytes"] == listed[0]["bytes"]
    if proven:
        assert {phase["name"] for phase in shown["proof"]["phases"]} == {"fetch", "start", "replay", "ready", "check"}
        assert (shown["proof"]["checks"], shown["proof"]["failed_checks"]) == (len(verified["drills"][0]["checks"]), 0)
    compared = printed("diff", "toy", listed[0]["id"], "latest")
    held("diff", compared)
    assert (compared["verdict"], compared["after"]["id"]) == ("different", listed[-1]["id"])
    assert printed("diff", "toy", "latest", "latest", "--exit-code")["things"] == []
    assert printed("diff", "toy", listed[0]["id"], "latest", "--exit-code", code=1) == compared
    pruned = printed("prune", "--dry-run")
    held("prune", pruned)
    assert (len(pruned["chains"]), len(pruned["evidence"]), pruned["deleted_backups"]) == (1, int(proven), None)
    planned = printed("restore", "toy", "--to", f"local:{tmp_path}/back", "--dry-run")
    held("restore", {key: value for key, value in planned.items() if key not in OLD_KEYS})
    assert bool(planned["phases"]) == proven


def test_what_looks_at_the_source_has_the_documented_keys(printed: Callable[..., Any], toy: ToySite, tmp_path: Path) -> None:
    """All well; then the source has lost its files, and the machine is told what to type."""
    held("doctor", printed("doctor"))
    held("watch", printed("watch"))
    result = printed("restore", "toy", "--to", f"local:{tmp_path}/back")
    held("restore", result, 1)
    assert result["verdict"] == "verified"
    shutil.rmtree(toy.source)
    findings = printed("doctor", code=1)
    held("doctor", findings)
    assert [finding["remedy"] for finding in findings if not finding["ok"]] == ["mkdir it"]
    (sighting,) = printed("watch", code=1)
    held("watch", [sighting])
    assert sighting["seen"][0]["kind"] == "down"
    assert sighting["advice"]["commands"][0].startswith("lifeboat restore toy --backup ")


def test_what_cannot_run_prints_no_json(lifeboat: Lifeboat, toy: ToySite) -> None:
    config = str(toy.folder / "lifeboat.yaml")
    shutil.move(toy.repository, toy.folder / "elsewhere")
    for command in (("list",), ("show", "toy"), ("status",), ("history",), ("plan",), ("prune", "--dry-run")):
        said = lifeboat(*command, "--json", "--config", config)
        assert (said.code, said.out) == (2, ""), command
        assert "hint: " in said.err
