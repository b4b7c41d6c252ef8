"""What a Grafana holds, kind by kind: how it is counted, what of it is not kept, what is kept and not compared, and why.

This is the one place that says what "equal" means after a restore: whatever is not named here is compared.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from backups.services.grafana.canonical import dashboard_over_http, digest, filled

REDACTED: Final = "[REDACTED]"
"""What the server writes in place of a contact point's secret."""

ORGANISATION, USER, MEMBER, ROBOT = "organisation", "user", "member", "service account"
TEAM, TEAM_MEMBERS, TEAM_PREFERENCES = "team", "team members", "team preferences"
FOLDER, FOLDER_PERMISSIONS = "folder", "folder permissions"
SOURCE, PANEL, BOARD, BOARD_PERMISSIONS = "data source", "library panel", "dashboard", "dashboard permissions"
TIMING, TEMPLATE, POINT, POLICIES, GROUP = (
    "mute timing",
    "notification template",
    "contact point",
    "notification policies",
    "rule group",
)
PLAYLIST, ANNOTATION, PREFERENCES = "playlist", "annotation", "preferences"

CONTENT: Final = (FOLDER, SOURCE, PANEL, BOARD, TIMING, TEMPLATE, GROUP, PLAYLIST, ANNOTATION, TEAM)
"""What makes a server one that holds something: accounts, preferences, policies and a contact point a new server has, too."""

_NUMBER = "the server's own number"
_WHEN = "when and by whom it was saved: the restore saves it anew"
_TOLD = "what the asking user may do with it, not a part of it"
_COUNTER = "counts saves on this server; a restore begins again at 1"
_SAVED = dict.fromkeys(("created", "updated", "createdBy", "updatedBy", "lastSeenAt", "lastSeenAtAge"), _WHEN)
_MANNERS = dict.fromkeys(("accessControl", "canAdmin", "canDelete", "canEdit", "canSave"), _TOLD)
_ADDRESS = dict.fromkeys(("avatarUrl", "url", "slug", "typeLogoUrl", "typeName", "hasAcl"), "follows from the rest")

NOT_KEPT: Final[Mapping[str, Mapping[str, str]]] = {
    SOURCE: {"id": _NUMBER, "orgId": _NUMBER, "version": _COUNTER, **_MANNERS,
             **{name: _ADDRESS[name] for name in ("typeLogoUrl", "typeName")}},
    BOARD: {"id": _NUMBER, "version": _COUNTER, "iteration": _COUNTER, "uid": "it is the object's name"},
    GROUP: {"id": _NUMBER, "orgID": _NUMBER, "guid": _NUMBER, "updated": _WHEN, "updated_by": _WHEN, "version": _COUNTER,
            "folderUID": "it is the group's", "ruleGroup": "it is the group's",
            "provenance": "a restore leaves rules to be edited by people, as a person's own are"},
    TIMING: {"version": _COUNTER, "provenance": "as with rules"},
    TEMPLATE: {"version": "a hash of the text", "provenance": "as with rules"},
    POLICIES: {"version": _COUNTER, "provenance": "as with rules"},
    POINT: {"provenance": "as with rules", "name": "it is the contact point's"},
    PREFERENCES: {"homeDashboardId": _NUMBER, "id": _NUMBER},
    PLAYLIST: {"id": _NUMBER, "Id": _NUMBER, "PlaylistId": _NUMBER, "playlistid": _NUMBER, "order": "it is the place in the list",
               "uid": "the API gives a restored playlist a new one", "title": "the dashboard's, filled in by the server"},
    ANNOTATION: {"id": _NUMBER, "dashboardId": _NUMBER, "userId": _NUMBER, "userUID": _NUMBER, "login": _WHEN, "email": _WHEN,
                 "avatarUrl": _ADDRESS["avatarUrl"], "created": _WHEN, "updated": _WHEN, "alertId": "an alert's",
                 "alertName": "an alert's", "newState": "an alert's", "prevState": "an alert's"},
}  # fmt: skip
"""Members that are left out when an object is read, with the reason."""

