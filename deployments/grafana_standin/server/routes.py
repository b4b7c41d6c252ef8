"""Every route that is answered, and what a caller must be to have it.

Anything that is not here is 404.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .answers import (
    access,
    accounts,
    alert_writes,
    alerting,
    boards,
    export,
    library,
    objects,
    people,
    permissions,
    playlists,
    queries,
    rest,
    ruler,
    silences,
    sources,
)
from .request import RefusedError

_VERSIONS = "v0alpha1|v1beta1|v1|v2alpha1|v2beta1|v2"
_OBJECTS = r"/apis/dashboard\.grafana\.app/(?P<version>" + _VERSIONS + r")/namespaces/(?P<org>default|org-\d+)/dashboards"
_FOLDER_OBJECTS = r"/apis/folder\.grafana\.app/(?P<version>v0alpha1|v1beta1|v1)/namespaces/(?P<org>default|org-\d+)/folders"
_PLAYLISTS = r"/apis/playlist\.grafana\.app/(?P<version>v0alpha1|v1)/namespaces/(?P<org>default|org-\d+)/playlists"
_NAME = r"/(?P<name>[^/]+)"
_UID = r"/(?P<uid>[^/]+)"
_NUMBER = r"/(?P<number>\d+)"
_MEMBER = r"/(?P<member>\d+)"
_PROVISIONING = "/api/v1/provisioning"
_GROUP = _PROVISIONING + r"/folder/(?P<folder>[^/]+)/rule-groups/(?P<group>[^/]+)"


@dataclass(frozen=True)
class Route:
    """`role`: Viewer, Editor or Admin of the organisation, or Server for the server's administrator. `status`: of a success.

    `reads`: it changes nothing, whatever its method is.
    """

    method: str
    pattern: str
    role: str
    answer: Callable[..., Any]
    status: int = 200
    reads: bool = False


ROUTES = (
    Route("GET", "/api/org", "Viewer", people.organisation),
    Route("GET", "/api/orgs", "Server", people.organisations),
    Route("GET", "/api/users", "Server", people.users),
    Route("GET", "/api/admin/settings", "Server", rest.admin_settings),
    Route("GET", "/api/teams/search", "Admin", people.teams),
    Route("GET", "/api/serviceaccounts/search", "Admin", people.service_accounts),
    Route("GET", "/api/search", "Viewer", boards.search),
    Route("GET", "/api/folders", "Viewer", boards.folders),
    Route("POST", "/api/folders", "Editor", boards.create_folder),
    Route("GET", "/api/folders" + _UID, "Viewer", boards.folder),
    Route("POST", "/api/dashboards/db", "Editor", boards.save_dashboard),
    Route("GET", "/api/dashboards/uid" + _UID, "Viewer", boards.dashboard),
    Route("DELETE", "/api/dashboards/uid" + _UID, "Editor", boards.delete_dashboard),
    Route("GET", "/api/library-elements", "Viewer", library.library_elements),
    Route("GET", "/api/datasources", "Admin", sources.data_sources),
    Route("POST", "/api/datasources", "Admin", sources.create_data_source),
    Route("GET", "/api/datasources/uid" + _UID, "Admin", sources.data_source),
    Route("POST", "/api/ds/query", "Viewer", queries.query, reads=True),
    Route("GET", "/api/datasources/uid" + _UID + "/resources/(?P<path>.+)", "Viewer", queries.resource),
    Route("GET", "/api/datasources/uid" + _UID + "/health", "Viewer", queries.health),
    Route("GET", "/api/access-control/(?P<kind>folders|dashboards|serviceaccounts)/(?P<key>[^/]+)", "Admin", access.of),
    Route("GET", "/api/ruler/grafana/api/v1/rules", "Viewer", ruler.rules),
    Route("GET", "/api/v1/provisioning/alert-rules", "Admin", alerting.rules),
    Route("GET", "/api/v1/provisioning/contact-points", "Admin", alerting.contact_points),
    Route("GET", "/api/v1/provisioning/contact-points/export", "Admin", export.contact_points),
    Route("GET", "/api/v1/provisioning/policies", "Admin", alerting.policies),
    Route("GET", "/api/v1/provisioning/mute-timings", "Admin", alerting.mute_timings),
    Route("GET", "/api/v1/provisioning/templates", "Admin", alerting.templates),
    Route("GET", "/api/alertmanager/grafana/api/v2/silences", "Viewer", silences.silences),
    Route("GET", "/api/annotations", "Viewer", rest.annotations),
    Route("GET", "/api/playlists", "Viewer", playlists.playlists),
    Route("GET", "/api/org/preferences", "Admin", rest.preferences),
    Route("GET", "/api/plugins", "Viewer", rest.plugins),
    Route("GET", "/api/frontend/settings", "Viewer", rest.frontend_settings),
    Route("POST", "/api/orgs", "Server", accounts.create_organisation),
    Route("PUT", "/api/orgs" + _NUMBER, "Server", accounts.rename_organisation),
    Route("POST", "/api/admin/users", "Server", accounts.create_user),
    Route("PUT", "/api/users" + _NUMBER, "Server", accounts.change_user),
    Route("PUT", "/api/admin/users" + _NUMBER + "/permissions", "Server", accounts.permit_user),
    Route("POST", "/api/admin/users" + _NUMBER + "/disable", "Server", accounts.disable_user),
    Route("POST", "/api/admin/users" + _NUMBER + "/enable", "Server", accounts.enable_user),
    Route("GET", "/api/org/users", "Admin", accounts.members),
    Route("POST", "/api/org/users", "Admin", accounts.add_member),
    Route("PATCH", "/api/org/users" + _NUMBER, "Admin", accounts.change_member),
    Route("DELETE", "/api/org/users" + _NUMBER, "Admin", accounts.remove_member),
    Route("POST", "/api/teams", "Admin", accounts.create_team),
    Route("PUT", "/api/teams" + _NUMBER, "Admin", accounts.change_team),
    Route("GET", "/api/teams" + _NUMBER + "/members", "Admin", accounts.team_members),
    Route("POST", "/api/teams" + _NUMBER + "/members", "Admin", accounts.add_team_member),
    Route("PUT", "/api/teams" + _NUMBER + "/members" + _MEMBER, "Admin", accounts.change_team_member),
    Route("DELETE", "/api/teams" + _NUMBER + "/members" + _MEMBER, "Admin", accounts.remove_team_member),
    Route("GET", "/api/teams" + _NUMBER + "/preferences", "Admin", rest.team_preferences),
    Route("PUT", "/api/teams" + _NUMBER + "/preferences", "Admin", rest.set_team_preferences),
    Route("POST", "/api/serviceaccounts", "Admin", accounts.create_service_account, 201),
    Route("PATCH", "/api/serviceaccounts" + _NUMBER, "Admin", accounts.change_service_account),
    Route("GET", "/api/serviceaccounts" + _NUMBER + "/tokens", "Admin", accounts.tokens),
    Route("PUT", "/api/folders" + _UID, "Editor", boards.change_folder),
    Route("POST", "/api/folders" + _UID + "/move", "Editor", boards.move_folder),
    Route("GET", "/api/folders" + _UID + "/permissions", "Admin", permissions.of_folder),
    Route("POST", "/api/folders" + _UID + "/permissions", "Admin", permissions.set_of_folder),
    Route("GET", "/api/dashboards/uid" + _UID + "/permissions", "Admin", permissions.of_dashboard),
    Route("POST", "/api/dashboards/uid" + _UID + "/permissions", "Admin", permissions.set_of_dashboard),
    Route("POST", "/api/library-elements", "Editor", library.create_library_element),
    Route("PATCH", "/api/library-elements" + _UID, "Editor", library.change_library_element),
    Route("PUT", "/api/datasources/uid" + _UID, "Admin", sources.change_data_source),
    Route("GET", _GROUP, "Admin", alert_writes.rule_group),
    Route("PUT", _GROUP, "Admin", alert_writes.set_rule_group),
    Route("PUT", _PROVISIONING + "/alert-rules" + _UID, "Admin", alert_writes.change_rule),
    Route("POST", _PROVISIONING + "/contact-points", "Admin", alert_writes.create_contact_point, 202),
    Route("PUT", _PROVISIONING + "/contact-points" + _UID, "Admin", alert_writes.change_contact_point, 202),
    Route("PUT", _PROVISIONING + "/policies", "Admin", alert_writes.set_policies, 202),
    Route("POST", _PROVISIONING + "/mute-timings", "Admin", alert_writes.create_mute_timing, 201),
    Route("PUT", _PROVISIONING + "/mute-timings" + _NAME, "Admin", alert_writes.change_mute_timing, 202),
    Route("PUT", _PROVISIONING + "/templates" + _NAME, "Admin", alert_writes.set_template, 202),
    Route("POST", "/api/annotations", "Editor", rest.create_annotation),
    Route("GET", "/api/playlists" + _UID, "Viewer", playlists.playlist),
    Route("GET", "/api/playlists" + _UID + "/items", "Viewer", playlists.playlist_items),
    Route("POST", "/api/playlists", "Editor", playlists.create_playlist),
    Route("PUT", "/api/playlists" + _UID, "Editor", playlists.change_playlist),
    Route("GET", _PLAYLISTS, "Viewer", playlists.objects),
    Route("POST", _PLAYLISTS, "Editor", playlists.create_object, 201),
    Route("GET", _PLAYLISTS + _NAME, "Viewer", playlists.object_),
    Route("PUT", _PLAYLISTS + _NAME, "Editor", playlists.replace_object),
    Route("PUT", "/api/org/preferences", "Admin", rest.set_preferences),
    Route("GET", "/api/dashboard/snapshots", "Viewer", rest.snapshots),
    Route("POST", _OBJECTS, "Editor", objects.create_dashboard, 201),
    Route("PUT", _OBJECTS + _NAME, "Editor", objects.replace_dashboard),
    Route("GET", _OBJECTS, "Viewer", objects.dashboards),
    Route("GET", _OBJECTS + _NAME, "Viewer", objects.dashboard),
    Route("GET", _FOLDER_OBJECTS, "Viewer", objects.folders),
    Route("GET", _FOLDER_OBJECTS + _NAME, "Viewer", objects.folder),
)


NEEDED = {
    "/api/orgs": "orgs:read", "/api/users": "users:read", "/api/org/users": "org.users:read", "/api/org/preferences": "orgs.preferences:read",
    "/api/serviceaccounts/search": "serviceaccounts:read", "/api/teams/search": "teams:read", "/api/datasources": "datasources:read",
    "/api/ds/query": "datasources:query",
    "/api/folders" + _UID + "/permissions": "folders.permissions:read",
    "/api/dashboards/uid" + _UID + "/permissions": "dashboards.permissions:read",
}  # fmt: skip
"""The permission that a refusal names, of the routes whose own words are known."""


def needed(route: Route) -> str:
    """What a caller lacks who may not have this answer."""
    known = NEEDED.get(route.pattern) if route.method == "GET" or route.reads else None
    return f"Permissions needed: {known}" if known else f"Role needed: {route.role}"


_SINCE = {
    ("dashboard.grafana.app", "v1"): (13, 0), ("dashboard.grafana.app", "v2"): (13, 0), ("dashboard.grafana.app", "v2beta1"): (12, 2),
    ("folder.grafana.app", "v1"): (13, 0), ("playlist.grafana.app", "v1"): (12, 4), ("playlist.grafana.app", "v0alpha1"): (11, 0),
}  # fmt: skip


def served(group: str, api_version: str, server: str) -> bool:
    """Whether a server of this version serves this version of a group of /apis; what is not named here came with 12.0."""
    release = tuple(int(part) for part in re.findall(r"\d+", server)[:2])
    return release >= _SINCE.get((group, api_version), (12, 0))


def find(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route and what its path names. Raises RefusedError 404 for a path that is not served, 405 for another method."""
    matches = [(route, match) for route in ROUTES if (match := re.fullmatch(route.pattern, path))]
    if not matches:
        raise RefusedError(404, "Not found")
    for route, match in matches:
        if route.method == method:
            return route, match.groupdict()
    raise RefusedError(405, "Method not allowed")
