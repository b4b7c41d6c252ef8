"""Knows every route that a restore writes by, and what such a write replaces beyond the object of the backup.

Some replace a whole: a group with its rules, the tree of policies, a list. What the server has in it and the backup has not is
sent along then, so that it stays.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple

from backups.services.grafana.api import kinds
from backups.services.grafana.canonical import canonical

Body = dict[str, Any]
Merged = tuple[Body, list[str]]
"""The object to write, and what of it is the server's own, by name."""

_LEVELS = {1: "View", 2: "Edit", 4: "Admin"}
_ADMIN: Final = 4
_GIVEN_TO_ALL: Final = (("role Editor", 2), ("role Viewer", 1))
_MATCHERS = ("object_matchers", "matchers", "match", "match_re")


class Write(NamedTuple):
    """A route that a restore writes by. `*` is one part of its path.

    replaces: what else than the backup's own object; "" for nothing. kept: how that stays
    """

    method: str
    path: str
    replaces: str = ""
    kept: str = ""


_SENT_ALONG: Final = "what the server has in it is sent along, and named"

WRITES: Final = (
    Write("POST", "/api/orgs"),
    Write("PUT", "/api/orgs/*", "the name of the only organisation there", "the plan of the restore names it"),
    Write("POST", "/api/admin/users"),
    Write("PUT", "/api/users/*"),
    Write("PUT", "/api/admin/users/*/permissions"),
    Write("POST", "/api/admin/users/*/disable"),
    Write("POST", "/api/admin/users/*/enable"),
    Write("POST", "/api/org/users"),
    Write("PATCH", "/api/org/users/*"),
    Write("DELETE", "/api/org/users/*", "a membership", "only that of a user who was just made by this restore"),
    Write("POST", "/api/serviceaccounts"),
    Write("PATCH", "/api/serviceaccounts/*"),
    Write("POST", "/api/teams"),
    Write("PUT", "/api/teams/*"),
    Write("POST", "/api/teams/*/members"),
    Write("PUT", "/api/teams/*/members/*"),
    Write(
        "DELETE", "/api/teams/*/members/*", "a membership", "only the restoring user's own, whom the server adds to a new team"
    ),
    Write("PUT", "/api/teams/*/preferences"),
    Write("POST", "/api/folders"),
    Write("PUT", "/api/folders/*"),
    Write("POST", "/api/folders/*/move"),
    Write("POST", "/api/folders/*/permissions", "the list of who was given what", _SENT_ALONG),
    Write("POST", "/api/datasources"),
    Write("PUT", "/api/datasources/uid/*"),
    Write("POST", "/api/library-elements"),
    Write("PATCH", "/api/library-elements/*"),
    Write("POST", "/api/dashboards/db"),
    Write("POST", "/apis/dashboard.grafana.app/*/namespaces/*/dashboards"),
    Write("PUT", "/apis/dashboard.grafana.app/*/namespaces/*/dashboards/*"),
    Write("POST", "/api/dashboards/uid/*/permissions", "the list of who was given what", _SENT_ALONG),
    Write("POST", "/api/v1/provisioning/mute-timings"),
    Write("PUT", "/api/v1/provisioning/mute-timings/*"),
    Write("PUT", "/api/v1/provisioning/templates/*"),
    Write("POST", "/api/v1/provisioning/contact-points"),
    Write("PUT", "/api/v1/provisioning/contact-points/*"),
    Write("PUT", "/api/v1/provisioning/policies", "the whole tree", _SENT_ALONG),
    Write("PUT", "/api/v1/provisioning/folder/*/rule-groups/*", "all rules of the group", _SENT_ALONG),
    Write("PUT", "/api/v1/provisioning/alert-rules/*"),
    Write("POST", "/api/playlists"),
    Write("POST", "/apis/playlist.grafana.app/*/namespaces/*/playlists"),
    Write("PUT", "/api/playlists/*"),
    Write("POST", "/api/annotations"),
    Write("PUT", "/api/org/preferences"),
)
"""Every route. A data source's secrets, and those of an integration, stay where they are not sent."""


def policies(wanted: Body, had: Mapping[str, Any]) -> Merged:
    """The backup's tree; routes that match something else than each of its routes follow them."""
    extra: list[str] = []
    return _with_routes(wanted, had, extra), extra


