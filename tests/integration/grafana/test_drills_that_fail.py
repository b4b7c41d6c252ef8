"""A damaged copy is caught, and its culprit named: in the restored database and in the restored server's answers."""

import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from backups.errors import Damaged, LifeboatError
from backups.manifest import Source
from deployments.grafana_standin import edits
from tests.integration.grafana.conftest import Harness
from tests.servers.grafana import GrafanaServer

pytestmark = pytest.mark.docker


def flip(path: Path) -> None:
    """Overwrite a page in the middle of the file."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 8192 * 4096)
        file.write(b"\xff" * 4096)


@pytest.mark.parametrize(
    ("damage", "culprits"),
    [
        (
            lambda path: edits.delete_dashboard(path, "welcome"),
            {("org 1 dashboard welcome", "json"), ("org 1 dashboard welcome", "json over http"), ("org 1", "dashboards")},
        ),
        (
            lambda path: edits.change_panel(path, "agama-orders", 1, targets=[{"refId": "A", "expr": "vector(1)"}]),
            {("org 1 dashboard agama-orders", "json"), ("org 1 dashboard agama-orders", "json over http")},
        ),
        (
            lambda path: edits.delete_rows(path, "data_source", "uid = 'agama-mysql'"),
            {("org 1 data source agama-mysql", "settings"), ("org 1 data source agama-mysql", "settings over http")},
        ),
    ],
    ids=["a dashboard removed", "a panel's query changed", "a data source removed"],
)
def test_a_damaged_copy_is_caught(
    harness: Harness, grafana_source: GrafanaServer, damage: Callable[[Path], object], culprits: set[tuple[str, str]]
) -> None:
    settings = grafana_source.settings()
    captured, data = harness.capture(settings)

    checks = harness.drill(harness.fetched(settings, captured, data), damage)

    assert culprits <= {(check.subject, check.metric) for check in checks if not check.passed}


def test_a_wrong_first_answer_stops_the_drill(harness: Harness, grafana_source: GrafanaServer) -> None:
    """The object that is asked first is not what it was: the clock does not stop, and both values are told."""
    settings = grafana_source.settings()
    captured, data = harness.capture(settings)
    fetched = harness.fetched(settings, captured, data)
    first = next(fact for fact in fetched.manifest.witness if fact.metric == "json over http").subject
    uid = first.removeprefix("org 1 dashboard ")

    with pytest.raises(Damaged, match=f"first answer is wrong: {first}, json over http: expected [0-9a-f]+, got [0-9a-f]+"):
        harness.drill(fetched, lambda path: edits.change_panel(path, uid, 1, title="another"))


def test_a_torn_database_is_damaged(harness: Harness, grafana_source: GrafanaServer) -> None:
    """SQLite's own check finds it before any server is started."""
    settings = grafana_source.settings()
    captured, data = harness.capture(settings)

    with pytest.raises(Damaged, match=r"grafana\.db of backup grafana-20261123T000000Z is damaged"):
        harness.drill(harness.fetched(settings, captured, data), flip)


def test_a_backup_without_its_database_is_damaged(harness: Harness, grafana_source: GrafanaServer) -> None:
    settings = grafana_source.settings()
    captured, data = harness.capture(settings)

    with pytest.raises(Damaged, match=r"grafana\.db is not in backup grafana-20261123T000000Z"):
        harness.drill(harness.fetched(settings, captured, data), Path.unlink)


def test_lost_users_are_caught_even_if_nobody_may_read(harness: Harness, grafana_source: GrafanaServer) -> None:
    """Without the organisation's administrator nothing is read over HTTP, and every fact that misses is a failure."""
    settings = grafana_source.settings()
    captured, data = harness.capture(settings)
    fetched = harness.fetched(settings, captured, data)

    def no_administrators(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE org_user SET role = 'Viewer'")

    checks = harness.drill(fetched, no_administrators)

    failed = {(check.subject, check.metric): check.observed for check in checks if not check.passed}
    assert failed["org 1", "read over http by"] == "nobody: it has no administrator"
    assert failed["org 1 member admin", "role"] == "Viewer"
    assert failed["org 1 dashboard welcome", "json over http"] is None


def test_an_administrator_that_is_gone_cannot_ask(harness: Harness, grafana_source: GrafanaServer) -> None:
    """The restored server lets the witness's reader in no more: the first answer is a refusal, and that is a failed proof."""
    settings = grafana_source.settings()
    captured, data = harness.capture(settings)

    with pytest.raises(Damaged, match="got HTTP 401"):
        harness.drill(harness.fetched(settings, captured, data), lambda path: edits.delete_rows(path, "user", "login = 'admin'"))


def test_an_image_of_another_version_proves_nothing(harness: Harness, grafana_source: GrafanaServer) -> None:
    """A newer server migrates, an older one cannot read: the drill could not run, and says which image to set."""
    settings = grafana_source.settings()
    captured, data = harness.capture(settings)
    fetched = harness.fetched(settings, captured, data)
    older = fetched.manifest.model_copy(update={"source": Source(version="11.6.0", image=settings.image)})

    with pytest.raises(LifeboatError, match=r"runs Grafana 12\.4\.1, the backup is of 11\.6\.0") as caught:
        harness.drill(replace(fetched, manifest=older))
    assert not isinstance(caught.value, Damaged)


def test_a_missing_image_could_not_run(harness: Harness, grafana_source: GrafanaServer) -> None:
    settings = grafana_source.settings()
    captured, data = harness.capture(settings)
    fetched = harness.fetched(settings, captured, data)
    nowhere = fetched.manifest.model_copy(update={"source": Source(version="12.4.1", image="nowhere.invalid/grafana:12.4.1")})

    with pytest.raises(LifeboatError, match="not on this machine") as caught:
        harness.drill(replace(fetched, manifest=nowhere))
    assert not isinstance(caught.value, Damaged)


def test_a_server_that_ends_while_it_is_read_fails_the_proof(harness: Harness, grafana_source: GrafanaServer) -> None:
    """Nothing restored may die of its data: that it did is told with its last words."""
    settings = grafana_source.settings()
    captured, data = harness.capture(settings)

    with harness.copy(harness.fetched(settings, captured, data)) as (copy, sandbox):
        copy.assemble()
        copy.start()
        sandbox.docker.client().containers.get(f"{sandbox.name}-grafana").kill()
        with pytest.raises(Damaged, match="ended while it was read"):
            list(copy.observe())


@pytest.fixture
def ending() -> Iterator[str]:
    """An image whose server ends at once, and whose name says nothing of a version."""
    name = f"lifeboat-test/ending-{os.getpid()}:latest"
    subprocess.run(["docker", "tag", "lifeboat/mysql:9.7", name], check=True)
    yield name
    subprocess.run(["docker", "rmi", name], check=True, capture_output=True)


def test_a_server_that_does_not_start_fails_the_proof(harness: Harness, grafana_source: GrafanaServer, ending: str) -> None:
    """An image whose server ends at once: the message has what it said."""
    settings = grafana_source.settings(image=ending)
    captured, data = harness.capture(settings)

    with pytest.raises(Damaged, match="ended while it started"):
        harness.drill(harness.fetched(settings, captured, data))
