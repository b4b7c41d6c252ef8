"""What a server answers otherwise than those that were tried: each list that is refused has another way, each write its check."""

from collections.abc import Mapping
from typing import Any

import pytest

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources.dashboards import DASHBOARDS
from backups.services.grafana.api.resources.data_sources import DATA_SOURCES
from backups.services.grafana.api.resources.folders import FOLDERS
from backups.services.grafana.api.resources.preferences import TEAM_PREFERENCES
from backups.services.grafana.api.resources.rule_groups import RULE_GROUPS
from backups.services.grafana.api.resources.target import Target
from tests.unit.grafana.api.fake import Call, Fake, faked

LIST = "GET /apis/folder.grafana.app/v1/namespaces/default/folders"
SEARCH = "GET /api/search"
RULES = "GET /api/v1/provisioning/alert-rules"
MAIN = {Key(1, kinds.ORGANISATION, "Main Org."): {"name": "Main Org."}}
REFUSALS = [400, 403, 404, 405, 406, 500, 503]


def level(call: Call) -> tuple[int, Any]:
    """The old list: the fake shows no parameters, so that the one folder is at the top and in itself."""
    return (200, [{"uid": "a", "title": "A"}]) if call.path == "/api/folders" else (404, {})


@pytest.mark.parametrize("status", REFUSALS)
@pytest.mark.parametrize("refused", [LIST, SEARCH])
def test_folders_are_read_whichever_list_is_refused(refused: str, status: int) -> None:
    items = [{"metadata": {"name": "a"}, "spec": {"title": "A", "description": "d"}}]
    answers: dict[str, Any] = {
        "GET /api/frontend/settings": (200, {"namespace": "default"}),
        LIST: (200, {"items": items, "metadata": {}}),
        SEARCH: (200, [{"uid": "a"}]),
    }
    objects, fake = Objects(), Fake(answers | {refused: (status, {"message": "no"})}, level)
    with faked(fake) as client:
        FOLDERS.read(client, 1, objects)
    described = "d" if refused == SEARCH else ""
    assert objects.of(1, kinds.FOLDER) == {"a": {"uid": "a", "title": "A", "parentUid": "", "description": described}}
    whole = Fake(answers, level)
    with faked(whole) as client:
        FOLDERS.read(client, 1, Objects())
    assert not [call for call in whole.calls if call.path == "/api/folders"], "the list is enough"


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("ruler", [404, 403, 500])
def test_each_rule_keeps_its_own_provenance_where_each_group_is_asked(groups: int, ruler: int) -> None:
    """A group answers with one for all its rules, or with none."""
    rules = [
        {"uid": f"{number}{whose}", "title": "T", "folderUID": "f", "ruleGroup": f"g{number}", "provenance": whose}
        for number in range(groups)
        for whose in ("", "api", "file")
    ]

    def group(call: Call) -> tuple[int, Any]:
        title = call.path.rpartition("/")[2]
        alike = [rule | {"provenance": ""} for rule in rules if rule["ruleGroup"] == title]
        return 200, {"title": title, "folderUid": "f", "interval": 70, "rules": alike}

    ways = {f"GET /api/v1/provisioning/folder/f/rule-groups/g{number}": group for number in range(groups)}
    answers: dict[str, Any] = {RULES: (200, rules), "GET /api/ruler/grafana/api/v1/rules": (ruler, {}), **ways}
    objects = Objects()
    with faked(Fake(answers)) as client:
        RULE_GROUPS.read(client, 1, objects)
    found = objects.of(1, kinds.RULE_GROUP)
    assert len(found) == groups
    for body in found.values():
        assert [rule["provenance"] for rule in body["rules"]] == ["", "api", "file"]
        assert body["interval"] == 70


def put(resource: Any, wanted: Mapping[Key, dict[str, Any]], had: Mapping[Key, dict[str, Any]], answer: Any) -> list[Call]:
    fake = Fake({"GET /api/frontend/settings": (200, {"namespace": "default"})}, answer)
    with faked(fake) as client:
        resource.put(Target(client, Objects({**MAIN, **wanted}), Objects({**MAIN, **had}), {1: 1}), 1)
    return fake.writes


@pytest.mark.parametrize("default", [None, "a", "b"])
def test_the_default_data_source_is_the_backups_and_none_where_it_has_none(default: str | None) -> None:
    """The first one of an organisation becomes its default, whatever is sent."""
    wanted = {
        Key(1, kinds.DATA_SOURCE, uid): {"uid": uid, "name": uid, "type": "x", "isDefault": uid == default} for uid in ("a", "b")
    }
    there: dict[str, bool] = {}

    def save(call: Call) -> tuple[int, Any]:
        uid = call.body["uid"]
        is_default = bool(call.body["isDefault"]) or (call.method == "POST" and not there)
        if is_default:
            there.update(dict.fromkeys(there, False))
        there[uid] = is_default
        return 200, {"datasource": {"uid": uid, "isDefault": is_default}}

    put(DATA_SOURCES, wanted, {}, save)
    assert there == {"a": default == "a", "b": default == "b"}


@pytest.mark.parametrize("there", [True, False])
def test_a_new_dashboard_is_never_let_over_another_of_its_title(there: bool) -> None:
    """Versions whose titles are unique write over the other one then, under another uid."""
    key = Key(1, kinds.DASHBOARD, "d")
    body: dict[str, Any] = {"apiVersion": "", "folderUid": "", "spec": {"title": "T"}}
    had = {key: body | {"spec": {"title": "Before"}}} if there else {}
    (sent,) = put(DASHBOARDS, {key: body}, had, lambda _: (200, {}))
    assert sent.body["overwrite"] is there


def test_preferences_of_a_team_are_written_where_they_differ() -> None:
    key, team = Key(1, kinds.TEAM_PREFERENCES, "ops"), Key(1, kinds.TEAM, "ops")
    wanted = {team: {"name": "ops"}, key: {"theme": "dark"}}
    assert put(TEAM_PREFERENCES, wanted, wanted, lambda _: (200, {})) == []
    assert len(put(TEAM_PREFERENCES, wanted, {team: {"name": "ops"}}, lambda _: (200, {}))) == 1
