"""The tests' own servers: what a killed run of the tests left is cleared, what a living one uses is left alone."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator

import pytest

from tests.servers import leftovers

IMAGE = "lifeboat/prometheus:3.5"
Cli = Callable[..., str]


@pytest.fixture
def dead() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def container(docker_cli: Cli) -> Iterator[Callable[[int], str]]:
    """Start a container in the name of a process."""
    started: list[str] = []

    def start(owner: int) -> str:
        name = f"lifeboat-test-left-{uuid.uuid4().hex[:8]}"
        started.append(name)
        docker_cli("run", "-d", "--name", name, "--label", f"{leftovers.LABEL}={owner}", "--entrypoint", "sleep", IMAGE, "600")
        return name

    yield start
    for name in started:
        subprocess.run(["docker", "rm", "-f", "-v", name], check=False, capture_output=True)


def test_containers_of_dead_tests_go_and_those_of_living_ones_stay(
    dead: int, container: Callable[[int], str], docker_cli: Cli
) -> None:
    ours, theirs = container(os.getpid()), container(dead)
    leftovers.clear()
    names = docker_cli("ps", "-a", "--format", "{{.Names}}").split()
    assert (ours in names, theirs in names) == (True, False)


def test_processes_of_dead_tests_end_and_those_of_living_ones_go_on(dead: int) -> None:
    ours, theirs = (
        subprocess.Popen(["sleep", "600"], env=os.environ | {leftovers.VARIABLE: str(owner)}) for owner in (os.getpid(), dead)
    )
    try:
        leftovers.clear()
        assert theirs.wait(timeout=60) == -9
        assert ours.poll() is None
    finally:
        ours.kill()
        ours.wait()
        theirs.kill()
        theirs.wait()
