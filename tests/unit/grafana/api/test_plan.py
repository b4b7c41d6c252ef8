"""A restore is planned before it writes: what a write would replace is sent along, and whatever is in the way is named at once."""

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from backups.services.grafana.api import kinds, wholes
from backups.services.grafana.api.clashes import Version
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.plan import planned
from backups.services.grafana.api.resources.order import RESOURCES
from backups.services.grafana.api.resources.users import USERS

NEW, OLD = (12, 4), (11, 0)
Body = dict[str, Any]


def objects(*found: tuple[str, str, Body], organisation: int = 1) -> Objects:
    bodies = {Key(organisation, kind, name): body for kind, name, body in found}
    return Objects({Key(organisation, kinds.ORGANISATION, "Main Org."): {"name": "Main Org."}} | bodies)


def source(uid: str, name: str) -> tuple[str, str, Body]:
    return kinds.DATA_SOURCE, uid, {"uid": uid, "name": name, "type": "prometheus"}


def folder(uid: str, parent: str = "", title: str = "") -> tuple[str, str, Body]:
    return kinds.FOLDER, uid, {"uid": uid, "title": title or uid, "parentUid": parent, "description": ""}


def board(uid: str, title: str, inside: str = "") -> tuple[str, str, Body]:
    return kinds.DASHBOARD, uid, {"apiVersion": "", "folderUid": inside, "spec": {"title": title}}


def group(title: str, *rules: str, inside: str = "f", interval: int = 60) -> tuple[str, str, Body]:
    made = [{"uid": uid, "title": f"Title of {uid}"} for uid in rules]
    return kinds.RULE_GROUP, f"{inside}/{title}", {"folderUid": inside, "title": title, "interval": interval, "rules": made}


def panel(uid: str, name: str, inside: str = "") -> tuple[str, str, Body]:
    return kinds.LIBRARY_PANEL, uid, {"uid": uid, "name": name, "folderUid": inside, "kind": 1, "model": {}}


def route(team: str, receiver: str = "", *routes: Body) -> Body:
    return {"object_matchers": [["team", "=", team]], "receiver": receiver} | ({"routes": list(routes)} if routes else {})


def tree(*routes: Body, receiver: str = "mail") -> tuple[str, str, Body]:
    return kinds.NOTIFICATION_POLICIES, "", {"receiver": receiver, "routes": list(routes)}


def given(kind: str, **permissions: int) -> tuple[str, str, Body]:
    return kind, "f", {"items": [{"to": f"user {name}", "permission": level} for name, level in sorted(permissions.items())]}


def members(*logins: str) -> tuple[str, str, Body]:
    return kinds.TEAM_MEMBERS, "ops", {"members": [{"login": login, "permission": 0} for login in logins]}


