"""Lists the resources in an order in which a restore finds what each refers to."""

from typing import Final

from backups.services.grafana.api.resources.annotations import ANNOTATIONS
from backups.services.grafana.api.resources.base import Resource
from backups.services.grafana.api.resources.contact_points import CONTACT_POINTS
from backups.services.grafana.api.resources.dashboards import DASHBOARDS
from backups.services.grafana.api.resources.data_sources import DATA_SOURCES
from backups.services.grafana.api.resources.folders import FOLDERS
from backups.services.grafana.api.resources.library_panels import LIBRARY_PANELS
from backups.services.grafana.api.resources.members import MEMBERS
from backups.services.grafana.api.resources.mute_timings import MUTE_TIMINGS
from backups.services.grafana.api.resources.notification_policies import NOTIFICATION_POLICIES
from backups.services.grafana.api.resources.notification_templates import NOTIFICATION_TEMPLATES
from backups.services.grafana.api.resources.permissions import DASHBOARD_PERMISSIONS, FOLDER_PERMISSIONS
from backups.services.grafana.api.resources.playlists import PLAYLISTS
from backups.services.grafana.api.resources.preferences import PREFERENCES, TEAM_PREFERENCES
from backups.services.grafana.api.resources.rule_groups import RULE_GROUPS
from backups.services.grafana.api.resources.service_accounts import SERVICE_ACCOUNTS
from backups.services.grafana.api.resources.teams import TEAM_MEMBERS, TEAMS
from backups.services.grafana.api.resources.users import USERS

RESOURCES: Final[tuple[Resource, ...]] = (
    MEMBERS,
    SERVICE_ACCOUNTS,
    TEAMS,
    TEAM_MEMBERS,
    FOLDERS,
    FOLDER_PERMISSIONS,
    DATA_SOURCES,
    LIBRARY_PANELS,
    DASHBOARDS,
    DASHBOARD_PERMISSIONS,
    MUTE_TIMINGS,
    NOTIFICATION_TEMPLATES,
    CONTACT_POINTS,
    NOTIFICATION_POLICIES,
    RULE_GROUPS,
    PLAYLISTS,
    ANNOTATIONS,
    PREFERENCES,
    TEAM_PREFERENCES,
)
"""What each organisation has. It is read in the same order: what depends on another kind's names comes after it."""

CONTENT: Final = frozenset(resource.kind for resource in RESOURCES if resource.content)
"""What makes a server one that holds something: accounts, preferences, policies and a contact point a new server has, too."""

_BY_KIND = {resource.kind: resource for resource in (USERS, *RESOURCES)}


def resource(kind: str) -> Resource:
    """The resource of a kind. Organisations have none of their own (see `organisations.py`): they are compared whole."""
    return _BY_KIND.get(kind) or Resource(kind, read=lambda *_: None, put=lambda *_: None)
