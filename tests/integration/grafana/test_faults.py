"""What bad input gets: what, where, and what to type; the source untouched."""

import json
import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from backups.errors import Damaged, LifeboatError
from backups.services.base import Finding
from backups.services.grafana.files.database import opened
from backups.services.grafana.files.living import NotLiving
from backups.services.grafana.service import GrafanaService
from backups.services.grafana.settings import GrafanaSettings
from deployments.grafana_standin.database import build
from tests.integration.grafana.conftest import Harness
from tests.servers.grafana import IMAGE, SECRET_KEY, GrafanaServer, configured

NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Grafana's data directory without a server."""
    directory = tmp_path / "files"
    directory.mkdir()
    build(directory / "grafana.db", layout="resource", secret_key=SECRET_KEY)
    return directory


def settings(files: Path, **changes: str) -> GrafanaSettings:
    section = {"type": "grafana", "image": IMAGE, "url": NOBODY, "place": f"local:{files}"}
    return GrafanaSettings.model_validate(section | changes)


def fault(harness: Harness, section: GrafanaSettings, **options: float) -> LifeboatError:
    """The error that a capture ends with; a fault of a source is never the backup's."""
    with pytest.raises(LifeboatError) as caught:
        harness.capture(section, **options)
    assert not isinstance(caught.value, Damaged)
    assert caught.value.hint
    return caught.value


def findings(harness: Harness, section: GrafanaSettings) -> dict[str, Finding]:
    found = list(GrafanaService("grafana", section, harness.run.docker).examine(harness.run.docker))
    assert all(finding.ok or finding.remedy for finding in found)
    return {finding.subject: finding for finding in found}


def test_a_place_that_is_not_there(harness: Harness, tmp_path: Path) -> None:
    assert "is not a directory" in fault(harness, settings(tmp_path / "nowhere")).message
    assert "no container" in fault(harness, settings(tmp_path, place="docker:no-such-grafana:/var/lib/grafana")).message


def test_a_place_without_a_database(harness: Harness, tmp_path: Path) -> None:
    """A Grafana on MySQL has no file; the hint says so."""
    error = fault(harness, settings(tmp_path))

    assert error.message == f"grafana.db is not in local:{tmp_path}"
    assert "MySQL or PostgreSQL" in str(error.hint)


def test_a_file_that_is_no_database(harness: Harness, files: Path) -> None:
    (files / "grafana.db").write_text("not a database, but long enough to look like a file " * 100)

    assert "cannot be copied" in fault(harness, settings(files)).message


def test_a_database_of_something_else(harness: Harness, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "grafana.db")) as connection, connection:
        connection.execute("CREATE TABLE recipes (id INTEGER)")

    assert "is not a Grafana database" in fault(harness, settings(tmp_path)).message


