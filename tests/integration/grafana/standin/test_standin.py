"""The stand-in behaves as Grafana does where Lifeboat and its demo touch it, in both layouts."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from deployments.grafana_standin import edits
from deployments.grafana_standin.database import Layout, build
from deployments.grafana_standin.server.answers.alerting import duration
from deployments.grafana_standin.serving import serving

LAYOUTS: tuple[Layout, ...] = ("dashboard", "resource")
ADMIN, EDITOR = ("admin", "admin"), ("editor", "editor")
OBJECTS = "/apis/dashboard.grafana.app/v1beta1/namespaces/default/dashboards"

Ask = Callable[..., requests.Response]


@pytest.fixture(params=LAYOUTS)
def layout(request: pytest.FixtureRequest) -> Layout:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def data(tmp_path: Path, layout: Layout) -> Path:
    build(tmp_path / "grafana.db", layout=layout)
    return tmp_path


def asker(url: str) -> Ask:
    def ask(path: str, method: str = "GET", *, auth: tuple[str, str] | None = ADMIN, **more: Any) -> requests.Response:
        return requests.request(method, url + path, auth=auth, timeout=20, **more)

    return ask


@pytest.fixture
def ask(data: Path) -> Iterator[Ask]:
    with serving(data) as url:
        yield asker(url)


def uids(response: requests.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [item["uid"] for item in response.json()]


class TestSaving:
    """POST /api/dashboards/db and its neighbours."""

    @staticmethod
    def save(ask: Ask, dashboard: dict[str, Any], **more: Any) -> requests.Response:
        return ask("/api/dashboards/db", "POST", json={"dashboard": dashboard, **more})

    def test_a_new_dashboard_is_version_1_and_comes_back(self, ask: Ask) -> None:
        saved = self.save(ask, {"uid": "new", "title": "New & <old>", "panels": []}, folderUid="agama-deep")
        assert saved.status_code == 200
        assert saved.json() | {"id": 0} == {
            "id": 0, "uid": "new", "url": "/d/new/new-old", "status": "success", "version": 1, "slug": "new-old", "folderUid": "agama-deep",
        }  # fmt: skip
        found = ask("/api/dashboards/uid/new").json()
        assert found["dashboard"] == {"id": saved.json()["id"], "uid": "new", "version": 1, "title": "New & <old>", "panels": []}
        assert (found["meta"]["folderUid"], found["meta"]["folderTitle"]) == ("agama-deep", "Deep & deeper")
        assert "new" in uids(ask("/api/search?folderUIDs=agama-deep"))

    def test_an_id_that_does_not_exist_is_404(self, ask: Ask) -> None:
        answer = self.save(ask, {"id": 987654, "title": "From elsewhere"})
        assert (answer.status_code, answer.json()["status"]) == (404, "not-found")

    def test_a_stale_version_is_412_and_overwrite_helps(self, ask: Ask) -> None:
        stale = {"uid": "welcome", "title": "Mine", "version": 1}
        answer = self.save(ask, stale)
        assert (answer.status_code, answer.json()["status"]) == (412, "version-mismatch")
        assert ask("/api/dashboards/uid/welcome").json()["dashboard"]["title"] == "Welcome"
        assert self.save(ask, stale, overwrite=True).json()["version"] == 3

    def test_a_save_of_the_current_version_is_the_next_version(self, ask: Ask) -> None:
        board = ask("/api/dashboards/uid/welcome").json()["dashboard"]
        assert self.save(ask, board | {"title": "Changed"}).json()["version"] == board["version"] + 1

    def test_a_save_without_a_change_counts_only_in_the_old_tables(self, ask: Ask, layout: Layout) -> None:
        board = ask("/api/dashboards/uid/welcome").json()["dashboard"]
        assert self.save(ask, board).json()["version"] == board["version"] + (layout == "dashboard")

    def test_of_many_saves_at_once_one_wins_and_the_others_are_told(self, ask: Ask) -> None:
        board = ask("/api/dashboards/uid/welcome").json()["dashboard"]
        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(lambda number: self.save(ask, board | {"title": f"by {number}"}).status_code, range(8)))
        assert sorted(statuses) == [200] + [412] * 7
        assert ask("/api/dashboards/uid/welcome").json()["dashboard"]["version"] == board["version"] + 1

    def test_leaving_the_folder_out_moves_it_to_the_top(self, ask: Ask) -> None:
        board = ask("/api/dashboards/uid/agama-orders").json()
        assert board["meta"]["folderUid"] == "agama-details"
        self.save(ask, board["dashboard"])
        assert ask("/api/dashboards/uid/agama-orders").json()["meta"]["folderUid"] == ""

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({"dashboard": {"panels": []}}, "title"),
            ({"dashboard": {"title": "x", "uid": "a b"}}, "illegal"),
            ({"dashboard": {"title": "x", "uid": "x" * 41}}, "40"),
            ({"dashboard": {"title": "x"}, "folderUid": "nowhere"}, "older not found"),
            ({"dashboard": {"title": "x", "elements": {}}}, "version 2"),
            ({}, "bad request"),
            ([], "bad request"),
        ],
    )
    def test_what_cannot_be_saved_is_400(self, ask: Ask, body: Any, message: str) -> None:
        answer = ask("/api/dashboards/db", "POST", json=body)
        assert answer.status_code == 400
        assert message in answer.json()["message"]

    def test_a_body_that_is_no_json_is_400(self, ask: Ask) -> None:
        assert ask("/api/dashboards/db", "POST", data="{").status_code == 400

    def test_a_provisioned_dashboard_cannot_be_changed(self, ask: Ask, data: Path, layout: Layout) -> None:
        with closing(sqlite3.connect(data / "grafana.db")) as connection, connection:
            if layout == "dashboard":
                connection.execute(
                    "INSERT INTO dashboard_provisioning (dashboard_id, name, external_id)"
                    " SELECT id, 'files', '/etc/welcome.json' FROM dashboard WHERE uid = 'welcome'"
                )
            else:
                connection.execute(
                    "UPDATE resource SET value = json_set(CAST(value AS TEXT), '$.metadata.annotations.\"grafana.app/managedBy\"',"
                    " 'classic-file-provisioning', '$.metadata.annotations.\"grafana.app/sourcePath\"', '/etc/welcome.json') WHERE name = 'welcome'"
                )
        meta = ask("/api/dashboards/uid/welcome").json()["meta"]
        assert (meta["provisioned"], meta["provisionedExternalId"]) == (True, "/etc/welcome.json")
        assert self.save(ask, {"uid": "welcome", "title": "Mine"}, overwrite=True).status_code == 400
        assert ask("/api/dashboards/uid/welcome", "DELETE").status_code == 403

    def test_a_deleted_dashboard_is_gone_from_every_route(self, ask: Ask) -> None:
        assert ask("/api/dashboards/uid/welcome", "DELETE").json() == {
            "message": "Dashboard Welcome deleted",
            "title": "Welcome",
            "uid": "welcome",
        }
        assert ask("/api/dashboards/uid/welcome", "DELETE").status_code == 404
        assert ask("/api/dashboards/uid/welcome").status_code == 404
        assert ask(OBJECTS + "/welcome").status_code == 404
        assert "welcome" not in uids(ask("/api/search"))

    def test_folders_are_made_below_their_parents_and_once(self, ask: Ask) -> None:
        made = ask("/api/folders", "POST", json={"uid": "inner", "title": "Inner", "parentUid": "agama-deep"})
        assert (made.status_code, made.json()["parentUid"]) == (200, "agama-deep")
        assert [parent["uid"] for parent in ask("/api/folders/inner").json()["parents"]] == [
            "agama",
            "agama-details",
            "agama-deep",
        ]
        assert ask("/api/folders", "POST", json={"uid": "inner", "title": "Again"}).status_code == 409
        assert ask("/api/folders", "POST", json={"title": "Lost", "parentUid": "nowhere"}).status_code == 400
        assert ask("/api/folders", "POST", json={"title": ""}).status_code == 400
        assert ask("/api/folders", "POST", json={"title": "No uid given"}).json()["uid"]

    def test_only_resources_let_a_folder_and_a_dashboard_share_a_uid(self, ask: Ask, layout: Layout) -> None:
        assert self.save(ask, {"uid": "agama", "title": "x"}).status_code == (400 if layout == "dashboard" else 200)
        status = ask("/api/folders", "POST", json={"uid": "welcome", "title": "x"}).status_code
        assert status == (400 if layout == "dashboard" else 200)

    def test_a_data_source_is_made_once_and_its_secrets_are_refused(self, ask: Ask) -> None:
        body = {"name": "Second", "type": "prometheus", "url": "http://two:9090", "jsonData": {"httpMethod": "GET"}}
        made = ask("/api/datasources", "POST", json=body)
        assert made.status_code == 200
        found = ask(f"/api/datasources/uid/{made.json()['datasource']['uid']}").json()
        assert (found["url"], found["jsonData"], found["secureJsonFields"]) == ("http://two:9090", {"httpMethod": "GET"}, {})
        assert ask("/api/datasources", "POST", json=body).status_code == 409
        assert ask("/api/datasources", "POST", json=body | {"name": "Third", "uid": "agama-mysql"}).status_code == 409
        assert (
            ask("/api/datasources", "POST", json=body | {"name": "Third", "secureJsonData": {"password": "x"}}).status_code == 400
        )


class TestReading:
    """Pages, secrets, organisations, objects."""

    def test_folders_lists_only_direct_children(self, ask: Ask) -> None:
        assert uids(ask("/api/folders")) == ["agama", "monitoring"]
        assert uids(ask("/api/folders?parentUid=agama")) == ["agama-details"]
        assert uids(ask("/api/folders?parentUid=agama-details")) == ["agama-deep"]
        assert uids(ask("/api/folders?limit=1&page=2")) == ["monitoring"]

    def test_search_gives_1000_at_a_time_and_never_more_than_5000(self, ask: Ask, data: Path) -> None:
        with closing(sqlite3.connect(data / "grafana.db")) as connection, connection:
            connection.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100)"
                " INSERT INTO dashboard (version, slug, title, data, org_id, created, updated, uid, folder_id, is_folder)"
                " SELECT 1, 'x', 'Many ' || i, '{}', 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00', 'many-' || i, 0, 0 FROM n"
            )
            connection.execute(
                "INSERT INTO resource (guid, resource_version, `group`, resource, namespace, name, value, action)"
                " SELECT uid, 1, 'dashboard.grafana.app', 'dashboards', 'default', uid, json_object('apiVersion', 'dashboard.grafana.app/v1beta1',"
                " 'metadata', json_object('name', uid, 'creationTimestamp', '2026-01-01T00:00:00Z'), 'spec', json_object('title', title)), 1"
                " FROM dashboard WHERE uid LIKE 'many-%'"
            )
        first, second = uids(ask("/api/search?type=dash-db&query=many")), uids(ask("/api/search?type=dash-db&query=many&page=2"))
        assert (len(first), len(second), len({*first, *second})) == (1000, 100, 1100)
        assert len(uids(ask("/api/search?type=dash-db&query=many&limit=5000"))) == 1100
        assert ask("/api/search?limit=5001").status_code == 422

    def test_library_panels_and_annotations_come_in_hundreds(self, ask: Ask, data: Path) -> None:
        with closing(sqlite3.connect(data / "grafana.db")) as connection, connection:
            connection.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 147) INSERT INTO library_element"
                " (org_id, folder_id, uid, name, kind, type, description, model, created, created_by, updated, updated_by, version, folder_uid)"
                " SELECT 1, 0, 'l' || i, 'l' || i, 1, 'stat', '', '{}', '2026-01-01 00:00:00', 1, '2026-01-01 00:00:00', 1, 1, '' FROM n"
            )
            connection.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 147) INSERT INTO annotation (org_id, alert_id, user_id,"
                " type, title, text, prev_state, new_state, data, epoch, epoch_end) SELECT 1, i % 2, 1, '', '', '', '', '', '', i, i FROM n"
            )
        first = ask("/api/library-elements?kind=1").json()["result"]
        assert (first["totalCount"], len(first["elements"]), first["perPage"]) == (150, 100, 100)
        assert len(ask("/api/library-elements?kind=1&page=2").json()["result"]["elements"]) == 50
        assert len(ask("/api/library-elements?kind=2").json()["result"]["elements"]) == 0
        assert len(ask("/api/annotations").json()) == 100
        assert len(ask("/api/annotations?limit=1000").json()) == 150
        assert len(ask("/api/annotations?limit=1000&type=annotation").json()) == 76
        assert len(ask("/api/annotations?from=10&to=19").json()) == 10

    def test_no_answer_holds_a_secret(self, ask: Ask) -> None:
        source = ask("/api/datasources/uid/agama-mysql").json()
        assert source["secureJsonFields"] == {"password": True}
        points = {point["uid"]: point["settings"] for point in ask("/api/v1/provisioning/contact-points").json()}
        assert points["pager-hook"] == {"url": "https://example.org/hook", "password": "[REDACTED]"}
        assert points["pager-slack"]["token"] == "[REDACTED]"
        assert points["operators-mail"] == {"addresses": "operators@example.org"}
        for path in (
            "/api/datasources",
            "/api/datasources/uid/agama-mysql",
            "/api/v1/provisioning/contact-points",
            "/api/users",
            "/api/serviceaccounts/search",
        ):
            text = ask(path).text
            assert "aes-cfb" not in text
            assert "YWVzLWNmYg" not in text
            assert "secureJsonData" not in text
            assert "salt" not in text

    def test_organisations_are_kept_apart(self, ask: Ask) -> None:
        other = {"X-Grafana-Org-Id": "2"}
        assert ask("/api/org", headers=other).json()["name"] == "Agama Überseehandel"
        assert uids(ask("/api/search?type=dash-db", headers=other)) == ["agama-overview"]
        assert (
            ask("/api/dashboards/uid/agama-overview", headers=other).json()["dashboard"]["title"]
            == "Overview of the other organisation"
        )
        assert ask("/api/dashboards/uid/agama-overview").json()["dashboard"]["title"] == "Agama / Overview"
        assert ask("/api/org", headers=other, auth=EDITOR).status_code == 403
        assert [org["name"] for org in ask("/api/orgs?perpage=1&page=1").json()] == ["Main Org."]  # its pages count from 0

    def test_objects_come_in_pages_with_their_namespace(self, ask: Ask, layout: Layout) -> None:
        names: list[str] = []
        token = ""
        for _ in range(10):
            page = ask(f"{OBJECTS}?limit=4&continue={token}").json()
            assert (page["kind"], page["apiVersion"]) == ("DashboardList", "dashboard.grafana.app/v1beta1")
            names += [item["metadata"]["name"] for item in page["items"]]
            token = page["metadata"].get("continue", "")
            if not token:
                break
        assert len(names) == len(set(names)) == (9 if layout == "resource" else 8)
        other = ask("/apis/dashboard.grafana.app/v1/namespaces/org-2/dashboards").json()["items"]
        assert [(item["metadata"]["name"], item["metadata"]["namespace"]) for item in other] == [("agama-overview", "org-2")]
        assert ask("/apis/dashboard.grafana.app/v1/namespaces/org-3/dashboards").status_code == 403
        assert ask(f"{OBJECTS}?continue=%%%").status_code == 400
        folders = ask("/apis/folder.grafana.app/v1/namespaces/default/folders").json()["items"]
        parents = {item["metadata"]["name"]: item["metadata"]["annotations"]["grafana.app/folder"] for item in folders}
        assert parents == {"agama": "", "agama-details": "agama", "agama-deep": "agama-details", "monitoring": ""}

    def test_a_missing_object_is_a_kubernetes_status(self, ask: Ask) -> None:
        answer = ask(f"{OBJECTS}/nothing")
        assert answer.status_code == 404
        assert (answer.json()["kind"], answer.json()["reason"], answer.json()["code"]) == ("Status", "NotFound", 404)

    def test_plugins_are_those_on_disk(self, ask: Ask, data: Path) -> None:
        assert ask("/api/plugins").json() == []
        (data / "plugins" / "clock").mkdir(parents=True)
        (data / "plugins" / "clock" / "plugin.json").write_text('{"id": "clock", "type": "panel", "info": {"version": "2.1.0"}}')
        assert [(one["id"], one["info"]["version"]) for one in ask("/api/plugins").json()] == [("clock", "2.1.0")]

    def test_json_is_escaped_as_go_does(self, ask: Ask) -> None:
        text = ask("/api/dashboards/uid/agama-overview").text
        assert "Agama \\u003cb\\u003eüberall\\u003c/b\\u003e" in text
        assert "a=1\\u0026b=2" in text

    def test_alerting_is_read_from_the_newest_configuration(self, ask: Ask) -> None:
        rules = {rule["uid"]: rule for rule in ask("/api/v1/provisioning/alert-rules").json()}
        assert set(rules) == {"agama-down", "agama-series", "agama-failed"}
        assert rules["agama-down"]["for"] == "5m"
        assert rules["agama-down"]["annotations"]["__dashboardUid__"] == "agama-overview"
        assert (rules["agama-failed"]["isPaused"], rules["agama-failed"]["provenance"]) == (True, "api")
        assert ask("/api/v1/provisioning/policies").json()["routes"][0]["receiver"] == "pager"
        assert [timing["name"] for timing in ask("/api/v1/provisioning/mute-timings").json()] == ["weekend"]
        other = {"X-Grafana-Org-Id": "2"}
        assert ask("/api/v1/provisioning/alert-rules", headers=other).json() == []
        assert ask("/api/v1/provisioning/policies", headers=other).json()["receiver"] == "empty"


def test_a_version_2_dashboard_is_406_on_the_old_route_and_whole_on_the_new(tmp_path: Path) -> None:
    build(tmp_path / "grafana.db", layout="resource")
    with serving(tmp_path) as url:
        ask = asker(url)
        assert ask("/api/dashboards/uid/agama-live").status_code == 406
        assert "agama-live" in uids(ask("/api/search?type=dash-db"))
        path = "/apis/dashboard.grafana.app/{}/namespaces/default/dashboards/agama-live"
        assert set(ask(path.format("v2")).json()["spec"]) >= {"elements", "layout", "title"}
        unconverted = ask(path.format("v1")).json()
        assert unconverted["status"]["conversion"]["failed"] is True
        assert unconverted["status"]["conversion"]["storedVersion"] == "v2"
        assert set(unconverted["spec"]) == {"title"}


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0s"),
        (300, "5m"),
        (5400, "1h30m"),
        (86_400, "1d"),
        (129_600, "36h"),
        (604_800, "1w"),
        (31_536_000, "1y"),
        (0.25, "250ms"),
    ],
)
def test_durations_are_written_as_prometheus_does(seconds: float, written: str) -> None:
    assert duration(int(seconds * 1_000_000_000)) == written


class TestCallers:
    """401, 403, and who is let in how."""

    @pytest.mark.parametrize("auth", [None, ("admin", "wrong"), ("nobody", "admin"), ("viewer", "viewer"), ("sa-1-robot", "")])
    def test_strangers_wrong_passwords_disabled_users_and_robots_are_401(self, ask: Ask, auth: tuple[str, str] | None) -> None:
        answer = ask("/api/search", auth=auth)
        assert answer.status_code == 401
        assert set(answer.json()) == {"message"}

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
            assert set(answer.json()) == {"message"}

    def test_health_needs_nobody(self, ask: Ask) -> None:
        answer = ask("/api/health", auth=None)
        assert (answer.status_code, answer.json()) == (200, {"database": "ok", "version": "12.4.1", "commit": "stand-in"})

    def test_the_proxys_header_counts_only_when_it_is_enabled(self, data: Path) -> None:
        header = {"X-Lifeboat-User": "admin"}
        with serving(data) as url:
            assert requests.get(url + "/api/orgs", headers=header, timeout=20).status_code == 401
        with serving(data, GF_AUTH_PROXY_ENABLED="true", GF_AUTH_PROXY_HEADER_NAME="X-Lifeboat-User") as url:
            assert requests.get(url + "/api/orgs", headers=header, timeout=20).status_code == 200
            assert requests.get(url + "/api/orgs", headers={"X-Lifeboat-User": "nobody"}, timeout=20).status_code == 401

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
            answer = requests.get(url + "/api/health", timeout=20)
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
            assert requests.get(url + "/api/health", timeout=20).status_code == 503

    def test_an_old_version_can_be_shown(self, data: Path) -> None:
        with serving(data, GF_STANDIN_VERSION="11.6.0") as url:
            assert requests.get(url + "/api/health", timeout=20).json()["version"] == "11.6.0"

    def test_a_refused_write_leaves_no_trace(self, ask: Ask, data: Path) -> None:
        before = (data / "grafana.db").read_bytes()
        assert ask("/api/dashboards/db", "POST", json={"dashboard": {"title": "x"}, "folderUid": "nowhere"}).status_code == 400
        assert (data / "grafana.db").read_bytes() == before