def _with_routes(wanted: Body, had: Mapping[str, Any], extra: list[str]) -> Body:
    theirs: dict[str, list[Mapping[str, Any]]] = {}
    for route in had.get("routes") or []:
        theirs.setdefault(_matching(route), []).append(route)
    # Several may match the same: the first of the backup is the first there.
    routes = [
        _with_routes(route, theirs[_matching(route)].pop(0), extra) if theirs.get(_matching(route)) else route
        for route in wanted.get("routes") or []
    ]
    left = [route for some in theirs.values() for route in some]
    for route in (route for route in had.get("routes") or [] if any(route is one for one in left)):
        routes.append(route)
        extra.append(f"route {_matching(route)} to {route.get('receiver') or 'the receiver above it'}")
    return wanted | {"routes": routes} if routes else wanted


def _matching(route: Mapping[str, Any]) -> str:
    return canonical([route[name] for name in _MATCHERS if route.get(name)])


def members(wanted: Body, had: Mapping[str, Any]) -> Merged:
    """The backup's members of a team, and the others."""
    return _with_others(wanted, had, "members", lambda one: str(one.get("login")), lambda one: f"user {one.get('login')}")


def permissions(wanted: Body, had: Mapping[str, Any]) -> Merged:
    """What the backup gave whom, and what others have."""

    def named(one: Mapping[str, Any]) -> str:
        level = one.get("permission")
        return f"{one.get('to')} ({_LEVELS.get(level, level) if isinstance(level, int) else level})"

    return _with_others(wanted, had, "items", lambda one: str(one.get("to")), named)


def rules(wanted: Body, had: Mapping[str, Any], elsewhere: Collection[str]) -> Merged:
    """The backup's rules of a group, and those that are nowhere in the backup. elsewhere: uids of all rules that are."""
    others = [rule for rule in had.get("rules") or [] if str(rule.get("uid")) not in elsewhere]
    body = wanted | {"rules": [*(wanted.get("rules") or []), *others]} if others else wanted
    return body, [f"rule {rule.get('title')} ({rule.get('uid')})" for rule in others]


def without_own(kind: str, had: Mapping[str, Any], login: str | None) -> Mapping[str, Any]:
    """What a server has of a whole that an earlier try of the restore made, without what the server itself gave it then.

    A new team is led by whoever made it; a new folder or dashboard is theirs, and everybody's by role.
    login: of whoever restores; None for a service account, whose name is not known
    """
    if kind == kinds.TEAM_MEMBERS:
        return {**had, "members": [one for one in had.get("members") or [] if one.get("login") != login]}
    if kind in (kinds.FOLDER_PERMISSIONS, kinds.DASHBOARD_PERMISSIONS):
        return {**had, "items": [one for one in had.get("items") or [] if not _given_by_itself(one, login)]}
    return had


def loses(kind: str, had: Mapping[str, Any], body: Mapping[str, Any], login: str | None) -> bool:
    """Whether what people did to an object that an earlier try made is written over: more than what `without_own` leaves out."""
    inside = {kinds.TEAM_MEMBERS: "members", kinds.FOLDER_PERMISSIONS: "items", kinds.DASHBOARD_PERMISSIONS: "items"}.get(kind)
    return inside is None or any(one not in body[inside] for one in without_own(kind, had, login).get(inside) or [])


def _given_by_itself(one: Mapping[str, Any], login: str | None) -> bool:
    to, level = str(one.get("to")), one.get("permission")
    if level == _ADMIN:
        return to == f"user {login}" if login else to.startswith("service account ")
    return (to, level) in _GIVEN_TO_ALL


def _with_others(
    wanted: Body,
    had: Mapping[str, Any],
    inside: str,
    who: Callable[[Mapping[str, Any]], str],
    named: Callable[[Mapping[str, Any]], str],
) -> Merged:
    mine: Iterable[Mapping[str, Any]] = wanted.get(inside) or []
    known = {who(one) for one in mine}
    others = [one for one in had.get(inside) or [] if who(one) not in known]
    body = wanted | {inside: sorted([*mine, *others], key=who)} if others else wanted
    return body, [named(one) for one in others]


WHOLES: Final[Mapping[str, Callable[[Body, Mapping[str, Any]], Merged]]] = {
    kinds.NOTIFICATION_POLICIES: policies,
    kinds.TEAM_MEMBERS: members,
    kinds.FOLDER_PERMISSIONS: permissions,
    kinds.DASHBOARD_PERMISSIONS: permissions,
}
"""How each kind that is written whole is merged; rule groups, of which one write changes another, by `rules`."""
