"""What `deployments/monitoring/` says about Lifeboat itself is checked by those who will read it: promtool, Grafana's API, systemd."""

import copy
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from backups.config.settings import Objectives
from deployments.grafana_standin.database import Layout, build
from deployments.grafana_standin.serving import serving
from tests.unit.verification.report.test_history_page import weeks
from tests.unit.verification.samples import MONDAY
from verification.evidence.joint import Joint, Stated
from verification.evidence.rescues import ColdStart, FromNothing
from verification.evidence.trend import Trend
from verification.watch import metrics, metrics_of_history
from verification.watch.repositories import InRepository
from verification.watch.status import assess

MONITORING = Path(__file__).parents[3] / "deployments" / "monitoring"
RULES = MONITORING / "lifeboat-rules.yml"
IMAGE = "lifeboat/prometheus:3.5"

Promtool = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def promtool(tmp_path: Path) -> Promtool:
    """promtool of the image that Prometheus is restored on, in a folder with the rules and their tests."""
    folder = tmp_path / "rules"
    folder.mkdir()
    shutil.copy(RULES, folder)
    shutil.copy(Path(__file__).with_name("rules.test.yml"), folder)

    def call(*arguments: str, text: str | None = None) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["docker", "run", "--rm", "-i", "--network", "none", "--user", "0", "--label", "lifeboat.test=monitoring",
             "-v", f"{folder}:/rules", "-w", "/rules", "--entrypoint", "promtool", IMAGE, *arguments],
            input=text, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return call


def alerts() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"\blifeboat_\w+", expression))


def test_the_rules_are_rules(promtool: Promtool) -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES.name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(alerts())} rules found" in done.stdout


def test_every_alert_fires_and_does_not_fire(promtool: Promtool) -> None:
    """As rules.test.yml asks, which asks both of every alert."""
    done = promtool("test", "rules", "rules.test.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    asked = [
        (case["alertname"], bool(case["exp_alerts"]))
        for test in yaml.safe_load(Path(__file__).with_name("rules.test.yml").read_text())["tests"]
        for case in test["alert_rule_test"]
    ]
    assert set(asked) == {(rule["alert"], fires) for rule in alerts() for fires in (True, False)}


MUTATIONS = {
    "it never fires": lambda expression: f"({expression}) and on () vector(1) == 0",
    "it always fires": lambda expression: "vector(1)",
}


def test_the_tests_of_the_rules_can_fail(promtool: Promtool, tmp_path: Path) -> None:
    """For each alert: with its expression spoiled, its own test fails. (Each asks of that alert alone: promtool computes every series anew.)"""
    folder, spoiled = tmp_path / "rules", []
    written = yaml.safe_load((folder / "rules.test.yml").read_text())
    for rule in alerts():
        test = copy.deepcopy(written)
        for part in test["tests"]:
            part["alert_rule_test"] = [case for case in part["alert_rule_test"] if case["alertname"] == rule["alert"]]
        test["tests"] = [part for part in test["tests"] if part["alert_rule_test"]]
        for mutation, change in MUTATIONS.items():
            name = f"{rule['alert']}-{len(spoiled)}"
            rules = {"groups": [{"name": "spoiled", "rules": [{**rule, "expr": change(rule["expr"])}]}]}
            (folder / f"{name}.yml").write_text(json.dumps(rules))
            (folder / f"{name}.test.yml").write_text(json.dumps({**test, "rule_files": [f"{name}.yml"]}))
            spoiled.append((name, rule["alert"], mutation))
    done = promtool("test", "rules", *(f"{name}.test.yml" for name, _, _ in spoiled))
    assert "SUCCESS" not in done.stdout
    told = done.stderr.split("  FAILED:\n")[1:]
    assert len(told) == len(spoiled) == 2 * len(alerts())
    for (_, alert, mutation), words in zip(spoiled, told, strict=True):
        assert f"alertname: {alert}" in words, f"{alert}: {mutation}, and nobody noticed"


