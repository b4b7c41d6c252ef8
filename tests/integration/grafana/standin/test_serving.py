"""The stand-in lets callers in as Grafana does, and reads its database for every answer."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import requests

from deployments.grafana_standin import edits
from deployments.grafana_standin.database import Layout, build
from deployments.grafana_standin.serving import serving
from tests.integration.grafana.standin.harness import EDITOR, OBJECTS, Ask, asker, uids


class TestCallers:
    """401, 403, and who is let in how."""

    @pytest.mark.parametrize("auth", [None, ("admin", "wrong"), ("nobody", "admin"), ("viewer", "viewer"), ("sa-1-robot", "")])
    def test_strangers_wrong_passwords_disabled_users_and_robots_are_401(self, ask: Ask, auth: tuple[str, str] | None) -> None:
        answer = ask("/api/search", auth=auth)
        assert answer.status_code == 401
        assert set(answer.json()) == {"message", "messageId", "statusCode", "extra", "traceID"}

    @pytest.mark.parametrize("value", ["Basic !!!", "Basic YWRtaW4=", "Bearer glsa_token", "Basic"])
    def test_odd_credentials_are_401(self, ask: Ask, value: str) -> None:
        assert ask("/api/search", auth=None, headers={"Authorization": value}).status_code == 401

    def test_what_a_role_may_not_is_403(self, ask: Ask) -> None:
        assert ask("/api/search", auth=EDITOR).status_code == 200
        for path in (
            "/api/orgs",
            "/api/users",
            "/api/datasources",
            "/api/v1/provisioning/contact-points",
            "/api/serviceaccounts/search",
        ):
            answer = ask(path, auth=EDITOR)
            assert answer.status_code == 403
            assert set(answer.json()) == {"message", "title", "accessErrorId"}

    def test_health_needs_nobody(self, ask: Ask) -> None:
        answer = ask("/api/health", auth=None)
        assert (answer.status_code, answer.json()) == (200, {"database": "ok", "version": "12.4.1", "commit": "stand-in"})

    def test_the_proxys_header_counts_only_when_it_is_enabled(self, data: Path) -> None:
        header = {"X-Lifeboat-User": "admin"}
        with serving(data) as url:
            assert requests.get(url + "/api/orgs", headers=header, timeout=60).status_code == 401
        with serving(data, GF_AUTH_PROXY_ENABLED="true", GF_AUTH_PROXY_HEADER_NAME="X-Lifeboat-User") as url:
            assert requests.get(url + "/api/orgs", headers=header, timeout=60).status_code == 200
            assert requests.get(url + "/api/orgs", headers={"X-Lifeboat-User": "nobody"}, timeout=60).status_code == 401

    def test_the_administrator_of_the_environment_counts_only_without_users(self, data: Path) -> None:
        with serving(data, GF_SECURITY_ADMIN_USER="root", GF_SECURITY_ADMIN_PASSWORD="toor") as url:
            ask = asker(url)
            assert ask("/api/orgs", auth=("root", "toor")).status_code == 401
            edits.delete_rows(data / "grafana.db", "user", "true")
            assert ask("/api/orgs", auth=("root", "toor")).status_code == 200

    def test_what_is_not_served_says_so(self, ask: Ask) -> None:
        for path in (
            "/",
            "/login",
            "/api/nothing",
            "/api/folders/agama/counts",
            "/apis/dashboard.grafana.app/v9/namespaces/default/dashboards",
        ):
            answer = ask(path)
            assert (answer.status_code, answer.json()) == (404, {"message": "Not found"})
        assert ask("/api/folders", "PUT", json={}).status_code == 405


class TestDatabase:
    """It is read for every answer, and its faults are said."""

    def test_a_change_behind_its_back_is_seen_at_once(self, ask: Ask, data: Path) -> None:
        assert "added" not in uids(ask("/api/search"))
        edits.add_dashboard(data / "grafana.db", "added", "Added")
        assert "added" in uids(ask("/api/search"))
        edits.delete_rows(data / "grafana.db", "alert_rule", "uid = 'agama-down'")
        assert len(ask("/api/v1/provisioning/alert-rules").json()) == 2

    def test_reading_changes_nothing(self, ask: Ask, data: Path) -> None:
        before = (data / "grafana.db").read_bytes()
        for path in ("/api/search", "/api/users", "/api/dashboards/uid/agama-overview", OBJECTS):
            assert ask(path).status_code == 200
        assert (data / "grafana.db").read_bytes() == before
        assert [entry.name for entry in data.iterdir()] == ["grafana.db"]

    def test_what_is_committed_to_the_log_of_a_wal_database_is_seen(self, tmp_path: Path, layout: Layout) -> None:
        build(tmp_path / "grafana.db", layout=layout, wal=True)
        with closing(sqlite3.connect(tmp_path / "grafana.db")) as writer, serving(tmp_path) as url:
            writer.execute("UPDATE org SET name = 'Renamed' WHERE id = 1")
            writer.commit()
            assert (tmp_path / "grafana.db-wal").stat().st_size > 0
            assert asker(url)("/api/org").json()["name"] == "Renamed"

    def test_a_missing_database_is_503_and_is_not_created(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        with serving(tmp_path) as url:
            answer = requests.get(url + "/api/health", timeout=60)
            assert (answer.status_code, answer.json()["database"]) == (503, "failing")
            assert asker(url)("/api/search").status_code == 500
        assert "unable to open database file" in caplog.text
        assert str(tmp_path / "grafana.db") in caplog.text
        assert list(tmp_path.iterdir()) == []

    def test_a_broken_database_is_503(self, data: Path, ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
        (data / "grafana.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 8192)
        assert ask("/api/health").status_code == 503
        assert "database failing" in caplog.text

    def test_a_database_of_something_else_is_503(self, tmp_path: Path) -> None:
        with closing(sqlite3.connect(tmp_path / "grafana.db")) as connection, connection:
            connection.execute("CREATE TABLE t (x)")
        with serving(tmp_path) as url:
            assert requests.get(url + "/api/health", timeout=60).status_code == 503

    def test_an_old_version_can_be_shown(self, data: Path) -> None:
        with serving(data, GF_STANDIN_VERSION="11.6.0") as url:
            assert requests.get(url + "/api/health", timeout=60).json()["version"] == "11.6.0"

    def test_a_refused_write_leaves_no_trace(self, ask: Ask, data: Path) -> None:
        before = (data / "grafana.db").read_bytes()
        assert ask("/api/dashboards/db", "POST", json={"dashboard": {"title": "x"}, "folderUid": "nowhere"}).status_code == 400
        assert (data / "grafana.db").read_bytes() == before