WHOLE: dict[str, tuple[tuple[str, str, Body], tuple[str, str, Body], tuple[str, str, Body], list[str]]] = {
    "a rule of the server in a group of that name": (
        group("g", "a"), group("g", "x", "a", interval=10), group("g", "a", "x"), ["rule Title of x (x)"],
    ),
    "a route beside the backup's": (
        tree(route("a", "hook")), tree(route("b", "pager"), route("a", "old"), receiver="x"),
        tree(route("a", "hook"), route("b", "pager")), ['route [[["team","=","b"]]] to pager'],
    ),
    "a route inside one of the backup's": (
        tree(route("a", "hook", route("c"))), tree(route("a", "old", route("d"), route("c"))),
        tree(route("a", "hook", route("c"), route("d"))), ['route [[["team","=","d"]]] to the receiver above it'],
    ),
    "routes where the backup has none": (
        tree(), tree(route("b", "pager")), tree(route("b", "pager")), ['route [[["team","=","b"]]] to pager'],
    ),
    "routes that match the same, and more of them": (
        tree(route("a", "hook")), tree(route("a", "old", route("c")), route("b"), route("a", "pager", route("d"))),
        tree(route("a", "hook", route("c")), route("b"), route("a", "pager", route("d"))),
        ['route [[["team","=","c"]]] to the receiver above it', 'route [[["team","=","b"]]] to the receiver above it',
         'route [[["team","=","a"]]] to pager'],
    ),
    "a member of a team": (members("ann"), members("ann", "bob"), members("ann", "bob"), ["user bob"]),
    "what somebody was given on a folder": (
        given(kinds.FOLDER_PERMISSIONS, ann=4), given(kinds.FOLDER_PERMISSIONS, ann=1, bob=2),
        given(kinds.FOLDER_PERMISSIONS, ann=4, bob=2), ["user bob (Edit)"],
    ),
    "what somebody was given on a dashboard": (
        given(kinds.DASHBOARD_PERMISSIONS), given(kinds.DASHBOARD_PERMISSIONS, bob=1),
        given(kinds.DASHBOARD_PERMISSIONS, bob=1), ["user bob (View)"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WHOLE)
def test_what_a_write_would_replace_is_sent_along_and_named(case: str) -> None:
    wanted, had, merged, named = WHOLE[case]
    plan = planned(objects(wanted), objects(had), version=NEW)
    key = Key(1, *wanted[:2])
    assert plan.wanted.bodies[key] == merged[2]
    assert plan.kept == [f"{key}: {one}" for one in named]
    elsewhere = objects(had, organisation=2)
    elsewhere.bodies.update(objects(wanted).bodies)
    both = planned(elsewhere, objects(had), version=NEW)
    assert both.wanted.bodies[key] == merged[2], "another organisation of the backup has nothing to do with it"
    again = planned(objects(wanted), objects(merged), version=NEW)
    assert again.wanted.bodies[key] == merged[2], "twice in a row changes nothing"
    alone = planned(objects(wanted), objects(wanted), version=NEW)
    assert (alone.wanted.bodies[key], alone.kept) == (wanted[2], [])


def test_every_kind_that_is_written_whole_has_its_case() -> None:
    assert {wanted[0] for wanted, *_ in WHOLE.values()} == {*wholes.WHOLES, kinds.RULE_GROUP}


def test_what_an_earlier_try_made_is_its_own_and_not_kept() -> None:
    """A new folder's first owner is whoever made it: that is not what the server had."""
    wanted = objects(given(kinds.FOLDER_PERMISSIONS, ann=1))
    had = objects(given(kinds.FOLDER_PERMISSIONS, ann=1, restorer=4))
    key = Key(1, kinds.FOLDER_PERMISSIONS, "f")
    assert len(planned(wanted, had, version=NEW).wanted.bodies[key]["items"]) == 2
    plan = planned(wanted, had, first=set(), version=NEW, login="restorer")
    assert plan.wanted.bodies[key] == wanted.bodies[key]
    assert (plan.kept, plan.held) == ([], [])


@pytest.mark.parametrize("case", WHOLE)
@pytest.mark.parametrize("login", ["restorer", None])
def test_what_people_add_between_two_tries_is_kept_and_named(case: str, login: str | None) -> None:
    """What the server itself gives who makes a folder or a team is not among it."""
    wanted, had, merged, named = WHOLE[case]
    kind, name, there = copy.deepcopy(had)
    if "items" in there:
        own = "user restorer" if login else "service account robot"
        there["items"] += [{"to": to, "permission": level} for to, level in ((own, 4), ("role Editor", 2), ("role Viewer", 1))]
    elif "members" in there and login:
        there["members"].append({"login": login, "permission": 4})
    plan = planned(objects(wanted), objects((kind, name, there)), first=set(), version=NEW, login=login)
    key = Key(1, *wanted[:2])
    assert plan.wanted.bodies[key] == merged[2]
    assert plan.kept == [f"{key}: {one}" for one in named]
    untouched = {**there, **{name: there[name][len(had[2][name]) :] for name in ("items", "members") if name in there}}
    if untouched != there:
        gone_on = planned(objects(wanted), objects((kind, name, untouched)), first=set(), version=NEW, login=login)
        assert (gone_on.replaced, gone_on.kept) == ([], []), "nobody came between"


EVERY: dict[str, Body] = {one.kind: {"name": "x", "items": [], "members": []} for one in (*RESOURCES, USERS)}
"""An object of every kind."""


@pytest.mark.parametrize("first", [None, frozenset[Key]()], ids=["at once", "gone on with"])
@pytest.mark.parametrize("kind", EVERY)
def test_whatever_is_written_over_is_named(kind: str, first: frozenset[Key] | None) -> None:
    """Accounts and settings too, which are in nobody's way; and what people changed since an earlier try."""
    mine = {"items": [{"to": "team a", "permission": 1}], "members": [{"login": "ann", "permission": 0}]}
    theirs = {"items": [{"to": "team a", "permission": 2}], "members": [{"login": "ann", "permission": 4}]}
    wanted, there = objects((kind, "x", EVERY[kind] | mine)), objects((kind, "x", EVERY[kind] | theirs | {"name": "y"}))
    plan = planned(wanted, there, first=first, version=NEW)
    assert [*plan.held, *map(str, plan.replaced)] == [str(Key(1, kind, "x"))]
    same = planned(wanted, wanted, first=first, version=NEW)
    assert [*same.held, *same.replaced] == []


@pytest.mark.parametrize("kind", sorted({*wholes.WHOLES, kinds.RULE_GROUP}))
def test_what_cannot_be_read_there_is_not_replaced(kind: str) -> None:
    wanted, *_ = next(case for case in WHOLE.values() if case[0][0] == kind)
    before = objects()
    before.closed[1, kind] = "HTTP 403"
    plan = planned(objects(wanted), before, version=NEW)
    assert plan.unseen == {Key(1, *wanted[:2])}
    assert not plan.wanted.of(1, kind)


def test_a_rule_goes_back_to_its_group_and_the_emptied_one_is_named() -> None:
    wanted = objects(group("one", "a", "b"))
    plan = planned(wanted, objects(group("one", "a"), group("two", "b"), group("three", "b2", "a2")), version=NEW)
    assert plan.moved == [
        "rule b of org 1 rule group f/two goes back to org 1 rule group f/one",
        "org 1 rule group f/two holds nothing else, and is gone then",
    ]
    assert plan.emptied == {Key(1, kinds.RULE_GROUP, "f/two")}
    assert plan.held == ["org 1 rule group f/one", "org 1 rule group f/three"]
    stays = planned(wanted, objects(group("one"), group("two", "b", "x")), version=NEW)
    assert (stays.emptied, len(stays.moved)) == (set(), 1)


def test_what_is_equal_to_the_backup_is_in_nobodys_way() -> None:
    wanted = objects(source("a", "A"), folder("f"), board("d", "D", "f"))
    assert planned(wanted, wanted, version=NEW).held == []
    changed = objects(source("a", "B"), folder("f"), board("d", "D", "f"), board("e", "E"))
    assert planned(wanted, changed, version=NEW).held == ["org 1 dashboard e", "org 1 data source a"]


CLASHES: dict[str, tuple[Objects, Objects, Version, list[str]]] = {
    "a data source's name": (
        objects(source("a", "Prometheus")), objects(source("b", "Prometheus")), NEW,
        ["org 1 data source a: its name Prometheus is that of b there"],
    ),
    "names that two have exchanged": (
        objects(source("a", "A"), source("b", "B")), objects(source("a", "B"), source("b", "A")), NEW,
        ["org 1 data source a: its name A has been exchanged with another's there",
         "org 1 data source b: its name B has been exchanged with another's there"],
    ),
    "a name that is given up": (objects(source("b", "X"), source("a", "A")), objects(source("a", "X"), source("b", "B")), NEW, []),
    "service accounts' logins": (
        objects((kinds.SERVICE_ACCOUNT, "My Robot", {"name": "My Robot"})),
        objects((kinds.SERVICE_ACCOUNT, "my-robot", {"name": "my-robot"})), NEW,
        ["org 1 service account My Robot: its login, which is made of its name, my-robot is that of my-robot there"],
    ),
    "a dashboard's title, before 11.1": (
        objects(board("a", "T", "f"), folder("f")), objects(board("b", "T", "f"), folder("f")), OLD,
        ["org 1 dashboard a: its title T in f is that of b there"],
    ),
    "a dashboard's title, since 12.4": (objects(board("a", "T")), objects(board("b", "T")), NEW, []),
    "two titles of the backup, before 11.1": (
        objects(board("a", "T"), board("b", "T")), objects(), OLD,
        ["org 1 dashboard b: its title T in no folder is that of a in the backup"],
    ),
    "a folder's title, before 11.1": (
        objects(folder("a", title="T")), objects(folder("b", title="T")), OLD, ["org 1 folder a: its title T is that of b there"],
    ),
    "a library panel's name, before 11.1": (
        objects(panel("a", "T")), objects(panel("b", "T")), OLD, ["org 1 library panel a: its name T is that of b there"],
    ),
    "a rule's title, before 11.1": (
        objects(group("g", "a")), objects((*group("h", "b")[:2], group("h", "b")[2] | {"rules": [{"uid": "b", "title": "Title of a"}]})),
        OLD, ["org 1 rule group f/g: its rule's title Title of a in f is that of f/h there"],
    ),
    "a rule that moves back, before 11.1": (objects(group("g", "a")), objects(group("h", "a")), OLD, []),
    "a dashboard's uid is a folder's, before 12.4": (
        objects(board("x", "T")), objects(folder("x")), OLD, ["org 1 dashboard x: its uid is that of a folder there"],
    ),
    "a folder's uid is a dashboard's, before 12.4": (
        objects(folder("x")), objects(board("x", "T")), (12, 3), ["org 1 folder x: its uid is that of a dashboard there"],
    ),
    "one uid for both, since 12.4": (objects(board("x", "T")), objects(folder("x")), NEW, []),
    "a folder without its parent": (
        objects(folder("a", "gone")), objects(), NEW,
        ["org 1 folder a: the folder gone that it is in is neither in the backup nor there"],
    ),
    "a folder whose parent is there": (objects(folder("a", "p")), objects(folder("p")), NEW, []),
    "folders in a ring": (
        objects(folder("a", "b")), objects(folder("b", "a")), NEW, ["org 1 folder a: it is in b, which is in itself: b in a"],
    ),
    "folders turned over": (objects(folder("b"), folder("a", "b")), objects(folder("a"), folder("b", "a")), NEW, []),
    "a rule that another organisation's backup has, before 11.1": (
        Objects({**objects(group("g", "a")).bodies, **objects(group("h", "b"), organisation=2).bodies}),
        objects((*group("h", "a")[:2], group("h", "a")[2] | {"rules": [{"uid": "b", "title": "Title of a"}]})), OLD,
        ["org 1 rule group f/g: its rule's title Title of a in f is that of f/h there"],
    ),
    "another organisation's": (
        objects(source("a", "P")), objects(source("b", "P"), organisation=2), NEW, [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CLASHES)
def test_what_is_in_the_way_is_named(case: str) -> None:
    wanted, before, version, expected = CLASHES[case]
    assert planned(wanted, before, version=version).clashes == expected


def test_all_clashes_are_named_at_once() -> None:
    wanted = objects(source("a", "P"), source("c", "Q"), folder("n", "gone"), folder("f"), board("x", "T", "f"))
    before = objects(source("b", "P"), source("d", "Q"), board("y", "T", "f"))
    assert len(planned(wanted, before, version=OLD).clashes) == 4


@pytest.mark.parametrize("version", [None, (11, 1), (12, 3)])
def test_what_only_some_versions_refuse_is_a_doubt_where_that_is_not_known(version: Version) -> None:
    plan = planned(objects(board("a", "T")), objects(board("b", "T")), version=version)
    assert plan.clashes == []
    assert plan.doubts == ["org 1 dashboard a: its title T in no folder is that of b there"]


def test_one_uid_for_a_folder_and_a_dashboard_is_a_doubt_where_the_version_is_hidden() -> None:
    plan = planned(objects(board("x", "T")), objects(folder("x")), version=None)
    assert (plan.clashes, plan.doubts) == ([], ["org 1 dashboard x: its uid is that of a folder there"])


def test_who_gives_up_a_name_goes_before_who_takes_it() -> None:
    names = [source(uid, name) for uid, name in (("d", "C"), ("c", "B"), ("b", "A"), ("a", "Z"))]
    wanted = objects(*names)
    before = objects(source("a", "A"), source("b", "B"), source("c", "C"), source("d", "D"))
    assert list(planned(wanted, before, version=NEW).wanted.of(1, kinds.DATA_SOURCE)) == ["a", "b", "c", "d"]


def test_the_order_of_all_else_stays() -> None:
    every = objects(*(case[0] for case in WHOLE.values()), source("a", "A"))
    kinds_in_order = [key.kind for key in every.bodies]
    assert [key.kind for key in planned(every, objects(), version=NEW).wanted.bodies] == kinds_in_order
    assert {one.kind for one in RESOURCES} >= set(kinds_in_order) - {kinds.ORGANISATION}


def test_a_merge_never_changes_what_it_is_given() -> None:
    for wanted, had, *_ in WHOLE.values():
        before: Mapping[str, Any] = {"wanted": str(wanted), "had": str(had)}
        planned(objects(wanted), objects(had), version=NEW)
        assert before == {"wanted": str(wanted), "had": str(had)}
