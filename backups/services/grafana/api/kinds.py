"""Names the kinds of objects that the API knows, as they stand in facts, messages and the files of a backup."""

ORGANISATION, USER, MEMBER, SERVICE_ACCOUNT = "organisation", "user", "member", "service account"
TEAM, TEAM_MEMBERS, TEAM_PREFERENCES = "team", "team members", "team preferences"
FOLDER, FOLDER_PERMISSIONS = "folder", "folder permissions"
DATA_SOURCE, LIBRARY_PANEL = "data source", "library panel"
DASHBOARD, DASHBOARD_PERMISSIONS = "dashboard", "dashboard permissions"
MUTE_TIMING, NOTIFICATION_TEMPLATE = "mute timing", "notification template"
CONTACT_POINT, NOTIFICATION_POLICIES, RULE_GROUP = "contact point", "notification policies", "rule group"
PLAYLIST, ANNOTATION, PREFERENCES = "playlist", "annotation", "preferences"


def plural(kind: str) -> str:
    """A kind's name for several of it."""
    return kind if kind.endswith("s") else f"{kind}s"
