"""The stand-in does to its database what a real server does by itself: it provides, deletes what is gone, and cleans up."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from backups.machine.wait import wait_until
from deployments.grafana_standin import edits
from deployments.grafana_standin.content.dashboards import dashboard
from deployments.grafana_standin.database import Layout, build
from deployments.grafana_standin.server.provisioning import Provisioning
from deployments.grafana_standin.server.storage import opened

LAYOUTS: tuple[Layout, ...] = ("dashboard", "resource")


class Served:
    """A data directory whose provisioning runs, round after round, as in a started server."""

    def __init__(self, root: Path) -> None:
        self.root, self.boards = root, root / "boards"
        for directory in (self.boards, root / "provisioning" / "dashboards", root / "provisioning" / "datasources"):
            directory.mkdir(parents=True)

    def connect(self, *, write: bool) -> sqlite3.Connection:
        return sqlite3.connect(self.root / "grafana.db", timeout=30)

    def write(self, kind: str, content: object) -> None:
        (self.root / "provisioning" / kind / "all.yaml").write_text(json.dumps(content))

    def provide(self, **more: object) -> None:
        one = {"name": "files", "type": "file", "updateIntervalSeconds": 0.1, "options": {"path": str(self.boards)}}
        self.write("dashboards", {"apiVersion": 1, "providers": [one | more]})

    def board(self, uid: str) -> Path:
        (self.boards / f"{uid}.json").write_text(json.dumps(dashboard(uid, uid.title(), [])))
        return self.boards / f"{uid}.json"

    def start(self) -> None:
        environment = {
            "GF_PATHS_PROVISIONING": str(self.root / "provisioning"),
            "GF_STANDIN_CLEANUP_SECONDS": "0.1",
            "WHERE": "here",
        }
        self.thread = Provisioning(environment, self.connect)
        self.thread.start()

    def rounds(self) -> None:
        """Wait for five more looks."""
        seen = self.thread.rounds
        assert becomes(lambda: self.thread.rounds > seen + 5)

    def uids(self) -> set[str]:
        with closing(self.connect(write=False)) as connection:
            return {one.uid for one in opened(connection).dashboards(1)}

    def provided(self) -> set[str]:
        with closing(self.connect(write=False)) as connection:
            return {one.uid for one in opened(connection).dashboards(1) if one.provisioned_from}

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        with closing(self.connect(write=False)) as connection:
            return connection.execute(statement).fetchall()


@pytest.fixture(params=LAYOUTS)
def served(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Served]:
    build(tmp_path / "grafana.db", layout=request.param)
    served = Served(tmp_path)
    yield served
    served.thread.stop()
    served.thread.join()


def becomes(condition: Callable[[], bool]) -> bool:
    return wait_until(condition, seconds=120, interval=0.05)


def test_a_file_makes_a_dashboard_and_its_absence_deletes_it(served: Served) -> None:
    people = served.uids()
    served.provide()
    kept, gone = served.board("kept"), served.board("gone")
    served.start()
    assert becomes(lambda: served.provided() == {"kept", "gone"})
    gone.unlink()
    assert becomes(lambda: served.provided() == {"kept"})
    assert kept.exists()
    assert served.uids() == people | {"kept"}


def test_a_directory_that_is_not_there_deletes_nothing_and_one_that_is_empty_everything(served: Served) -> None:
    served.provide()
    path = served.board("kept")
    served.start()
    assert becomes(lambda: served.provided() == {"kept"})
    served.boards.rename(served.root / "away")
    served.rounds()
    assert served.provided() == {"kept"}
    served.boards.mkdir()
    assert becomes(lambda: served.provided() == set())
    assert not path.exists()


def test_a_provider_that_may_not_delete_does_not(served: Served) -> None:
    served.provide(disableDeletion=True)
    path = served.board("kept")
    served.start()
    assert becomes(lambda: served.provided() == {"kept"})
    path.unlink()
    served.rounds()
    assert served.provided() == {"kept"}


def test_a_start_without_the_provider_deletes_what_it_made(served: Served) -> None:
    """What a container that was started without its configuration does."""
    served.provide()
    served.board("kept")
    served.start()
    assert becomes(lambda: served.provided() == {"kept"})
    served.thread.stop()
    served.thread.join()
    (served.root / "provisioning" / "dashboards" / "all.yaml").unlink()
    served.start()
    assert becomes(lambda: "kept" not in served.uids())


def test_data_sources_are_made_changed_deleted_and_pruned(served: Served) -> None:
    source = {"name": "Provided", "uid": "provided", "type": "prometheus", "url": "$WHERE", "orgId": 1}
    served.write("datasources", {"prune": True, "datasources": [source], "deleteDatasources": [{"name": "Agama", "orgId": 1}]})
    served.start()
    asked = "SELECT url, read_only, is_prunable FROM data_source WHERE uid = 'provided'"
    assert becomes(lambda: served.rows(asked) == [("here", 1, 1)])
    assert served.rows("SELECT 1 FROM data_source WHERE name = 'Agama'") == []
    served.thread.stop()
    served.thread.join()
    served.write("datasources", {"datasources": []})
    served.start()
    assert becomes(lambda: served.rows(asked) == [])


def test_what_belongs_to_a_deleted_dashboard_goes_at_the_next_clean_up(tmp_path: Path) -> None:
    build(tmp_path / "grafana.db", layout="resource")
    served = Served(tmp_path)
    with closing(served.connect(write=True)) as connection, connection:
        for number, uid in enumerate(("welcome", "agama-overview"), start=1):
            connection.execute(
                "INSERT INTO star (user_id, dashboard_id, dashboard_uid, org_id) VALUES (1, ?, ?, 1)", (number, uid)
            )
    edits.delete_dashboard(tmp_path / "grafana.db", "welcome")
    served.start()
    try:
        assert becomes(lambda: served.rows("SELECT dashboard_uid FROM star") == [("agama-overview",)])
    finally:
        served.thread.stop()
        served.thread.join()
