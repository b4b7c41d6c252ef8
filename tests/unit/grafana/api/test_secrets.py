"""Secrets of contact points are read where they may be, put back, proven, and never shown; the server's mark is never written."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from backups.errors import LifeboatError, Transient
from backups.services.grafana.api import facts, kinds, not_restorable
from backups.services.grafana.api.objects import Key, Objects, write
from backups.services.grafana.api.resources import contact_points, hidden
from backups.services.grafana.api.resources.contact_points import CONTACT_POINTS
from backups.services.grafana.api.resources.hidden import REDACTED
from backups.services.grafana.api.resources.target import Target
from tests.unit.grafana.api.fake import Fake, faked

POINTS = "GET /api/v1/provisioning/contact-points"
EXPORT = "GET /api/v1/provisioning/contact-points/export"
SECRETS = ("hunter-one", "https://hooks.example/hunter-two", "hunter-three", "hunter-four")

WHOLE: list[dict[str, Any]] = [
    {"uid": "w", "name": "pager", "type": "webhook", "settings": {"url": "http://pager.example", "password": SECRETS[0]}},
    {"uid": "s", "name": "chat", "type": "slack", "settings": {"url": SECRETS[1], "title": "t"}},
    {
        "uid": "d",
        "name": "pager",
        "type": "webhook",
        "settings": {"http_config": {"oauth2": {"client_secret": SECRETS[2], "client_id": "i"}}, "lists": [{"key": SECRETS[3]}]},
    },
    {"uid": "", "name": "mail", "type": "email", "settings": {"addresses": "a@example.com"}},
]


def shown(value: Any) -> Any:
    """What the server shows of it."""
    text = json.dumps(value)
    for secret in SECRETS:
        text = text.replace(json.dumps(secret), json.dumps(REDACTED))
    return json.loads(text)


def export(points: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": 1,
        "contactPoints": [
            {"orgId": 1, "name": one["name"], "receivers": [{key: one[key] for key in ("uid", "type", "settings")}]}
            for one in points
        ],
    }


def read(points: list[dict[str, Any]] = WHOLE, decrypted: Any = None) -> tuple[Objects, Fake]:
    fake = Fake({POINTS: (200, shown(points)), EXPORT: (200, export(points)) if decrypted is None else decrypted})
    objects = Objects({Key(1, kinds.ORGANISATION, "Main Org."): {"name": "Main Org."}})
    with faked(fake) as client:
        CONTACT_POINTS.read(client, 1, objects)
    return objects, fake


def put(wanted: Objects, there: Objects) -> tuple[Target, Fake]:
    fake = Fake({}, lambda _: (202, {}))
    with faked(fake) as client:
        target = Target(client, wanted, there, {1: 1})
        CONTACT_POINTS.put(target, 1)
    assert REDACTED not in json.dumps([call.body for call in fake.calls])
    return target, fake


NOTHING = Objects({Key(1, kinds.ORGANISATION, "Main Org."): {"name": "Main Org."}})


@pytest.mark.parametrize("status", [400, 403, 500])
def test_a_server_that_repeats_what_it_was_sent_gives_no_secret_away(status: int) -> None:
    """Go quotes a url that it cannot read: `parse "https://…": invalid control character`."""
    odd = 'https://hooks.example/"hunter"/ü\n'
    points = [*WHOLE, {"uid": "o", "name": "odd", "type": "slack", "settings": {"url": odd}}]
    objects, _ = read(
        [one | {"settings": {"url": REDACTED}} if one["uid"] == "o" else one for one in points], (200, export(points))
    )
    fake = Fake({}, lambda call: (status, {"message": f"bad: {json.dumps(call.body)} {call.body}"}))
    with faked(fake) as client:
        target = Target(client, objects, NOTHING, {1: 1})
        try:
            CONTACT_POINTS.put(target, 1)
        except LifeboatError as error:
            target.refused[Key(1, kinds.CONTACT_POINT, "")] = f"{error} {error!r}"
    assert fake.writes
    assert target.refused
    told = f"{target.refused} {target.notes} {target.left}"
    assert "HTTP" in told or "answers 500" in told, "what is wrong is told up to there"
    assert "hunter" not in told


def test_every_secret_is_read_put_back_and_none_is_lost() -> None:
    objects, _ = read()
    assert not_restorable.secrets(objects) == []
    _, fake = put(objects, NOTHING)
    sent = {call.body["uid"]: call.body["settings"] for call in fake.writes}
    assert sent == {one["uid"]: one["settings"] for one in WHOLE}


def test_no_secret_is_in_a_fact_or_a_name_or_a_message() -> None:
    objects, _ = read()
    told = [*map(str, facts.facts(objects)), *objects.limits, *not_restorable.secrets(objects)]
    assert not any(secret in line for secret in SECRETS for line in told)
    # Nor does a hash say which one it is: a guess could be tried on it.
    other = copy.deepcopy(WHOLE)
    other[0]["settings"]["password"] = "hunter-five"
    objects_of_another, _ = read(other, (200, export(other)))
    fake = Fake({POINTS: (200, shown(WHOLE)), EXPORT: (200, export(other))})
    with faked(fake) as client:
        CONTACT_POINTS.read(client, 1, objects_of_another)
    assert facts.facts(objects_of_another) == facts.facts(objects)


@pytest.mark.parametrize(
    "refusal", [(403, {"message": "Permissions needed: alert.provisioning.secrets:read"}), (404, {}), (400, {}), Transient("cut")],
    ids=str,
)  # fmt: skip
def test_where_they_may_not_be_read_each_is_named_as_lost(refusal: Any) -> None:
    objects, _ = read(decrypted=refusal)
    assert not_restorable.secrets(objects) == [
        "org 1 contact point chat, slack s: url",
        "org 1 contact point pager, webhook d: http_config.oauth2.client_secret",
        "org 1 contact point pager, webhook d: lists[0].key",
        "org 1 contact point pager, webhook w: password",
    ]
    assert any("secrets of contact points cannot be read" in line for line in objects.limits)
    _, fake = put(objects, NOTHING)
    assert [call.method for call in fake.writes] == ["POST"] * 4
    assert "set-after-the-restore" in json.dumps([call.body for call in fake.writes])


def test_nobody_asks_for_secrets_where_there_are_none() -> None:
    _, fake = read(WHOLE[3:])
    assert [call.path for call in fake.calls] == ["/api/v1/provisioning/contact-points"]


def test_the_hash_is_that_of_a_backup_without_secrets() -> None:
    """A backup by an older Lifeboat goes on being proven."""
    with_secrets, without = read()[0], read(decrypted=(403, {}))[0]
    for name, body in with_secrets.of(1, kinds.CONTACT_POINT).items():
        assert CONTACT_POINTS.same(body, without.of(1, kinds.CONTACT_POINT)[name])


def _compared(wanted: Objects, now: Objects) -> tuple[list[Any], list[Any], Target]:
    with faked(Fake({})) as client:
        target = Target(client, wanted, NOTHING, {1: 1})
        CONTACT_POINTS.recognised(target, now)
    return facts.facts(wanted), facts.facts(now), target


def test_a_secret_that_came_back_is_proven_and_another_one_is_seen() -> None:
    expected, observed, _ = _compared(read()[0], read()[0])
    assert expected == observed
    assert {fact.subject: fact.value for fact in expected if fact.metric == "secrets"} == {
        "org 1 contact point chat": 1,
        "org 1 contact point pager": 3,
    }
    for secret in SECRETS:
        other = json.loads(json.dumps(WHOLE).replace(json.dumps(secret), '"another one"'))
        fake = Fake({POINTS: (200, shown(WHOLE)), EXPORT: (200, export(other))})
        now = Objects(NOTHING.packed)
        with faked(fake) as client:
            CONTACT_POINTS.read(client, 1, now)
        expected, observed, _ = _compared(read()[0], now)
        assert expected != observed, secret


def test_a_secret_that_cannot_be_read_there_is_told_and_not_proven() -> None:
    wanted = read()[0]
    expected, observed, target = _compared(wanted, read(decrypted=(403, {}))[0])
    assert expected == observed
    assert not [fact for fact in expected if fact.metric == "secrets"]
    assert len(target.notes) == 2
    assert all("cannot be read there" in note for note in target.notes)


def test_an_older_backup_is_compared_without_secrets() -> None:
    expected, observed, target = _compared(read(decrypted=(403, {}))[0], read()[0])
    assert expected == observed
    assert target.notes == []


def test_what_is_equal_secrets_and_all_is_not_written_again() -> None:
    _, fake = put(read()[0], read()[0])
    assert fake.writes == []
    other = copy.deepcopy(WHOLE)
    other[1]["settings"]["url"] = "another one"
    there = Objects(NOTHING.packed)
    with faked(Fake({POINTS: (200, shown(WHOLE)), EXPORT: (200, export(other))})) as client:
        CONTACT_POINTS.read(client, 1, there)
    _, fake = put(read()[0], there)
    assert [(call.method, call.body["settings"]["url"]) for call in fake.writes] == [("PUT", SECRETS[1])]


def test_a_secret_that_is_known_there_only_stays() -> None:
    wanted, there = read(decrypted=(403, {}))[0], read()[0]
    key = Key(1, kinds.CONTACT_POINT, "chat")
    body = there.bodies[key]
    body["integrations"][0]["settings"] |= {"title": "changed since"}
    there.bodies[key] = body
    _, fake = put(wanted, there)
    assert [call.body["settings"] for call in fake.writes] == [{"url": SECRETS[1], "title": "t"}]


def test_what_is_kept_of_a_server_before_a_restore_has_none(tmp_path: Path) -> None:
    write(contact_points.without_secrets(read()[0]), tmp_path / "kept")
    write(read()[0], tmp_path / "backup")
    kept, whole = ("".join(path.read_text() for path in (tmp_path / name).rglob("*.json")) for name in ("kept", "backup"))
    assert not any(secret in kept for secret in SECRETS)
    assert all(secret in whole for secret in SECRETS)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "backup").rglob("*.json")} == {0o600}


def test_two_integrations_that_cannot_be_told_apart_get_nobodys_secret() -> None:
    twice = [dict(WHOLE[0], uid=""), dict(WHOLE[0], uid="", settings={"url": "http://other.example", "password": SECRETS[2]})]
    objects, _ = read(twice)
    assert len(not_restorable.secrets(objects)) == 2


def test_what_hides_secrets_is_a_round_trip() -> None:
    for one in WHOLE:
        filled, where = hidden.filled_in(shown(one["settings"]), one["settings"])
        assert filled == one["settings"]
        assert hidden.hidden_again(filled, where) == shown(one["settings"])
        assert [hidden.at(one["settings"], place) for place in where] == [
            hidden.at(filled, place) for place in hidden.redacted(shown(one["settings"]))
        ]