def test_a_corrupt_database(harness: Harness, files: Path) -> None:
    """A page overwritten in the middle: the copy is checked before it is called a backup."""
    with (files / "grafana.db").open("r+b") as file:
        file.seek((files / "grafana.db").stat().st_size // 8192 * 4096)
        file.write(b"\xff" * 4096)

    error = fault(harness, settings(files))
    assert "grafana.db of local:" in error.message
    assert "damaged" in error.message or "malformed" in error.message


def test_a_database_that_stays_locked(harness: Harness, files: Path) -> None:
    """The wait is bounded, and nothing of the attempt is left."""
    with closing(sqlite3.connect(files / "grafana.db")) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        error = fault(harness, settings(files), lock_seconds=1)
        waited = time.monotonic() - began
        writer.rollback()

    assert "locked" in error.message
    assert 0.9 < waited < 20
    captured, _ = harness.capture(settings(files))
    assert captured.witness


def test_a_grafana_ini_that_cannot_be_read(harness: Harness, files: Path, tmp_path: Path) -> None:
    """Grafana does not start on it either: a backup of everything else is taken, and its secrets cannot be opened."""
    configuration = tmp_path / "etc"
    configuration.mkdir()
    (configuration / "grafana.ini").write_bytes(b"[security\nsecret_key \xff")

    captured, _ = harness.capture(settings(files, config_place=f"local:{configuration}"))

    assert captured.details["partial"] == ["7 of 7 secrets cannot be opened"]
    (said,) = (limit for limit in captured.details["limits"] if "cannot be opened" in limit)
    assert "grafana.ini cannot be read: line 1: the section is not closed" in said


@pytest.mark.parametrize("kind", ["files", "directory"])
def test_a_configuration_behind_links_comes_along(harness: Harness, files: Path, tmp_path: Path, kind: str) -> None:
    """As Kubernetes lays a ConfigMap out, and as others link a directory: what the links lead to is in the backup under their names."""
    etc = tmp_path / "etc"
    (etc / "..2026_11_25" / "datasources").mkdir(parents=True)
    (etc / "..2026_11_25" / "grafana.ini").write_text(f"[security]\nsecret_key = {SECRET_KEY}\n")
    (etc / "..2026_11_25" / "datasources" / "ds.yaml").write_text("apiVersion: 1\n")
    (etc / "..data").symlink_to("..2026_11_25")
    (etc / "grafana.ini").symlink_to("..data/grafana.ini")
    (etc / "ldap.toml").symlink_to("/nowhere/ldap.toml")
    if kind == "directory":
        (etc / "provisioning").symlink_to("..data")
    else:
        (etc / "provisioning" / "datasources").mkdir(parents=True)
        (etc / "provisioning" / "datasources" / "ds.yaml").symlink_to("../../..data/datasources/ds.yaml")

    captured, data = harness.capture(settings(files, config_place=f"local:{etc}"))

    assert (data / "config" / "grafana.ini").read_text() == f"[security]\nsecret_key = {SECRET_KEY}\n"
    assert (data / "config" / "provisioning" / "datasources" / "ds.yaml").read_text() == "apiVersion: 1\n"
    assert not any(path.is_symlink() for path in data.rglob("*"))
    assert captured.details["partial"] == []
    assert f"ldap.toml of local:{etc}, a link that leads to nothing below it" in captured.details["limits"]


@pytest.mark.parametrize(
    "description",
    [
        "{",
        "",
        "[]",
        "null",
        "7",
        '"text"',
        '{"id": null',
        '{"info": {}}',
        '{"id": "odd", "info": 3}',
        '{"id": "odd", "info": [1]}',
        "\udcff",
        "[" * 100_000,
    ],
)
def test_a_plugin_that_describes_nothing_stops_no_backup_and_is_named(harness: Harness, files: Path, description: str) -> None:
    for name, content in (("odd", description), ("app", '{"id":"app","info":null}')):
        (files / "plugins" / name).mkdir(parents=True)
        (files / "plugins" / name / "plugin.json").write_text(content, errors="surrogateescape")

    captured, _ = harness.capture(settings(files))
    plugins = {plugin["id"]: plugin["version"] for plugin in captured.details["plugins"]}
    assert plugins == {"odd": None, "app": None}
    assert [
        limit for limit in captured.details["limits"] if "whose plugin.json cannot be read" in limit and "plugins/odd" in limit
    ]


@pytest.mark.parametrize(
    ("description", "name", "version"),
    [
        ('{"id": "\\ud800", "info": {"version": "1"}}', "\\ud800", "1"),
        ('{"id": "a", "info": {"version": NaN}}', "a", "nan"),
        ('{"id": {"b": 1}, "info": {"version": ["1"]}}', "{'b': 1}", "['1']"),
    ],
)
def test_what_a_plugin_says_of_itself_is_text(harness: Harness, files: Path, description: str, name: str, version: str) -> None:
    """A manifest has to hold it."""
    (files / "plugins" / "odd").mkdir(parents=True)
    (files / "plugins" / "odd" / "plugin.json").write_text(description)

    captured, _ = harness.capture(settings(files))

    assert captured.details["plugins"] == [{"id": name, "version": version}]
    json.dumps(captured.details, ensure_ascii=False, allow_nan=False).encode()


def test_a_file_whose_name_is_not_utf8_is_left_out_and_named(harness: Harness, files: Path, tmp_path: Path) -> None:
    """Whoever may leave a file there stops no backup by it."""
    provisioning = tmp_path / "etc" / "provisioning"
    provisioning.mkdir(parents=True)
    (tmp_path / "etc" / "grafana.ini").write_text(f"[security]\nsecret_key = {SECRET_KEY}\n")
    (provisioning / os.fsdecode(b"\xff\xfe bad.yaml")).write_text("apiVersion: 1\n")

    captured, _ = harness.capture(settings(files, config_place=f"local:{tmp_path / 'etc'}"))
    (limit,) = (limit for limit in captured.details["limits"] if "not UTF-8" in limit)
    assert "provisioning/\\xff\\xfe bad.yaml" in limit
    json.dumps(captured.details, ensure_ascii=False).encode()


@pytest.mark.docker
def test_the_doctor_finds_a_healthy_source_well(harness: Harness, grafana_source: GrafanaServer) -> None:
    found = findings(harness, grafana_source.settings())

    assert {subject: finding.ok for subject, finding in found.items()} == {
        "health": True,
        "image": True,
        "configuration": True,
        "database": True,
        "living": True,
        "secrets": True,
    }
    assert "version 12.4.1" in found["health"].message
    assert "stand-in" in found["image"].message
    assert "opens 7 of 7 secrets" in found["secrets"].message


@pytest.mark.docker
def test_the_doctor_names_every_fault_with_its_remedy(harness: Harness, files: Path, tmp_path: Path) -> None:
    section = settings(files, image="nowhere.invalid/grafana:12.4.1", config_place=f"local:{tmp_path / 'no-etc'}")

    found = findings(harness, section)

    assert {subject: finding.ok for subject, finding in found.items()} == {
        "health": False,
        "image": False,
        "configuration": False,
        "database": True,
        "living": True,
        "secrets": False,
    }
    assert "its ini file and the environment of its process cannot be seen" in found["living"].message
    assert "7 of 7 secrets cannot be opened" in found["secrets"].message
    assert "GF_SECURITY_SECRET_KEY" in str(found["secrets"].remedy)


@pytest.mark.docker
def test_the_doctor_sees_an_image_of_another_version(harness: Harness, grafana_source: GrafanaServer, docker_cli: object) -> None:
    docker_cli("tag", IMAGE, "lifeboat-test/grafana:11.6.0")  # type: ignore[operator]
    try:
        found = findings(harness, grafana_source.settings(image="lifeboat-test/grafana:11.6.0"))
    finally:
        docker_cli("rmi", "lifeboat-test/grafana:11.6.0")  # type: ignore[operator]

    assert not found["image"].ok
    assert "the source runs 12.4.1" in found["image"].message


def test_the_doctor_finds_missing_and_damaged_databases(harness: Harness, files: Path, tmp_path: Path) -> None:
    configuration = configured(tmp_path, SECRET_KEY)
    well = findings(harness, settings(files, config_place=f"local:{configuration}"))
    assert well["database"].ok
    assert well["secrets"].ok
    (files / "grafana.db").write_text("nothing of the kind " * 300)
    assert not findings(harness, settings(files))["database"].ok
    (files / "grafana.db").unlink()
    assert "is not in" in findings(harness, settings(files))["database"].message
    assert not findings(harness, settings(tmp_path / "nowhere"))["database"].ok
    (configuration / "grafana.ini").unlink()
    assert not findings(harness, settings(files, config_place=f"local:{configuration}"))["configuration"].ok


MYSQL = "[database]\ntype = mysql\nhost = db:3306\nname = grafana\npassword = geheim\n"


@pytest.mark.parametrize("ini", [MYSQL, MYSQL.replace("mysql", "postgres"), "[database]\npath = /srv/other.db\n"])
def test_a_dead_file_is_refused_by_backup_doctor_and_watch_alike(harness: Harness, files: Path, tmp_path: Path, ini: str) -> None:
    """Its server keeps its data elsewhere: none of them takes the file that still lies there for a living one."""
    configuration = configured(tmp_path, SECRET_KEY)
    (configuration / "grafana.ini").write_text(ini)
    section = settings(files, config_place=f"local:{configuration}")

    error = fault(harness, section)
    finding = findings(harness, section)["database"]
    with pytest.raises(NotLiving) as watched:
        list(GrafanaService("grafana", section, harness.run.docker).health((), 0.5))

    assert error.message.startswith("Grafana's database is ")
    assert "geheim" not in error.message
    assert (finding.ok, finding.message, finding.remedy) == (False, error.message, error.hint)
    assert watched.value.message == error.message


def test_another_file_of_the_place_is_what_is_backed_up(harness: Harness, files: Path, tmp_path: Path) -> None:
    """The dead grafana.db beside it is not touched; the restore has the file under the name that the configuration says."""
    configuration = configured(tmp_path, SECRET_KEY)
    with (configuration / "grafana.ini").open("a") as ini:
        ini.write("[database]\npath = deep/other.db\n")
    (files / "deep").mkdir()
    shutil.move(files / "grafana.db", files / "deep" / "other.db")
    (files / "grafana.db").write_text("dead")

    captured, data = harness.capture(settings(files, config_place=f"local:{configuration}"))

    assert captured.details["file"] == "deep/other.db"
    with opened(data / "grafana.db") as database:
        assert database.fault() is None
    (files / "deep" / "other.db").unlink()
    assert "deep/other.db is not in" in fault(harness, settings(files, config_place=f"local:{configuration}")).message


@pytest.mark.parametrize(
    ("table", "column"), [("data_source", "uid"), ("dashboard", "is_folder"), ("org", "id"), ("role", "name")]
)
def test_a_database_of_an_old_version_is_refused_in_clear_words(harness: Harness, files: Path, table: str, column: str) -> None:
    with closing(sqlite3.connect(files / "grafana.db")) as connection, connection:
        names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        kept = ", ".join(f'"{name}"' for name in names if name != column)
        connection.execute(f"CREATE TABLE kept AS SELECT {kept} FROM {table}")
        connection.execute(f"DROP TABLE {table}")
        connection.execute(f"ALTER TABLE kept RENAME TO {table}")

    error = fault(harness, settings(files))
    finding = findings(harness, settings(files))["database"]

    assert column in error.message
    assert "bug" not in error.message
    assert (finding.ok, "8 to 13" in str(error.hint), "8 to 13" in str(finding.remedy)) == (False, True, True)