NOT_COMPARED: Final[Mapping[str, Mapping[str, str]]] = {
    SOURCE: {"secureJsonFields": "secrets do not come back; each is listed", "readOnly": "a file's comes back as a person's"},
    BOARD: {"versions": "the history does not come back; its length is told", "provisioned": "as with data sources"},
    ROBOT: {"tokens": "tokens do not come back; each is listed"},
}  # fmt: skip
"""Members that are kept for a person to read, and not compared, with the reason."""

_LIBRARY_MODEL = frozenset({"libraryPanel", "id"})
"""What the server writes into a library panel's model: whose it is."""
_DURATIONS = ("for", "keep_firing_for")
_UNITS = {
    "y": 31_536_000.0,
    "w": 604_800.0,
    "d": 86_400.0,
    "h": 3600.0,
    "m": 60.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "µs": 1e-6,
    "ns": 1e-9,
}


def kept(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """An object without the members that are not kept."""
    return {name: value for name, value in body.items() if name not in NOT_KEPT.get(kind, {})}


def plural(kind: str) -> str:
    """A kind as its number is told."""
    return kind if kind.endswith("s") else f"{kind}s"


def definition(kind: str, body: Mapping[str, Any]) -> str:
    """The hash of all that is compared of an object.

    Members that are null, false, 0 or empty count as absent: Go's `omitempty` drops many of them, and versions differ in which.
    """
    compared = {name: value for name, value in body.items() if name not in NOT_COMPARED.get(kind, {})}
    if kind == BOARD:
        compared["spec"] = dashboard_over_http(compared.get("spec"))
    elif kind == PANEL and isinstance(compared.get("model"), Mapping):
        compared["model"] = {name: value for name, value in compared["model"].items() if name not in _LIBRARY_MODEL}
    elif kind == GROUP:
        compared["rules"] = [rule_compared(rule) for rule in compared.get("rules") or []]
    elif kind == POINT:
        # The uid of one that nobody has edited is empty until it is restored; names are what policies and rules refer to.
        compared["integrations"] = [
            {name: unredacted(value) for name, value in one.items() if name != "uid"}
            for one in compared.get("integrations") or []
        ]
    return digest(filled(compared))


def same(kind: str, one: Mapping[str, Any] | None, other: Mapping[str, Any]) -> bool:
    """Whether two objects are equal in all that is compared."""
    return one is not None and definition(kind, one) == definition(kind, other)


def rule_compared(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule with its durations in seconds: versions write the same one as `10m` and `10m0s`."""
    return dict(rule) | {name: seconds(rule.get(name)) for name in _DURATIONS}


def seconds(duration: object) -> float:
    """A duration as the API writes it, `1d2h3m4.5s`, in seconds; 0 for none."""
    if isinstance(duration, int | float):
        return float(duration)
    return sum(
        float(number) * _UNITS[unit] for number, unit in re.findall(r"([\d.]+)(ms|us|µs|ns|[ywdhms])", str(duration or ""))
    )


def unredacted(value: Any) -> Any:
    """A value without the members whose secret the server keeps to itself."""
    if isinstance(value, Mapping):
        return {name: unredacted(inner) for name, inner in value.items() if inner != REDACTED}
    if isinstance(value, list):
        return [unredacted(inner) for inner in value]
    return value


def redacted(value: Any, at: str = "") -> list[str]:
    """Where in a value secrets were left out: `password`, `http_config.oauth2.client_secret`."""
    if value == REDACTED:
        return [at]
    if isinstance(value, Mapping):
        return [path for name, inner in sorted(value.items()) for path in redacted(inner, f"{at}.{name}" if at else str(name))]
    if isinstance(value, list):
        return [path for number, inner in enumerate(value) for path in redacted(inner, f"{at}[{number}]")]
    return []
