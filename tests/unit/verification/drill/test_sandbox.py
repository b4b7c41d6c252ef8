"""A container whose process ended before its network was held: it is told as ended, whatever Docker still says."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backups.errors import LifeboatError
from backups.machine.docker import Limits
from verification.drill.sandbox import DockerSandbox


def test_whoever_cannot_enter_a_network_finds_the_container_ended(tmp_path: Path) -> None:
    """Docker notices it a moment later; who asks in between would take a server that ended for one that runs without a network."""
    noticed = iter([True, True, False])
    last = [True]

    def running() -> bool:
        last[0] = next(noticed, last[0])
        return last[0]

    container = cast("Any", SimpleNamespace(name="copy", running=running, log_line=lambda _: "it could not be opened"))
    sandbox = DockerSandbox("copy", tmp_path, Limits(1 << 30, None), cast("Any", SimpleNamespace()), root=True)
    with pytest.raises(LifeboatError, match="the network of container copy is not there"), sandbox.reach(container):
        raise AssertionError("there is nothing to enter")
    assert not running()
