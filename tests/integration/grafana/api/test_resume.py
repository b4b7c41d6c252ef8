"""A restore that is killed after whichever write goes on where it was, and ends as one that was not."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from backups.manifest import Manifest
from backups.places.base import Ownership
from backups.services.base import Delivery
from backups.services.grafana.api.objects import write
from backups.services.grafana.api.read import read
from backups.services.grafana.api.receiver import GrafanaReceiver
from backups.services.grafana.client import Client
from tests.integration.grafana.api.harness import admin, built, empty, first
from tests.unit.verification.restore.test_target import MANIFEST, Noted
from verification.restore.target.api import ApiTarget


class KilledError(BaseException):
    """Stands for a kill -9: nothing may handle it."""


@contextmanager
def killed_after(writes: int) -> Iterator[None]:
    """Let so many writes happen, and die before the next one."""
    send, left = Client.send, [writes]

    def counted(client: Client, method: str, *path: str, **rest: Any) -> Any:
        if not left[0]:
            raise KilledError
        left[0] -= 1
        return send(client, method, *path, **rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "send", counted)
        patch.setattr("backups.services.grafana.api.resources.dashboards.WRITERS", 1)
        patch.setattr("backups.services.grafana.api.resources.permissions.WRITERS", 1)
        yield


def restore(url: str, tree: Path, state: Path) -> ApiTarget:
    """As the command does once the copy has been compared: a process of its own each time."""
    steps, target = Noted(), ApiTarget(GrafanaReceiver(first(url)), state, "grafana")
    target.first = target.unfinished(MANIFEST.id, datetime.now(UTC))
    target._backup = MANIFEST.id
    delivery = Delivery(tree, Ownership("", 0, 0), "")
    target.make_way(delivery, [], cast("Any", steps))
    target.deliver(delivery, cast("Manifest", MANIFEST), cast("Any", steps))
    assert steps.delivered
    return target


def test_killed_after_each_write_and_gone_on_with_it_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    with built(tmp_path / "source") as source:
        backup = read(admin(source))
    write(backup, tmp_path / "tree")
    with empty(tmp_path / "killed") as killed, empty(tmp_path / "whole") as whole:
        restore(whole, tmp_path / "tree", tmp_path / "state-of-whole")
        deaths = 0
        while True:
            with suppress(KilledError), killed_after(1):
                restore(killed, tmp_path / "tree", tmp_path / "state")
                break
            deaths += 1
            assert len(list((tmp_path / "state" / "restores").glob("*/unfinished.json"))) == 1
            assert deaths < 500, "it does not get on"
        assert deaths > 60, "each write was somebody's last"
        assert read(first(killed)).different(read(first(whole))) == []
        assert not list((tmp_path / "state" / "restores").iterdir()), "it has come to its end"
