"""Lists a call for every route of the stand-in, with the status that its answer must have."""

from dataclasses import dataclass, field
from typing import Any

from deployments.grafana_standin.database import Layout


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
        for path in ("/api/health", "/api/org", "/api/orgs", "/api/users", "/api/admin/settings", "/api/search", "/api/search?type=dash-db&limit=2", "/api/folders",
                     "/api/folders?parentUid=agama", "/api/library-elements", "/api/datasources", "/api/teams/search", "/api/serviceaccounts/search",
                     "/api/annotations", "/api/playlists", "/api/org/preferences")
    ),
    *(Call("GET", path, 401, auth=None) for path in ("/api/org", "/api/orgs", "/api/users", "/api/admin/settings", "/api/search", "/api/folders", "/api/library-elements",
                                                     "/api/datasources", "/api/teams/search", "/api/serviceaccounts/search", "/api/annotations")),
    *(Call("GET", path, 403, auth=("editor", "editor")) for path in ("/api/orgs", "/api/users", "/api/admin/settings", "/api/datasources", "/api/org/preferences")),
    Call("GET", "/api/search?limit=5001", 422),
    Call("GET", "/api/folders/agama-deep", template=_FOLDER),
    Call("GET", "/api/folders/nothing", 404, _FOLDER),
    Call("GET", "/api/dashboards/uid/agama-overview", template=_BOARD),
    Call("GET", "/api/dashboards/uid/nothing", 404, _BOARD),
    Call("GET", "/api/dashboards/uid/agama-live", 406, _BOARD, layouts=("resource",)),
    Call("GET", "/api/datasources/uid/agama-mysql", template=_SOURCE),
    Call("GET", "/api/datasources/uid/nothing", 404, _SOURCE),
    Call("POST", "/api/folders", body={"uid": "made", "title": "Made", "parentUid": "agama", "description": "here"}),
    Call("POST", "/api/folders", 412, body={"uid": "agama", "title": "Made"}),
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
    Call("GET", "/api/v1/provisioning/contact-points/export?decrypt=true&format=json"),
    Call("POST", "/api/v1/provisioning/contact-points", 202, body=_HOOK),
    Call("POST", "/api/v1/provisioning/contact-points", 409, body=_HOOK),
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
    Call("GET", "/api/admin/settings"),
    Call("GET", "/api/access-control/folders/agama", template="/api/access-control/{resource}/{resourceID}"),
    Call("DELETE", "/api/dashboards/uid/welcome", template=_BOARD),
    Call("DELETE", "/api/dashboards/uid/nothing", 404, _BOARD),
]  # fmt: skip
