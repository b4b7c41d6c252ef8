"""Thousands of dashboards are read from lists that carry them: by few requests, each as it is stored, in little memory."""

import json
from collections import Counter
from typing import Any
from urllib.parse import parse_qs

import pytest

from backups.errors import LifeboatError, Transient
from backups.services.grafana.api import kinds
from backups.services.grafana.api.bodies import Bodies
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources.dashboards import DASHBOARDS
from backups.services.grafana.api.resources.folders import FOLDERS
from backups.services.grafana.api.resources.rule_groups import RULE_GROUPS
from backups.services.grafana.client import PAGE, Client, Denied, Missing, Refused
from backups.services.http.answer import TooDeep
from tests.conftest import FIELD_DATA
from tests.unit.grafana.api.fake import RECORDED, recorded, said

_GROUP = "/apis/dashboard.grafana.app"


class Lists:
    """A server that stores dashboards in several API versions, and converts in lists as 12.4 does."""

    def __init__(self, stored: dict[str, str], versions: tuple[str, ...], *, page: int = PAGE) -> None:
        self.stored, self.versions, self.page = stored, versions, page
        self.asked: Counter[str] = Counter()

    def client(self, monkeypatch: pytest.MonkeyPatch) -> Client:
        monkeypatch.setattr(Client, "get", lambda _, *path, **parameters: self.get("/" + "/".join(path), parameters))
        return Client("http://fake.invalid")

    def spec(self, uid: str) -> dict[str, Any]:
        return {"title": f"Title of {uid}", "schemaVersion": 14, "rows": [{"panels": [{"type": "graph"}]}]}

    def get(self, path: str, parameters: dict[str, Any]) -> Any:
        self.asked[path.replace(path.rpartition("/")[2], "*") if path.startswith("/api/dashboards/uid/") else path] += 1
        if path == "/api/frontend/settings":
            return {"namespace": "default"}
        if path == "/api/search":
            start = (int(parameters["page"]) - 1) * PAGE
            return [{"uid": uid} for uid in sorted(self.stored)][start : start + PAGE]
        if path.startswith("/api/dashboards/uid/"):
            uid = path.rpartition("/")[2]
            if self.stored[uid].startswith("v2"):
                raise Refused("HTTP 406")
            return {"dashboard": self.spec(uid) | {"id": 7, "uid": uid, "version": 3}, "meta": {"folderUid": "f", "version": 3}}
        if path.startswith(_GROUP):
            _, _, _, version, *_, last = path.split("/")
            if version not in self.versions:
                raise Missing(f"GET {path}: HTTP 404")
            if last != "dashboards":
                return self.item(last, version)
            start = int(parameters.get("continue", 0))
            names = sorted(self.stored)[start : start + self.page]
            following = {"continue": str(start + self.page)} if start + self.page < len(self.stored) else {}
            return {"items": [self.item(name, version) for name in names], "metadata": following}
        raise Missing(f"GET {path}: HTTP 404")

    def item(self, uid: str, version: str) -> dict[str, Any]:
        stored, spec = self.stored[uid], self.spec(uid)
        made: dict[str, Any] = {
            "apiVersion": f"dashboard.grafana.app/{version}",
            "metadata": {"name": uid, "generation": 3, "annotations": {"grafana.app/folder": "f"}},
            "spec": spec,
        }
        if stored != version:
            made |= {"spec": spec | {"schemaVersion": 42}, "status": {"conversion": {"storedVersion": stored, "failed": False}}}
        return made


def read(server: Lists, monkeypatch: pytest.MonkeyPatch) -> Objects:
    objects = Objects()
    DASHBOARDS.read(server.client(monkeypatch), 1, objects)
    return objects


ALL = ("v0alpha1", "v1beta1", "v2alpha1", "v2beta1")


