"""Alerting as a real 12.4.3 was seen to do it: an organisation's first minute, whose an object is, secrets for whoever may have them."""

import base64
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups.machine.wait import wait_until
from deployments.grafana_standin.database import build
from deployments.grafana_standin.serving import serving
from tests.integration.grafana.standin.harness import EDITOR, Ask, asker

NOBODYS = {"X-Disable-Provenance": "true"}
PROVISIONING = "/api/v1/provisioning"
REFUSED = {"contact-points": 500, "contact-points/export": 500, "templates": 500, "mute-timings": 500, "policies": 404}


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Ask]:
    """One server for the tests that need no other settings."""
    build(tmp_path / "grafana.db", layout="resource", secret_key="the key")
    with serving(tmp_path, GF_SECURITY_SECRET_KEY="the key") as url:
        yield asker(url)


class TestTheFirstMinute:
    """A new organisation has no Alertmanager before the server's next look."""

    @staticmethod
    def statuses(ask: Ask, number: int) -> dict[str, int]:
        header = {"X-Grafana-Org-Id": str(number)}
        return {name: ask(f"{PROVISIONING}/{name}", headers=header).status_code for name in REFUSED}

    def test_until_the_look_it_is_refused_and_rules_are_not(self, tmp_path: Path) -> None:
        build(tmp_path / "grafana.db", layout="resource")
        with serving(tmp_path, GF_UNIFIED_ALERTING_ALERTMANAGER_CONFIG_POLL_INTERVAL="1h") as url:
            ask = asker(url)
            number = ask("/api/orgs", "POST", json={"name": "New"}).json()["orgId"]
            assert self.statuses(ask, number) == REFUSED
            assert ask(f"{PROVISIONING}/alert-rules", headers={"X-Grafana-Org-Id": str(number)}).json() == []
        with serving(tmp_path, GF_UNIFIED_ALERTING_ALERTMANAGER_CONFIG_POLL_INTERVAL="1h") as url:
            assert wait_until(lambda: set(self.statuses(asker(url), number).values()) == {200}, seconds=120), "a start makes it"

    def test_at_the_look_it_gets_one_unless_it_is_disabled(self, tmp_path: Path) -> None:
        build(tmp_path / "grafana.db", layout="resource")
        with serving(tmp_path, GF_UNIFIED_ALERTING_DISABLED_ORGS="3") as url:
            ask = asker(url)
            for name in ("Never", "New"):
                ask("/api/orgs", "POST", json={"name": name})
            assert wait_until(lambda: set(self.statuses(ask, 4).values()) == {200}, seconds=120)
            assert self.statuses(ask, 3) == REFUSED

    def test_without_alerting_nothing_of_it_is_there(self, tmp_path: Path) -> None:
        build(tmp_path / "grafana.db", layout="resource")
        with serving(tmp_path, GF_UNIFIED_ALERTING_ENABLED="false") as url:
            ask = asker(url)
            assert set(self.statuses(ask, 1).values()) == {404}
            assert ask("/api/alertmanager/grafana/api/v2/silences").status_code == 404
            assert ask("/api/search").status_code == 200


