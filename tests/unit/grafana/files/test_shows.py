"""Whether a restored Grafana gives out what is in its backup: dashboards over HTTP, and the rows of its data sources."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from backups.services.grafana import server
from backups.services.grafana.files import shows
from backups.services.grafana.files.database import FILE, opened
from deployments.grafana_standin import edits
from deployments.grafana_standin.database import build
from deployments.grafana_standin.serving import serving

PROXY = {name: value for name, value in server.ENVIRONMENT.items() if name.startswith("GF_AUTH_PROXY_")}
BOARDS = {(1, "availability"), (1, "agama-live"), (1, "welcome"), (2, "agama-overview")}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("built") / FILE
    build(path, layout="resource")
    return path


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copyfile(built, tmp_path / FILE))


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        assert database.execute(statement).rowcount == 1


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE data_source SET url = 'http://elsewhere' WHERE org_id = 1 AND type = 'mysql'", ["data source Agama"]),
        ("UPDATE data_source SET secure_json_data = '{}' WHERE org_id = 1 AND type = 'mysql'", ["data source Agama"]),
        ("DELETE FROM data_source WHERE org_id = 2", ["data source Prometheus"]),
        # What the copy itself sets before its start.
        ("UPDATE data_source SET is_prunable = 1 - is_prunable WHERE org_id = 2", []),
    ],
)
def test_any_other_change_of_a_data_source_is_named(built: Path, copy: Path, statement: str, named: list[str]) -> None:
    change(copy, statement)
    with opened(built) as before, opened(copy) as now:
        assert shows.altered(before, now) == named


def test_dashboards_that_are_not_given_out_as_they_were_are_named(built: Path, copy: Path) -> None:
    edits.delete_dashboard(copy, "availability")
    edits.change_panel(copy, "agama-orders", 1, title="Another")
    with serving(copy.parent, **PROXY) as url, opened(built) as backup:
        found = shows.unopened(url, backup, {*BOARDS, (1, "agama-orders"), (1, "in no backup")})
    assert found == {
        (1, "availability"): "the restored Grafana answers HTTP 404",
        (1, "agama-orders"): "the restored Grafana gives out another one",
    }


def test_all_that_are_there_open(built: Path, copy: Path) -> None:
    with serving(copy.parent, **PROXY) as url, opened(built) as backup:
        assert shows.unopened(url, backup, BOARDS) == {}
