"""A fault of a source's database is told of the file that it is, whatever its name."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from backups.errors import LifeboatError
from backups.hosts import NOWHERE
from backups.machine.docker import Docker
from backups.services.base import Job
from backups.services.grafana.files import capture, doctor
from backups.services.grafana.settings import GrafanaSettings


def of_somebody_else(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE books (title TEXT)")


def too_old(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for table in ("migration_log", "org", "dashboard", "data_source"):
            connection.execute(f"CREATE TABLE {table} (id INTEGER)")


def damaged(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE org (name TEXT)")
        connection.executemany("INSERT INTO org VALUES (?)", [("x" * 500,)] * 200)
    content = bytearray(path.read_bytes())
    content[4096 : 4096 * 4] = b"\xff" * 4096 * 3
    path.write_bytes(content)


def missing(path: Path) -> None:
    """There is another one, by the usual name."""
    of_somebody_else(path.with_name("grafana.db"))


@pytest.mark.parametrize("make", [of_somebody_else, too_old, damaged, missing])
def test_the_file_is_called_by_its_name(tmp_path: Path, make: Callable[[Path], None]) -> None:
    for name in ("var", "etc", "data", "work", "job"):
        (tmp_path / name).mkdir()
    make(tmp_path / "var/mine.db")
    (tmp_path / "etc/grafana.ini").write_text("[database]\npath = mine.db\n")
    section = {"type": "grafana", "image": "g", "url": "http://127.0.0.1:9"}
    places = {"place": f"local:{tmp_path}/var", "config_place": f"local:{tmp_path}/etc"}
    settings = GrafanaSettings.model_validate(section | places)
    job = Job("full", tmp_path / "data", tmp_path / "work", (), Docker(), tmp_path / "job")
    with pytest.raises(LifeboatError) as fault:
        capture.capture(settings, job, Docker(), NOWHERE, lock_seconds=1)
    assert fault.value.message.startswith("mine.db ")
    told = [finding for finding in doctor.examine(settings, Docker(), NOWHERE) if "mine.db" in finding.message]
    assert [finding.ok for finding in told] == [False]
    for words in (fault.value.message, fault.value.hint, told[0].message, told[0].remedy):
        assert "grafana.db" not in (words or "")
