"""What the stand-in answers is what Grafana 13.0.0 publishes that it answers: routes, statuses, fields, types. Field data, where present.

The published contract is in ../shared/field-data/grafana/api; its few known faults are named in EXCEPTIONS, with the reason.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from deployments.grafana_standin.database import Layout, build
from deployments.grafana_standin.server import routes
from deployments.grafana_standin.server.answers import alerting
from deployments.grafana_standin.serving import serving
from tests.conftest import FIELD_DATA

API = FIELD_DATA / "grafana" / "api"
RECORDED = FIELD_DATA / "grafana" / "recorded"
UNPUBLISHED = {"/api/plugins", "/api/frontend/settings"}  # real routes of every version, absent from the published contract

# (model, field) -> why an answer may differ from the contract there
EXCEPTIONS = {
    ("PostDashboardOKBody", "slug"): "the contract calls it `title` and describes it as the slug; servers send `slug`",
    ("PostDashboardOKBody", "title"): "the same fault, seen from the other side",
}
# Names of the contract that are not models, as what they are.
ALIASES = {
    "DsAccess": "string", "HitType": "string", "Provenance": "string", "ManagerKind": "string", "PermissionType": "int64", "Duration": "int64",
    "Metadata": "map[string]bool", "ObjectMatchers": "[]any", "Matchers": "[]any", "MatchRegexps": "map[string]string", "JSON": "any",
    "Ack": "any", "Password": "string", "float64": "any",
    "HitList": "[]Hit", "DataSourceList": "[]DataSourceListItemDTO", "Playlists": "[]Playlist", "ProvisionedAlertRules": "[]ProvisionedAlertRule",
    "ContactPoints": "[]EmbeddedContactPoint", "MuteTimings": "[]MuteTimeInterval", "NotificationTemplates": "[]NotificationTemplate",
    # its 403 bodies are described as {"body": …}, which is how the generator wrapped them, not what is sent
    "ForbiddenError": "ErrorResponseBody",
}  # fmt: skip
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@dataclass(frozen=True)
class Call:
    """A question and the answer's status that it must get."""

    method: str
    path: str
    status: int = 200
    template: str = ""
    body: Any = None
    auth: tuple[str, str] | None = ("admin", "admin")
    layouts: tuple[Layout, ...] = field(default=("dashboard", "resource"))

    @property
    def route(self) -> str:
        """The path as the contract writes it."""
        return self.template or self.path.partition("?")[0]


_PROVISIONING = [
    Call("GET", f"/api/v1/provisioning/{name}")
    for name in ("alert-rules", "contact-points", "policies", "mute-timings", "templates")
]
_BOARD, _FOLDER, _SOURCE = "/api/dashboards/uid/{uid}", "/api/folders/{folder_uid}", "/api/datasources/uid/{uid}"
_SAVE, _PANEL, _LIST = "/api/dashboards/db", "/api/library-elements/{library_element_uid}", "/api/playlists/{uid}"
_PERSON, _TEAM, _ROBOT = "/api/org/users/{user_id}", "/api/teams/{team_id}", "/api/serviceaccounts/{serviceAccountId}"
_GROUP = "/api/v1/provisioning/folder/{FolderUID}/rule-groups/{Group}"
_RULE = {"uid": "made", "title": "Made", "condition": "A", "noDataState": "NoData", "execErrState": "Error", "for": "1h30m", "orgID": 1,
         "folderUID": "monitoring", "ruleGroup": "availability", "data": [{"refId": "A", "datasourceUid": "__expr__", "model": {}}]}  # fmt: skip
