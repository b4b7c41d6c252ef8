"""A copied database is compared with what its server answers: a dead file is refused, what people change meanwhile is none."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from backups.services.grafana.files import living, objects
from backups.services.grafana.files.database import opened
from backups.services.grafana.files.living import NotLiving
from backups.services.grafana.files.plausible import Comparison
from backups.services.grafana.settings import GrafanaSettings
from deployments.grafana_standin.database import build
from deployments.grafana_standin.serving import serving


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plausible") / "grafana.db"
    build(path, layout="dashboard")
    return path


@pytest.fixture
def data(tmp_path: Path, original: Path) -> Path:
    shutil.copyfile(original, tmp_path / "grafana.db")
    return tmp_path


@pytest.fixture
def settings(data: Path) -> Iterator[GrafanaSettings]:
    with serving(data) as url:
        yield section(url, user="admin", password="admin")


def section(url: str, **account: str) -> GrafanaSettings:
    return GrafanaSettings.model_validate({"type": "grafana", "image": "g", "url": url, "place": "local:/g"} | account)


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, statement


BOARD = (
    "INSERT INTO dashboard (version, slug, title, data, org_id, created, updated, uid)"
    " VALUES (1, 'new', 'New', '{\"title\": \"New\"}', 1, '2026-01-01', '2026-01-01', 'new-one')"
)
SOURCE = (
    "INSERT INTO data_source (org_id, version, type, name, access, url, uid, basic_auth, is_default, json_data, secure_json_data,"
    " created, updated) SELECT org_id, version, type, 'New', access, url, 'new-source', basic_auth, 0, json_data, secure_json_data,"
    " created, updated FROM data_source WHERE org_id = 1 LIMIT 1"
)
NO_BOARD = "DELETE FROM dashboard WHERE org_id = 1 AND uid = 'availability'"
NO_SOURCE = "DELETE FROM data_source WHERE org_id = 1 AND type = 'mysql'"


def compared(settings: GrafanaSettings, copy: Path, meanwhile: Callable[[], None] = lambda: None) -> Comparison:
    comparison = Comparison.begin(settings, answers=True)
    meanwhile()
    with opened(copy) as database:
        comparison.require_same(database, objects.read(database), "grafana.db of local:/g")
    return comparison


def test_the_servers_own_file_is_not_refused(settings: GrafanaSettings, data: Path) -> None:
    assert compared(settings, data / "grafana.db").limits == ()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (BOARD, "new-one is only in the file"),
        (NO_BOARD, "it lacks availability"),
        (SOURCE, "new-source is only in the file"),
        (NO_SOURCE, "it lacks "),
        ("UPDATE org SET name = 'Another' WHERE id = 1", "organisation 1 is Main Org. at the server, and Another in the file"),
        ("DELETE FROM org WHERE id = 1", "the server has organisation 1"),
    ],
)
def test_another_database_is_refused(
    settings: GrafanaSettings, original: Path, tmp_path: Path, statement: str, words: str
) -> None:
    """The dead file has one object more, or less, or other names."""
    dead = tmp_path / "dead.db"
    shutil.copyfile(original, dead)
    change(dead, statement)

    with pytest.raises(NotLiving, match="is not the database of the server that answers") as caught:
        compared(settings, dead)

    assert words in caught.value.message


@pytest.mark.parametrize("statement", [BOARD, NO_BOARD, SOURCE, NO_SOURCE])
@pytest.mark.parametrize("copied", ["before the change", "after it"])
def test_what_is_changed_during_the_copy_is_no_contradiction(
    settings: GrafanaSettings, data: Path, tmp_path: Path, statement: str, copied: str
) -> None:
    copy = tmp_path / "copy.db"

    def meanwhile() -> None:
        if copied == "before the change":
            shutil.copyfile(data / "grafana.db", copy)
        change(data / "grafana.db", statement)
        if copied == "after it":
            shutil.copyfile(data / "grafana.db", copy)

    compared(settings, copy, meanwhile)


def test_a_server_that_does_not_answer_leaves_a_limit(settings: GrafanaSettings, data: Path) -> None:
    for account in ({"token": "wrong"}, {"user": "admin", "password_file": "/no/such/file"}):
        closed = section(settings.address, **account)
        assert any("a comparison of the database" in limit for limit in compared(closed, data / "grafana.db").limits)


def test_nobody_is_asked_without_credentials_or_a_server(settings: GrafanaSettings) -> None:
    nobody = section(settings.address)

    assert [Comparison.begin(one, answers=there).client for one, there in ((nobody, True), (settings, False))] == [None, None]


def test_the_server_tells_its_administrator_alone(settings: GrafanaSettings, data: Path) -> None:
    found, silence = living.said(settings)
    assert found is not None
    stated = [found.setting(*name) for name in (("database", "path"), ("paths", "data"))]
    assert [one and one.readings for one in stated] == [("grafana.db",), (str(data),)]
    assert silence == ""

    editor = section(settings.address, user="editor", password="editor")
    assert living.said(editor)[0] is None
    assert "403" in living.said(editor)[1]
