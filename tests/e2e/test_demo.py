"""The demo, whole: what a newcomer sees first must work, end by itself, and leave nothing running."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backups.errors import LifeboatError
from backups.machine.docker import STATE_LABEL
from backups.witness import Check
from deployments.demo import configuration
from deployments.demo import sources as demo_sources
from deployments.demo.run import judge, rehearse
from tests.e2e.conftest import Rehearsed
from verification.evidence.evidence import Budget, DrillResult, Evidence

Cli = Callable[..., str]

_REHEARSE = """
import sys
from pathlib import Path
from deployments.demo import sources
from deployments.demo.run import rehearse
sources._HERE = Path(sys.argv[2])
rehearse(Path(sys.argv[1]), say=lambda words: print(words, flush=True))
"""


def left_over(docker_cli: Cli, home: Path) -> list[str]:
    """Containers and networks that belong to the demo in this directory."""
    label = f"label={STATE_LABEL}={home / 'state'}"
    return (docker_cli("ps", "-aq", "--filter", label) + docker_cli("network", "ls", "-q", "--filter", label)).split()


def test_the_rehearsal_proves_every_service_twice_and_catches_the_damaged_copy(rehearsed: Rehearsed, docker_cli: Cli) -> None:
    home, code, words = rehearsed.home, rehearsed.code, rehearsed.words
    report = json.loads((home / "report" / "report.json").read_text())
    assert code == 0, words
    verdicts = {(drill["service"], drill["selection"]): drill["verdict"] for drill in report["drills"]}
    assert verdicts == dict.fromkeys(
        [(service, selection) for service in ("agama", "prometheus", "grafana") for selection in ("latest", "worst")], "verified"
    )
    lengths = {(drill["service"], drill["selection"]): len(drill["backup"]["chain"]) for drill in report["drills"]}
    assert {lengths[service, "latest"] for service in ("agama", "prometheus", "grafana")} == {1}
    assert {lengths[service, "worst"] for service in ("agama", "prometheus", "grafana")} == {3}
    (damaged,) = json.loads((home / "report-damaged" / "report.json").read_text())["drills"]
    failures = {check["metric"]: check for check in damaged["checks"] if not check["passed"]}
    assert damaged["verdict"] == "failed"
    assert {check["subject"] for check in failures.values()} == {"agama.order_line"}
    assert failures["rows"]["expected"] == failures["rows"]["observed"] + 1
    for number in (failures["rows"]["expected"], failures["rows"]["observed"]):
        assert str(number) in words
    for fingerprint in (failures["fingerprint"]["expected"], failures["fingerprint"]["observed"]):
        assert fingerprint in words
    assert str(home / "report" / "report.html") in words
    assert "the signed report: accepted, key " in words
    assert f"with one bit changed: refused: {home}/report-changed/report.json was changed after it was signed" in words
    assert "writers waited" in (home / "report" / "history.html").read_text()
    assert left_over(docker_cli, home) == []


def test_an_interrupt_leaves_nothing_running(tmp_path: Path, docker_cli: Cli) -> None:
    """Ctrl-C while the first backups are being taken; of half of the rows, which are not what is looked at."""
    home, sources = tmp_path / "demo", tmp_path / "sources"
    shutil.copytree(Path(demo_sources.__file__).parent, sources)
    # Not fewer clients, orders and products: what is written meanwhile belongs to them.
    (sources / "agama.sql").write_text(re.sub(r"(?<= n < )(90|25|1)(?=000\))", "1", (sources / "agama.sql").read_text()))
    child = subprocess.Popen(
        [sys.executable, "-c", _REHEARSE, str(home), str(sources)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ},
    )
    try:
        assert child.stdout is not None
        before = []
        for line in child.stdout:
            before.append(line)
            if "Monday 00:00" in line:
                break
        child.send_signal(signal.SIGINT)
        output, _ = child.communicate(timeout=120)
    finally:
        child.kill()

    assert "KeyboardInterrupt" in output, "".join(before) + output
    assert child.returncode != 0
    assert left_over(docker_cli, home) == []
    assert list((home / "state" / "runs").glob("*")) == []


def test_a_directory_that_holds_something_else_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(LifeboatError, match="not empty, and not from an earlier demo"):
        rehearse(tmp_path, say=lambda words: None)

    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_directory_in_which_another_demo_runs_is_refused(tmp_path: Path) -> None:
    with configuration.opened(tmp_path / "demo") as home:
        (home / "lifeboat.yaml").write_text("in use")
        with pytest.raises(LifeboatError, match="another demo is running"), configuration.opened(tmp_path / "demo"):
            pass
        assert (home / "lifeboat.yaml").read_text() == "in use"

    with configuration.opened(tmp_path / "demo") as home:
        assert not (home / "lifeboat.yaml").exists()


NOW = datetime(2026, 1, 5, 6, tzinfo=UTC)


def evidence_of(drill: DrillResult) -> Evidence:
    """A verification of one drill."""
    budget = Budget(budget_seconds=7200, measured_seconds=4.0, met=True)
    return Evidence(
        lifeboat="0", host="here", verdict=drill.verdict, started_at=NOW, finished_at=NOW, rto=budget, rpo=budget, drills=(drill,)
    )


def drill_of(verdict: str, *checks: Check, error: str | None = None) -> DrillResult:
    """A drill of the damaged copy."""
    return DrillResult(
        service="agama", type="mysql", selection="latest", verdict=verdict, started_at=NOW, checks=checks, error=error
    )


LOST_ROW = Check("agama.order_line", "rows", 7, 6, False)


@pytest.mark.parametrize(
    ("first", "damaged", "code"),
    [
        (drill_of("verified"), drill_of("failed", LOST_ROW), 0),
        (drill_of("verified"), drill_of("verified"), 1),
        (drill_of("verified"), drill_of("failed", error="the server did not start"), 1),
        (drill_of("verified"), drill_of("failed", LOST_ROW, Check("agama.client", "rows", 7, 6, False)), 1),
        (drill_of("verified"), drill_of("could-not-run", error="no image"), 2),
        (drill_of("failed"), drill_of("failed", LOST_ROW), 1),
        (drill_of("could-not-run"), drill_of("failed", LOST_ROW), 2),
    ],
)
def test_the_rehearsal_succeeds_only_when_all_is_verified_and_exactly_the_damage_is_named(
    first: DrillResult, damaged: DrillResult, code: int
) -> None:
    assert judge(evidence_of(first), evidence_of(damaged), lambda words: None) == code