_HOOK = {
    "uid": "made",
    "name": "made",
    "type": "webhook",
    "settings": {"url": "https://example.org/made", "password": "a secret"},
}
CALLS = [
    *_PROVISIONING,
    *(Call("GET", call.path, 403, auth=("editor", "editor")) for call in _PROVISIONING),
    *(
        Call("GET", path)
        for path in ("/api/health", "/api/org", "/api/orgs", "/api/users", "/api/search", "/api/search?type=dash-db&limit=2", "/api/folders",
                     "/api/folders?parentUid=agama", "/api/library-elements", "/api/datasources", "/api/teams/search", "/api/serviceaccounts/search",
                     "/api/annotations", "/api/playlists", "/api/org/preferences")
    ),
    *(Call("GET", path, 401, auth=None) for path in ("/api/org", "/api/orgs", "/api/users", "/api/search", "/api/folders", "/api/library-elements",
                                                     "/api/datasources", "/api/teams/search", "/api/serviceaccounts/search", "/api/annotations")),
    *(Call("GET", path, 403, auth=("editor", "editor")) for path in ("/api/orgs", "/api/users", "/api/datasources", "/api/org/preferences")),
    Call("GET", "/api/search?limit=5001", 422),
    Call("GET", "/api/folders/agama-deep", template=_FOLDER),
    Call("GET", "/api/folders/nothing", 404, _FOLDER),
    Call("GET", "/api/dashboards/uid/agama-overview", template=_BOARD),
    Call("GET", "/api/dashboards/uid/nothing", 404, _BOARD),
    Call("GET", "/api/dashboards/uid/agama-live", 406, _BOARD, layouts=("resource",)),
    Call("GET", "/api/datasources/uid/agama-mysql", template=_SOURCE),
    Call("GET", "/api/datasources/uid/nothing", 404, _SOURCE),
    Call("POST", "/api/folders", body={"uid": "made", "title": "Made", "parentUid": "agama", "description": "here"}),
    Call("POST", "/api/folders", 409, body={"uid": "agama", "title": "Made"}),
    Call("POST", "/api/folders", 400, body={"title": ""}),
    Call("POST", _SAVE, body={"dashboard": {"title": "Made", "uid": "made-too"}, "folderUid": "agama", "message": "made"}),
    Call("POST", _SAVE, 404, body={"dashboard": {"title": "Made", "id": 98765}}),
    Call("POST", _SAVE, 412, body={"dashboard": {"title": "Made", "uid": "welcome"}}),
    Call("POST", _SAVE, 400, body={"dashboard": {}}),
    Call("POST", "/api/datasources", body={"name": "Made", "type": "prometheus", "url": "http://made:9090"}),
    Call("POST", "/api/datasources", 409, body={"name": "Prometheus", "type": "prometheus"}),
    Call("PUT", "/api/datasources/uid/agama-mysql", template=_SOURCE, body={"name": "Agama", "type": "mysql", "url": "mysql:3307"}),
    Call("PUT", "/api/datasources/uid/agama-mysql", 409, _SOURCE, body={"name": "Prometheus", "type": "mysql"}),
    Call("PUT", "/api/folders/agama", template=_FOLDER, body={"title": "Agama again", "overwrite": True}),
    Call("PUT", "/api/folders/agama", 409, _FOLDER, body={"title": "Agama again", "version": 99}),
    Call("POST", "/api/folders/made/move", template=_FOLDER + "/move", body={"parentUid": ""}),
    Call("POST", "/api/folders/agama/permissions", template=_FOLDER + "/permissions",
         body={"items": [{"role": "Viewer", "permission": 1}, {"teamId": 1, "permission": 2}, {"userId": 2, "permission": 4}]}),
    Call("GET", "/api/folders/agama/permissions", template=_FOLDER + "/permissions"),
    Call("GET", "/api/folders/nothing/permissions", 404, _FOLDER + "/permissions"),
    Call("POST", "/api/dashboards/uid/agama-overview/permissions", template=_BOARD + "/permissions", body={"items": [{"role": "Viewer", "permission": 2}]}),
    Call("POST", "/api/dashboards/uid/agama-overview/permissions", 400, _BOARD + "/permissions", body={"items": [{"teamId": 99, "permission": 2}]}),
    Call("GET", "/api/dashboards/uid/agama-overview/permissions", template=_BOARD + "/permissions"),
    Call("POST", "/api/library-elements", body={"uid": "made", "name": "Made", "kind": 1, "folderUid": "agama", "model": {"type": "stat"}}),
    Call("POST", "/api/library-elements", 400, body={"uid": "made", "name": "Made", "kind": 1, "model": {"type": "stat"}}),
    Call("PATCH", "/api/library-elements/made", template=_PANEL, body={"name": "Made", "kind": 1, "folderUid": "", "model": {"type": "stat"}, "version": 1}),
    Call("PATCH", "/api/library-elements/made", 412, _PANEL, body={"name": "Made", "version": 1}),
    Call("POST", "/api/orgs", body={"name": "Made"}),
    Call("POST", "/api/orgs", 409, body={"name": "Made"}),
    Call("PUT", "/api/orgs/2", template="/api/orgs/{org_id}", body={"name": "Renamed"}),
    Call("POST", "/api/admin/users", body={"login": "made", "email": "made@localhost", "name": "Made", "password": "made-up", "orgId": 1}),
    Call("POST", "/api/admin/users", 412, body={"login": "made", "password": "made-up"}),
    Call("PUT", "/api/admin/users/2/permissions", template="/api/admin/users/{user_id}/permissions", body={"isGrafanaAdmin": True}),
    Call("POST", "/api/admin/users/3/disable", template="/api/admin/users/{user_id}/disable"),
    Call("POST", "/api/admin/users/3/enable", template="/api/admin/users/{user_id}/enable"),
    Call("PUT", "/api/users/3", template="/api/users/{user_id}", body={"login": "viewer", "email": "viewer@localhost", "name": "Viewer"}),
    Call("PUT", "/api/users/3", 409, "/api/users/{user_id}", body={"login": "admin", "email": "viewer@localhost"}),
    Call("GET", "/api/org/users"),
    Call("POST", "/api/org/users", body={"loginOrEmail": "viewer", "role": "Viewer"}),
    Call("PATCH", "/api/org/users/3", template=_PERSON, body={"role": "Editor"}),
    Call("DELETE", "/api/org/users/3", template=_PERSON),
    Call("POST", "/api/teams", body={"name": "Made", "email": ""}),
    Call("POST", "/api/teams", 409, body={"name": "Made"}),
    Call("PUT", "/api/teams/1", template=_TEAM, body={"name": "Operators", "email": "them@example.org"}),
    Call("POST", "/api/teams/2/members", template=_TEAM + "/members", body={"userId": 2}),
    Call("GET", "/api/teams/1/members", template=_TEAM + "/members"),
    Call("PUT", "/api/teams/2/members/2", template=_TEAM + "/members/{user_id}", body={"permission": 4}),
    Call("DELETE", "/api/teams/2/members/2", template=_TEAM + "/members/{user_id}"),
    Call("PUT", "/api/teams/1/preferences", template=_TEAM + "/preferences", body={"theme": "light", "timezone": "utc", "weekStart": "monday"}),
    Call("GET", "/api/teams/1/preferences", template=_TEAM + "/preferences"),
    Call("PUT", "/api/org/preferences", body={"theme": "light", "timezone": "utc", "weekStart": "monday", "homeDashboardUID": "agama-overview"}),
    Call("POST", "/api/serviceaccounts", 201, body={"name": "made", "role": "Viewer", "isDisabled": False}),
    Call("POST", "/api/serviceaccounts", 400, body={"name": "made", "role": "Viewer"}),
    Call("PATCH", "/api/serviceaccounts/4", template=_ROBOT, body={"role": "Editor", "isDisabled": True}),
    Call("GET", "/api/serviceaccounts/4/tokens", template=_ROBOT + "/tokens"),
    Call("GET", "/api/v1/provisioning/folder/monitoring/rule-groups/availability", template=_GROUP),
    Call("PUT", "/api/v1/provisioning/folder/monitoring/rule-groups/availability", template=_GROUP,
         body={"title": "availability", "folderUid": "monitoring", "interval": 120, "rules": [_RULE]}),
    Call("PUT", "/api/v1/provisioning/folder/nothing/rule-groups/availability", 400, _GROUP, body={"interval": 60, "rules": []}),
    Call("POST", "/api/v1/provisioning/contact-points", 202, body=_HOOK),
    Call("POST", "/api/v1/provisioning/contact-points", 400, body=_HOOK),
    Call("PUT", "/api/v1/provisioning/contact-points/made", 202, "/api/v1/provisioning/contact-points/{UID}", body=_HOOK),
    Call("POST", "/api/v1/provisioning/mute-timings", 201, body={"name": "made", "time_intervals": [{"weekdays": ["monday"]}]}),
    Call("POST", "/api/v1/provisioning/mute-timings", 400, body={"name": "made", "time_intervals": []}),
    Call("PUT", "/api/v1/provisioning/mute-timings/made", 202, "/api/v1/provisioning/mute-timings/{name}", body={"time_intervals": []}),
    Call("PUT", "/api/v1/provisioning/templates/made", 202, "/api/v1/provisioning/templates/{name}", body={"template": "{{ define \"made\" }}{{ end }}"}),
    Call("PUT", "/api/v1/provisioning/policies", 202, body={"receiver": "operators", "group_by": ["alertname"]}),
    Call("PUT", "/api/v1/provisioning/policies", 400, body={"receiver": "nobody"}),
    Call("POST", "/api/annotations", body={"dashboardUID": "agama-overview", "panelId": 5, "time": 1, "timeEnd": 2, "tags": ["made"], "text": "made"}),
    Call("GET", "/api/playlists/on-the-wall", template=_LIST),
    Call("GET", "/api/playlists/on-the-wall/items", template=_LIST + "/items"),
    Call("GET", "/api/playlists/nothing", 404, _LIST),
    Call("POST", "/api/playlists", body={"name": "Made", "interval": "1m", "items": [{"type": "dashboard_by_uid", "value": "welcome", "order": 1, "title": ""}]}),
    Call("PUT", "/api/playlists/on-the-wall", template=_LIST, body={"name": "Made", "interval": "1m", "items": []}),
    Call("GET", "/api/dashboard/snapshots"),
    Call("DELETE", "/api/dashboards/uid/welcome", template=_BOARD),
    Call("DELETE", "/api/dashboards/uid/nothing", 404, _BOARD),
]  # fmt: skip


