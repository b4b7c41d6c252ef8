"""A started Grafana is asked what its source was asked: what a start ruins is found by name, what every start moves is not."""

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backups.places.local.place import LocalPlace
from backups.services.base import Asked
from backups.services.grafana.files import answers, in_force, objects, secrets, witness
from backups.services.grafana.files.database import FILE, opened
from backups.services.grafana.files.first_start import ObjectsStay
from backups.services.grafana.settings import GrafanaSettings
from backups.witness import Fact
from deployments.grafana_standin.database import build
from deployments.grafana_standin.serving import serving
from tests.servers.silences import silence, written

KEY = "an operator's own key"
NAME = "3b0d6b0e-7889-49de-a725-4b2c8e02e729"


def stated(path: Path) -> tuple[Fact, ...]:
    """The witness of a database, as a capture states it."""
    with opened(path) as database:
        found = objects.read(database)
        return (
            *witness.facts(database, found),
            *secrets.facts(database, (KEY,)),
            *answers.expected(database, found),
        )


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source with a silence, a provided data source and a star of a dashboard that is deleted."""
    directory = tmp_path_factory.mktemp("source")
    build(directory / FILE, layout="resource", secret_key=KEY)
    (directory / "grafana.ini").write_text(f"[security]\nsecret_key = {KEY}\n")
    kept = written(silence(NAME, datetime.now(UTC) + timedelta(days=2)))
    with closing(sqlite3.connect(directory / FILE)) as connection, connection:
        connection.execute("DELETE FROM kv_store WHERE key = 'silences'")
        connection.execute(
            "INSERT INTO kv_store (org_id, namespace, key, value, created, updated) VALUES (1, 'alertmanager', 'silences', ?, '', '')",
            (kept,),
        )
        connection.execute("UPDATE data_source SET read_only = 1 WHERE uid = 'agama-mysql'")
        connection.execute(
            "INSERT INTO provenance_type (org_id, record_key, record_type, provenance) VALUES (1, 'pager-hook', 'contactPoint', 'file')"
        )
        connection.execute("INSERT INTO star (user_id, dashboard_id, dashboard_uid, org_id) VALUES (1, 99, 'gone', 1)")
    return directory


@pytest.fixture(scope="module")
def witnessed(template: Path) -> tuple[Fact, ...]:
    return stated(template / FILE)


def ask(directory: Path, template: Path, facts: Sequence[Fact], *statements: str, **section: Any) -> Asked:
    """Start a server on a copy to which these statements were done, and ask it."""
    shutil.copyfile(template / FILE, directory / FILE)
    with closing(sqlite3.connect(directory / FILE)) as connection, connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, statement
    with serving(directory) as url:
        settings = GrafanaSettings.model_validate(
            {"type": "grafana", "image": "g", "url": url, "place": f"local:{directory}"} | section
        )
        return ObjectsStay(facts, in_force.read(template), 0).ask(LocalPlace(directory), None, settings)


ADMIN = {"user": "admin", "password": "admin"}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong stays wrong: nothing is waited for, here."""
    for name in ("first_start._SETTLING", "answers._INDEX_SECONDS", "muted._SECONDS"):
        monkeypatch.setattr(f"backups.services.grafana.files.{name}", 0.1)


def test_one_that_is_as_it_was_is_equal_by_its_files_and_by_its_answers(
    tmp_path: Path, template: Path, witnessed: tuple[Fact, ...]
) -> None:
    asked = ask(tmp_path, template, witnessed, **ADMIN)
    assert [check for check in asked.checks if not check.passed] == []
    assert asked.unasked == []
    over_http = {check.subject.split(" ")[2] for check in asked.checks if "over http" in check.metric}
    assert over_http == {"dashboard", "folder", "library", "data", "alert", "contact", "silence"}
    assert {check.subject for check in asked.checks} >= {
        "secrets",
        "user admin",
        f"org 1 silence {NAME}",
        "org 2 dashboard agama-overview",
    }


