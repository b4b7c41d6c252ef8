"""Docker's door: what is missing is told, and a container's files are found where this machine keeps them."""

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from backups.errors import ConfigError, LifeboatError, Transient
from backups.hosts import NOWHERE
from backups.machine.docker import Container, Docker, Image, Limits
from backups.machine.runs import Run
from backups.machine.wait import wait_until
from backups.places.parse import parse

IMAGE = "lifeboat/prometheus:3.5"
Cli = Callable[..., str]


@pytest.fixture
def image(run: Run) -> Image:
    return run.docker.image(IMAGE)


@pytest.fixture
def mounted(run: Run, image: Image, tmp_path: Path, docker_cli: Cli) -> Iterator[Container]:
    """A container with a volume at /volume, a bind mount at /bound, and a file of its own."""
    (tmp_path / "bound").mkdir()
    (tmp_path / "bound" / "file").write_text("bound")
    name = f"lifeboat-{run.id}-mounted"
    labels = [part for key, value in run.docker.labels.items() for part in ("--label", f"{key}={value}")]
    docker_cli(
        "run", "-d", "--name", name, *labels, "--user", "0", "-v", "/volume", "-v", f"{tmp_path / 'bound'}:/bound",
        "--entrypoint", "sh", image.id, "-c",
        "mkdir /own /volume/sub && echo volume > /volume/sub/file && echo own > /own/file && ln -s /etc /own/link && echo ready && exec sleep 600",
    )  # fmt: skip
    assert wait_until(lambda: "ready" in docker_cli("logs", name), seconds=60)
    yield Container(run.docker.client().containers.get(name), image)
    subprocess.run(["docker", "rm", "-fv", name], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("path", "file", "content"),
    [
        ("/volume/sub", "file", "volume\n"),
        ("/volume/sub/../sub/", "file", "volume\n"),
        ("/bound", "file", "bound"),
        ("/own", "file", "own\n"),
        ("/", "own/file", "own\n"),
    ],
)
def test_a_containers_files_are_found(run: Run, mounted: Container, path: str, file: str, content: str) -> None:
    place = parse(f"docker:{mounted.name}:{path}", run.docker, NOWHERE)
    place.check()
    assert str(place) == f"docker:{mounted.name}:{path}"
    assert (run.docker.host_path(mounted.name, path) / file).read_text() == content


@pytest.mark.parametrize("path", ["/own/link", "/own/link/ssl"])
def test_a_link_inside_a_container_does_not_lead_to_this_machines_files(run: Run, mounted: Container, path: str) -> None:
    with pytest.raises(LifeboatError, match=r"own/link of container .* is a symbolic link to /etc"):
        run.docker.host_path(mounted.name, path)


def test_a_container_that_is_not_there_is_reported(run: Run) -> None:
    with pytest.raises(LifeboatError) as fault:
        run.docker.host_path("nonesuch-at-all", "/x")
    assert str(fault.value) == (
        "there is no container nonesuch-at-all on this machine\nhint: docker ps -a lists them; a place is docker:container:/path"
    )


def test_an_image_that_cannot_be_had_is_reported_with_how_to_get_one(run: Run) -> None:
    assert run.docker.present("lifeboat/nonesuch:1") is None
    with pytest.raises(
        LifeboatError, match=r"^the image lifeboat/nonesuch:1 is not on this machine and cannot be pulled: "
    ) as fault:
        run.docker.image("lifeboat/nonesuch:1")
    assert fault.value.hint is not None
    assert fault.value.hint.startswith("docker pull lifeboat/nonesuch:1; ")
    assert "http+docker" not in fault.value.message, "the words of Docker, not those of its library"


@pytest.mark.parametrize("name", ["Capital Letters", "two:tags:here"])
def test_what_cannot_be_the_name_of_an_image_is_told_as_such(run: Run, name: str) -> None:
    with pytest.raises(ConfigError, match=f"^'{name}' is no name of an image"):
        run.docker.image(name)


@pytest.mark.parametrize(
    ("entrypoint", "command", "why"),
    [(["mysqld-of-another"], [], "has no program mysqld-of-another"), (["/none/such"], [], "has no program /none/such"),
     ([], ["--datadir=/x"], "starts no server by itself")],
)  # fmt: skip
def test_an_image_of_something_else_is_told_as_such(
    run: Run, image: Image, docker_cli: Cli, entrypoint: list[str], command: list[str], why: str
) -> None:
    with pytest.raises(LifeboatError, match=f"^the image {re.escape(image.name)} {why}\n") as fault:
        run.docker.run(f"lifeboat-{run.id}-other", image, entrypoint=entrypoint, command=command)
    assert "is it the image that was meant?" in str(fault.value)
    assert not docker_cli("ps", "-aq", "--filter", f"label=lifeboat.run={run.id}")


def test_docker_that_is_down_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    with pytest.raises(LifeboatError, match=r"^Docker does not answer on this machine: ") as fault:
        Docker().image(IMAGE)
    assert fault.value.message.endswith(": unix:///nowhere.sock (DOCKER_HOST): No such file or directory")
    assert "systemctl start docker" in str(fault.value)


def test_docker_that_goes_away_in_the_middle_is_transient(run: Run, image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    docker = Docker()
    adapter = docker.client().api._custom_adapter
    monkeypatch.setattr(adapter, "socket_path", "/nowhere.sock")
    adapter.pools.clear()
    with pytest.raises(Transient, match=f"Docker stopped answering about image {IMAGE}"):
        docker.present(IMAGE)


def test_a_container_carries_its_labels_and_limits_and_has_no_network(run: Run, image: Image, docker_cli: Cli) -> None:
    container = run.docker.run(
        f"lifeboat-{run.id}-one", image, entrypoint=["sleep"], command=["600"], limits=Limits(memory=64 * 2**20, processors=0.5, processes=9)
    )  # fmt: skip
    shape = "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}} {{.HostConfig.NetworkMode}}"
    assert docker_cli("inspect", "-f", shape, container.name) == f"{64 * 2**20} 500000000 9 none"
    assert docker_cli("ps", "-q", "--filter", f"label=lifeboat.run={run.id}")
    assert container.running()
    assert container.pid > 1
    assert container.execute(["sh", "-c", "echo out; echo err >&2; exit 3"]) == 3
    with pytest.raises(LifeboatError, match="has no address"):
        container.address()
    container.remove()
    container.remove()
    assert not container.running()


def test_a_container_that_ended_says_how(run: Run, image: Image) -> None:
    container = run.docker.run(f"lifeboat-{run.id}-two", image, entrypoint=["sh", "-c", "echo last words; exit 5"])
    assert container.wait() == 5
    assert container.logs() == "last words"
    assert not container.running()


def test_a_container_that_is_held_still_runs_on_afterwards(run: Run, image: Image, docker_cli: Cli) -> None:
    """Also after a failure; one that has ended is still already."""
    container = run.docker.run(f"lifeboat-{run.id}-held", image, entrypoint=["sleep"], command=["600"])
    status = ("inspect", "-f", "{{.State.Status}}", container.name)
    with suppress(ZeroDivisionError), container.held_still():
        assert docker_cli(*status).strip() == "paused"
        raise ZeroDivisionError
    assert docker_cli(*status).strip() == "running"
    container.stop(0)
    with container.held_still():
        assert docker_cli(*status).strip() == "exited"


def test_what_docker_refuses_is_reported_with_its_subject(run: Run, image: Image) -> None:
    with pytest.raises(LifeboatError, match=f"^the image {re.escape(image.name)} has no program no-such-program"):
        run.docker.run(f"lifeboat-{run.id}-three", image, entrypoint=["no-such-program"])
