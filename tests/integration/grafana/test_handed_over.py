"""A restore hands over the backup's own database, not the sandbox's; a live source is compared with its backup."""

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from backups.errors import Damaged, LifeboatError
from backups.machine.runs import Run
from backups.services.continuous import continuous, continuous_copy
from backups.services.grafana.service import GrafanaService
from deployments.grafana_standin import edits
from tests.integration.grafana.conftest import Harness
from tests.servers.grafana import GrafanaFactory, GrafanaServer

pytestmark = pytest.mark.docker


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_is_handed_over_is_the_backups_own_database(harness: Harness, grafana_source: GrafanaServer) -> None:
    settings = grafana_source.settings()
    fetched = harness.fetched(settings, *harness.capture(settings))
    with harness.copy(fetched) as (copy, sandbox):
        copy.assemble()
        copy.start()
        copy.first_answer()
        # What a server, or `configuration.disarm`, does to the sandbox's own.
        edits.add_dashboard(sandbox.directory / "grafana" / "grafana.db", "stray", "Stray")
        delivery = copy.settle()
        assert [path.name for path in delivery.data.iterdir()] == ["grafana.db"]
        assert digest(delivery.data / "grafana.db") == digest(fetched.data / "grafana.db")
        assert (delivery.data / "grafana.db").stat().st_mode & 0o777 == 0o640
        assert (delivery.inside, delivery.ownership.names, delivery.ownership.user) == (
            "/var/lib/grafana",
            "grafana:grafana",
            472,
        )
        assert delivery.configuration is not None
        assert (delivery.configuration / "grafana.ini").is_file()
        notes = "\n".join(delivery.notes)
        assert "agama-clock-panel@2.1.0" in notes
        assert "put its configuration in place before the first start" in notes
        assert "secret_key" not in notes


def test_without_a_configuration_the_secret_key_is_asked_for(harness: Harness, grafana_source: GrafanaServer) -> None:
    settings = grafana_source.settings(config_place=None)
    fetched = harness.fetched(settings, *harness.capture(settings))
    with harness.copy(fetched) as (copy, _):
        copy.assemble()
        delivery = copy.settle()
        assert delivery.configuration is None
        assert any("the source's own secret_key" in note for note in delivery.notes)


def test_a_database_that_is_damaged_is_not_handed_over(harness: Harness, grafana_source: GrafanaServer) -> None:
    settings = grafana_source.settings()
    fetched = harness.fetched(settings, *harness.capture(settings))
    with harness.copy(fetched) as (copy, _):
        copy.assemble()
        content = bytearray((fetched.data / "grafana.db").read_bytes())
        content[4096:8192] = b"\xff" * 4096
        (fetched.data / "grafana.db").write_bytes(content)
        with pytest.raises(Damaged, match=r"grafana\.db of backup grafana-20261123T000000Z is damaged"):
            copy.settle()


def test_there_is_no_way_on_from_a_copy(harness: Harness, grafana_source: GrafanaServer, run: Run) -> None:
    settings = grafana_source.settings()
    fetched = harness.fetched(settings, *harness.capture(settings))
    assert continuous(GrafanaService("grafana", settings, run.docker)) is None
    with harness.copy(fetched) as (copy, _), pytest.raises(LifeboatError, match="the backup has no log"):
        continuous_copy(copy)


def test_what_the_source_has_gained_and_lost_since_is_told(harness: Harness, grafana_factory: GrafanaFactory, run: Run) -> None:
    source = grafana_factory(layout="dashboard")
    edits.add_dashboard(source.database, "before", "Before")
    service = GrafanaService("grafana", source.settings(), run.docker)
    captured, _ = harness.capture(source.settings())
    assert list(service.loss(captured.witness)) == []
    edits.add_dashboard(source.database, "fresh", "Fresh")
    lines = list(service.loss(captured.witness))
    assert "org 1 dashboard fresh: new" in lines
    assert not any("before" in line for line in lines)
    source.stop()
    (source.data / "grafana.db").unlink()
    with pytest.raises(LifeboatError, match=r"grafana\.db is not in"):
        list(service.loss(captured.witness))


@pytest.mark.parametrize("provided", [0, 1], ids=["a person's", "of a provisioning file"])
def test_secrets_that_were_sealed_anew(harness: Harness, grafana_factory: GrafanaFactory, run: Run, provided: int) -> None:
    """Each start of Grafana does that to data sources of provisioning files, and nobody but a person to the others."""
    source = grafana_factory(layout="dashboard")
    service = GrafanaService("grafana", source.settings(), run.docker)
    execute(source.database, f"UPDATE data_source SET read_only = {provided} WHERE uid = 'agama-mysql'")
    captured, _ = harness.capture(source.settings())
    execute(source.database, "UPDATE data_source SET secure_json_data = '{\"password\": \"anew\"}' WHERE uid = 'agama-mysql'")
    assert list(service.loss(captured.witness)) == ([] if provided else ["org 1 data source agama-mysql: changed"])


def execute(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(statement).rowcount > 0