RUINED = [
    ("DELETE FROM resource WHERE name = 'welcome' AND resource = 'dashboards'", "org 1 dashboard welcome"),
    ("DELETE FROM resource WHERE name = 'agama-overview' AND namespace = 'org-2'", "org 2 dashboard agama-overview"),
    ("DELETE FROM resource WHERE name = 'agama-deep' AND resource = 'folders'", "org 1 folder agama-deep"),
    ("DELETE FROM data_source WHERE uid = 'agama-mysql'", "org 1 data source agama-mysql"),
    ("UPDATE data_source SET url = 'elsewhere' WHERE uid = 'agama-mysql'", "org 1 data source agama-mysql"),
    ("UPDATE data_source SET secure_json_data = '{}' WHERE uid = 'agama-mysql'", "org 1 data source agama-mysql"),
    ("UPDATE data_keys SET encrypted_data = zeroblob(60)", "secrets"),
    ("DELETE FROM kv_store WHERE key = 'silences'", f"org 1 silence {NAME}"),
    ("DELETE FROM alert_rule WHERE uid = 'agama-failed'", "org 1 alert rule agama-failed"),
    ("UPDATE user SET password = 'x' WHERE login = 'editor'", "user editor"),
    ("DELETE FROM user WHERE login = 'viewer'", "user viewer"),
    ("DELETE FROM api_key", "org 1 token robot-token"),
    ("DELETE FROM team", "org 1 team Operators"),
    ("UPDATE org_user SET role = 'Admin' WHERE user_id = 2", "org 1 member editor"),
    ("DELETE FROM permission", "org 1 role managed:users:2:permissions"),
    ("UPDATE alert_configuration SET alertmanager_configuration = '{}' WHERE org_id = 1", "org 1"),
    (
        """UPDATE alert_configuration SET alertmanager_configuration = replace(alertmanager_configuration, 'operators@', 'nobody@')
        WHERE org_id = 1""",
        "org 1 contact point operators",
    ),
    ("DELETE FROM playlist", "org 1 playlist on-the-wall"),
    ("DELETE FROM library_element", "org 1 library panel "),
]


@pytest.mark.parametrize(("statement", "subject"), RUINED)
def test_what_a_start_has_ruined_is_told_by_name(
    tmp_path: Path, template: Path, witnessed: tuple[Fact, ...], statement: str, subject: str
) -> None:
    asked = ask(tmp_path, template, witnessed, statement)
    assert [check for check in asked.checks if not check.passed and check.subject.startswith(subject)]


MOVED = [
    "INSERT INTO server_lock (operation_uid, version, last_execution) VALUES ('x', 1, 1)",
    "UPDATE alert_configuration_history SET last_applied = 12345",
    "INSERT INTO kv_store (org_id, namespace, key, value, created, updated) VALUES (1, 'alertmanager', 'notifications', 'x', '', '')",
    "UPDATE user SET last_seen_at = '2026-11-30 00:00:00'",
    "DELETE FROM star WHERE dashboard_uid = 'gone'",
    "UPDATE data_source SET version = version + 1, updated = '2026-11-30 00:00:00' WHERE read_only = 1",
    "UPDATE data_source SET is_prunable = 1 WHERE read_only = 1",
    # A contact point of a provisioning file is written anew, with other seals.
    """UPDATE alert_configuration SET alertmanager_configuration = replace(alertmanager_configuration, '"password"', '"anew"')
    WHERE org_id = 1""",
    "INSERT INTO role (name, version, org_id, uid, description, created, updated) VALUES ('fixed:x', 1, 0, 'x', '', '', '')",
]
"""As the table of what real servers change by themselves has it (facts/grafana-starts.md)."""


@pytest.mark.parametrize("statement", MOVED)
def test_what_every_start_moves_is_no_difference(
    tmp_path: Path, template: Path, witnessed: tuple[Fact, ...], statement: str
) -> None:
    asked = ask(tmp_path, template, witnessed, statement)
    assert [check for check in asked.checks if not check.passed] == []


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({}, "for which lifeboat.yaml has no token and no user"),
        ({"user": "admin", "password": "wrong"}, "organisation 1 over HTTP"),
        ({"user": "editor", "password": "editor"}, "organisation 2 over HTTP"),
        ({"user": "admin", "password_file": "/not/there"}, "its answers over HTTP: "),
    ],
)
def test_what_could_not_be_asked_is_said_and_no_difference(
    tmp_path: Path, template: Path, witnessed: tuple[Fact, ...], section: dict[str, str], words: str
) -> None:
    asked = ask(tmp_path, template, witnessed, **section)
    assert [check for check in asked.checks if not check.passed] == []
    assert asked.checks
    assert any(words in line for line in asked.unasked), asked.unasked
