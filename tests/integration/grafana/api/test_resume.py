"""A restore that is killed after whichever write goes on where it was, and ends as one that was not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from backups.manifest import Manifest
from backups.places.base import Ownership
from backups.services.base import Delivery
from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Objects, write
from backups.services.grafana.api.read import read
from backups.services.grafana.api.receiver import GrafanaReceiver
from backups.services.grafana.client import Client
from deployments.grafana_standin import edits
from tests.integration.grafana.api.harness import admin, built, empty, first
from tests.integration.grafana.api.test_left_to_others import THEIRS
from tests.unit.verification.restore.test_target import MANIFEST, Noted
from verification.restore.target.api import ApiTarget

_REFERRED_TO = {"agama-overview", "welcome"}


class KilledError(BaseException):
    """Stands for a kill -9: nothing may handle it."""


@contextmanager
def killed_after(writes: int) -> Iterator[None]:
    """Let so many writes happen, and die before the next one."""
    send, left = Client.send, [writes]

    def counted(client: Client, method: str, *path: str, **rest: Any) -> Any:
        if not left[0]:
            raise KilledError(method, *path)
        left[0] -= 1
        return send(client, method, *path, **rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "send", counted)
        patch.setattr("backups.services.grafana.api.resources.dashboards.WRITERS", 1)
        patch.setattr("backups.services.grafana.api.resources.permissions.WRITERS", 1)
        yield


def restore(client: Client, tree: Path, state: Path, *, over: bool) -> list[str]:
    """As the command does once the copy has been compared, a process of its own each time; what is not there as it was."""
    steps, target = Noted(), ApiTarget(GrafanaReceiver(client), state, "grafana")
    target.first = target.unfinished(MANIFEST.id, datetime.now(UTC))
    target._backup = MANIFEST.id
    delivery = Delivery(tree, Ownership("", 0, 0), "")
    target.make_way(delivery, ["something"] if over else [], cast("Any", steps))
    target.deliver(delivery, cast("Manifest", MANIFEST), cast("Any", steps))
    assert steps.delivered
    return steps.lacking


def _nothing(_: str, __: Path) -> None:
    """A new server."""


def _three(url: str, _: Path) -> None:
    """A server whose organisations are there already, under other numbers, with a fourth one of its own."""
    for name in ("Of its own", "Third"):
        first(url).send("POST", "api", "orgs", body={"name": name})


def _others(*kinds_of_others: str) -> Callable[[str, Path], None]:
    """A server that lacks some of the backup, and has objects of its names, which somebody else provides, and which differ."""

    def change(url: str, database: Path) -> None:
        edits.delete_rows(database, "annotation", "org_id = 1")
        for kind in kinds_of_others:
            THEIRS[kind](admin(url).within(1), database)

    return change


SITUATIONS: dict[str, tuple[bool, Callable[[str, Path], None], int]] = {
    "a new server": (False, _nothing, 2),
    "three organisations": (False, _three, 7),
    "provisioning of its own": (True, _others(kinds.DATA_SOURCE, kinds.DASHBOARD), 1),
    "Terraform's provenance": (
        True,
        _others(
            kinds.MUTE_TIMING, kinds.NOTIFICATION_TEMPLATE, kinds.CONTACT_POINT, kinds.NOTIFICATION_POLICIES, kinds.RULE_GROUP
        ),
        3,
    ),
}
"""Of a target: whether it is one that holds something, what it holds more, and after how many writes each try is killed."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of three organisations, with some of the dashboards, so that each write's turn comes soon."""
    directory = tmp_path_factory.mktemp("backup")
    with built(directory / "source", "dashboard") as url:
        number = admin(url).send("POST", "api", "orgs", body={"name": "Third"})["orgId"]
        third = admin(url).within(number)
        third.send("POST", "api", "folders", body={"uid": "third", "title": "Third"})
        third.send(
            "POST", "api", "dashboards", "db", body={"dashboard": {"uid": "third-board", "title": "T"}, "folderUid": "third"}
        )
        objects = read(admin(url))
    dashboards = {kinds.DASHBOARD, kinds.DASHBOARD_PERMISSIONS}
    kept = (key for key in objects.bodies if key.kind not in dashboards or key.organisation > 1 or key.name in _REFERRED_TO)
    write(Objects(objects.packed.subset(kept)), directory / "tree")
    return directory / "tree"


@pytest.mark.parametrize("situation", SITUATIONS)
def test_killed_again_and_again_and_gone_on_with_it_ends_as_if_it_had_not_been(
    situation: str, tree: Path, tmp_path: Path
) -> None:
    holding, change, writes = SITUATIONS[situation]
    ends, deaths, said = {}, 0, {}
    for how in ("killed", "whole"):
        server = built(tmp_path / how, "dashboard") if holding else empty(tmp_path / how)
        with server as url:
            client = admin(url) if holding else first(url)
            change(url, tmp_path / how / "grafana.db")
            while how == "killed":
                with suppress(KilledError), killed_after(writes):
                    said[how] = restore(client, tree, tmp_path / f"state-of-{how}", over=holding)
                    break
                deaths += 1
                assert len(list((tmp_path / f"state-of-{how}" / "restores").glob("*/unfinished.json"))) == 1
                assert deaths < 100, "it does not get on"
            if how == "whole":
                said[how] = restore(client, tree, tmp_path / f"state-of-{how}", over=holding)
            ends[how] = read(client)
            with killed_after(0):
                # Nothing is left to be written.
                restore(client, tree, tmp_path / f"state-of-{how}", over=holding)
        assert not list((tmp_path / f"state-of-{how}").rglob("unfinished.json")), "it has come to its end"
    assert ends["killed"].different(ends["whole"]) == []
    assert said["killed"] == said["whole"], "the verdict is the same"
    assert deaths >= 2
