"""Says of every list that Grafana's API has what a backup does with it: a kind of object is read from it, or it is left out.

The routes are those of the published contract (13.0.0); tests/unit/grafana/api/test_left_out.py holds each that answers a GET to
one of the tables. What is left out and was somebody's work is told at each backup.
"""

from typing import Final, NamedTuple

from backups.services.grafana.api import kinds

READ: Final[dict[str, str]] = {
    "/api/orgs": kinds.ORGANISATION,
    "/api/org": kinds.ORGANISATION,
    "/api/users": kinds.USER,
    "/api/users/lookup": kinds.USER,
    "/api/org/users": kinds.MEMBER,
    "/api/serviceaccounts/search": kinds.SERVICE_ACCOUNT,
    "/api/serviceaccounts/{serviceAccountId}/tokens": kinds.SERVICE_ACCOUNT,
    "/api/access-control/{resource}/{resourceID}": kinds.SERVICE_ACCOUNT,
    "/api/teams/search": kinds.TEAM,
    "/api/teams/{team_id}/members": kinds.TEAM_MEMBERS,
    "/api/teams/{team_id}/preferences": kinds.TEAM_PREFERENCES,
    "/api/folders": kinds.FOLDER,
    "/api/folders/{folder_uid}/permissions": kinds.FOLDER_PERMISSIONS,
    "/api/datasources": kinds.DATA_SOURCE,
    "/api/datasources/uid/{uid}": kinds.DATA_SOURCE,
    "/api/library-elements": kinds.LIBRARY_PANEL,
    "/api/search": kinds.DASHBOARD,
    "/api/dashboards/uid/{uid}": kinds.DASHBOARD,
    "/api/dashboards/uid/{uid}/permissions": kinds.DASHBOARD_PERMISSIONS,
    "/api/v1/provisioning/mute-timings": kinds.MUTE_TIMING,
    "/api/v1/provisioning/templates": kinds.NOTIFICATION_TEMPLATE,
    "/api/v1/provisioning/contact-points": kinds.CONTACT_POINT,
    "/api/v1/provisioning/contact-points/export": kinds.CONTACT_POINT,
    "/api/v1/provisioning/policies": kinds.NOTIFICATION_POLICIES,
    "/api/v1/provisioning/alert-rules": kinds.RULE_GROUP,
    "/api/v1/provisioning/folder/{FolderUID}/rule-groups/{Group}": kinds.RULE_GROUP,
    "/api/playlists": kinds.PLAYLIST,
    "/api/playlists/{uid}/items": kinds.PLAYLIST,
    "/api/annotations": kinds.ANNOTATION,
    "/api/org/preferences": kinds.PREFERENCES,
}
"""The kind that is read from each list, or of which it tells something."""


class LeftOut(NamedTuple):
    """What is somebody's work, and in no backup through the API.

    what: a sentence for every backup. routes: where it could be read. enterprise: only a licensed server has it
    """

    what: str
    routes: tuple[str, ...] = ()
    enterprise: bool = False


LEFT_OUT: Final = (
    LeftOut(
        "the history of dashboards, and deleted ones: the API lets a saved version back in on its own server only",
        (
            "/api/dashboards/uid/{uid}/versions",
            "/api/dashboards/uid/{uid}/versions/{DashboardVersionID}",
        ),
    ),
    LeftOut(
        "silences, public dashboards, correlations, query history, stars, short urls, users' own preferences, plugins' settings: "
        "not read",
        (
            "/api/dashboards/public-dashboards",
            "/api/dashboards/uid/{dashboardUid}/public-dashboards",
            "/api/public/dashboards/{accessToken}",
            "/api/public/dashboards/{accessToken}/annotations",
            "/api/datasources/correlations",
            "/api/datasources/uid/{sourceUID}/correlations",
            "/api/datasources/uid/{sourceUID}/correlations/{correlationUID}",
            "/api/query-history",
            "/api/user/preferences",
        ),
    ),
    LeftOut(
        "invitations that nobody has taken up, quotas, and who is logged in: not read",
        (
            "/api/org/invites",
            "/api/org/quotas",
            "/api/orgs/{org_id}/quotas",
            "/api/user/quotas",
            "/api/admin/users/{user_id}/quotas",
            "/api/admin/users/{user_id}/auth-tokens",
            "/api/user/auth-tokens",
            "/api/anonymous/devices",
            "/api/anonymous/search",
        ),
    ),
    LeftOut(
        "grafana.ini and what is in it (SMTP, LDAP, single sign-on), and single sign-on settings made in the UI: not read",
        (
            "/api/admin/settings",
            "/api/admin/ldap/status",
            "/api/admin/ldap/{user_name}",
            "/api/v1/sso-settings",
            "/api/v1/sso-settings/{key}",
        ),
    ),
    LeftOut("who wrote an annotation, and annotations that alerts made", ("/api/annotations/{annotation_id}",)),
    LeftOut("the uids of teams, users and service accounts, which a new server gives anew", ("/api/teams/{team_id}",)),
    LeftOut("sessions of a migration to Grafana Cloud: not read", (
        "/api/cloudmigration/migration",
        "/api/cloudmigration/migration/{uid}",
        "/api/cloudmigration/migration/{uid}/snapshot/{snapshotUid}",
        "/api/cloudmigration/migration/{uid}/snapshots",
        "/api/cloudmigration/token",
    )),
    LeftOut("permissions on data sources, and which teams see what of them: not read", (
        "/api/datasources/uid/{uid}/lbac/teams",
    ), enterprise=True),
    LeftOut("roles of one's own and who has them: not read", (
        "/api/access-control/roles",
        "/api/access-control/roles/{roleUID}",
        "/api/access-control/roles/{roleUID}/assignments",
        "/api/access-control/teams/{teamId}/roles",
        "/api/access-control/users/{userId}/roles",
    ), enterprise=True),
    LeftOut("groups of a directory that are synced with teams and roles: not read", (
        "/api/groupsync/groups",
        "/api/groupsync/groups/{group_id}/roles",
        "/api/teams/{teamId}/groups",
        "/api/teams/{teamId}/groups/search",
        "/api/admin/ldap-sync-status",
    ), enterprise=True),
    LeftOut("reports and their settings, recorded queries, caches of data sources, the licence: not read", (
        "/api/reports",
        "/api/reports/{id}",
        "/api/reports/dashboards/{uid}",
        "/api/reports/settings",
        "/api/reports/images/:image",
        "/api/recording-rules",
        "/api/recording-rules/writer",
        "/api/datasources/{dataSourceUID}/cache",
        "/api/licensing/token",
        "/api/licensing/custom-permissions",
        "/api/licensing/custom-permissions-csv",
    ), enterprise=True),
)  # fmt: skip
"""In the order in which they are told."""

