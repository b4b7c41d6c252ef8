"""Playlists on a server without the API that keeps their uids: they come back by name, and it is told."""

from itertools import count
from typing import Any

import pytest

from backups.services.grafana.api import facts, kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.api.resources.playlists import PLAYLISTS
from backups.services.grafana.api.resources.target import Target
from tests.unit.grafana.api.fake import Call, Fake, Said, faked

NOTHING = Objects({Key(1, kinds.ORGANISATION, "Main Org."): {"name": "Main Org."}})


class Old:
    """A server of before 12, as far as playlists go: it gives each a uid of its own."""

    def __init__(self, *playlists: dict[str, Any]) -> None:
        self.held = {one["uid"]: one for one in playlists}
        self.numbers = count(1)

    def __call__(self, call: Call) -> Said:
        parts = call.path.strip("/").split("/")
        if parts[:2] != ["api", "playlists"]:
            return 404, {"message": "Not found"}
        if call.method == "POST":
            uid = f"its-own-{next(self.numbers)}"
            self.held[uid] = call.body | {"uid": uid}
            return 200, {"uid": uid}
        if call.method == "PUT":
            self.held[parts[2]] = call.body | {"uid": parts[2]}
            return 200, {}
        if len(parts) == 2:
            return 200, [{name: one[name] for name in ("uid", "name", "interval")} for one in self.held.values()]
        return 200, self.held[parts[2]]["items"]


def read(server: Old) -> Objects:
    found = Objects(NOTHING.packed)
    with faked(Fake({}, server)) as client:
        PLAYLISTS.read(client, 1, found)
    return found


def playlist(uid: str, interval: str, name: str = "Same") -> dict[str, Any]:
    return {"uid": uid, "name": name, "interval": interval, "items": [{"type": "dashboard_by_uid", "value": interval}]}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("kept", [True, False], ids=["uids in the backup", "none"])
def test_those_of_one_name_come_back_in_whatever_order_they_are_listed(order: tuple[int, ...], kept: bool) -> None:
    every = [playlist("u1", "5m"), playlist("u2", "1m"), playlist("u3", "1m")]
    wanted = read(Old(*every))
    if kept:
        for key in [key for key in wanted.bodies if key.kind == kinds.PLAYLIST]:
            wanted.bodies[key] = wanted.bodies[key] | {"uid": wanted.numbers[key]}
    server = Old()
    with faked(Fake({}, server)) as client:
        target = Target(client, wanted, Objects(NOTHING.packed), {1: 1})
        PLAYLISTS.put(target, 1)
        server.held = {uid: server.held[uid] for uid in (list(server.held)[number] for number in order)}
        now = read(server)
        PLAYLISTS.recognised(target, now)
    assert facts.facts(now) == facts.facts(wanted)
    assert len(server.held) == 3
    assert len(target.notes) == (3 if kept else 0)
    assert all("gives it another uid" in note for note in target.notes)


def test_one_that_is_missing_or_another_is_seen() -> None:
    wanted = read(Old(playlist("u1", "5m"), playlist("u2", "1m")))
    for there in ([playlist("x", "5m")], [playlist("x", "5m"), playlist("y", "2m")], [playlist("x", "1m"), playlist("y", "1m")]):
        now = read(Old(*there))
        with faked(Fake({})) as client:
            PLAYLISTS.recognised(Target(client, wanted, NOTHING, {1: 1}), now)
        assert facts.facts(now) != facts.facts(wanted)


def test_what_has_another_name_there_is_not_touched_nor_counted() -> None:
    wanted = read(Old(playlist("u1", "5m")))
    there = Old(playlist("x", "9m", "Theirs"))
    before = read(there)
    with faked(Fake({}, there)) as client:
        target = Target(client, wanted, before, {1: 1})
        PLAYLISTS.put(target, 1)
        now = read(there)
        PLAYLISTS.recognised(target, now)
    assert there.held["x"]["interval"] == "9m"
    assert facts.facts(now) == facts.facts(wanted)
