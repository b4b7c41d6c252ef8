"""Whatever a backup does not hold, compare or bring back is said where `verified` is said: in manifest, report, list and show."""

import ast
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from backups.services import registry
from backups.services.base import Captured, Job
from backups.services.registry import ServiceType
from tests.contract.toy import ToyService, ToySettings
from tests.contract.toy_site import ToySite
from tests.integration.flows.conftest import Said, lifeboat

__all__ = ["lifeboat"]

ROOT = Path(__file__).parents[3]
DETAILS = {
    "limits": ["0 of 6 secrets can be opened", "no PromQL answers <are> compared"],
    "ignored": {"cache.session": "", "cache.page": "made anew every hour"},
    "partial": ["0 of 6 secrets can be opened, alas"],
    "secrets": ["org 1 data source agama: password"],
}
SAID = [
    "0 of 6 secrets can be opened",
    "no PromQL answers <are> compared",
    "a secret, to be set again after a restore: org 1 data source agama: password",
    "ignored, as lifeboat.yaml says: cache.session: no reason is given",
    "ignored, as lifeboat.yaml says: cache.page: made anew every hour",
]
PARTIAL = "0 of 6 secrets can be opened, alas"


class LimitedToy(ToyService):
    """A toy whose backups have limits of each kind."""

    def capture(self, job: Job) -> Captured:
        captured = super().capture(job)
        return replace(captured, details={**captured.details, **DETAILS})


def test_each_limit_is_on_every_surface(
    toy: ToySite, lifeboat: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.SERVICE_TYPES, "toy", ServiceType(ToySettings, LimitedToy))
    config, report = ("--config", str(toy.folder / "lifeboat.yaml")), tmp_path / "report"
    backup = toy.back_up("full")
    repository = toy.open().repository
    [record] = [each for each in repository.backups() if each.id == backup]
    assert sorted(repository.manifest(record).limits) == sorted(SAID)
    verified = lifeboat("verify", "--backup", backup, "--out", str(report), *config)
    assert verified.code == 0, verified.out + verified.err
    assert "toy, id: 5 limits" in verified.out
    [drill] = json.loads((report / "report.json").read_text())["drills"]
    assert (drill["verdict"], sorted(drill["limits"])) == ("verified", sorted(SAID))
    assert drill["partial"] == PARTIAL
    assert drill["proof"].endswith(f", but partial: {PARTIAL}")
    assert f"toy, id: partial: {PARTIAL}" in verified.out
    assert verified.out.count("verified, partial") == 2, "of the drill, and over all"
    assert f'name="partial" value="{PARTIAL}"' in (report / "junit.xml").read_text()
    page = re.sub(r"&lt;", "<", (report / "report.html").read_text()).replace("&gt;", ">").replace("&#39;", "'")
    shown = lifeboat("show", backup, *config).out
    assert f"Partial: {PARTIAL}" in page
    assert re.search(rf"partial +{PARTIAL}", shown)
    in_json = json.loads(lifeboat("show", backup, "--json", *config).out)["limits"]
    for line in SAID:
        assert line in page
        assert line in shown
        assert line in in_json
    rows = {row["id"]: row["limits"] for row in json.loads(lifeboat("list", "--json", *config).out)}
    assert rows[backup] == 5
    [status] = json.loads(lifeboat("status", "--json", *config).out)
    assert (status["standing"], status["partial"]) == ("verified", PARTIAL.replace(",", ";"))
    assert "verified, partial: 0 of 6 secrets" in " ".join(lifeboat("status", *config).out.split())
    listed = lifeboat("list", *config).out
    [line] = [line for line in listed.splitlines() if backup in line]
    assert re.search(r"verified .* ago, back in .*; partial: 0 of 6 secrets can be opened; alas; 5 limits$", line)
    assert "limits: what a backup does not hold, compare or bring back; read them: lifeboat -c " in listed
    runbook = tmp_path / "runbook.md"
    restored = lifeboat(
        "restore", "toy", "--backup", backup, "--to", f"local:{tmp_path / 'back'}", "--runbook", str(runbook), *config
    )
    assert (restored.code, "verified, partial" in restored.out, PARTIAL in restored.out) == (0, True, True), restored.out
    assert f"but partial: {PARTIAL}" in runbook.read_text()


_ADMISSION = re.compile(
    r"not (?:in (?:this|the) backup|compared|backed up|checked|kept|verified|restorable|served)|opens .* secrets"
)


def _said_aside(path: Path) -> Iterator[str]:
    """Each admission that a capture only says to the operator of that night: it is in no manifest."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "say":
            text = ast.unparse(node)
            if _ADMISSION.search(text) and not re.search(r"\{(limit|line)\}|shortened\(secrets\)", text):
                yield f"{path.name}: {text}"


def test_no_capture_of_grafana_or_prometheus_only_says_what_is_not_there() -> None:
    found = [
        line
        for folder in ("grafana", "prometheus")
        for path in sorted((ROOT / "backups" / "services" / folder).rglob("*.py"))
        for line in _said_aside(path)
    ]
    assert found == []
