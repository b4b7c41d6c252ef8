"""Two objects of one name: wherever a Grafana lets them be, both are read, both come back, and a second restore writes nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backups.services.grafana.api import facts, kinds
from backups.services.grafana.api import put as putting
from backups.services.grafana.api.objects import Objects
from backups.services.grafana.api.read import read
from backups.services.grafana.api.resources.order import RESOURCES
from backups.services.grafana.client import Client
from tests.integration.grafana.api.harness import empty, first

V1 = ("api", "v1", "provisioning")
RULE = {
    "title": "Same", "condition": "A", "noDataState": "OK", "execErrState": "OK", "for": "0s", "orgID": 1,
    "data": [{"refId": "A", "datasourceUid": "__expr__", "relativeTimeRange": {"from": 0, "to": 0},
              "model": {"refId": "A", "type": "math", "expression": "1"}}],
}  # fmt: skip


def _folders(client: Client) -> None:
    for uid in ("same-1", "same-2"):
        client.send("POST", "api", "folders", body={"uid": uid, "title": "Same"})


def _dashboards(client: Client) -> None:
    for uid, folder in (("d-1", "same-1"), ("d-2", "same-2")):
        client.send("POST", "api", "dashboards", "db", body={"dashboard": {"uid": uid, "title": "Same"}, "folderUid": folder})


def _panels(client: Client) -> None:
    for uid, folder in (("l-1", "same-1"), ("l-2", "same-2")):
        body = {"uid": uid, "name": "Same", "kind": 1, "model": {"type": "text", "title": uid}, "folderUid": folder}
        client.send("POST", "api", "library-elements", body=body)


def _groups(client: Client) -> None:
    for folder in ("same-1", "same-2"):
        rule = RULE | {"uid": f"rule-{folder}", "folderUID": folder, "ruleGroup": "Same"}
        client.send("PUT", *V1, "folder", folder, "rule-groups", "Same", body={"title": "Same", "interval": 60, "rules": [rule]})


def _points(client: Client) -> None:
    for uid in ("p-1", "p-2"):
        body = {"uid": uid, "name": "Same", "type": "email", "settings": {"addresses": f"{uid}@example.com"}}
        client.send("POST", *V1, "contact-points", body=body)


def _playlists(client: Client) -> None:
    for interval in ("1m", "2m", "2m"):
        body = {"name": "Same", "interval": interval, "items": [{"type": "dashboard_by_uid", "value": "d-1"}]}
        client.send("POST", "api", "playlists", body=body)


def _annotations(client: Client) -> None:
    for _ in range(2):
        client.send("POST", "api", "annotations", body={"time": 1_700_000_000_000, "text": "Same", "tags": []})


def _accounts(client: Client) -> None:
    for name in ("Same", "Another"):
        number = client.send("POST", "api", "serviceaccounts", body={"name": name, "role": "Viewer", "isDisabled": False})["id"]
    client.send("PATCH", "api", "serviceaccounts", str(number), body={"name": "Same", "role": "Editor"})


MADE: dict[str, tuple[Callable[[Client], None], int]] = {
    kinds.FOLDER: (_folders, 2),
    kinds.DASHBOARD: (_dashboards, 2),
    kinds.LIBRARY_PANEL: (_panels, 2),
    kinds.RULE_GROUP: (_groups, 2),
    kinds.CONTACT_POINT: (_points, 1),
    kinds.PLAYLIST: (_playlists, 3),
    kinds.ANNOTATION: (_annotations, 2),
    kinds.SERVICE_ACCOUNT: (_accounts, 2),
}
"""What makes objects of one name, and how many keys they have: the integrations of a contact point are one object."""

ONE_ONLY = {
    kinds.USER: "a login is one account's",
    kinds.MEMBER: "a login is one account's",
    kinds.TEAM: "Grafana refuses a second of one name (409)",
    kinds.TEAM_MEMBERS: "by team",
    kinds.TEAM_PREFERENCES: "by team",
    kinds.FOLDER_PERMISSIONS: "by the folder's uid",
    kinds.DASHBOARD_PERMISSIONS: "by the dashboard's uid",
    kinds.DATA_SOURCE: "Grafana refuses a second of one name (409)",
    kinds.MUTE_TIMING: "the name is the key",
    kinds.NOTIFICATION_TEMPLATE: "the name is the key",
    kinds.NOTIFICATION_POLICIES: "one tree",
    kinds.PREFERENCES: "one set",
}


def test_every_kind_is_tried_or_has_names_that_are_unique() -> None:
    assert MADE.keys() | ONE_ONLY.keys() == {resource.kind for resource in RESOURCES} | {kinds.USER}
    assert not MADE.keys() & ONE_ONLY.keys()


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> Objects:
    with empty(tmp_path_factory.mktemp("same-names")) as url:
        client = first(url).within(1)
        for make, _ in MADE.values():
            make(client)
        return read(first(url))


@pytest.mark.parametrize("kind", MADE)
def test_both_are_read(wanted: Objects, kind: str) -> None:
    bodies: list[Any] = list(wanted.of(1, kind).values())
    same = [
        body
        for body in bodies
        if "Same" in (body.get("name"), body.get("title"), body.get("text"), (body.get("spec") or {}).get("title"))
    ]
    assert len(same) == MADE[kind][1]


def test_both_come_back_and_a_second_restore_writes_nothing(
    wanted: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with empty(tmp_path) as url:
        target = putting.put(wanted, first(url))
        assert target.notes == []
        assert putting.unequal(facts.facts(wanted), putting.present(target, ())) == []
        uids = [body["uid"] for body in wanted.of(1, kinds.PLAYLIST).values()]
        assert sorted(one["uid"] for one in first(url).get("api", "playlists")) == sorted(uids)

        def refuse(_: Client, method: str, *path: str, **__: object) -> None:
            raise AssertionError(f"{method} {path}: all is there already")

        monkeypatch.setattr(Client, "send", refuse)
        again = putting.put(wanted, first(url))
        assert putting.unequal(facts.facts(wanted), putting.present(again, ())) == []
