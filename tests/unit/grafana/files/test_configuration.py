"""The configuration of a copy of Grafana: of the source's only what decides how the database is read, and no more than that."""

import sqlite3
from contextlib import closing
from pathlib import Path

from backups.services.grafana import server
from backups.services.grafana.files import configuration, in_force
from backups.services.grafana.files import ini as format_
from backups.services.grafana.files.database import Database

OWN = """
[security]
secret_key = abc;def
admin_password = p
[feature_toggles]
enable = nestedFolders, provisioning
[unified_storage.dashboards.dashboard.grafana.app]
dualWriterMode = 5
[server]
protocol = https
"""
FORGED = """
[security]
secret_key = abc
  [server]
  protocol = socket
  [plugins]
  path = /lifeboat/evil
[unified_storage]
index_path = /etc
dualWriterMode = 1
 [paths]
 plugins = /x
[unified_storage]x[paths]
plugins = /x
[feature_toggles]
enable = a
[feature toggles]
x y = z
[plugins]
path = /x
"""


def written(tmp_path: Path, ini: str) -> dict[tuple[str, str], str]:
    """What a copy's grafana.ini says, as Grafana's own reader takes it."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "grafana.ini").write_text(ini)
    (tmp_path / "copy").mkdir()
    with closing(sqlite3.connect(":memory:")) as connection:
        configuration.write_configuration(tmp_path / "copy", in_force.read(tmp_path / "config"), Database(connection))
    return dict(format_.read((tmp_path / "copy" / server.INI).read_bytes()))


def test_what_decides_how_the_database_is_read_is_taken_over(tmp_path: Path) -> None:
    assert written(tmp_path, OWN) == {
        ("security", "secret_key"): "abc",
        ("feature_toggles", "enable"): "nestedFolders, provisioning",
        ("unified_storage.dashboards.dashboard.grafana.app", "dualWriterMode"): "5",
    }


def test_a_forged_file_sets_nothing_else(tmp_path: Path) -> None:
    """Neither by what stands behind a line's beginning, nor by names that become other sections when they are written."""
    assert written(tmp_path, FORGED) == {
        ("security", "secret_key"): "abc",
        ("unified_storage", "dualWriterMode"): "1",
        ("feature_toggles", "enable"): "a",
    }


def test_of_a_file_that_grafana_would_refuse_nothing_is_taken_over(tmp_path: Path) -> None:
    assert written(tmp_path, f"{OWN}[unified_storage.x\ny]\na = b\n") == {}
