"""A server that holds more than the backup, of every kind: it keeps all of it, and is told what is written over or moved."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects, write
from backups.services.grafana.api.put import Clash
from backups.services.grafana.api.read import read
from backups.services.grafana.api.receiver import GrafanaReceiver
from backups.services.grafana.api.resources.order import RESOURCES
from backups.services.grafana.api.wholes import WRITES
from backups.services.grafana.client import Client
from tests.integration.grafana.api.harness import admin, built, empty, first

_PROVISIONING = ("api", "v1", "provisioning")


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Objects:
    """What a server of two organisations holds. Tests leave it as it is."""
    with built(tmp_path_factory.mktemp("backup")) as url:
        return read(admin(url))


@contextmanager
def writes_noted() -> Iterator[list[tuple[str, str]]]:
    """Every method and path that something is sent to."""
    sent: list[tuple[str, str]] = []
    send = Client.send

    def noted(client: Client, method: str, *path: str, **rest: Any) -> Any:
        sent.append((method, "/" + "/".join(part.replace("/", "%2F") for part in path)))
        return send(client, method, *path, **rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "send", noted)
        yield sent


def more_of_everything(url: str) -> None:
    """Give a built server something beside the backup: of each kind, and inside each object that is written whole."""
    client = admin(url).within(1)
    send, get = client.send, client.get
    number = send(
        "POST", "api", "admin", "users", body={"login": "newer", "email": "newer@x.example", "password": "newer-secret"}
    )["id"]
    send("POST", "api", "org", "users", body={"loginOrEmail": "newer", "role": "Viewer"}) if not _is_member(client) else None
    teams = {one["name"]: one["id"] for one in client.counted_pages("api", "teams", "search", name="teams")}
    for team in teams.values():
        send("POST", "api", "teams", str(team), "members", body={"userId": number})
    send("POST", "api", "teams", body={"name": "Newer"})
    send("POST", "api", "serviceaccounts", body={"name": "newer", "role": "Viewer", "isDisabled": False})
    send("POST", "api", "folders", body={"uid": "newer", "title": "Newer", "parentUid": "agama"})
    send("POST", "api", "datasources", body={"uid": "newer", "name": "Newer", "type": "prometheus", "access": "proxy"})
    send("POST", "api", "library-elements", body={"uid": "newer", "name": "Newer", "kind": 1, "model": {"type": "text"}})
    send("POST", "api", "dashboards", "db", body={"dashboard": {"uid": "newer", "title": "Newer"}, "folderUid": "agama"})
    for path in (("api", "folders", "agama"), ("api", "dashboards", "uid", "agama-overview")):
        held = [
            {name: one[name] for name in ("role", "teamId", "userId", "permission") if one.get(name)}
            for one in get(*path, "permissions")
            if not one.get("inherited")
        ]
        send("POST", *path, "permissions", body={"items": [*held, {"userId": number, "permission": 2}]})
    send("POST", *_PROVISIONING, "mute-timings", body={"name": "newer", "time_intervals": [{"weekdays": ["monday"]}]})
    send("PUT", *_PROVISIONING, "templates", "newer", body={"template": '{{ define "newer" }}x{{ end }}'})
    mail = {"type": "email", "settings": {"addresses": "newer@x.example"}}
    for name, uid in (("newer", "newer"), ("pager", "newer-in-pager")):
        send("POST", *_PROVISIONING, "contact-points", body=mail | {"name": name, "uid": uid})
    tree = get(*_PROVISIONING, "policies")
    added = {"receiver": "newer", "object_matchers": [["newer", "=", "yes"]]}
    for route in tree.get("routes") or []:
        route["routes"] = [*(route.get("routes") or []), dict(added)]
    send("PUT", *_PROVISIONING, "policies", body=tree | {"routes": [*(tree.get("routes") or []), added]})
    for folder, title in _groups(client):
        group = get(*_PROVISIONING, "folder", folder, "rule-groups", title)
        rule = {**group["rules"][0], "uid": f"newer-{len(title)}", "title": "Newer"}
        send("PUT", *_PROVISIONING, "folder", folder, "rule-groups", title, body=group | {"rules": [rule, *group["rules"]]})
        alone = {**rule, "uid": "newer-group", "ruleGroup": "newer", "title": "Newer group"}
        send("PUT", *_PROVISIONING, "folder", folder, "rule-groups", "newer", body=group | {"title": "newer", "rules": [alone]})
    send("POST", "api", "playlists", body={"name": "Newer", "interval": "5m", "items": []})
    send("POST", "api", "annotations", body={"time": 1_700_000_000_000, "text": "newer", "tags": []})


def _is_member(client: Client) -> bool:
    return any(one["login"] == "newer" for one in client.get("api", "org", "users"))


def _groups(client: Client) -> list[tuple[str, str]]:
    return sorted({(rule["folderUID"], rule["ruleGroup"]) for rule in client.get(*_PROVISIONING, "alert-rules")})


def everything(objects: Objects) -> set[tuple[str, ...]]:
    """Every object, and every part of one that a write of the whole could drop: by its name, not by what it is."""
    found: set[tuple[str, ...]] = set()
    for key, body in objects.bodies.items():
        found.add((str(key),))
        found |= {(str(key), *part) for part in _parts(key, body)}
    return found


def _parts(key: Key, body: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for inside, named in (("rules", "uid"), ("members", "login"), ("items", "to"), ("integrations", "uid")):
        if key.kind != kinds.PLAYLIST:
            yield from ((inside, str(one.get(named))) for one in body.get(inside) or [])
    yield from _routes(body)


def _routes(body: Mapping[str, Any], above: tuple[str, ...] = ("route",)) -> Iterator[tuple[str, ...]]:
    for one in body.get("routes") or []:
        here = (*above, str(one.get("object_matchers")))
        yield here
        yield from _routes(one, here)


def test_a_server_keeps_everything_that_it_has_beside_the_backup(backup: Objects, tmp_path: Path) -> None:
    write(backup, tmp_path / "tree")
    with built(tmp_path / "other") as url:
        more_of_everything(url)
        before = read(admin(url))
        newer = {
            one[0].split(" ", 2)[2] for one in everything(before) if "newer" in str(one).lower() and one[0].startswith("org 1")
        }
        more = {kind for kind in (one.kind for one in RESOURCES) if any(name.startswith(kind) for name in newer)}
        same = {kinds.PREFERENCES, kinds.TEAM_PREFERENCES}
        assert more >= {one.kind for one in RESOURCES} - same - {kinds.ANNOTATION}, "something more of each kind"
        receiver = GrafanaReceiver(admin(url))
        foreseen = receiver.foresee(tmp_path / "tree", "b")
        assert not receiver.written
        assert foreseen.clashes == () or list(foreseen.clashes) == []
        with pytest.raises(Clash, match="holds something already that is not the backup's: "):
            receiver.receive(tmp_path / "tree", "b", over=False)
        assert not receiver.written
        notes = receiver.receive(tmp_path / "tree", "b")
        after = read(admin(url))
        assert everything(before) - everything(after) == set()
        assert everything(backup) - everything(after) == set()
        told = "\n".join(notes)
        for what in ("rule Newer", "user newer", "route ", "org 1 dashboard newer"):
            assert what in told, notes
        assert [note for note in notes if "stays beside" in note] == [note for note in foreseen.notes if "stays beside" in note]
        with writes_noted() as sent:
            receiver.receive(tmp_path / "tree", "b")
        assert sent == [], "twice in a row changes nothing"


def test_a_rule_that_was_moved_since_goes_back_and_its_emptied_group_is_not_said_to_stay(backup: Objects, tmp_path: Path) -> None:
    write(backup, tmp_path / "tree")
    with built(tmp_path / "other") as url:
        client = admin(url).within(1)
        folder, title = _groups(client)[0]
        group = client.get(*_PROVISIONING, "folder", folder, "rule-groups", title)
        moved = group["rules"][0]["uid"]
        client.send("PUT", *_PROVISIONING, "folder", folder, "rule-groups", "elsewhere", body=group | {"title": "elsewhere"})
        receiver = GrafanaReceiver(admin(url))
        foreseen = receiver.foresee(tmp_path / "tree", "b")
        notes = receiver.receive(tmp_path / "tree", "b")
        for told in (list(foreseen.notes), notes):
            line = f"rule {moved} of org 1 rule group {folder}/elsewhere goes back to org 1 rule group {folder}/{title}"
            assert any(line in note for note in told), told
            assert any(f"{folder}/elsewhere holds nothing else, and is gone then" in note for note in told)
        assert not any("stays" in note and "elsewhere" in note for note in notes), notes
        assert _groups(client) == sorted(
            {(str(body["folderUid"]), str(body["title"])) for body in backup.of(1, kinds.RULE_GROUP).values()}
        )


def test_every_route_that_is_written_by_is_in_the_table(backup: Objects, tmp_path: Path) -> None:
    """So that nobody adds one without saying what else it replaces."""
    write(backup, tmp_path / "tree")
    with empty(tmp_path / "new") as url, built(tmp_path / "other") as other, writes_noted() as sent:
        GrafanaReceiver(first(url)).receive(tmp_path / "tree", "b")
        more_of_everything(other)
        GrafanaReceiver(admin(other)).receive(tmp_path / "tree", "b")
    assert len(sent) > 50
    for method, path in sent:
        fitting = [
            one for one in WRITES if one.method == method and re.fullmatch(re.escape(one.path).replace(r"\*", "[^/]*"), path)
        ]
        assert len(fitting) == 1, (method, path)
    assert all(bool(one.replaces) == bool(one.kept) for one in WRITES)


def test_every_clash_is_named_before_anything_is_written(backup: Objects, tmp_path: Path) -> None:
    write(backup, tmp_path / "tree")
    with empty(tmp_path / "new") as url:
        client = first(url).within(1)
        wanted = [str(body["name"]) for body in backup.of(1, kinds.DATA_SOURCE).values()][:2]
        for number, name in enumerate(wanted):
            body = {"uid": f"there-{number}", "name": name, "type": "prometheus", "access": "proxy"}
            client.send("POST", "api", "datasources", body=body)
        receiver = GrafanaReceiver(first(url))
        assert len(receiver.foresee(tmp_path / "tree", "b").clashes) == len(wanted)
        untouched = (tmp_path / "new" / "grafana.db").read_bytes()
        with pytest.raises(Clash, match=f"{len(wanted)} clash") as fault:
            receiver.receive(tmp_path / "tree", "b")
        for number, name in enumerate(wanted):
            assert f"its name {name} is that of there-{number} there" in str(fault.value)
        assert not receiver.written
        assert (tmp_path / "new" / "grafana.db").read_bytes() == untouched
        assert set(read(first(url)).organisations) == {1}, "no organisation was made"


def test_accounts_and_settings_that_are_written_over_are_named_before_and_after(backup: Objects, tmp_path: Path) -> None:
    """They are in nobody's way. Whoever restores stays what they are, and so does an account that stands in for another."""
    write(backup, tmp_path / "tree")
    with built(tmp_path / "server") as url:
        client = admin(url).within(1)
        people = {str(one["login"]): one for one in client.pages("api", "users", size="perpage")}
        number = str(people["viewer"]["id"])
        admin(url).within(2).send("PATCH", "api", "org", "users", number, body={"role": "Admin"})
        client.send("PUT", "api", "admin", "users", number, "permissions", body={"isGrafanaAdmin": True})
        client.send("PUT", "api", "org", "preferences", body={"theme": "light", "timezone": "utc"})
        for login, changed in (("admin", {"name": "Somebody"}), ("editor", {"login": "their-editor"})):
            known = {name: people[login][name] for name in ("login", "email", "name")}
            client.send("PUT", "api", "users", str(people[login]["id"]), body=known | changed)
        receiver = GrafanaReceiver(admin(url))
        seen = receiver.foresee(tmp_path / "tree", "a backup")
        assert (seen.held, seen.clashes) == ([], [])
        (line,) = (note for note in seen.notes if note.startswith("written over there"))
        assert line.partition(": ")[2].split(", ") == ["grafana user viewer", "org 1 preferences", "org 2 member viewer"]
        assert line in receiver.receive(tmp_path / "tree", "a backup")
        again = receiver.foresee(tmp_path / "tree", "a backup")
        assert not [note for note in again.notes if note.startswith("written over there")]
