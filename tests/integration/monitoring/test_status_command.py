"""`lifeboat status` over a real repository: each way in which a site is not well, told with its exit code."""

import json
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.contract.toy_site import IMAGE
from tests.integration.flows.conftest import Said, lifeboat
from tests.integration.retention.conftest import DAY, NOW, Harbour, harbour, harbour_template, identifier
from verification.evidence.store import TAG
from verification.watch.status import ServiceStatus

__all__ = ["harbour", "harbour_template", "lifeboat"]

Lifeboat = Callable[..., Said]


@pytest.fixture(autouse=True)
def _all_else_is_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """No Docker, and a Prefect server that does not answer: status has to speak all the same."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///absent/docker.sock")
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")


def drilled(harbour: Harbour, verdict: str = "verified", age: timedelta = DAY, seconds: float = 30.0, together: str = "") -> None:
    """Keep the evidence of a drill of the newest backup."""
    evidence = harbour.folder / "evidence"
    evidence.mkdir()
    (evidence / "report.json").write_text("{}")
    tags = [TAG, f"verdict={verdict}", f"proof={identifier('lately', 8)}|{verdict}|{seconds}|{(NOW - age).isoformat()}"]
    tags += [f"together={together}"] if together else []
    harbour.open().repository.save(evidence, host="lighthouse", tags=tags, at=NOW - age)


@pytest.fixture
def status(harbour: Harbour, lifeboat: Lifeboat) -> Callable[..., tuple[int, dict[str, Any]]]:
    def call(*options: str) -> tuple[int, dict[str, Any]]:
        done = lifeboat("status", "--json", *options, "--config", str(harbour.config))
        [told] = json.loads(done.out)
        return done.code, told

    return call


Status = Callable[..., tuple[int, dict[str, Any]]]


def test_all_well_is_zero_and_tells_everything(harbour: Harbour, status: Status, lifeboat: Lifeboat) -> None:
    drilled(harbour)
    code, told = status()
    assert code == 0
    moments = {name: datetime.fromisoformat(told.pop(name)) for name in ("first_backup_at", "last_backup_at", "proven_at")}
    assert told.pop("rpo_seconds") == pytest.approx(DAY.total_seconds(), abs=3 * 3600)
    assert moments == {"first_backup_at": NOW - 75 * DAY, "last_backup_at": NOW - DAY, "proven_at": NOW - DAY}
    assert told == {
        "service": "toy", "type": "toy", "backups": 14, "last_backup": identifier("lately", 8), "rpo_kept": True, "standing": "verified",
        "proven_backup": identifier("lately", 8), "restore_seconds": 30.0, "rto_kept": True, "partial": None, "suspicious": [],
        "log_until": None, "repositories": [], "complaints": [],
    }  # fmt: skip
    words = lifeboat("status", "--config", str(harbour.config))
    assert words.code == 0
    assert re.search(r"toy +2[45] h \d\d min ago +verified +2[45] h \d\d min ago +30.0 s +-", words.out)


def test_never_proven_is_one(status: Status) -> None:
    code, told = status()
    assert (code, told["standing"], told["proven_at"]) == (1, "never-proven", None)
    assert told["complaints"] == ["no backup of it was ever proven"]


def test_a_stale_proof_is_one(harbour: Harbour, status: Status) -> None:
    drilled(harbour, age=9 * DAY)
    code, told = status()
    assert (code, told["standing"]) == (1, "stale")
    assert re.fullmatch(r"the last proof is 9 d \d h old, 8 d 0 h are allowed", told["complaints"][0])


def test_a_failed_proof_is_one(harbour: Harbour, status: Status) -> None:
    drilled(harbour, "failed")
    code, told = status()
    assert (code, told["standing"], told["complaints"]) == (1, "failed", ["its last verification failed"])


def test_all_side_by_side_that_failed_is_one(harbour: Harbour, lifeboat: Lifeboat) -> None:
    drilled(harbour, together="failed|25|24")
    path = harbour.folder / "lifeboat.prom"
    done = lifeboat("status", "--metrics", str(path), "--config", str(harbour.config))
    assert done.code == 1
    words = " ".join(done.out.split())
    assert re.search(r"all side by side: never proven; the last time, .* ago, it came to failed, 24 of 25 panels answer", words)
    assert "lifeboat_together_failed 1" in path.read_text().splitlines()
    done = lifeboat("status", "--json", "--config", str(harbour.config))
    assert (done.code, done.err.startswith("all side by side: never proven")) == (1, True)


def test_a_missed_rto_is_one(harbour: Harbour, status: Status) -> None:
    drilled(harbour, seconds=7300)
    code, told = status()
    assert (code, told["standing"], told["rto_kept"]) == (1, "verified", False)
    assert told["complaints"] == ["the last restore took 2 h 01 min, the objective is 2 h 00 min"]


def test_a_missed_rpo_is_one(harbour: Harbour, status: Status) -> None:
    drilled(harbour)
    harbour.config.write_text(harbour.config.read_text() + "objectives: {rpo: 12h}\n")
    code, told = status()
    assert (code, told["standing"], told["rpo_kept"]) == (1, "verified", False)
    assert re.fullmatch(r"the last backup is 2[45] h \d\d min old, 12 h 00 min are allowed", told["complaints"][0])


def test_a_service_that_was_never_backed_up_is_one(harbour: Harbour, lifeboat: Lifeboat) -> None:
    drilled(harbour)
    harbour.config.write_text(harbour.config.read_text() + f"  new: {{type: toy, image: '{IMAGE}', source: /nowhere}}\n")
    done = lifeboat("status", "--config", str(harbour.config))
    assert done.code == 1
    assert re.search(r"new +never +never-proven +never +- +has no backup; no backup of it was ever proven", done.out)
    assert lifeboat("status", "toy", "--config", str(harbour.config)).code == 0


def test_the_metrics_are_written_also_when_something_is_not_well(harbour: Harbour, status: Status) -> None:
    path = harbour.folder / "lifeboat.prom"
    assert status("--metrics", str(path))[0] == 1
    written = path.read_text()
    assert f'lifeboat_backup_timestamp_seconds{{service="toy",type="toy"}} {(NOW - DAY).timestamp()}' in written
    age = datetime.now(UTC).timestamp() - float(re.findall(r"^lifeboat_status_timestamp_seconds (.*)$", written, re.MULTILINE)[0])
    assert 0 <= age < 300
    assert path.stat().st_mode & 0o777 == 0o644, "node-exporter reads it as another user"


def test_what_cannot_be_looked_at_is_two_and_leaves_the_old_metrics(harbour: Harbour, lifeboat: Lifeboat) -> None:
    """The file grows old, and LifeboatSilent says so."""
    path = harbour.folder / "lifeboat.prom"
    path.write_text("yesterday's")
    shutil.move(harbour.folder / "repository", harbour.folder / "away")
    done = lifeboat("status", "--metrics", str(path), "--config", str(harbour.config))
    assert (done.code, path.read_text()) == (2, "yesterday's")
    assert "there is no repository at that place" in done.err
    assert "hint: " in done.err


def test_another_password_or_a_metrics_file_that_cannot_be_written_is_two(harbour: Harbour, lifeboat: Lifeboat) -> None:
    done = lifeboat("status", "--metrics", "/absent/lifeboat.prom", "--config", str(harbour.config))
    assert done.code == 2
    assert "/absent/lifeboat.prom cannot be written" in done.err
    (harbour.folder / "key").write_text("another\n")
    done = lifeboat("status", "--config", str(harbour.config))
    assert done.code == 2
    assert "the password is wrong" in done.err


def test_a_damaged_list_of_backups_is_one(harbour: Harbour, lifeboat: Lifeboat) -> None:
    """Something is not well with the backups themselves: never 0, and the snapshot is named."""
    drilled(harbour)
    shutil.rmtree(harbour.folder / "state", ignore_errors=True)
    snapshot = min((harbour.folder / "repository" / "snapshots").iterdir())
    snapshot.chmod(0o600)
    content = snapshot.read_bytes()
    snapshot.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    done = lifeboat("status", "--config", str(harbour.config))
    assert done.code == 1
    assert f"could not load snapshot {snapshot.name[:8]}" in done.err


def test_the_page_lists_the_keys_that_there_are() -> None:
    page = (Path(__file__).parents[3] / "docs" / "monitoring.md").read_text()
    section = page.partition("## Is it still working?")[2].partition("\n## ")[0]
    listed = [key for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for key in re.findall(r"`(\w+)`", row)]
    assert listed == list(ServiceStatus.model_fields)
