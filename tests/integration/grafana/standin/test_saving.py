"""The stand-in saves dashboards, folders and data sources as Grafana does, in both layouts."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from deployments.grafana_standin.database import Layout
from deployments.grafana_standin.server.wire import encoded
from tests.integration.grafana.standin.harness import OBJECTS, Ask, uids


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

    def test_a_role_may_be_none_and_nothing_else_that_is_made_up(self, ask: Ask) -> None:
        made = ask("/api/serviceaccounts", "POST", json={"name": "of a plugin", "role": "None"})
        assert (made.status_code, made.json()["role"]) == (201, "None")
        assert ask("/api/org/users", "POST", json={"loginOrEmail": "viewer", "role": "None"}).status_code == 200
        assert ask("/api/search", auth=("viewer", "viewer")).status_code in {401, 403}
        found = ask("/api/serviceaccounts/search").json()["serviceAccounts"]
        assert {one["name"]: one["role"] for one in found}["of a plugin"] == "None"
        assert ask("/api/serviceaccounts", "POST", json={"name": "x", "role": "Owner"}).status_code == 400

    def test_half_a_character_is_what_go_makes_of_it(self, ask: Ask) -> None:
        """Sent, and stored by whoever wrote the file; a whole one beyond the first plane stays."""
        body = '{"dashboard": {"uid": "half", "title": "a\\ud83d b\\ud83d\\udea4 \\udc00"}}'
        assert ask("/api/dashboards/db", "POST", data=body).status_code == 200
        assert ask("/api/dashboards/uid/half").json()["dashboard"]["title"] == "a\ufffd b\U0001f6a4 \ufffd"
        assert encoded({"text": "x\udc00"}) == '{"text":"x\ufffd"}'.encode()

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
        assert ask("/api/folders", "POST", json={"uid": "inner", "title": "Again"}).status_code == 412
        assert ask("/api/folders", "POST", json={"title": "Lost", "parentUid": "nowhere"}).status_code == 400
        assert ask("/api/folders", "POST", json={"title": ""}).status_code == 400
        assert ask("/api/folders", "POST", json={"title": "No uid given"}).json()["uid"]

    def test_only_resources_let_a_folder_and_a_dashboard_share_a_uid(self, ask: Ask, layout: Layout) -> None:
        assert self.save(ask, {"uid": "agama", "title": "x"}).status_code == (400 if layout == "dashboard" else 200)
        status = ask("/api/folders", "POST", json={"uid": "welcome", "title": "x"}).status_code
        assert status == (400 if layout == "dashboard" else 200)

    def test_a_data_source_is_made_once_and_its_secrets_are_sealed(self, ask: Ask) -> None:
        body = {"name": "Second", "type": "prometheus", "url": "http://two:9090", "jsonData": {"httpMethod": "GET"}}
        made = ask("/api/datasources", "POST", json=body)
        assert made.status_code == 200
        found = ask(f"/api/datasources/uid/{made.json()['datasource']['uid']}").json()
        assert (found["url"], found["jsonData"], found["secureJsonFields"]) == ("http://two:9090", {"httpMethod": "GET"}, {})
        assert ask("/api/datasources", "POST", json=body).status_code == 409
        assert ask("/api/datasources", "POST", json=body | {"name": "Third", "uid": "agama-mysql"}).status_code == 409
        assert ask("/api/datasources", "POST", json=body | {"name": "Third", "uid": "no / uid"}).status_code == 400
        secrets = {"password": "x", "forgotten": ""}
        kept = ask("/api/datasources", "POST", json=body | {"name": "Third", "secureJsonData": secrets}).json()["datasource"]
        assert kept["secureJsonFields"] == {"password": True}, "one that is empty is none"
        body |= {"name": "Third", "secureJsonData": {"more": "y"}}
        changed = ask(f"/api/datasources/uid/{kept['uid']}", "PUT", json=body).json()["datasource"]
        assert changed["secureJsonFields"] == {"password": True, "more": True}, "one that is not sent stays"
