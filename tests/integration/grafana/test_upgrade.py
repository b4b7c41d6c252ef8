"""A backup of Grafana is started on a newer one: what that changes by itself is expected, and whatever else it changes is not."""

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest

from backups.errors import LifeboatError
from backups.machine.docker import Docker
from backups.services.base import Copy
from backups.services.grafana.files.copy import GrafanaCopy
from backups.services.grafana.service import GrafanaService
from tests.integration.grafana.conftest import Harness
from tests.servers.grafana import IMAGE, GrafanaServer
from verification.drill.rehearsal import Route, rehearse
from verification.drill.tamper import Tamper
from verification.evidence.rehearsed import RehearsalPart

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def newer() -> Iterator[str]:
    """The stand-in, said to be of version 13.0.0."""
    name, client = f"lifeboat-test/grafana-{uuid.uuid4().hex[:8]}", Docker().client()
    made = client.containers.create(IMAGE)
    made.commit(name, "13.0", changes="ENV GF_STANDIN_VERSION=13.0.0")
    made.remove(v=True)
    yield f"{name}:13.0"
    client.images.remove(f"{name}:13.0")


@pytest.mark.skipif("standin" not in IMAGE, reason="a real Grafana has no version that is only said")
def test_a_newer_grafana(harness: Harness, grafana_source: GrafanaServer, newer: str) -> None:
    """Tables and columns that were added are expected; a row that went, a title that was changed and a column less are not."""
    settings = grafana_source.settings()
    service = GrafanaService("grafana", settings, harness.run.docker)
    captured, data = harness.capture(settings)
    fetched = harness.fetched(settings, captured, data)
    image = harness.run.docker.image(newer)
    version = service.version_in(image, harness.run.docker, "lifeboat-test-version")
    made = service.step(fetched.manifest, version, newer)
    assert made is not None
    assert (made.before, made.after) == ("12.4.1", "13.0")

    def tried(*statements: str) -> RehearsalPart:
        def alter(copy: Copy) -> None:
            assert isinstance(copy, GrafanaCopy)
            with closing(sqlite3.connect(copy.upgraded_database)) as database, database:
                for statement in statements:
                    database.execute(statement)

        with harness.copy(fetched) as (copy, box):
            box.chosen = box.docker.image(IMAGE)
            copy.assemble()
            copy.start()
            copy.first_answer()
            return rehearse(copy, fetched.manifest, Route(made, image), box, tamper=Tamper("", upgraded=alter))

    part = tried(
        "CREATE TABLE new_things (id INTEGER PRIMARY KEY)",
        "ALTER TABLE data_source ADD COLUMN colour TEXT DEFAULT 'red'",
        "INSERT INTO migration_log (migration_id, sql, success, error, timestamp) VALUES ('colour', '', 1, '', '2026-11-30')",
    )
    assert (part.verdict, part.error, part.look) == ("rehearsed", None, ())
    assert {(each.subject, each.metric) for each in part.expected} >= {
        ("database", "definitions"),
        ("table new_things", "rows"),
        ("table migration_log", "rows"),
    }
    assert "table data_source" not in {each.subject for each in part.expected}
    assert all(each.why and (each.source or "").startswith("https://") for each in part.expected)
    assert part.standin
    assert (part.back_tried or "").startswith("tried: Grafana 12.4.1 starts on the upgraded data")

    part = tried("DELETE FROM annotation", "UPDATE data_source SET name = name || '!'", "ALTER TABLE team DROP COLUMN email")
    assert part.verdict == "failed"
    named = {(each.subject, each.metric) for each in part.look}
    assert {("table annotation", "rows"), ("table data_source", "every value"), ("table team", "every value")} <= named


def test_an_image_of_another_program_holds_no_grafana(harness: Harness, grafana_source: GrafanaServer) -> None:
    service = GrafanaService("grafana", grafana_source.settings(), harness.run.docker)
    with pytest.raises(LifeboatError, match=r"the image lifeboat/prometheus:3\.5 does not hold Grafana: .* ends with code 127"):
        service.version_in(harness.run.docker.image("lifeboat/prometheus:3.5"), harness.run.docker, "lifeboat-test-version")
