"""Reads alerting: rule groups, contact points, policies, mute timings, templates, by the provisioning API (9.1 and newer)."""

from typing import Any

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Holdings, Key
from backups.services.grafana.client import Client, Missing, as_list, member

PROVISIONING = ("api", "v1", "provisioning")


def rule_groups(client: Client, organisation: int, holdings: Holdings) -> None:
    """Every group with its rules: only the group knows how often they are evaluated."""
    rules = as_list(client.get(*PROVISIONING, "alert-rules"))
    groups = sorted({(str(rule.get("folderUID")), str(rule.get("ruleGroup"))) for rule in rules})
    for folder, title in groups:
        try:
            answer = client.get(*PROVISIONING, "folder", folder, "rule-groups", title)
        except Missing:
            continue  # deleted meanwhile: the next reading says so
        body: dict[str, Any] = {"folderUid": folder, "title": title, "interval": member(answer, "interval")}
        body["rules"] = [kinds.kept(kinds.GROUP, rule) for rule in as_list(member(answer, "rules"))]
        holdings.objects[Key(organisation, kinds.GROUP, f"{folder}/{title}")] = body


def contact_points(client: Client, organisation: int, holdings: Holdings) -> None:
    """Every contact point with its integrations, which the API lists one by one."""
    points: dict[str, list[dict[str, Any]]] = {}
    for one in as_list(client.get(*PROVISIONING, "contact-points")):
        points.setdefault(str(one["name"]), []).append(kinds.kept(kinds.POINT, one))
    for name, integrations in points.items():
        ordered = sorted(integrations, key=lambda one: (str(one.get("type")), str(one.get("uid"))))
        holdings.objects[Key(organisation, kinds.POINT, name)] = {"name": name, "integrations": ordered}


def policies(client: Client, organisation: int, holdings: Holdings) -> None:
    """The tree of notification policies, whole."""
    tree = client.get(*PROVISIONING, "policies")
    member(tree, "receiver")
    holdings.objects[Key(organisation, kinds.POLICIES, "")] = kinds.kept(kinds.POLICIES, tree)


def mute_timings(client: Client, organisation: int, holdings: Holdings) -> None:
    """Every mute timing."""
    _named(client, organisation, holdings, kinds.TIMING, "mute-timings")


def templates(client: Client, organisation: int, holdings: Holdings) -> None:
    """Every notification template."""
    _named(client, organisation, holdings, kinds.TEMPLATE, "templates")


def _named(client: Client, organisation: int, holdings: Holdings, kind: str, path: str) -> None:
    for one in as_list(client.get(*PROVISIONING, path)):
        holdings.objects[Key(organisation, kind, str(one["name"]))] = kinds.kept(kind, one)
