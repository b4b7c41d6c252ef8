"""Reads groups of alert rules, and replaces every group that the backup has."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from backups.errors import Transient
from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.pool import gather
from backups.services.grafana.api.resources.base import (
    COUNTER,
    NUMBER,
    PROVISIONING,
    SAVED,
    Body,
    Resource,
    provenance_kept,
    provenance_of,
    without,
)
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.canonical import seconds
from backups.services.grafana.client import Client, Denied, Missing, Refused, as_list, member
from backups.services.grafana.references import Targets, missing
from backups.witness import Fact

_DURATIONS = ("for", "keep_firing_for")


def _read(client: Client, organisation: int, objects: Objects) -> None:
    """All rules by one list; how often they are evaluated only their group knows, and for all groups at once only the ruler."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for rule in as_list(client.get(*PROVISIONING, "alert-rules")):
        groups.setdefault((str(rule.get("folderUID")), str(rule.get("ruleGroup"))), []).append(rule)
    intervals = _intervals(client) if len(groups) > 1 else {}
    for (folder, title), rules in groups.items():
        if (folder, title) in intervals:
            objects.bodies[Key(organisation, kinds.RULE_GROUP, f"{folder}/{title}")] = _body(
                folder, title, intervals[folder, title], rules
            )
    left = [group for group in groups if group not in intervals]
    for (folder, title), answer in gather(client, _group, left, "rule groups read"):
        if answer is not None:
            # The group answers with one provenance for all its rules, or with none: the list knows each one's.
            body = _body(folder, title, member(answer, "interval"), groups[folder, title])
            objects.bodies[Key(organisation, kinds.RULE_GROUP, f"{folder}/{title}")] = body


def _intervals(client: Client) -> dict[tuple[str, str], int]:
    """Seconds by folder and group, of the groups that the ruler shows; none where the server has none of it."""
    try:
        answer = client.get("api", "ruler", "grafana", "api", "v1", "rules")
    except (Denied, Missing, Refused, Transient):
        return {}  # each group is asked for itself then
    rules = (
        rule.get("grafana_alert") or {}
        for groups in (answer.values() if isinstance(answer, Mapping) else ())
        for group in groups
        for rule in group.get("rules") or []
    )
    return {
        (str(rule["namespace_uid"]), str(rule["rule_group"])): int(rule["intervalSeconds"])
        for rule in rules
        if rule.get("intervalSeconds")
    }


def _group(client: Client, group: tuple[str, str]) -> Any:
    folder, title = group
    try:
        return client.get(*PROVISIONING, "folder", folder, "rule-groups", title)
    except Missing:
        return None  # deleted meanwhile: the next reading shows it


def _body(folder: str, title: str, interval: object, rules: Iterable[Mapping[str, Any]]) -> Body:
    kept = [without(rule, RULE_GROUPS.not_kept) for rule in rules]
    return {"folderUid": folder, "title": title, "interval": interval, "rules": kept}


def _put(target: Target, organisation: int) -> None:
    client = target.within(organisation)
    for key, body, had in target.each(organisation, kinds.RULE_GROUP):
        if RULE_GROUPS.same(had, body):
            continue
        folder, title = str(body["folderUid"]), str(body["title"])
        belongs = {"folderUID": folder, "ruleGroup": title, "orgID": target.numbers[organisation]}
        rules = [without(rule, {"provenance": "sent by the header"}) | belongs for rule in body["rules"]]
        others = [str(rule["uid"]) for rule in body["rules"] if provenance_kept(rule)]
        with target.putting(key):
            # A group is written with one provenance for all; a rule may be given to another tool afterwards, not taken from one.
            client.send(
                "PUT", *PROVISIONING, "folder", folder, "rule-groups", title, body=body | {"rules": rules},
                provenance=len(others) == len(rules) > 0,
            )  # fmt: skip
            if len(others) < len(rules):
                for rule in (rule for rule in rules if rule["uid"] in others):
                    client.send("PUT", *PROVISIONING, "alert-rules", str(rule["uid"]), body=rule, provenance=True)


def _compared(body: Body) -> Body:
    """Durations in seconds: versions write the same one as `10m` and `10m0s`."""
    rules = [
        dict(rule) | {name: seconds(rule.get(name)) for name in _DURATIONS} | {"provenance": provenance_kept(rule)}
        for rule in body.get("rules") or []
    ]
    return body | {"rules": rules}


def _provider(had: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    """Whoever provides one rule of a group has the group: it is written whole."""
    theirs = {str(rule.get("uid")): rule for rule in wanted.get("rules") or []}
    found = (provenance_of(rule, theirs.get(str(rule.get("uid")), {})) for rule in had.get("rules") or [])
    return next((who for who in found if who), None)


def _facts(subject: str, body: Mapping[str, Any], targets: Targets) -> Iterator[Fact]:
    yield Fact(subject, "missing", missing(body.get("rules"), str(body.get("folderUid") or ""), targets))


RULE_GROUPS = Resource(
    kind=kinds.RULE_GROUP,
    read=_read,
    put=_put,
    not_kept={
        **dict.fromkeys(("id", "orgID", "guid"), NUMBER),
        **dict.fromkeys(("updated", "updated_by"), SAVED),
        "version": COUNTER,
        **dict.fromkeys(("folderUID", "ruleGroup"), "it is the group's"),
    },
    compared=_compared,
    from_file=lambda body: any(rule.get("provenance") == "file" for rule in body.get("rules") or []),
    provider=_provider,
    facts=_facts,
    counted=True,
    content=True,
)
