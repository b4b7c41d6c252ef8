"""An organisation without alerting: a new one is waited for, one that never gets it is told, and a backup goes on without it."""

from typing import Any

import pytest

from backups.services.grafana.api import alerting, kinds
from backups.services.grafana.api.resources.base import PROVISIONING
from tests.unit.grafana.api.fake import Fake, faked, recorded, route, said

NEW = {
    "GET /api/v1/provisioning/mute-timings": (500, {"message": "failed to get mute timings"}),
    "GET /api/v1/provisioning/contact-points": (500, {"message": "No alertmanager configuration present in this organization"}),
    "GET /api/v1/provisioning/templates": (500, {"message": "Internal Server Error"}),
    "GET /api/v1/provisioning/policies": (404, {"message": "could not find an Alertmanager configuration"}),
}
OLDER = {
    name: (500, {"message": "could not find any Alertmanager configuration"}) if status == 404 else (404, said)
    for name, (status, said) in NEW.items()
}
"""The same words with other statuses."""
RULES = "GET /api/v1/provisioning/alert-rules"
OFF = {name: (404, {"message": "Not found"}) for name in (*NEW, RULES)}
GONE = {name: (404, {"message": "Not found"}) for name in NEW} | {RULES: (200, [])}
LOCKED = {name: (500, {"message": "database is locked"}) for name in NEW}
"""What says neither: each kind says itself what it has."""
READY = {name: (200, {"receiver": "mail"} if name.endswith("policies") else []) for name in NEW}
VIEWER = {name: (403, {"message": "You'll need additional permissions"}) for name in NEW}


@pytest.mark.field
def test_a_real_servers_new_organisation_is_recognised() -> None:
    answers = {route(name): said(name) for name in ("extra/002", "extra/003", "extra/004", "extra/005")}
    assert answers.keys() == NEW.keys()
    assert {name: status for name, (status, _) in answers.items()} == {name: status for name, (status, _) in NEW.items()}
    with faked(Fake(dict(answers))) as client:
        assert alerting.closed(client)
    assert recorded("recadm/074")["status"] == 200


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (NEW, "disabled_orgs"),
        (OLDER, "disabled_orgs"),
        (OFF, "no alerting of its own"),
        (GONE, None),
        (LOCKED, None),
        (READY, None),
        (VIEWER, None),
    ],
)
def test_why_there_is_none(answers: dict[str, Any], reason: str | None) -> None:
    with faked(Fake(dict(answers))) as client:
        found = alerting.closed(client)
    assert (found is None) == (reason is None)
    assert reason is None or reason in str(found)


class _Clock:
    """Goes on by a second with each pause of a client, and counts what was said."""

    def __init__(self) -> None:
        self.now, self.lines = 0.0, list[str]()

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.mark.parametrize("looks", [1, 7, 60])
def test_a_new_organisation_is_waited_for_and_told(looks: int) -> None:
    clock = _Clock()
    answers: dict[str, Any] = {name: [said] * looks + [READY[name]] for name, said in NEW.items()}
    with faked(Fake(answers)) as client:
        assert alerting.wait({"Agama": client}, clock.lines.append, clock) == {}
    assert clock.lines == ["waiting for alerting of Agama: a new organisation has none for up to a minute"]


def test_one_that_never_gets_it_is_waited_for_within_bounds_and_told() -> None:
    clock = _Clock()
    with faked(Fake(dict(NEW))) as client:
        left = alerting.wait({"Agama": client}, clock.lines.append, clock)
    assert list(left) == ["Agama"]
    assert clock.now <= alerting.WAIT_SECONDS + 2


@pytest.mark.parametrize("answers", [OFF, READY])
def test_where_waiting_changes_nothing_nobody_waits(answers: dict[str, Any]) -> None:
    clock, fake = _Clock(), Fake(dict(answers))
    with faked(fake) as client:
        left = alerting.wait({"Agama": client}, clock.lines.append, clock)
    assert bool(left) == (answers is OFF)
    assert fake.paused == clock.lines == []


def test_the_kinds_are_those_whose_routes_need_the_configuration() -> None:
    assert len(alerting.KINDS) == len(NEW)
    assert kinds.RULE_GROUP not in alerting.KINDS, "rules are read and put without it"
    assert PROVISIONING == ("api", "v1", "provisioning")
