"""People of a backup are recognised among a server's accounts by login or e-mail; whoever is there already is kept, and told."""

from itertools import count
from typing import Any

import pytest

from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources import people
from backups.services.grafana.api.resources.members import MEMBERS
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.api.resources.users import USERS
from tests.unit.grafana.api.fake import Call, Fake, Said, faked, recorded

ORGANISATION = {"name": "Main Org."}


def user(login: str, email: str, *, admin: bool = False) -> dict[str, Any]:
    return {"login": login, "email": email, "name": login.title(), "isAdmin": admin, "isDisabled": False}


def member(login: str, email: str, role: str) -> dict[str, Any]:
    return {"login": login, "email": email, "name": login.title(), "role": role}


def objects(*users: dict[str, Any], **roles: str) -> Objects:
    found = Objects({Key(1, kinds.ORGANISATION, "Main Org."): ORGANISATION})
    for number, one in enumerate(users, 1):
        key = Key(0, kinds.USER, one["login"])
        found.bodies[key], found.numbers[key] = one, number
        if role := roles.get(one["login"]):
            inside = Key(1, kinds.MEMBER, one["login"])
            found.bodies[inside], found.numbers[inside] = member(one["login"], one["email"], role), number
    return found


def server(there: Objects) -> Fake:
    """Takes people as a Grafana does: no two of one login or e-mail."""
    numbers = count(100)
    accounts = {str(there.number(0, kinds.USER, login)): body for login, body in there.of(0, kinds.USER).items()}

    def answer(call: Call) -> Said:
        if (call.method, call.path) == ("POST", "/api/admin/users"):
            held = {name.casefold() for one in accounts.values() for name in (one["login"], one["email"]) if name}
            if held & {call.body[name].casefold() for name in ("login", "email") if call.body[name]}:
                said = f"User with email '{call.body['email']}' or username '{call.body['login']}' already exists"
                return 412, {"message": said}
            made = next(numbers)
            accounts[str(made)] = call.body
            return 200, {"id": made}
        if call.method == "PUT" and (number := call.path.removeprefix("/api/users/")) in accounts:
            accounts[number] = accounts[number] | call.body
        if (call.method, call.path) == ("GET", "/api/org/users"):
            return 200, [dict(body) for body in there.of(1, kinds.MEMBER).values()]
        return (200, {"message": "done"}) if call.method != "GET" else (404, {"message": "user not found"})

    return Fake({}, answer)


def put(wanted: Objects, there: Objects, login: str = "root") -> tuple[Target, Fake]:
    fake = server(there)
    with faked(fake, login) as client:
        target = Target(client, wanted, there, {1: 1})
        USERS.put(target, 0)
        MEMBERS.put(target, 1)
    assert target.refused == {}
    return target, fake


ROOT = user("root", "root@example.com", admin=True)

CLASHES = {
    "another login, the same e-mail": (user("admin", "me@example.com"), user("keeper", "me@example.com")),
    "the same e-mail in another case": (user("admin", "Me@Example.com"), user("keeper", "me@example.COM")),
    "the same login in another case": (user("Anna", "anna@example.com"), user("anna", "other@example.com")),
    "a login that is another's e-mail": (user("me@example.com", ""), user("keeper", "me@example.com")),
    "an e-mail that is another's login": (user("admin", "keeper"), user("keeper", "me@example.com")),
}


@pytest.mark.parametrize("clash", CLASHES)
def test_an_account_of_the_same_login_or_e_mail_is_kept_and_gets_what_was_given(clash: str) -> None:
    mine, theirs = CLASHES[clash]
    wanted = objects(mine, user("bob", "bob@example.com"), **{mine["login"]: "Editor", "bob": "Viewer"})
    target, fake = put(wanted, objects(ROOT, theirs, root="Admin"))
    assert target.stands_in == {mine["login"]: theirs["login"]}
    assert list(target.made) == ["bob"], "all else goes on"
    assert not [
        call for call in fake.writes if call.path.startswith("/api/users/2") or call.path.startswith("/api/admin/users/2")
    ]
    given = [call.body for call in fake.writes if call.path == "/api/org/users"]
    assert {"loginOrEmail": theirs["login"], "role": "Editor"} in given
    (note,) = [note for note in target.notes if mine["login"] in note]
    assert f"account {theirs['login']} has its login or e-mail there" in note


@pytest.mark.field
def test_a_real_servers_refusal_of_an_e_mail_is_one_that_is_recognised() -> None:
    """The server knows an account that it does not list: looked up by the e-mail."""
    refusal = recorded("extra/012")
    wanted = objects(user("admin", "admin@localhost"), admin="Admin")
    answers = {
        "POST /api/admin/users": (refusal["status"], refusal["body"]),
        "GET /api/users/lookup": (200, {"id": 77, "login": "hidden"}),
        "GET /api/org/users": (200, []),
    }
    with faked(Fake(answers, lambda _: (200, {}))) as client:
        target = Target(client, wanted, objects(ROOT), {1: 1})
        USERS.put(target, 0)
        assert target.refused == {}
        assert target.stands_in == {"admin": "hidden"}
        assert target.person(1, "admin") == 77


def test_whoever_restores_stays_what_they_are() -> None:
    wanted = objects(user("root", "other@example.com"), root="Viewer")
    target, fake = put(wanted, objects(ROOT, root="Admin"))
    assert fake.writes == []
    assert {Key(0, kinds.USER, "root"), Key(1, kinds.MEMBER, "root")} <= target.unattainable


