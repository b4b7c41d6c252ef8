"""The network in which copies stand side by side: old addresses and names lead to them, and nothing leads out."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing

import pytest

from backups.config.settings import SandboxSettings
from backups.errors import LifeboatError
from backups.machine.runs import Run
from tests.servers.grafana import IMAGE
from verification.together import pod
from verification.together.places import Place, Places
from verification.together.pod import Pod

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a network addresses")

PLACES = Places({"agama": Place(("10.0.0.5",), 3306)}, {"db.agama.internal": "10.0.0.5", "grafana.internal": "198.18.0.1"})


@pytest.fixture
def made(run: Run) -> Iterator[Pod]:
    with pod.opened(run, SandboxSettings(), run.docker.image(IMAGE), PLACES) as one:
        yield one


def peer(one: Pod, to: str) -> str:
    """From which address whoever listens at `to` sees a connection come."""
    with (
        one.box.reach(one.container),
        socket.create_server((to, 4711)) as listening,
        closing(socket.create_connection((to, 4711), timeout=5)),
    ):
        taken, whence = listening.accept()
        taken.close()
        return str(whence[0])


def test_its_addresses_are_its_own_and_who_connects_comes_from_where_accounts_let_in(made: Pod) -> None:
    assert peer(made, "10.0.0.5") == "10.0.0.5"
    made.come_from("10.0.0.3", "10.0.0.5")
    assert peer(made, "10.0.0.5") == "10.0.0.3"
    made.come_from("127.0.0.1", "10.0.0.5")
    assert peer(made, "10.0.0.5") == "127.0.0.1"
    # The other ones are as they were.
    assert peer(made, "198.18.0.1") == "198.18.0.1"
    with made.box.reach(made.container), pytest.raises(OSError, match="unreachable"):
        socket.create_connection(("10.0.0.99", 3306), timeout=5)


def test_its_names_are_those_of_every_container_that_joins_it(made: Pod, run: Run) -> None:
    joined = made.box.run(
        "joined", run.docker.image(IMAGE), entrypoint=["getent"], command=["hosts", "db.agama.internal"], beside=made.container
    )
    assert joined.wait() == 0
    assert joined.logs().split()[0] == "10.0.0.5"


def test_nothing_is_left_of_it(run: Run, docker_cli: object) -> None:
    with pod.opened(run, SandboxSettings(), run.docker.image(IMAGE), PLACES) as one:
        name, directory = one.container.name, one.box.directory
    assert not directory.exists()
    assert subprocess.run(["docker", "inspect", name], check=False, capture_output=True).returncode


def test_who_is_not_root_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with (
        pytest.raises(LifeboatError, match="side by side need root"),
        pod.opened(run, SandboxSettings(), run.docker.image(IMAGE), PLACES),
    ):
        pass


def test_a_machine_without_the_program_is_told_which_package_has_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(LifeboatError) as told, pod.opened(run, SandboxSettings(), run.docker.image(IMAGE), PLACES):
        pass
    assert told.value.hint == "apt-get install iproute2"
