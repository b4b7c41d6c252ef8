"""Drills of backups through the API: a new server in a sandbox takes everything, and answers what the source answered."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from backups.config.settings import SandboxSettings
from backups.errors import ConfigError, Damaged, LifeboatError
from backups.services.base import Fetched
from backups.services.grafana.api import capture, kinds
from backups.services.grafana.api import read as reading
from backups.services.grafana.api.resources.order import RESOURCES
from backups.services.grafana.client import Missing
from backups.services.grafana.service import GrafanaService
from backups.services.grafana.settings import GrafanaSettings
from backups.witness import Check, compare
from deployments.grafana_standin import edits
from tests.integration.grafana.api.harness import TOKEN, built
from tests.integration.grafana.conftest import Harness
from tests.servers import grafana as servers
from verification.drill.sandbox import opened


def settings(url: str, **changes: object) -> GrafanaSettings:
    section = {"type": "grafana", "image": servers.IMAGE, "url": url, "method": "api", "user": "admin", "password": "admin"}
    return GrafanaSettings.model_validate({key: value for key, value in (section | changes).items() if value is not None})


def by_token(url: str) -> GrafanaSettings:
    return settings(url, user=None, password=None, token=TOKEN)


def drilled(harness: Harness, fetched: Fetched) -> list[Check]:
    """Bring a backup back in a sandbox, and compare."""
    harness.count += 1
    service = GrafanaService("grafana", settings("http://nowhere.invalid"), harness.run.docker)
    with opened(harness.run, f"copy-{harness.count}", SandboxSettings()) as sandbox:
        copy = service.copy([fetched], sandbox)
        copy.assemble()
        copy.start()
        copy.replay()
        copy.first_answer()
        return compare(fetched.manifest.witness, copy.observe())


@pytest.mark.docker
@pytest.mark.parametrize("how", [settings, by_token])
def test_a_new_server_becomes_equal_to_the_witness(
    harness: Harness, tmp_path: Path, how: Callable[[str], GrafanaSettings]
) -> None:
    with built(tmp_path / "source") as url:
        configured = how(url)
        fetched = harness.fetched(configured, *harness.capture(configured))
    checks = drilled(harness, fetched)
    assert len(checks) > 60
    assert [check for check in checks if not check.passed] == []
    metrics = {(check.subject, check.metric): check.expected for check in checks}
    assert metrics["org 1", "dashboards"] in {8, 9}
    assert ("grafana", "users") in metrics or how is by_token
    details = fetched.manifest.details
    assert "org 1 data source agama-mysql (Agama): password" in details["secrets"]
    assert any("the history of dashboards" in line for line in details["limits"])
    assert any("not in this backup, to be set after a restore" in line for line in harness.lines)


@pytest.mark.docker
def test_what_is_lost_from_a_backup_or_changed_in_it_fails_the_drill(harness: Harness, tmp_path: Path) -> None:
    with built(tmp_path / "source") as url:
        fetched = harness.fetched(settings(url), *harness.capture(settings(url)))
    (fetched.data / "objects" / "org-1" / "data-source" / "agama-mysql.json").unlink()
    board = fetched.data / "objects" / "org-1" / "dashboard" / "welcome.json"
    one = json.loads(board.read_text())
    one["body"]["spec"]["title"] = "Another"
    board.write_text(json.dumps(one))
    failed = {
        (check.subject, check.metric): (check.expected, check.observed) for check in drilled(harness, fetched) if not check.passed
    }
    assert failed["org 1 data source agama-mysql", "definition"][1] is None
    assert failed["org 1", "data sources"] in {(2, 1), (3, 2)}
    assert failed["org 1 dashboard welcome", "title"][1] == "Another"
    assert any(metric == "missing" and "data source agama-mysql" in str(there) for (_, metric), (_, there) in failed.items())
    assert all(
        "data source" in subject or metric == "missing" or "welcome" in subject or subject == "org 1"
        for subject, metric in failed
    )


@pytest.mark.docker
def test_an_object_that_a_new_server_refuses_is_damage(harness: Harness, tmp_path: Path) -> None:
    with built(tmp_path / "source") as url:
        fetched = harness.fetched(settings(url), *harness.capture(settings(url)))
    (file, *_) = (fetched.data / "objects" / "org-1" / "rule-group").iterdir()
    one = json.loads(file.read_text())
    one["body"]["folderUid"] = "nowhere"
    file.write_text(json.dumps(one))
    with pytest.raises(Damaged, match=r"a new Grafana refuses the backup: org 1 rule group .*HTTP 400: folder does not exist"):
        drilled(harness, fetched)


def test_what_changes_while_it_is_read_is_read_again_and_told_if_it_never_rests(
    harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, readings = capture.read, 0

    def changing(*arguments: object) -> object:
        nonlocal readings
        readings += 1
        if readings <= limit:
            edits.change_panel(tmp_path / "source" / "grafana.db", "agama-overview", 1, title=f"Reading {readings}")
        return read(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(capture, "read", changing)
    with built(tmp_path / "source") as url:
        limit = 3
        captured, _ = harness.capture(settings(url))
        assert readings == 4
        assert not any("not all is of one moment" in line for line in captured.details["limits"])
        assert "1 object changed meanwhile: reading again" in harness.lines
        readings, limit = 0, 99
        captured, _ = harness.capture(settings(url))
        assert "not all is of one moment" in captured.details["limits"][0]
        assert "org 1 dashboard agama-overview" in captured.details["limits"][0]


@pytest.mark.parametrize(("role", "kept_back"), [("Viewer", True), ("Editor", True), ("Admin", False)])
def test_a_backup_of_what_the_caller_may_see_is_partial(harness: Harness, tmp_path: Path, role: str, kept_back: bool) -> None:
    """The word stands beside the verdict wherever it is told, and names each kind that may not be read."""
    with built(tmp_path / "source") as url:
        edits.add_service_account(tmp_path / "source" / "grafana.db", "looker", role, "glsa_looker")
        configured = settings(url, user=None, password=None, token="glsa_looker")
        manifest = harness.fetched(configured, *harness.capture(configured)).manifest
    partial = manifest.partial or ""
    closed = [kind for number, kind in manifest.details["closed"] if number == 1]
    assert bool(closed) == bool(partial) == kept_back
    assert all(kinds.plural(kind) in partial for kind in closed)


def test_doctor_tells_what_can_be_read_and_what_will_not_come_back(harness: Harness, tmp_path: Path) -> None:
    with built(tmp_path / "source") as url:
        edits.add_service_account(tmp_path / "source" / "grafana.db", "looker", "Viewer", "glsa_viewer")

        def examined(configured: GrafanaSettings) -> list[tuple[str, bool, str]]:
            findings = GrafanaService("grafana", configured, harness.run.docker).examine(harness.run.docker)
            return [(finding.subject, finding.ok, f"{finding.message} {finding.remedy or ''}") for finding in findings]

        well = examined(settings(url))
        assert all(ok for subject, ok, _ in well if subject != "image")
        text = "\n".join(message for _, _, message in well)
        assert "objects can be read, 10 dashboards, 2 organisations" in text
        assert "6 will not come back" in text or "7 will not come back" in text
        assert "not in a backup by method api: the history of dashboards" in text
        looking = examined(settings(url, user=None, password=None, token="glsa_viewer"))
        assert any(
            not ok and "org 1 data sources: GET /api/datasources: HTTP 403" in message and "role Admin" in message
            for _, ok, message in looking
        )
        assert all(ok for _, ok, message in looking if message.startswith("users"))
        refused = examined(settings(url, user=None, password=None, token="no token"))
        assert any(not ok and "HTTP 401" in message for _, ok, message in refused)


def test_what_an_old_version_has_not_is_no_fault(harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise Missing("GET /api/v1/provisioning/mute-timings: HTTP 404: Not found")

    resources = tuple(replace(one, read=missing) if one.kind == kinds.MUTE_TIMING else one for one in RESOURCES)
    monkeypatch.setattr(reading, "RESOURCES", resources)
    with built(tmp_path / "source") as url:
        findings = list(GrafanaService("grafana", settings(url), harness.run.docker).examine(harness.run.docker))
    (found,) = [finding for finding in findings if "mute timings: GET" in finding.message and finding.message.startswith("org 1")]
    assert (found.ok, found.remedy) == (True, None)


def test_since_names_what_is_new_and_what_was_changed(harness: Harness, tmp_path: Path) -> None:
    with built(tmp_path / "source") as url:
        service = GrafanaService("grafana", settings(url), harness.run.docker)
        captured, _ = harness.capture(settings(url))
        assert list(service.loss(captured.witness)) == []
        edits.add_dashboard(tmp_path / "source" / "grafana.db", "newer", "Newer")
        edits.change_panel(tmp_path / "source" / "grafana.db", "agama-overview", 1, title="Changed")
        edits.delete_dashboard(tmp_path / "source" / "grafana.db", "welcome")
        lines = list(service.loss(captured.witness))
        assert {line for line in lines if " permissions " not in line} == {
            "org 1 dashboard newer: new",
            "org 1 dashboard agama-overview: changed",
            "org 1 dashboard welcome: deleted there, comes back",
        }
        other = GrafanaService("grafana", settings(url, method=None, place="local:/nowhere"), harness.run.docker)
        with pytest.raises(LifeboatError, match="another method than files"):
            list(other.loss(captured.witness))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": None, "user": None, "password": None}, "place is missing"),
        ({"place": "local:/var/lib/grafana"}, "method: api reads no files"),
        ({"user": None, "password": None}, "method: api needs token or token_file"),
        ({"token": "x"}, "give a token or a user, not both"),
        ({"user": None, "token": "x"}, "a password needs its user"),
        ({"restore": {"to": "api", "stop": "systemctl stop grafana"}}, "restore.stop: a server that takes a restore by its API"),
    ],
)
def test_settings_that_do_not_fit_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        settings("http://127.0.0.1:3000", **changes)


def test_who_asks_has_to_be_said(harness: Harness) -> None:
    silent = settings("http://127.0.0.1:3000", method=None, place="local:/nowhere", user=None, password=None)
    with pytest.raises(ConfigError, match=r"grafana: no credentials for Grafana at https://new\.example") as fault:
        GrafanaService("grafana", silent, harness.run.docker).receiver("https://new.example")
    assert "services.grafana.token or token_file" in str(fault.value.hint)


def test_a_secret_that_is_not_there_is_told_when_it_is_used(harness: Harness, tmp_path: Path) -> None:
    configured = settings("http://127.0.0.1:3000", user=None, password=None, token_file=str(tmp_path / "none"))
    with pytest.raises(
        ConfigError, match=r"the password file of the service account of Grafana at http://127\.0\.0\.1:3000 cannot be read"
    ):
        harness.capture(configured)
