"""Backups put into running servers through their API: equal afterwards, whatever was there; and every difference is seen."""

import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from backups.errors import LifeboatError
from backups.services.grafana.api import facts, kinds
from backups.services.grafana.api import put as putting
from backups.services.grafana.api.objects import Key, Objects, write
from backups.services.grafana.api.read import read
from backups.services.grafana.api.receiver import GrafanaReceiver
from backups.services.grafana.api.resources import contact_points, hidden
from backups.services.grafana.api.resources.order import CONTENT, RESOURCES
from backups.services.grafana.api.resources.target import ObjectRefused
from backups.services.grafana.client import Client
from deployments.grafana_standin import edits
from deployments.grafana_standin.database import Layout
from tests.integration.grafana.api.harness import LOGIN, admin, built, empty, first, robot


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Objects:
    """What a server of two organisations holds. Tests leave it as it is."""
    with built(tmp_path_factory.mktemp("backup")) as url:
        return read(admin(url))


@pytest.mark.parametrize("layout", ["dashboard", "resource"])
def test_a_new_server_holds_all_of_it_afterwards(layout: Layout, tmp_path: Path) -> None:
    with built(tmp_path / "source", layout) as source, empty(tmp_path / "new") as url:
        wanted = read(admin(source))
        target = putting.put(wanted, first(url))
        assert target.notes == []
        assert putting.unequal(facts.facts(wanted), putting.present(target, ())) == []
        names = read(first(url)).organisations
        assert names == wanted.organisations
        restored = read(first(url))
        for kind in (kinds.RULE_GROUP, kinds.CONTACT_POINT, kinds.MUTE_TIMING, kinds.NOTIFICATION_TEMPLATE):
            assert restored.of(1, kind).keys() >= wanted.of(1, kind).keys()
        # People may go on editing what came back, if they could before.
        assert _provenances(first(url)) == _provenances(admin(source))
        assert LOGIN in restored.of(0, kinds.USER)