def test_rules_and_dashboard_ask_for_metrics_that_are_told(promtool: Promtool) -> None:
    for rule in alerts():
        assert names_in(rule["expr"]) <= metrics.NAMES, rule["alert"]
    for expression in expressions():
        assert names_in(expression), expression
        assert names_in(expression) <= metrics.NAMES, expression
    assert names_in(RULES.read_text() + json.dumps(dashboard())) == metrics.NAMES


def test_what_is_written_is_what_prometheus_reads(promtool: Promtool) -> None:
    """promtool lints the file of a site with a service that has nothing yet and one with an odd name."""
    odd = assess({"agama": "mysql"}, {}, {}, Objectives(), now=datetime.now(UTC))[0].model_copy(update={"service": 'a"\\\n'})
    there = InRepository(repository="offsite", backups=1, behind=1, behind_since=MONDAY, standing="verified", proven_at=MONDAY)
    odd = odd.model_copy(update={"repositories": (there,)})
    statuses = [*assess({"grafana": "grafana"}, {}, {}, Objectives(), now=datetime.now(UTC)), odd]
    foreseen = weeks(8).model_copy(update={"forecast": Trend(at=MONDAY, words="")})
    over_time = [foreseen, weeks(8).model_copy(update={"service": 'a"\\\n'})]
    joint = Joint(Stated(at=MONDAY, verdict="failed", panels=25, equal=24), MONDAY)
    nothing = FromNothing(MONDAY, kit_old=True, cold=ColdStart(MONDAY, "failed", MONDAY))
    written = metrics.render(statuses, Objectives(), now=datetime.now(UTC), histories=over_time, nothing=nothing, joint=joint)
    assert all(re.search(rf"^{name}\{{", written, re.MULTILINE) for name in metrics_of_history.NAMES)
    done = promtool("check", "metrics", text=written)
    assert done.returncode == 0, done.stdout + done.stderr
    spoiled = promtool("check", "metrics", text='lifeboat_backups{service="a"b"} 1\n')
    assert spoiled.returncode != 0


def dashboard() -> dict[str, Any]:
    board: dict[str, Any] = json.loads((MONITORING / "lifeboat-dashboard.json").read_text())
    return board


def expressions() -> list[str]:
    board = dashboard()
    variables = [variable["query"]["query"] for variable in board["templating"]["list"] if variable["type"] == "query"]
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]] + variables


def test_the_queries_of_the_dashboard_are_promql(promtool: Promtool, tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": expression.replace("$service", ".*")}
        for number, expression in enumerate(expressions())
        if not expression.startswith("label_values(")
    ]
    (tmp_path / "rules" / "panels.yml").write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    done = promtool("check", "rules", "panels.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(params=["dashboard", "resource"])
def grafana(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    layout: Layout = request.param
    build(tmp_path / "grafana.db", layout=layout)
    with serving(tmp_path) as url:
        yield url


def test_grafana_takes_the_dashboard_and_gives_it_back(grafana: str) -> None:
    """Through the API, as a person's import would save it: each panel and query as it was."""
    admin, board = ("admin", "admin"), dashboard()
    saved = requests.post(f"{grafana}/api/dashboards/db", json={"dashboard": board, "overwrite": True}, auth=admin, timeout=60)
    assert saved.status_code == 200, saved.text
    read = requests.get(f"{grafana}/api/dashboards/uid/{board['uid']}", auth=admin, timeout=60).json()["dashboard"]
    ours = {"id", "version"}
    assert {key: value for key, value in read.items() if key not in ours} == {
        key: value for key, value in board.items() if key not in ours
    }


def test_the_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(at["x"] + column, at["y"] + row) for column in range(at["w"]) for row in range(at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_the_units_run_a_command_that_exists() -> None:
    """The option that the unit and the cron line use is one that the command has."""
    unit = (MONITORING / "lifeboat-status.service").read_text()
    [command] = re.findall(r"^ExecStart=/opt/lifeboat/\.venv/bin/lifeboat (.*)$", unit, re.MULTILINE)
    assert re.fullmatch(r"status --metrics \S+/lifeboat\.prom", command)
    assert f"lifeboat {command} >/dev/null" in (MONITORING / "lifeboat-status.timer").read_text()
    assert re.search(r"^SuccessExitStatus=1$", unit, re.MULTILINE)
