"""A target whose objects its own files or another tool provide: they are left and named, all else is put, and the verdict says so."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from backups.services.grafana.api import kinds
from backups.services.grafana.api import put as putting
from backups.services.grafana.api.objects import Key, Objects, write
from backups.services.grafana.api.read import read
from backups.services.grafana.api.receiver import GrafanaReceiver
from backups.services.grafana.client import Client
from tests.integration.grafana.api.harness import admin, built

V1 = ("api", "v1", "provisioning")


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Objects:
    """In the layout that notes the files of dashboards in a table of its own."""
    with built(tmp_path_factory.mktemp("backup"), "dashboard") as url:
        return read(admin(url))


def _sql(database: Path, *statements: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, statement


def _first(client: Client, *path: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(*path)[0]
    return found


def _data_source(_: Client, database: Path) -> None:
    _sql(database, "UPDATE data_source SET read_only = 1, url = 'http://theirs.example' WHERE uid = 'agama-mysql'")


def _dashboard(_: Client, database: Path) -> None:
    _sql(
        database,
        "UPDATE dashboard SET data = replace(data, '\"title\"', '\"was\"') WHERE uid = 'agama-overview' AND org_id = 1",
        "INSERT INTO dashboard_provisioning (dashboard_id, name, external_id) "
        "SELECT id, 'theirs', '/etc/theirs.json' FROM dashboard WHERE uid = 'agama-overview' AND org_id = 1",
    )


def _mute_timing(client: Client, _: Path) -> None:
    one = _first(client, *V1, "mute-timings")
    client.send("PUT", *V1, "mute-timings", one["name"], body={"name": one["name"], "time_intervals": []}, provenance=True)


def _template(client: Client, _: Path) -> None:
    one = _first(client, *V1, "templates")
    client.send("PUT", *V1, "templates", one["name"], body={"template": "theirs"}, provenance=True)


def _contact_point(client: Client, _: Path) -> None:
    (one,) = [each for each in client.get(*V1, "contact-points") if each["uid"] == "pager-hook"]
    body = {**one, "settings": {"url": "http://theirs.example"}}
    client.send("PUT", *V1, "contact-points", "pager-hook", body=body, provenance=True)


def _policies(client: Client, _: Path) -> None:
    tree = client.get(*V1, "policies")
    client.send("PUT", *V1, "policies", body={"receiver": tree["receiver"], "group_by": ["theirs"]}, provenance=True)


def _rules(client: Client, _: Path) -> None:
    rule = next(one for one in client.get(*V1, "alert-rules") if not one.get("provenance"))
    path = (*V1, "folder", rule["folderUID"], "rule-groups", rule["ruleGroup"])
    group = client.get(*path)
    client.send("PUT", *path, body=group | {"interval": 600}, provenance=True)


THEIRS: dict[str, Callable[[Client, Path], None]] = {
    kinds.DATA_SOURCE: _data_source,
    kinds.DASHBOARD: _dashboard,
    kinds.MUTE_TIMING: _mute_timing,
    kinds.NOTIFICATION_TEMPLATE: _template,
    kinds.CONTACT_POINT: _contact_point,
    kinds.NOTIFICATION_POLICIES: _policies,
    kinds.RULE_GROUP: _rules,
}
"""What makes an object of each kind somebody else's at the target, and different."""


@pytest.mark.parametrize("unseen", [False, True], ids=["shown before", "refused"])
def test_what_others_provide_is_left_and_named_and_all_else_is_put(
    unseen: bool, backup: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the server shows it, or refuses the write only: the words of its refusal are told then."""
    write(backup, tmp_path / "tree")
    if unseen:
        monkeypatch.setattr(putting, "_leave_to_others", lambda _: None)
    with built(tmp_path / "theirs", "dashboard") as url:
        database = tmp_path / "theirs" / "grafana.db"
        for change in THEIRS.values():
            change(admin(url).within(1), database)
        _sql(database, "DELETE FROM annotation", "DELETE FROM data_source WHERE uid <> 'agama-mysql'")
        theirs = read(admin(url))
        receiver = GrafanaReceiver(admin(url))
        foreseen = receiver.foresee(tmp_path / "tree", "b").notes
        notes = receiver.receive(tmp_path / "tree", "b")
        now = read(admin(url))
    told = {kind for kind in THEIRS for note in foreseen if note.startswith(f"may be refused there: org 1 {kind}")}
    assert told == THEIRS.keys(), "named before anything is written"
    left = {
        kind for kind in THEIRS for note in notes if note.startswith(f"org 1 {kind}") and "was left as it is, and differs" in note
    }
    # What Grafana itself takes from the API's own when it is sent as nobody's: a group of rules.
    expected = THEIRS.keys() - ({kinds.RULE_GROUP} if unseen else set())
    assert left == expected
    if unseen:
        words = "\n".join(notes)
        for said in ("Cannot update read-only data source", "Cannot save provisioned dashboard", "provenance status 'api'"):
            assert said in words
    (lacking,) = receiver.lacking
    assert lacking.startswith(f"{len(expected)} objects not there as the backup has it: ")
    for key in backup.bodies:
        if key.kind in expected and theirs.bodies.get(key) != backup.bodies[key]:
            assert now.bodies.get(key) in (theirs.bodies.get(key), backup.bodies[key]), (
                f"{key} is neither theirs nor the backup's"
            )
    for kind in (kinds.ANNOTATION, kinds.FOLDER, kinds.PLAYLIST, kinds.DATA_SOURCE):
        assert now.of(1, kind).keys() >= backup.of(1, kind).keys(), "what comes after it in order is put, too"
    assert now.bodies[Key(1, kinds.DATA_SOURCE, "agama-mysql")]["url"] == "http://theirs.example"


def test_what_others_provide_and_is_equal_is_told_as_equal(backup: Objects, tmp_path: Path) -> None:
    write(backup, tmp_path / "tree")
    with built(tmp_path / "theirs", "dashboard") as url:
        _sql(tmp_path / "theirs" / "grafana.db", "UPDATE data_source SET read_only = 1 WHERE uid = 'agama-mysql'")
        receiver = GrafanaReceiver(admin(url))
        notes = receiver.receive(tmp_path / "tree", "b")
    assert "provided there by others, and equal to the backup: org 1 data source agama-mysql" in notes
    assert receiver.lacking == []