def test_somebody_who_is_there_makes_way_before_others_are_made() -> None:
    """The e-mail that one had there goes to another."""
    wanted = objects(user("anna", "anna@new.example"), user("bob", "anna@old.example"))
    target, fake = put(wanted, objects(ROOT, user("anna", "anna@old.example")))
    assert [call.path for call in fake.writes[:1]] == ["/api/users/2"]
    assert target.stands_in == {}


def test_an_e_mail_that_somebody_else_has_there_is_told() -> None:
    wanted = objects(user("anna", "shared@example.com"))
    target, fake = put(wanted, objects(ROOT, user("anna", "anna@example.com"), user("carl", "shared@example.com")))
    assert fake.writes == []
    assert target.notes == [
        "grafana user anna: its e-mail shared@example.com is that of account carl there: both are kept as they are"
    ]


def test_what_the_server_says_of_an_account_is_compared_under_the_backups_login() -> None:
    wanted = objects(user("admin", "me@example.com"), admin="Editor")
    there = objects(ROOT, user("keeper", "me@example.com"))
    target, _ = put(wanted, there)
    now = objects(ROOT, user("keeper", "me@example.com"), keeper="Editor")
    now.bodies[Key(1, kinds.TEAM_MEMBERS, "Ops")] = {"members": [{"login": "keeper", "permission": 4}]}
    now.bodies[Key(1, kinds.FOLDER_PERMISSIONS, "f")] = {"items": [{"to": "user keeper", "permission": 2}]}
    people.named_as_in_the_backup(target, now)
    assert now.bodies[Key(1, kinds.MEMBER, "admin")] == wanted.bodies[Key(1, kinds.MEMBER, "admin")]
    assert now.bodies[Key(1, kinds.TEAM_MEMBERS, "Ops")]["members"][0]["login"] == "admin"
    assert now.bodies[Key(1, kinds.FOLDER_PERMISSIONS, "f")]["items"][0]["to"] == "user admin"
    # A lesser role than the backup's is still seen.
    now.bodies[Key(1, kinds.MEMBER, "admin")] |= {"role": "Viewer"}
    assert not MEMBERS.same(now.bodies[Key(1, kinds.MEMBER, "admin")], wanted.bodies[Key(1, kinds.MEMBER, "admin")])


def test_a_token_recognises_members_by_their_e_mail() -> None:
    wanted = objects(user("admin", "me@example.com"), admin="Editor")
    there = objects(user("keeper", "me@example.com"), keeper="Viewer")
    there.closed[0, kinds.USER] = "only the server's administrator may read the server's users"
    target, fake = put(wanted, there)
    assert [(call.method, call.path, call.body) for call in fake.writes] == [("PATCH", "/api/org/users/1", {"role": "Editor"})]
    assert target.stands_in == {"admin": "keeper"}


@pytest.mark.parametrize("random", ["x" * 32, "0" * 32, "-" * 32, "X" * 32])
def test_a_new_users_password_is_taken_where_passwords_have_to_be_of_all_kinds(
    random: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`[auth.basic] password_policy`: at least 12 characters, an upper and a lower letter, a number and a symbol."""
    monkeypatch.setattr("secrets.token_urlsafe", lambda _: random)
    there = objects(user("root", "root@example.test", admin=True), root="Admin")
    fake = server(there)
    with faked(fake) as client:
        USERS.put(Target(client, objects(user("new", "new@example.test"), new="Viewer"), there, {1: 1}), 0)
    (made,) = (call.body for call in fake.writes if call.path == "/api/admin/users")
    password = made["password"]
    assert len(password) >= 12
    kinds_of = {(one.isupper(), one.islower(), one.isdigit(), not one.isalnum()) for one in password}
    assert len(kinds_of) == 4


@pytest.mark.parametrize("changed", [{"email": "other@example.test"}, {"name": "Other"}])
@pytest.mark.parametrize("why", ["restores", "no administrator", "another's e-mail", "single sign-on", "nothing"])
def test_a_member_whose_account_is_kept_as_it_is_is_compared_by_the_role(why: str, changed: dict[str, str]) -> None:
    """The administrator of a new server seldom has the e-mail of the old one's."""
    wanted = objects(user("ann", "ann@example.test"), ann="Editor")
    there = objects(user("ann", "ann@example.test") | changed, ann="Editor")
    there.bodies[Key(1, kinds.MEMBER, "ann")] |= changed
    if why == "no administrator":
        there.closed[0, kinds.USER] = "HTTP 403"
    account, member_of = Key(0, kinds.USER, "ann"), Key(1, kinds.MEMBER, "ann")
    for role in ("Editor", "Viewer"):
        now = Objects(there.packed)
        now.bodies[member_of] = there.bodies[member_of] | {"role": role}
        with faked(server(there), login="ann" if why == "restores" else "root") as client:
            target = Target(client, wanted, there, {1: 1})
            if why == "restores":
                USERS.put(target, 0)
            elif why == "another's e-mail":
                target.cannot(account, "it is that of another account")
            elif why == "single sign-on":
                target.leave(account, "external user")
            people.named_as_in_the_backup(target, now)
        same = MEMBERS.same(now.bodies[member_of], wanted.bodies[member_of])
        assert same == (role == "Editor" and why != "nothing")
        assert any("another name or e-mail" in note for note in target.notes) == (why != "nothing")
