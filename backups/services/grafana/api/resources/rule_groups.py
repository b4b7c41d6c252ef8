"""Reads groups of alert rules, and replaces every group that the backup has."""

from collections.abc import Iterator, Mapping
from typing import Any

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
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
from backups.services.grafana.client import Client, Missing, as_list, member
from backups.services.grafana.references import Targets, missing
from backups.witness import Fact

_DURATIONS = ("for", "keep_firing_for")


def _read(client: Client, organisation: int, objects: Objects) -> None:
    """By group, since only the group knows how often its rules are evaluated."""
    rules = as_list(client.get(*PROVISIONING, "alert-rules"))
    groups = sorted({(str(rule.get("folderUID")), str(rule.get("ruleGroup"))) for rule in rules})
    for folder, title in groups:
        try:
            answer = client.get(*PROVISIONING, "folder", folder, "rule-groups", title)
        except Missing:
            continue  # deleted meanwhile: the next reading shows it
        body: Body = {"folderUid": folder, "title": title, "interval": member(answer, "interval")}
        body["rules"] = [without(rule, RULE_GROUPS.not_kept) for rule in as_list(member(answer, "rules"))]
        objects.bodies[Key(organisation, kinds.RULE_GROUP, f"{folder}/{title}")] = body


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