@pytest.mark.parametrize("number", [1, PAGE, 2 * PAGE + 1, 2500])
def test_so_many_dashboards_take_so_few_requests(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Lists({f"d-{one}": "v0alpha1" for one in range(number)}, ALL)
    assert len(read(server, monkeypatch).bodies) == number
    # A list with all that it carries, the search that finds what no list has, and some for what is so of every organisation.
    assert server.asked.total() <= 2 * (number // PAGE + 1) + 4, server.asked
    assert server.asked["/api/dashboards/uid/*"] == 0


def test_each_is_read_as_it_is_stored_whatever_a_list_makes_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """12's list of v1beta1 shows a dashboard of an old schema with the newest: that is not what was saved."""
    stored = {f"d-{version}-{number}": version for version in ALL for number in range(3)}
    server = Lists(stored, ALL)
    found = read(server, monkeypatch)
    assert {key.name for key in found.bodies} == set(stored)
    for uid, version in stored.items():
        body = found.bodies[Key(1, kinds.DASHBOARD, uid)]
        assert body["spec"]["schemaVersion"] == 14, uid
        assert body["apiVersion"] == (version if version.startswith("v2") else ""), uid
        assert (body["folderUid"], body["versions"]) == ("f", 3)
    assert server.asked["/api/dashboards/uid/*"] == 0


@pytest.mark.parametrize("versions", [(), ("v1beta1",), ("v1beta1", "v2beta1")], ids=["none", "converting", "some"])
def test_what_no_list_shows_as_it_is_stored_is_read_by_itself(
    versions: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    stored = {f"d-{number}": "v0alpha1" for number in range(70)}
    server = Lists(stored, versions)
    found = read(server, monkeypatch)
    assert {body["spec"]["schemaVersion"] for body in found.bodies.values()} == {14}
    assert len(found.bodies) == server.asked["/api/dashboards/uid/*"] == 70
    assert ("each is read by itself" in caplog.text) == (not versions)


@pytest.mark.parametrize(
    "fault",
    [Transient("HTTP 500: conversion failed"), Refused("HTTP 410"), Denied("HTTP 403"), Missing("HTTP 404"), TooDeep("too deep")],
)
def test_a_list_that_breaks_off_loses_nobody(fault: LifeboatError, monkeypatch: pytest.MonkeyPatch) -> None:
    """On its second page, or where dashboards of another version are asked for: the others are read by themselves."""

    class Breaking(Lists):
        broken = "v0alpha1"

        def get(self, path: str, parameters: dict[str, Any]) -> Any:
            later = bool(parameters.get("continue")) or self.broken == "v2beta1"
            if path.endswith(f"/{self.broken}/namespaces/default/dashboards") and later:
                raise fault
            return super().get(path, parameters)

    for broken in ("v0alpha1", "v2beta1"):
        stored = {f"d-{number:02}": "v2beta1" if number % 3 == 0 else "v0alpha1" for number in range(30)}
        server = Breaking(stored, ALL, page=10)
        server.broken = broken
        found = read(server, monkeypatch)
        assert {key.name for key in found.bodies} == set(stored)
        assert {body["spec"]["schemaVersion"] for body in found.bodies.values()} == {14}


def test_a_list_and_one_by_one_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = {f"d-{number}": "v0alpha1" for number in range(5)}
    assert read(Lists(stored, ALL), monkeypatch).different(read(Lists(stored, ()), monkeypatch)) == []


@pytest.mark.long
@pytest.mark.field
@pytest.mark.skipif(not FIELD_DATA.exists(), reason="the field data are not here")
def test_a_real_servers_converted_list_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its list of v1beta1 shows 19 dashboards with schema 42; stored they have 14 to 41. Those that it shows are read alone."""
    alone: list[str] = []

    def get(_: Client, *path: str, **parameters: Any) -> Any:
        route = "/" + "/".join(path)
        if route.startswith("/api/dashboards/uid/"):
            alone.append(path[-1])
        if parameters.get("type") == "dash-folder":
            return []  # not recorded: it only ever adds to the list of folders
        for file in RECORDED.glob("recadm/*-org1.json"):
            one = json.loads(file.read_text())
            bare, _, query = one["route"].partition("?")
            if bare == route and all(str(parameters.get(name)) == value[0] for name, value in parse_qs(query).items()):
                if one["status"] == 200:
                    return one["body"]
                raise Missing("HTTP 404") if one["status"] == 404 else Refused(f"HTTP {one['status']}")
        raise Missing(f"{route} was not recorded")

    monkeypatch.setattr(Client, "get", get)
    objects = Objects()
    DASHBOARDS.read(Client("http://fake.invalid"), 1, objects)
    listed = {item["metadata"]["name"] for item in recorded("recadm/031")["body"]["items"]}
    assert {key.name for key in objects.bodies} == listed
    assert set(alone) == listed - {"d-v2"}
    old = objects.bodies[Key(1, kinds.DASHBOARD, "xsv14apachehttpjson")]
    assert old["spec"]["schemaVersion"] == 14
    assert objects.bodies[Key(1, kinds.DASHBOARD, "d-v2")]["apiVersion"] == "v2beta1"
    FOLDERS.read(Client("http://fake.invalid"), 1, objects)
    folders = objects.of(1, kinds.FOLDER)
    assert folders["f-ops-db-my"]["parentUid"] == "f-ops-db"
    assert {body["parentUid"] for body in folders.values()} == {"", "f-ops", "f-ops-db"}
    RULE_GROUPS.read(Client("http://fake.invalid"), 1, objects)
    groups = {name: [rule["uid"] for rule in body["rules"]] for name, body in objects.of(1, kinds.RULE_GROUP).items()}
    assert groups == {"f-dev/fast": ["r3"], "f-ops/g1": ["r1", "r2"], "f-ops/rec": ["rec1"]}


@pytest.mark.field
@pytest.mark.skipif(not FIELD_DATA.exists(), reason="the field data are not here")
def test_the_ruler_says_how_often_all_groups_are_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    """By one request, and as each group says it itself."""
    answers = {
        "/api/v1/provisioning/alert-rules": said("recadm/075")[1],  # type: ignore[index]
        "/api/ruler/grafana/api/v1/rules": said("extra/044")[1],  # type: ignore[index]
    }
    asked: list[str] = []

    def get(_: Client, *path: str, **__: Any) -> Any:
        asked.append("/" + "/".join(path))
        return answers[asked[-1]]

    monkeypatch.setattr(Client, "get", get)
    objects = Objects()
    RULE_GROUPS.read(Client("http://fake.invalid"), 1, objects)
    assert len(asked) == 2
    for number in ("076", "077", "078"):
        alone = recorded(f"recadm/{number}")["body"]
        body = objects.of(1, kinds.RULE_GROUP)[f"{alone['folderUid']}/{alone['title']}"]
        assert body["interval"] == alone["interval"]
        assert [rule["uid"] for rule in body["rules"]] == [rule["uid"] for rule in alone["rules"]]


def test_large_bodies_are_kept_small_and_come_out_as_they_went_in() -> None:
    large = {"spec": {"panels": [{"title": "CPU \ud83d é", "n": 1.5, "i": 10**18} for _ in range(200)]}, "empty": None}
    bodies: Bodies[str] = Bodies({"large": large, "small": {"a": 1}})
    assert bodies["large"] == large
    assert list(bodies["large"]) == list(large)
    assert bodies == {"large": large, "small": {"a": 1}}
    assert bodies.size < len(json.dumps(large)) / 2
    other = Bodies({"large": dict(reversed(large.items())), "small": {"a": 2}})
    assert bodies.same("large", other), "the order of an object's members says nothing"
    assert not bodies.same("small", other)
    assert not bodies.same("small", Bodies())
