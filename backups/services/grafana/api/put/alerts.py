"""Puts alerting into a server, so that people may go on editing it (no provenance)."""

from collections.abc import Mapping
from typing import Any

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key
from backups.services.grafana.api.put.target import Target
from backups.services.grafana.api.read.alerts import PROVISIONING

_NO_SECRET, _NO_URL = "set-after-the-restore", "https://set-after-the-restore.invalid/"
"""What stands in for a contact point's secret, which is not in a backup: without one, some types are refused, and with them
the policies and rules that name them. The name `.invalid` leads nowhere (RFC 2606)."""


def mute_timings(target: Target, organisation: int) -> None:
    """Create or change mute timings."""
    client = target.within(organisation)
    for name, body in target.wanted.of(organisation, kinds.TIMING).items():
        key = Key(organisation, kinds.TIMING, name)
        with target.putting(key):
            if target.had(key) is None:
                client.send("POST", *PROVISIONING, "mute-timings", body=body)
            elif target.had(key) != body:
                client.send("PUT", *PROVISIONING, "mute-timings", name, body=body)


def templates(target: Target, organisation: int) -> None:
    """Create or change notification templates."""
    client = target.within(organisation)
    for name, body in target.wanted.of(organisation, kinds.TEMPLATE).items():
        key = Key(organisation, kinds.TEMPLATE, name)
        with target.putting(key):
            if target.had(key) != body:
                client.send("PUT", *PROVISIONING, "templates", name, body={"template": body.get("template")})


def contact_points(target: Target, organisation: int) -> None:
    """Create or change contact points, one integration after the other. Secrets that are there stay, others have a stand-in."""
    client = target.within(organisation)
    before = {
        str(one.get("uid")): one for body in target.there.of(organisation, kinds.POINT).values() for one in body["integrations"]
    }
    for name, body in target.wanted.of(organisation, kinds.POINT).items():
        key = Key(organisation, kinds.POINT, name)
        had = target.had(key)
        if had is not None and kinds.same(kinds.POINT, had, body):
            continue
        for one in body["integrations"]:
            uid = str(one.get("uid") or "")
            with target.putting(key):
                if uid and uid in before:
                    client.send("PUT", *PROVISIONING, "contact-points", uid, body={"name": name, **one})
                else:
                    sent = {**one, "name": name, "settings": with_stand_ins(one.get("settings"))}
                    client.send("POST", *PROVISIONING, "contact-points", body=sent)


def with_stand_ins(value: Any, name: str = "") -> Any:
    """Settings in which every secret that was left out has a value that is none, yet of the right shape."""
    if value == kinds.REDACTED:
        return _NO_URL if name.lower().endswith("url") else _NO_SECRET
    if isinstance(value, Mapping):
        return {inner: with_stand_ins(member, inner) for inner, member in value.items()}
    if isinstance(value, list):
        return [with_stand_ins(member, name) for member in value]
    return value


def policies(target: Target, organisation: int) -> None:
    """Replace the tree of policies."""
    for body in target.wanted.of(organisation, kinds.POLICIES).values():
        key = Key(organisation, kinds.POLICIES, "")
        with target.putting(key):
            if target.had(key) != body:
                target.within(organisation).send("PUT", *PROVISIONING, "policies", body=body)


def rule_groups(target: Target, organisation: int) -> None:
    """Replace every group of rules that the backup has."""
    client = target.within(organisation)
    for name, body in target.wanted.of(organisation, kinds.GROUP).items():
        key = Key(organisation, kinds.GROUP, name)
        had = target.had(key)
        if had is not None and kinds.same(kinds.GROUP, had, body):
            continue
        folder, title = str(body["folderUid"]), str(body["title"])
        belongs = {"folderUID": folder, "ruleGroup": title, "orgID": target.numbers[organisation]}
        sent = body | {"rules": [rule | belongs for rule in body["rules"]]}
        with target.putting(key):
            client.send("PUT", *PROVISIONING, "folder", folder, "rule-groups", title, body=sent)