class Contract:
    """The published endpoints and models."""

    def __init__(self, directory: Path) -> None:
        self.endpoints = {
            (one["method"], one["path"]): one
            for one in json.loads((directory / "endpoints-13.0.0.json").read_text())["endpoints"]
        }
        self.models: dict[str, Any] = json.loads((directory / "models-13.0.0.json").read_text())["models"]

    def payload(self, method: str, route: str, status: int) -> str:
        """The type of the body of a documented status."""
        endpoint = self.endpoints[method, route]
        names = {200: "OK", 201: "Created", 202: "Accepted", 400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 406: "NotAcceptable", 409: "Conflict",
                 412: "PreconditionFailed", 422: "UnprocessableEntity", 503: "ServiceUnavailable"}  # fmt: skip
        assert status in endpoint["codes"], f"{method} {route} documents {endpoint['codes']}, not {status}"
        (found,) = [kind for name, kind in endpoint["payloads"].items() if name.endswith(names[status])]
        return str(found)

    def faults(self, value: Any, kind: str, at: str = "body") -> Iterator[str]:
        """Every way in which a value is not of a type of the contract."""
        kind = ALIASES.get(kind, kind)
        if value is None or kind == "any":
            return
        if kind.startswith("[]"):
            if not isinstance(value, list):
                yield f"{at} is no list"
                return
            for index, inner in enumerate(value):
                yield from self.faults(inner, kind[2:], f"{at}[{index}]")
        elif kind.startswith("map[string]"):
            for key, inner in value.items() if isinstance(value, dict) else ():
                yield from self.faults(inner, kind.removeprefix("map[string]"), f"{at}.{key}")
            if not isinstance(value, dict):
                yield f"{at} is no object"
        elif kind in self.models:
            yield from self._object(value, kind, at)
        elif not _is(value, kind):
            yield f"{at} is {value!r}, not a {kind}"

    def _object(self, value: Any, kind: str, at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{at} is no {kind}"
            return
        model = self.models[kind]
        for key, inner in value.items():
            if key in model:
                yield from self.faults(inner, model[key]["type"], f"{at}.{key}")
            elif (kind, key) not in EXCEPTIONS:
                yield f"{at}.{key} is no field of {kind}"
        for key, described in model.items():
            # the generator marks every list as required, whatever the contract says
            required = not described["omitempty"] and not described["type"].startswith("[]")
            if required and value.get(key) is None and (kind, key) not in EXCEPTIONS:
                yield f"{at} lacks {key}, which {kind} requires"


def _is(value: Any, kind: str) -> bool:
    """Whether a value is of a simple type; a name that is not known here is a fault of this test."""
    match kind:
        case "string" | "strfmt.Duration":
            return isinstance(value, str)
        case "strfmt.DateTime":
            return isinstance(value, str) and bool(DATE_TIME.fullmatch(value))
        case "int64":
            return isinstance(value, int) and not isinstance(value, bool)
        case "bool":
            return isinstance(value, bool)
    message = f"the contract's type {kind} is not known to this test"
    raise AssertionError(message)


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract(API)


@pytest.mark.field
@pytest.mark.parametrize("layout", ["dashboard", "resource"])
def test_every_answer_is_one_that_the_contract_allows(contract: Contract, layout: Layout, tmp_path: Path) -> None:
    build(tmp_path / "grafana.db", layout=layout)
    with serving(tmp_path) as url:
        for call in CALLS:
            if layout not in call.layouts:
                continue
            answer = requests.request(call.method, url + call.path, json=call.body, auth=call.auth, timeout=20)
            assert answer.status_code == call.status, f"{call}: {answer.text}"
            faults = list(contract.faults(answer.json(), contract.payload(call.method, call.route, call.status)))
            assert not faults, f"{call.method} {call.path}: {faults}"
            assert answer.json(), f"{call.method} {call.path} proves nothing: its answer is empty"


@pytest.mark.field
def test_every_parameter_and_body_field_in_use_is_published(contract: Contract) -> None:
    for call in CALLS:
        endpoint = contract.endpoints[call.method, call.route]
        used = {part.partition("=")[0] for part in call.path.partition("?")[2].split("&") if part}
        assert used <= set(endpoint["query"]), f"{call.path}: {used - set(endpoint['query'])}"
        if call.body:
            unknown = [fault for fault in contract.faults(call.body, endpoint["body"]) if "is no field of" in fault]
            assert not unknown, f"{call.path}: {unknown}"


def test_every_route_of_the_stand_in_is_held_to_the_contract() -> None:
    """A route added without a call here would be an answer that nobody checked."""
    held = {
        (call.method, routes.find(call.method, call.path.partition("?")[0])[0].pattern)
        for call in CALLS
        if call.path != "/api/health" and call.status < 300
    }
    served = {
        (route.method, route.pattern)
        for route in routes.ROUTES
        if route.pattern not in UNPUBLISHED and not route.pattern.startswith("/apis")
    }
    assert served == held


@pytest.mark.field
def test_a_failing_database_is_told_as_health_is(contract: Contract, tmp_path: Path) -> None:
    """The contract gives the 503 an error's body; servers send health's own, with "failing" in it."""
    assert contract.payload("GET", "/api/health", 503) == "ErrorResponseBody"
    with serving(tmp_path) as url:
        answer = requests.get(url + "/api/health", timeout=20)
    assert answer.status_code == 503
    assert not list(contract.faults(answer.json(), "HealthResponse"))


@pytest.mark.field
@pytest.mark.parametrize(
    ("value", "kind", "fault"),
    [
        ([{"uid": "a", "titel": "b"}], "HitList", "body[0].titel is no field of Hit"),
        ([{"uid": 1}], "HitList", "body[0].uid is 1, not a string"),
        ({"id": True}, "Folder", "body.id is True, not a int64"),
        ({"parents": [{"created": "yesterday"}]}, "Folder", "body.parents[0].created is 'yesterday', not a strfmt.DateTime"),
        ({}, "ErrorResponseBody", "body lacks message, which ErrorResponseBody requires"),
        ({}, "HitList", "body is no list"),
        ([], "Folder", "body is no Folder"),
        ({"secureJsonFields": {"password": "secret"}}, "DataSource", "body.secureJsonFields.password is 'secret', not a bool"),
    ],
)
def test_the_checker_finds_what_is_wrong(contract: Contract, value: Any, kind: str, fault: str) -> None:
    assert list(contract.faults(value, kind)) == [fault]


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
            f"{url}/apis/dashboard.grafana.app/v1beta1/namespaces/default/dashboards", headers=admin, timeout=20
        ).json()
        assert {item["metadata"]["name"] for item in listed["items"]} == set(recorded)
        for item in listed["items"]:
            expected = recorded[item["metadata"]["name"]]
            assert int(item["metadata"].pop("resourceVersion")) > 0
            assert item == expected
            uid = item["metadata"]["name"]
            old = requests.get(f"{url}/api/dashboards/uid/{uid}", headers=admin, timeout=20).json()
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
            answer = requests.get(url + path, headers={"X-WEBAUTH-USER": login}, timeout=20)
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
            found = requests.get(f"{url}/api/dashboards/uid/{board['uid']}", headers={"X-WEBAUTH-USER": login}, timeout=20).json()
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
    optional = {"NestedPath", "permanentlyDeleteDate", "active_time_intervals", "mute_time_intervals"}
    sent: set[str] = set()
    for file in (RECORDED / "gdg").glob(pattern):
        found = json.loads(file.read_text())
        for one in found if isinstance(found, list) else [found.get("Entity", found)]:
            sent |= set(one)
    build(tmp_path / "grafana.db", layout="dashboard")
    with serving(tmp_path) as url:
        items = ours(requests.get(url + path, auth=("admin", "admin"), timeout=20).json())
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
                f"{url}/api/dashboards/db", json={"dashboard": board, "folderUid": "agama"}, auth=admin, timeout=20
            )
            assert saved.status_code == 200, f"{file.name}: {saved.text}"
            read = requests.get(f"{url}/api/dashboards/uid/{board['uid']}", auth=admin, timeout=20).json()["dashboard"]
            assert {key: value for key, value in read.items() if key not in {"id", "version"}} == board
            item = requests.get(
                f"{url}/apis/dashboard.grafana.app/v1/namespaces/default/dashboards/{board['uid']}", auth=admin, timeout=20
            ).json()
            assert item["spec"] | {"uid": board["uid"]} == board