NAMED: Final[dict[str, str]] = {
    "/api/dashboard/snapshots": "snapshots of dashboards are named at each backup that leaves them out",
    "/api/snapshots/{key}": "one of them",
}
"""What a backup looks at, to name what it leaves out."""

NO_STATE: Final[dict[str, tuple[str, ...]]] = {
    "another way to what is read": (
        "/api/annotations/tags",
        "/api/dashboards/tags",
        "/api/dashboards/home",
        "/api/datasources/id/{name}",
        "/api/datasources/name/{name}",
        "/api/folders/{folder_uid}",
        "/api/folders/{folder_uid}/counts",
        "/api/library-elements/name/{library_element_name}",
        "/api/library-elements/{library_element_uid}",
        "/api/library-elements/{library_element_uid}/connections/",
        "/api/org/users/lookup",
        "/api/orgs/name/{org_name}",
        "/api/orgs/{org_id}",
        "/api/orgs/{org_id}/users",
        "/api/orgs/{org_id}/users/search",
        "/api/playlists/{uid}",
        "/api/serviceaccounts/{serviceAccountId}",
        "/api/user",
        "/api/user/orgs",
        "/api/user/teams",
        "/api/users/search",
        "/api/users/{user_id}",
        "/api/users/{user_id}/orgs",
        "/api/users/{user_id}/teams",
        "/api/convert/api/prom/rules",
        "/api/convert/api/prom/rules/{NamespaceTitle}",
        "/api/convert/api/prom/rules/{NamespaceTitle}/{Group}",
        "/api/convert/prometheus/config/v1/rules",
        "/api/convert/prometheus/config/v1/rules/{NamespaceTitle}",
        "/api/convert/prometheus/config/v1/rules/{NamespaceTitle}/{Group}",
        "/api/v1/provisioning/alert-rules/export",
        "/api/v1/provisioning/alert-rules/{UID}",
        "/api/v1/provisioning/alert-rules/{UID}/export",
        "/api/v1/provisioning/folder/{FolderUID}/rule-groups/{Group}/export",
        "/api/v1/provisioning/mute-timings/export",
        "/api/v1/provisioning/mute-timings/{name}",
        "/api/v1/provisioning/mute-timings/{name}/export",
        "/api/v1/provisioning/policies/export",
        "/api/v1/provisioning/templates/{name}",
    ),
    "the server's own, the same on every server": (
        "/api/access-control/status",
        "/api/access-control/{resource}/description",
        "/api/cloudmigration/resources/dependencies",
        "/api/health",
        "/api/search/sorting",
        "/api/signing-keys/keys",
        "/api/snapshot/shared-options",
        "/api/saml/metadata",
        "/api/admin/stats",
        "/api/licensing/check",
        "/api/licensing/refresh-stats",
    ),
    "it does something, or asks a data source": (
        "/api/datasources/proxy/uid/{uid}/{datasource_proxy_route}",
        "/api/datasources/uid/{uid}/health",
        "/api/datasources/uid/{uid}/resources/{datasource_proxy_route}",
        "/api/logout/saml",
        "/api/saml/slo",
        "/api/reports/render/csvs",
        "/api/reports/render/pdfs",
        "/api/snapshots-delete/{deleteKey}",
        "/api/user/email/update",
        "/api/user/helpflags/clear",
    ),
}
"""Routes that have nothing of their own to be kept, by the reason."""


def told(*, enterprise: bool) -> list[str]:
    """The sentences for a backup of a server that is licensed, or not."""
    return [one.what for one in LEFT_OUT if enterprise or not one.enterprise]
