"""The stand-in serves real databases, objects and dashboards as the servers did that they come from. Field data, where present."""

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from deployments.grafana_standin.database import Layout, build
from deployments.grafana_standin.server.answers import alerting
from deployments.grafana_standin.serving import serving
from tests.conftest import FIELD_DATA
from tests.integration.grafana.standin.calls import CALLS
from tests.integration.grafana.standin.contract import Contract

RECORDED = FIELD_DATA / "grafana" / "recorded"


@pytest.mark.field
def test_objects_of_a_real_database_come_out_as_they_were_stored(tmp_path: Path) -> None:
    """Recorded from the 12.4.1 database: the same objects, whole, through /apis; and through the old route with its own numbers."""
    name = "openresty-api-gateway-lab-12.4.1"
    (tmp_path / "grafana.db").write_bytes((FIELD_DATA / "grafana" / "db" / f"{name}.db").read_bytes())
    recorded = {
        path.stem.rpartition("--")[2]: json.loads(path.read_text())
        for path in (RECORDED / "from-db").glob(f"{name}--dashboards--*.json")
    }
    assert len(recorded) == 9
    with serving(tmp_path, GF_AUTH_PROXY_ENABLED="true") as url:
        admin = {"X-WEBAUTH-USER": "admin"}
        listed = requests.get(
            f"{url}/apis/dashboard.grafana.app/v1beta1/namespaces/default/dashboards", headers=admin, timeout=60
        ).json()
        assert {item["metadata"]["name"] for item in listed["items"]} == set(recorded)
        for item in listed["items"]:
            expected = recorded[item["metadata"]["name"]]
            assert int(item["metadata"].pop("resourceVersion")) > 0
            assert item == expected
            uid = item["metadata"]["name"]
            old = requests.get(f"{url}/api/dashboards/uid/{uid}", headers=admin, timeout=60).json()
            added = {key: old["dashboard"].pop(key) for key in ("id", "uid", "version")}
            assert added["uid"] == uid
            assert str(added["id"]) == item["metadata"]["labels"]["grafana.app/deprecatedInternalID"]
            assert old["dashboard"] == item["spec"]


@pytest.mark.field
@pytest.mark.parametrize("name", ["2025-1A-T09-ES09-G05-11.6.0.db", "app-sizer-9.0.0.db"])
def test_databases_of_real_older_versions_are_served_whole(contract: Contract, name: str, tmp_path: Path) -> None:
    login = {"2025-1A-T09-ES09-G05-11.6.0.db": "admin", "app-sizer-9.0.0.db": "root"}[name]
    (tmp_path / "grafana.db").write_bytes((FIELD_DATA / "grafana" / "db" / name).read_bytes())
    counts = next(
        one["counts"] for one in json.loads((FIELD_DATA / "grafana" / "MANIFEST.json").read_text())["db"] if one["file"] == name
    )
    with serving(tmp_path, GF_AUTH_PROXY_ENABLED="true") as url:

        def ask(path: str) -> Any:
            answer = requests.get(url + path, headers={"X-WEBAUTH-USER": login}, timeout=60)
            assert answer.status_code == 200, answer.text
            faults = list(contract.faults(answer.json(), contract.payload("GET", path.partition("?")[0], 200)))
            assert not faults, f"{path}: {faults}"
            return answer.json()

        for call in CALLS:
            if (call.method, call.status, call.template) == ("GET", 200, ""):
                ask(call.path)
        boards = ask("/api/search?type=dash-db")
        assert len(boards) == counts["dashboard_nonfolder"]
        assert len(ask("/api/datasources")) == counts["data_source"]
        assert len(ask("/api/v1/provisioning/alert-rules")) == counts.get("alert_rule", 0)
        for board in boards:
            found = requests.get(f"{url}/api/dashboards/uid/{board['uid']}", headers={"X-WEBAUTH-USER": login}, timeout=60).json()
            assert (found["dashboard"]["uid"], found["dashboard"]["title"]) == (board["uid"], board["title"])


@pytest.mark.field
def test_a_templates_version_is_the_one_that_a_real_server_gave() -> None:
    templates = json.loads((RECORDED / "gdg" / "org_main-org" / "alerting" / "templates.json").read_text())
    assert len(templates) == 2
    for template in templates:
        assert alerting.template_version(template["template"]) == template["version"]


@pytest.mark.field
@pytest.mark.parametrize(
    ("pattern", "path", "ours"),
    [
        ("org_main-org/connections/*.json", "/api/datasources", lambda body: body),
        ("org_main-org/teams/*/team.json", "/api/teams/search", lambda body: body["teams"]),
        ("users/*.json", "/api/users", lambda body: body),
        ("org_main-org/alerting/rules.json", "/api/v1/provisioning/alert-rules", lambda body: body),
        ("org_main-org/alerting/policies.json", "/api/v1/provisioning/policies", lambda body: [body]),
        ("org_main-org/folders/*/*.json", "/api/search?type=dash-folder", lambda body: body),
        ("org_main-org/libraryelements/*/*.json", "/api/library-elements", lambda body: body["result"]["elements"]),
    ],
)
def test_fields_that_real_servers_sent_are_sent(pattern: str, path: str, ours: Any, tmp_path: Path) -> None:
    """What gdg exported from a live server: each field of it is in our answers too, except those it added or that are optional."""
    optional = {"NestedPath", "permanentlyDeleteDate", "active_time_intervals", "mute_time_intervals", "provenance"}
    sent: set[str] = set()
    for file in (RECORDED / "gdg").glob(pattern):
        found = json.loads(file.read_text())
        for one in found if isinstance(found, list) else [found.get("Entity", found)]:
            sent |= set(one)
    build(tmp_path / "grafana.db", layout="dashboard")
    with serving(tmp_path) as url:
        items = ours(requests.get(url + path, auth=("admin", "admin"), timeout=60).json())
    assert sent - optional
    assert sent - optional <= {key for item in items for key in item}


@pytest.mark.field
@pytest.mark.parametrize("layout", ["dashboard", "resource"])
def test_dashboards_of_the_wild_are_kept_untouched(layout: Layout, tmp_path: Path) -> None:
    """Ten years of schema versions, with `rows`, versions as strings, uids of every kind: saved, and read back equal by both routes."""
    build(tmp_path / "grafana.db", layout=layout)
    admin = ("admin", "admin")
    files = sorted((FIELD_DATA / "grafana" / "dashboards").glob("sv*.json"))
    assert len(files) >= 14
    with serving(tmp_path) as url:
        for file in files:
            board = {key: value for key, value in json.loads(file.read_text()).items() if key not in {"id", "version"}}
            board["uid"] = board.get("uid") or file.stem[:40]
            saved = requests.post(
                f"{url}/api/dashboards/db", json={"dashboard": board, "folderUid": "agama"}, auth=admin, timeout=60
            )
            assert saved.status_code == 200, f"{file.name}: {saved.text}"
            read = requests.get(f"{url}/api/dashboards/uid/{board['uid']}", auth=admin, timeout=60).json()["dashboard"]
            assert {key: value for key, value in read.items() if key not in {"id", "version"}} == board
            item = requests.get(
                f"{url}/apis/dashboard.grafana.app/v0alpha1/namespaces/default/dashboards/{board['uid']}", auth=admin, timeout=60
            ).json()
            assert item["spec"] | {"uid": board["uid"]} == board
