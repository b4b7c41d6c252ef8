"""Each kind of object has one resource, in an order that restores; equal objects are equal in every version's writing."""

from typing import Any, cast

import pytest

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Objects
from backups.services.grafana.api.resources.order import CONTENT, RESOURCES, resource
from backups.services.grafana.api.resources.users import USERS
from backups.services.grafana.client import Client


def test_service_accounts_of_plugins_are_left_out_and_named() -> None:
    """Grafana makes them when the plugin is installed, and refuses their names to everybody else."""

    class Held:
        def counted_pages(self, *_: str, name: str) -> list[dict[str, Any]]:
            return [{"id": 1, "name": "robot", "role": "None"}, {"id": 2, "name": "extsvc-any-plugin", "role": "None"}]

        def get(self, *_: str) -> list[dict[str, Any]]:
            return []

    objects = Objects()
    resource(kinds.SERVICE_ACCOUNT).read(cast("Client", Held()), 1, objects)
    assert [(key.name, body["role"]) for key, body in objects.bodies.items()] == [("robot", "None")]
    (limit,) = objects.limits
    assert limit.startswith("org 1: service account extsvc-any-plugin: ")


def test_every_kind_has_one_resource() -> None:
    """Organisations are found or made before all others."""
    named = {value for name, value in vars(kinds).items() if name.isupper()}
    listed = [one.kind for one in (USERS, *RESOURCES)]
    assert len(listed) == len(set(listed))
    assert set(listed) == named - {kinds.ORGANISATION}
    assert named >= CONTENT


@pytest.mark.parametrize(
    ("kind", "before"),
    [
        (kinds.TEAM_MEMBERS, {kinds.TEAM, kinds.MEMBER}),
        (kinds.FOLDER_PERMISSIONS, {kinds.FOLDER, kinds.TEAM, kinds.MEMBER, kinds.SERVICE_ACCOUNT}),
        (kinds.LIBRARY_PANEL, {kinds.FOLDER, kinds.DATA_SOURCE}),
        (kinds.DASHBOARD, {kinds.FOLDER, kinds.DATA_SOURCE, kinds.LIBRARY_PANEL}),
        (kinds.DASHBOARD_PERMISSIONS, {kinds.DASHBOARD, kinds.TEAM, kinds.MEMBER, kinds.SERVICE_ACCOUNT}),
        (kinds.CONTACT_POINT, {kinds.NOTIFICATION_TEMPLATE}),
        (kinds.NOTIFICATION_POLICIES, {kinds.CONTACT_POINT, kinds.MUTE_TIMING}),
        (kinds.RULE_GROUP, {kinds.FOLDER, kinds.DATA_SOURCE, kinds.CONTACT_POINT}),
        (kinds.PLAYLIST, {kinds.DASHBOARD}),
        (kinds.ANNOTATION, {kinds.DASHBOARD}),
        (kinds.PREFERENCES, {kinds.DASHBOARD}),
        (kinds.TEAM_PREFERENCES, {kinds.DASHBOARD, kinds.TEAM}),
    ],
)
def test_what_an_object_refers_to_comes_before_it(kind: str, before: set[str]) -> None:
    order = [one.kind for one in RESOURCES]
    assert before <= set(order[: order.index(kind)])


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (kinds.RULE_GROUP, {"rules": [{"title": "t", "for": "10m"}]}, {"rules": [{"title": "t", "for": "10m0s", "isPaused": False}]}),
        (kinds.CONTACT_POINT, {"integrations": [{"uid": "", "settings": {"password": "[REDACTED]", "url": "x"}}]},
         {"integrations": [{"uid": "made", "settings": {"url": "x"}}]}),
        (kinds.LIBRARY_PANEL, {"name": "n", "model": {"type": "stat"}}, {"name": "n", "model": {"type": "stat", "id": 3, "libraryPanel": {"uid": "u"}}}),
        (kinds.DATA_SOURCE, {"name": "n", "secureJsonFields": ["password"], "readOnly": True}, {"name": "n"}),
        (kinds.DASHBOARD, {"spec": {"title": "t", "uid": "u"}, "versions": 3, "provisioned": "yes"}, {"spec": {"title": "t", "links": []}, "versions": 1}),
        (kinds.SERVICE_ACCOUNT, {"name": "n", "tokens": ["t"]}, {"name": "n", "tokens": []}),
    ],
)  # fmt: skip
def test_equal_objects_are_equal_however_they_are_written(kind: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    assert resource(kind).same(one, other)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (kinds.RULE_GROUP, {"rules": [{"for": "10m"}]}, {"rules": [{"for": "11m"}]}),
        (kinds.CONTACT_POINT, {"integrations": [{"settings": {"url": "x"}}]}, {"integrations": [{"settings": {"url": "y"}}]}),
        (kinds.LIBRARY_PANEL, {"model": {"type": "stat"}}, {"model": {"type": "gauge"}}),
        (kinds.DATA_SOURCE, {"name": "n", "url": "x"}, {"name": "n", "url": "y"}),
        (kinds.DASHBOARD, {"spec": {"title": "t"}}, {"spec": {"title": "u"}}),
        (kinds.DASHBOARD, {"spec": {"title": "t"}, "folderUid": "a"}, {"spec": {"title": "t"}, "folderUid": ""}),
        (kinds.ORGANISATION, {"name": "a"}, {"name": "b"}),
        (kinds.FOLDER, None, {"title": "t"}),
    ],
)
def test_objects_that_differ_are_not_equal(kind: str, one: dict[str, Any] | None, other: dict[str, Any]) -> None:
    assert not resource(kind).same(one, other)


@pytest.mark.parametrize(
    ("kind", "body", "secrets"),
    [
        (kinds.DATA_SOURCE, {"name": "Agama", "secureJsonFields": ["password"]}, [" (Agama): password"]),
        (kinds.CONTACT_POINT, {"integrations": [{"type": "slack", "uid": "u", "settings": {"token": "[REDACTED]"}}]}, [", slack u: token"]),
        (kinds.USER, {"login": "admin"}, [": password"]),
        (kinds.SERVICE_ACCOUNT, {"tokens": ["a", "b"]}, [": token a", ": token b"]),
        (kinds.FOLDER, {"title": "t"}, []),
    ],
)  # fmt: skip
def test_secrets_that_cannot_come_back_are_named(kind: str, body: dict[str, Any], secrets: list[str]) -> None:
    assert list(resource(kind).secrets(body)) == secrets
