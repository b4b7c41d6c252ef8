"""Every route that is answered, and what a caller must be to have it. Anything that is not here is 404."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .answers import alerting, boards, library, objects, people, rest, sources
from .request import RefusedError

_VERSIONS = "v0alpha1|v1beta1|v1|v2alpha1|v2beta1|v2"
_OBJECTS = r"/apis/dashboard\.grafana\.app/(?P<version>" + _VERSIONS + r")/namespaces/(?P<org>default|org-\d+)/dashboards"
_FOLDER_OBJECTS = r"/apis/folder\.grafana\.app/(?P<version>v0alpha1|v1beta1|v1)/namespaces/(?P<org>default|org-\d+)/folders"
_NAME = r"/(?P<name>[^/]+)"
_UID = r"/(?P<uid>[^/]+)"


@dataclass(frozen=True)
class Route:
    """`role`: Viewer, Editor or Admin of the organisation, or Server for the server's administrator."""

    method: str
    pattern: str
    role: str
    answer: Callable[..., Any]


ROUTES = (
    Route("GET", "/api/org", "Viewer", people.organisation),
    Route("GET", "/api/orgs", "Server", people.organisations),
    Route("GET", "/api/users", "Server", people.users),
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
    Route("GET", "/api/v1/provisioning/alert-rules", "Admin", alerting.rules),
    Route("GET", "/api/v1/provisioning/contact-points", "Admin", alerting.contact_points),
    Route("GET", "/api/v1/provisioning/policies", "Admin", alerting.policies),
    Route("GET", "/api/v1/provisioning/mute-timings", "Admin", alerting.mute_timings),
    Route("GET", "/api/v1/provisioning/templates", "Admin", alerting.templates),
    Route("GET", "/api/annotations", "Viewer", rest.annotations),
    Route("GET", "/api/playlists", "Viewer", rest.playlists),
    Route("GET", "/api/org/preferences", "Admin", rest.preferences),
    Route("GET", "/api/plugins", "Viewer", rest.plugins),
    Route("GET", _OBJECTS, "Viewer", objects.dashboards),
    Route("GET", _OBJECTS + _NAME, "Viewer", objects.dashboard),
    Route("GET", _FOLDER_OBJECTS, "Viewer", objects.folders),
    Route("GET", _FOLDER_OBJECTS + _NAME, "Viewer", objects.folder),
)


def find(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route and what its path names. Raises RefusedError 404 for a path that is not served, 405 for another method."""
    matches = [(route, match) for route in ROUTES if (match := re.fullmatch(route.pattern, path))]
    if not matches:
        raise RefusedError(404, "Not found")
    for route, match in matches:
        if route.method == method:
            return route, match.groupdict()
    raise RefusedError(405, "Method not allowed")
