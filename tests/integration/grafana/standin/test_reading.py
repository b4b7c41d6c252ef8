"""The stand-in reads as Grafana does where Lifeboat and its demo read it, in both layouts."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from deployments.grafana_standin.database import Layout, build
from deployments.grafana_standin.server.answers.alerting import duration
from deployments.grafana_standin.serving import serving
from tests.integration.grafana.standin.harness import EDITOR, OBJECTS, Ask, asker, uids


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
        other = ask("/apis/dashboard.grafana.app/v1beta1/namespaces/org-2/dashboards").json()["items"]
        assert [(item["metadata"]["name"], item["metadata"]["namespace"]) for item in other] == [("agama-overview", "org-2")]
        assert ask("/apis/dashboard.grafana.app/v1beta1/namespaces/org-3/dashboards").status_code == 403
        assert ask(f"{OBJECTS}?continue=%%%").status_code == 400
        folders = ask("/apis/folder.grafana.app/v1beta1/namespaces/default/folders").json()["items"]
        parents = {item["metadata"]["name"]: item["metadata"]["annotations"].get("grafana.app/folder", "") for item in folders}
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
        assert set(ask(path.format("v2beta1")).json()["spec"]) >= {"elements", "layout", "title"}
        unconverted = ask(path.format("v1beta1")).json()
        assert unconverted["status"]["conversion"]["failed"] is True
        assert unconverted["status"]["conversion"]["storedVersion"] == "v2beta1"
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
