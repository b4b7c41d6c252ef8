"""A process that restores is ended by a real `kill -9` while writes are on their way; the next one goes on with it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from backups.services.grafana.api import kinds, wholes
from backups.services.grafana.api.objects import write
from backups.services.grafana.api.read import read
from backups.services.grafana.api.resources.order import CONTENT, resource
from deployments.grafana_standin.server.wire import Handler
from tests.conftest import ROOT
from tests.integration.grafana.api.harness import LOGIN, PASSWORD, admin, built, empty, first

_RESTORE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from backups.services.grafana.api.receiver import GrafanaReceiver
from backups.services.grafana.client import Client
from tests.integration.grafana.api.test_resume import MANIFEST, restore
from verification.restore.target.api import ApiTarget
url, login, password = sys.argv[1:4]
client, tree, state = Client.basic(url, login, password, direct=True), Path(sys.argv[4]), Path(sys.argv[5])
receiver = GrafanaReceiver(client)
first = ApiTarget(receiver, state, "grafana").unfinished(MANIFEST.id, datetime.now(UTC))
restore(client, tree, state, over=bool(receiver.foresee(tree, MANIFEST.id, first).held))
"""


def restoring(url: str, tree: Path, state: Path) -> "subprocess.Popen[str]":
    """A process that does what the command does once its copy has been compared."""
    return subprocess.Popen(
        [sys.executable, "-c", _RESTORE, url, LOGIN, PASSWORD, str(tree), str(state)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def at_write(number: int, then: Callable[[], None]) -> Iterator[None]:
    """Have something happen when so many writes have come to a server: that one and those beside it are carried out, unanswered."""
    left, lock, reply = [number], threading.Lock(), Handler._reply

    def counted(handler: Handler) -> None:
        if handler.command != "GET":
            with lock:
                left[0] -= 1
                if left[0] == 0:
                    then()
        with suppress(BrokenPipeError):
            reply(handler)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Handler, "_reply", counted)
        yield


@pytest.mark.parametrize("deaths", [(1, 12, 31), (24,)], ids=["three times", "once"])
def test_a_restore_that_is_killed_is_gone_on_with(deaths: tuple[int, ...], tmp_path: Path) -> None:
    with built(tmp_path / "source") as source:
        wanted = read(admin(source))
    write(wanted, tmp_path / "tree")
    state = tmp_path / "state"
    with empty(tmp_path / "new") as url:
        # Its own, of a name of the backup's: it is written over, so what it was has to be kept to the end.
        own = {"uid": "agama-overview", "title": "Of this server's own"}
        first(url).send("POST", "api", "dashboards", "db", body={"dashboard": own})
        for number in deaths:
            process = restoring(url, tmp_path / "tree", state)
            with at_write(number, process.kill):
                _, said = process.communicate(timeout=120)
            assert process.returncode == -signal.SIGKILL, said
            assert len(list((state / "restores").glob("*/unfinished.json"))) == 1
        process = restoring(url, tmp_path / "tree", state)
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        now = read(first(url))
    compared = {*CONTENT, *wholes.WHOLES} - {kinds.PLAYLIST}
    different = [
        str(key)
        for key in wanted.bodies.keys() | now.bodies.keys()
        if key.kind in compared and not resource(key.kind).same(wanted.bodies.get(key), now.bodies.get(key, {}))
    ]
    # Who had been given something on its own dashboard has it still.
    assert different == ["org 1 dashboard permissions agama-overview"]
    (kept,) = (state / "restores").iterdir()
    assert not (kept / "unfinished.json").exists()
    assert "Of this server's own" in (kept / "objects" / "org-1" / "dashboard" / "agama-overview.json").read_text()