KINDS = {
    "contact-points": ("POST", "PUT", "/made", {"uid": "made", "name": "made", "type": "email", "settings": {"addresses": "a@example.org"}}),
    "mute-timings": ("POST", "PUT", "/made", {"name": "made", "time_intervals": []}),
    "templates": ("PUT /made", "PUT", "/made", {"template": "a"}),
    "policies": ("PUT", "PUT", "", {"receiver": "operators"}),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_somebodys_cannot_become_nobodys(kind: str, ask: Ask) -> None:
    first, again, at, body = KINDS[kind]
    method, _, path = first.partition(" ")
    made = ask(f"{PROVISIONING}/{kind}{path}", method, json=body)
    assert made.status_code in {201, 202}, made.text
    refused = ask(f"{PROVISIONING}/{kind}{at}", again, json=body, headers=NOBODYS)
    assert refused.status_code == 403
    assert refused.json()["message"].startswith("Resource with provenance status 'api' cannot be managed")
    assert ask(f"{PROVISIONING}/{kind}{at}", again, json=body).status_code == 202


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_nobodys_stays_so_and_says_nothing_of_it(kind: str, ask: Ask) -> None:
    first, again, at, body = KINDS[kind]
    method, _, path = first.partition(" ")
    for verb, where in ((method, path), (again, at)):
        made = ask(f"{PROVISIONING}/{kind}{where}", verb, json=body, headers=NOBODYS)
        assert made.status_code in {201, 202}, made.text
    assert "provenance" not in made.json()


def test_secrets_leave_by_the_export_alone_and_for_an_administrator(ask: Ask) -> None:
    hook = {
        "uid": "made",
        "name": "made",
        "type": "webhook",
        "settings": {"url": "https://example.org/", "password": "pässword of 17 bytes"},
    }
    assert ask(f"{PROVISIONING}/contact-points", "POST", json=hook).json()["settings"]["password"] == "[REDACTED]"
    export = f"{PROVISIONING}/contact-points/export?format=json"
    assert ask(export, auth=EDITOR).status_code == 403
    found = {group["name"]: group["receivers"] for group in ask(export + "&decrypt=true").json()["contactPoints"]}
    assert found["made"][0]["settings"] == hook["settings"]
    assert found["pager"][0]["settings"]["password"] == "of-the-hook"
    redacted = {group["name"]: group["receivers"] for group in ask(export).json()["contactPoints"]}
    assert redacted["made"][0]["settings"]["password"] == "[REDACTED]"
    assert ask(
        f"{PROVISIONING}/contact-points/made", "PUT", json=hook | {"settings": hook["settings"] | {"password": "[REDACTED]"}}
    ).ok
    kept = {group["name"]: group["receivers"] for group in ask(export + "&decrypt=true").json()["contactPoints"]}
    assert kept["made"][0]["settings"] == hook["settings"], "what is sent redacted stays"


def test_two_playlists_of_one_name_keep_the_uids_that_they_are_made_with(ask: Ask) -> None:
    objects = "/apis/playlist.grafana.app/v1/namespaces/default/playlists"
    for uid in ("first", "second"):
        body = {"apiVersion": "playlist.grafana.app/v1", "kind": "Playlist", "metadata": {"name": uid},
                "spec": {"title": "Same", "interval": "5m", "items": [{"type": "dashboard_by_uid", "value": uid}]}}  # fmt: skip
        made = ask(objects, "POST", json=body)
        assert (made.status_code, made.json()["metadata"]["name"], made.json()["spec"]) == (201, uid, body["spec"])
        assert ask(objects, "POST", json=body).status_code == 409
    assert [one["uid"] for one in ask("/api/playlists").json() if one["name"] == "Same"] == ["first", "second"]
    assert ask("/api/playlists/second/items").json() == [{"type": "dashboard_by_uid", "value": "second"}]
    body["spec"]["items"] = []
    assert ask(f"{objects}/second", "PUT", json=body).json()["metadata"]["generation"] == 2
    assert ask(f"{objects}/first").json()["spec"]["items"]
    stale = body | {"metadata": {"name": "second", "resourceVersion": "1"}}
    assert ask(f"{objects}/second", "PUT", json=stale).status_code == 409
    assert ask(f"{objects}/third").status_code == 404


def _silence(begins: timedelta, ends: timedelta, now: datetime, name: str) -> bytes:
    def field(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    def moment(when: datetime) -> bytes:
        left, written = int(when.timestamp()), b"\x08"
        while left > 0x7F:
            written, left = written + bytes([left & 0x7F | 0x80]), left >> 7
        return written + bytes([left])

    matchers = field(2, field(2, b"team") + field(3, b"o")) + field(2, b"\x08\x03" + field(2, b"job") + field(3, b"a.*"))
    inner = field(1, name.encode()) + matchers + field(3, moment(now + begins)) + field(4, moment(now + ends))
    record = field(1, inner + field(8, b"admin") + field(9, "geplant ü".encode())) + field(2, moment(now + ends))
    return bytes([len(record)]) + record


def test_silences_are_listed_with_their_state(tmp_path: Path) -> None:
    build(tmp_path / "grafana.db", layout="resource")
    now, hour = datetime.now(UTC), timedelta(hours=1)
    kept = [_silence(-hour, hour, now, "on"), _silence(-2 * hour, -hour, now, "over"), _silence(hour, 2 * hour, now, "to come")]
    with closing(sqlite3.connect(tmp_path / "grafana.db")) as connection, connection:
        connection.execute(
            "INSERT INTO kv_store (org_id, namespace, key, value, created, updated) VALUES (1, 'alertmanager', 'silences', ?, '', '')",
            (base64.b64encode(b"".join(kept)).decode(),),
        )
    with serving(tmp_path) as url:
        found = asker(url)("/api/alertmanager/grafana/api/v2/silences").json()
        theirs = asker(url)("/api/alertmanager/grafana/api/v2/silences", headers={"X-Grafana-Org-Id": "2"}).json()
    assert {one["id"]: one["status"]["state"] for one in found} == {"on": "active", "over": "expired", "to come": "pending"}
    assert (found[0]["createdBy"], found[0]["comment"]) == ("admin", "geplant ü")
    assert found[0]["matchers"] == [
        {"name": "team", "value": "o", "isEqual": True, "isRegex": False},
        {"name": "job", "value": "a.*", "isEqual": False, "isRegex": True},
    ]
    assert theirs == []