def test_it_may_be_begun_again_wherever_it_died(backup: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class DiedError(Exception):
        """Stands for a kill."""

    def die(*_: object) -> None:
        raise DiedError

    with empty(tmp_path) as url:
        for number in range(0, len(RESOURCES), 4):
            dying = replace(RESOURCES[number], put=die)
            monkeypatch.setattr(putting, "RESOURCES", (*RESOURCES[:number], dying))
            with pytest.raises(DiedError):
                putting.put(backup, first(url))
        monkeypatch.undo()
        target = putting.put(backup, first(url))
        everything = facts.facts(read(first(url)))
    assert {key for key in target.before.bodies if key not in backup.bodies and key.kind in CONTENT} == set()
    assert [fact for fact in facts.facts(backup) if fact.metric == "definition" and fact not in everything] == []


def _provenances(client: Client) -> dict[str, str]:
    rules = client.within(1).get("api", "v1", "provisioning", "alert-rules")
    assert rules
    return {rule["uid"]: rule.get("provenance") or "" for rule in rules}


CHANGES: dict[str, Callable[[Path], object]] = {
    "org 1 dashboard agama-overview": lambda path: edits.change_panel(path, "agama-overview", 1, title="Another"),
    "org 1 dashboard welcome": lambda path: edits.delete_dashboard(path, "welcome"),
    "org 1 data source agama-mysql": lambda path: edits.delete_rows(path, "data_source", "uid = 'agama-mysql'"),
    "org 1 library panel": lambda path: edits.delete_rows(path, "library_element", "org_id = 1"),
    "org 1 rule group": lambda path: edits.delete_rows(path, "alert_rule", "org_id = 1"),
    "org 1 team members": lambda path: edits.delete_rows(path, "team_member", "org_id = 1"),
    "org 1 member editor": lambda path: edits.delete_rows(path, "org_user", "org_id = 1 AND role = 'Editor'"),
    "grafana user viewer": lambda path: edits.delete_rows(path, "user", "login = 'viewer'"),
    "org 1 annotation": lambda path: edits.delete_rows(path, "annotation", "id = (SELECT min(id) FROM annotation)"),
    "org 1 playlist": lambda path: edits.delete_rows(path, "resource", "`group` = 'playlist.grafana.app'"),
    "org 1 preferences": lambda path: edits.delete_rows(path, "preferences", "org_id = 1"),
    "org 1 folder permissions": lambda path: edits.delete_rows(path, "permission", "scope LIKE 'folders:uid:%'"),
    "org 1 contact point": lambda path: edits.delete_rows(path, "alert_configuration", "org_id = 1"),
}


def test_whatever_is_lost_or_changed_is_seen(backup: Objects, tmp_path: Path) -> None:
    with empty(tmp_path) as url:
        target = putting.put(backup, first(url))
        untouched = (tmp_path / "grafana.db").read_bytes()
        for subject, change in CHANGES.items():
            assert change(tmp_path / "grafana.db") != 0, f"{subject}: the change changed nothing"
            differences = putting.unequal(facts.facts(backup), putting.present(target, ()))
            assert any(line.startswith(subject) for line in differences), f"{subject}: {differences}"
            (tmp_path / "grafana.db").write_bytes(untouched)
        assert putting.unequal(facts.facts(backup), putting.present(target, ())) == []


def test_what_has_the_same_name_is_written_over_and_all_else_stays(backup: Objects, tmp_path: Path) -> None:
    write(backup, tmp_path / "tree")
    with built(tmp_path / "other") as url:
        database = tmp_path / "other" / "grafana.db"
        edits.change_panel(database, "agama-overview", 1, title="Changed since")
        edits.add_dashboard(database, "newer", "Newer than the backup")
        edits.delete_rows(database, "data_source", "uid = 'agama-mysql'")
        edits.delete_rows(database, "alert_rule", "org_id = 1")
        client = admin(url).within(1)
        client.send("PATCH", "api", "library-elements", *_panel(client), body=_renamed(client))
        client.send("PUT", "api", "folders", "agama", body={"title": "Renamed", "overwrite": True})
        client.send("POST", "api", "folders", "agama-details", "move", body={"parentUid": "monitoring"})
        receiver = GrafanaReceiver(admin(url))
        assert "org 1 dashboard newer" in receiver.entries()
        receiver.keep(tmp_path / "kept")
        assert any("Changed since" in path.read_text() for path in (tmp_path / "kept").rglob("*.json"))
        notes = receiver.receive(tmp_path / "tree", "b")
        assert any("was there before and stays: org 1 dashboard newer" in note for note in notes)
        now = read(admin(url))
        assert now.of(1, kinds.FOLDER)["agama-details"]["parentUid"] == "agama"
        assert "newer" in now.of(1, kinds.DASHBOARD)


def _panel(client: object) -> list[str]:
    return [_first_panel(client)["uid"]]


def _renamed(client: object) -> dict[str, object]:
    panel = _first_panel(client)
    return {"name": "Renamed", "kind": 1, "model": panel["model"], "folderUid": "", "version": panel["version"]}


def _first_panel(client: object) -> dict[str, object]:
    return client.get("api", "library-elements", perPage=1)["result"]["elements"][0]  # type: ignore[attr-defined, no-any-return]


def test_a_token_puts_what_it_may_and_names_what_only_an_administrator_could(backup: Objects, tmp_path: Path) -> None:
    one = Objects({key: body for key, body in backup.bodies.items() if key.organisation in {0, 1}})
    write(one, tmp_path / "tree")
    with empty(tmp_path / "cloud") as url:
        edits.add_service_account(tmp_path / "cloud" / "grafana.db", "lifeboat", "Admin", "glsa_cloud")
        notes = GrafanaReceiver(robot(url, "glsa_cloud")).receive(tmp_path / "tree", "b")
    text = "\n".join(notes)
    assert "org 1 organisation Main Org." not in text, "it has that name there, too"
    assert "org 1 member editor: there is no such user, and only the server's administrator may create one: invite them" in text
    assert "org 1 team members" in text
    assert not any(key.name in note for note in notes for key in one.bodies if key.kind == kinds.DASHBOARD)


def test_an_organisation_of_another_name_is_told_to_whoever_may_not_rename_it(backup: Objects, tmp_path: Path) -> None:
    objects = {key: body for key, body in backup.bodies.items() if key.organisation == 1}
    del objects[Key(1, kinds.ORGANISATION, "Main Org.")]
    renamed = Objects(objects | {Key(1, kinds.ORGANISATION, "Agama"): {"name": "Agama"}})
    write(renamed, tmp_path / "tree")
    with empty(tmp_path / "cloud") as url:
        edits.add_service_account(tmp_path / "cloud" / "grafana.db", "lifeboat", "Admin", "glsa_cloud")
        notes = GrafanaReceiver(robot(url, "glsa_cloud")).receive(tmp_path / "tree", "b")
        assert any("org 1 organisation Agama: the organisation has another name there" in note for note in notes)
        GrafanaReceiver(first(url)).receive(tmp_path / "tree", "b")
        assert read(first(url)).organisations == {1: "Agama"}


def test_a_second_organisation_needs_the_servers_administrator(backup: Objects, tmp_path: Path) -> None:
    with empty(tmp_path) as url:
        edits.add_service_account(tmp_path / "grafana.db", "lifeboat", "Admin", "glsa_cloud")
        with pytest.raises(
            LifeboatError, match=r"organisation .* is not on .*, where these credentials see only Main Org\."
        ) as fault:
            putting.put(backup, robot(url, "glsa_cloud"))
        assert "administrator" in str(fault.value.hint)
        assert not read(first(url)).of(1, kinds.DASHBOARD)


def test_an_object_that_is_refused_is_named_with_the_servers_words(backup: Objects, tmp_path: Path) -> None:
    broken = Objects(dict(backup.bodies))
    key = Key(1, kinds.MUTE_TIMING, "no-intervals")
    broken.bodies[key] = {"name": "", "time_intervals": []}
    with (
        empty(tmp_path) as url,
        pytest.raises(ObjectRefused, match=r"org 1 mute timing no-intervals is refused: POST .*HTTP 400: ") as fault,
    ):
        putting.put(broken, first(url))
    assert "restore again" in str(fault.value.hint)


def test_somebody_who_writes_there_at_the_same_time_is_noticed(
    backup: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(backup, tmp_path / "tree")
    present = putting.present
    with empty(tmp_path / "new") as url:

        def meddled(*arguments: object) -> object:
            edits.change_panel(tmp_path / "new" / "grafana.db", "agama-overview", 1, title="Meanwhile")
            return present(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(putting, "present", meddled)
        with pytest.raises(
            LifeboatError, match=r"differs from the backup in 1 fact: org 1 dashboard agama-overview definition: "
        ):
            GrafanaReceiver(first(url)).receive(tmp_path / "tree", "b")


def test_secrets_that_nobody_may_read_stay_and_their_integration_is_left(
    backup: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the server shows in place of a secret is never sent to it: what cannot be written whole is left, and told."""
    monkeypatch.setattr(contact_points, "_decrypted", lambda *_: {})
    unknown = contact_points.without_secrets(backup)
    with built(tmp_path) as url:
        client = admin(url).within(1)
        uid = "pager-hook"
        (one,) = [each for each in client.get("api", "v1", "provisioning", "contact-points") if each["uid"] == uid]
        changed = {**one, "settings": one["settings"] | {"url": "https://elsewhere.example/"}}
        client.send("PUT", "api", "v1", "provisioning", "contact-points", uid, body=changed)
        sealed = _sealed(tmp_path / "grafana.db")
        target = putting.put(unknown, admin(url))
        assert _sealed(tmp_path / "grafana.db") == sealed
    (note,) = [note for note in target.notes if uid in note]
    assert note.startswith("org 1 contact point pager: webhook pager-hook is left as it is: its secrets are in no backup")


def _sealed(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        (text,) = connection.execute("SELECT alertmanager_configuration FROM alert_configuration WHERE org_id = 1").fetchone()
    return re.findall(r'"secureSettings": (\{[^}]*\})', text)


def test_an_integration_that_no_api_removes_stays_and_is_told(backup: Objects, tmp_path: Path) -> None:
    """A new server of before 12.4 has a contact point whose uid is empty; here it has the name of one in the backup."""
    write(backup, tmp_path / "tree")
    with empty(tmp_path / "new") as url:
        with closing(sqlite3.connect(tmp_path / "new" / "grafana.db")) as connection, connection:
            one = {"uid": "", "name": "email receiver", "type": "email", "settings": {"addresses": "<example@email.com>"}}
            whole = {"route": {"receiver": "pager"}, "receivers": [{"name": "pager", "grafana_managed_receiver_configs": [one]}]}
            connection.execute(
                "UPDATE alert_configuration SET alertmanager_configuration = ?", (json.dumps({"alertmanager_config": whole}),)
            )
        notes = GrafanaReceiver(first(url)).receive(tmp_path / "tree", "b")
        assert any("was there before and stays" in note and "org 1 contact point pager, email" in note for note in notes), notes
        now = read(first(url)).of(1, kinds.CONTACT_POINT)["pager"]["integrations"]
        assert len(now) == len(backup.of(1, kinds.CONTACT_POINT)["pager"]["integrations"]) + 1


def test_what_stands_in_for_a_secret_has_its_shape_and_leads_nowhere() -> None:
    settings = {
        "url": hidden.REDACTED,
        "token": hidden.REDACTED,
        "inner": [{"webhookUrl": hidden.REDACTED}],
        "title": "kept",
    }
    made = hidden.with_stand_ins(settings)
    assert made["title"] == "kept"
    assert made["url"] == made["inner"][0]["webhookUrl"] == "https://set-after-the-restore.invalid/"
    assert hidden.REDACTED not in str(made)
    assert hidden.redacted(settings) == ["inner[0].webhookUrl", "token", "url"]
