"""What a sandboxed container can reach, can use, and leaves behind. Every refusal is shown beside the same thing allowed."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest

from backups.config.settings import SandboxSettings
from backups.machine.docker import Container, Docker, Image
from backups.machine.runs import Run
from backups.machine.wait import wait_until
from verification.drill import sandbox
from verification.drill.sandbox import DockerSandbox

IMAGE = "lifeboat/mysql:9.7"
SLEEP = ["sleep", "600"]
_GREETING = (
    "use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalPort => 7777, Listen => 5, ReuseAddr => 1) or die; "
    'while (my $c = $s->accept) { print $c "ahoy\\n"; close $c }'
)
SERVE = ["perl", "-e", _GREETING]
"""Greets whoever connects to port 7777: the image has no Python."""


@pytest.fixture
def box(run: Run) -> Iterator[DockerSandbox]:
    with sandbox.opened(run, "test", SandboxSettings()) as opened:
        yield opened


@pytest.fixture
def image(run: Run) -> Image:
    return run.docker.image(IMAGE)


@pytest.fixture
def listener() -> Iterator[int]:
    """A server on every address of this machine that greets whoever connects; gives its port."""
    with closing(socket.create_server(("0.0.0.0", 0))) as server:

        def greet() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with closing(connection):
                    connection.sendall(b"ahoy\n")

        threading.Thread(target=greet, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def reaches(container: Container, address: str, port: int) -> bool:
    """Whether a TCP connection from the container gets an answer: bash opens it, so the image needs no tool for it."""
    ask = f'exec 3<>/dev/tcp/{address}/{port} && test "$(head -c 4 <&3)" = ahoy'
    return container.execute(["timeout", "3", "bash", "-c", ask]) == 0


def bridge_address(network: str) -> str:
    [configuration] = docker.from_env().networks.get(network).attrs["IPAM"]["Config"]
    return str(configuration["Gateway"])


def address_of_this_machine() -> str:
    """The address that packets to the outside would leave from; asking sends none."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as asking:
        asking.connect(("198.51.100.1", 9))
        return str(asking.getsockname()[0])


@pytest.fixture
def ordinary(run: Run, image: Image) -> Container:
    """The same image on Docker's ordinary network: from here everything below succeeds."""
    return run.docker.run(f"lifeboat-{run.id}-ordinary", image, entrypoint=SLEEP, command=[], network="bridge")


@pytest.fixture
def server_elsewhere(run: Run, image: Image, ordinary: Container) -> str:
    """Address of a server on another Docker network, port 7777."""
    server = run.docker.run(f"lifeboat-{run.id}-elsewhere", image, entrypoint=SERVE, command=[], network="bridge")
    assert wait_until(lambda: reaches(ordinary, server.address(), 7777), seconds=60)
    return server.address()


def test_a_sandboxed_container_opens_no_connection(
    box: DockerSandbox, image: Image, ordinary: Container, server_elsewhere: str, listener: int
) -> None:
    """Neither to another Docker network, nor to this machine's own address, nor to this end of its own network."""
    sandboxed = box.run("one", image, entrypoint=SLEEP, command=[], network=True)
    outside = [(server_elsewhere, 7777), (address_of_this_machine(), listener)]

    assert [reaches(ordinary, *where) for where in outside] == [True, True]
    assert [reaches(sandboxed, *where) for where in [*outside, (bridge_address(box.name), listener)]] == [False, False, False]


def test_the_network_alone_drops_what_would_leave_this_machine(
    run: Run, image: Image, box: DockerSandbox, ordinary: Container, server_elsewhere: str
) -> None:
    """The second wall by itself: a container that may connect, on a sandbox's network, gets no further than this machine."""
    box.run("one", image, entrypoint=SLEEP, command=[], network=True)
    free = run.docker.run(f"lifeboat-{run.id}-free", image, entrypoint=SLEEP, command=[], network=box.name)

    assert reaches(ordinary, server_elsewhere, 7777)
    assert not reaches(free, server_elsewhere, 7777)


def test_a_sandboxed_container_sends_no_datagram_and_resolves_no_name(
    run: Run, image: Image, box: DockerSandbox, ordinary: Container
) -> None:
    """Docker's resolver knows the names of a network's containers: one that may ask gets an answer, ours cannot ask."""
    sandboxed = box.run("one", image, entrypoint=SLEEP, command=[], network=True)
    free = run.docker.run(f"lifeboat-{run.id}-free", image, entrypoint=SLEEP, command=[], network=box.name)
    datagram = ["bash", "-c", "echo ahoy > /dev/udp/192.0.2.1/53"]

    assert free.execute(["getent", "hosts", sandboxed.name]) == 0
    assert sandboxed.execute(["timeout", "20", "getent", "hosts", sandboxed.name + "."]) != 0
    assert ordinary.execute(datagram) == 0
    assert sandboxed.execute(datagram) != 0


def test_a_server_in_a_sandbox_is_reached_from_here(box: DockerSandbox, image: Image) -> None:
    """The network works: what is refused above is refused by its isolation, not by a broken network."""
    server = box.run("server", image, entrypoint=SERVE, command=[], network=True)

    def greets() -> bool:
        try:
            with closing(socket.create_connection((server.address(), 7777), timeout=5)) as connection:
                return connection.recv(4) == b"ahoy"
        except ConnectionRefusedError:
            return False

    assert wait_until(greets, seconds=60)


def test_without_a_network_asked_for_there_is_none_at_all(box: DockerSandbox, image: Image) -> None:
    container = box.run("alone", image, entrypoint=SLEEP, command=[])

    assert container.execute(["sh", "-c", 'test "$(ls /sys/class/net)" = lo']) == 0
    assert not docker.from_env().networks.list(names=[box.name])


def test_nothing_is_left_of_a_sandbox_also_when_its_drill_fails(run: Run, image: Image) -> None:
    """Containers, network and directory go with the block, while the run and its other things live on."""
    bystander = run.docker.run(f"lifeboat-{run.id}-bystander", image, entrypoint=SLEEP, command=[])
    boxes = []

    def drill() -> None:
        with sandbox.opened(run, "test", SandboxSettings()) as box:
            boxes.append(box)
            box.run("one", image, entrypoint=SLEEP, command=[], network=True)
            (box.directory / "file").write_text("")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        drill()

    [box] = boxes
    left = list(run.docker.labelled(f"{sandbox.SANDBOX_LABEL}={box.name}"))
    assert not left
    assert not box.directory.exists()
    assert bystander.running()


def test_containers_have_the_configured_limits_and_the_runs_labels(run: Run, image: Image) -> None:
    with sandbox.opened(run, "test", SandboxSettings(memory=2**28, processors=0.5)) as box:
        container = box.run("one", image, entrypoint=SLEEP, command=[])
        attributes = docker.from_env().containers.get(container.name).attrs

    assert attributes["HostConfig"]["Memory"] == 2**28
    assert attributes["HostConfig"]["NanoCpus"] == 500_000_000
    assert attributes["Config"]["Labels"]["lifeboat.run"] == run.id


def test_a_container_that_ran_out_of_memory_is_known_so_that_the_backup_is_not_blamed(run: Run, image: Image) -> None:
    with sandbox.opened(run, "test", SandboxSettings(memory=2**25)) as box:
        assert box.cut_short() is None
        eater = box.run("eater", image, entrypoint=["perl", "-e", 'my $x = "x" x (1 << 28); sleep 60'], command=[])
        eater.wait()

        # Docker itself does not always know why.
        known = (
            f"container {eater.name} ran out of the memory that it is allowed",
            f"container {eater.name} was killed (exit code 137)",
        )
        assert box.cut_short() in known


def test_a_container_that_somebody_killed_is_known_and_one_that_ended_or_was_stopped_is_not(run: Run, image: Image) -> None:
    with sandbox.opened(run, "test", SandboxSettings()) as box:
        box.run("ended", image, entrypoint=["sh", "-c", "exit 1"], command=[]).wait()
        box.run("stubborn", image, entrypoint=["sh", "-c", "trap '' TERM; while :; do sleep 1; done"], command=[]).stop(1)
        assert box.cut_short() is None
        victim = box.run("victim", image, entrypoint=SLEEP, command=[])
        docker.from_env().containers.get(victim.name).kill()
        victim.wait()
        assert box.cut_short() == f"container {victim.name} was killed (exit code 137)"


@pytest.mark.parametrize("root", [True, False])
def test_files_are_given_to_the_servers_user_with_or_without_being_root(
    run: Run, image: Image, root: bool, tmp_path: Path
) -> None:
    """Root does it itself; anybody else has a container of the same image do it."""
    with sandbox.opened(run, "test", SandboxSettings()) as box:
        box.root = root
        (box.directory / "data" / "inner").mkdir(parents=True)
        (box.directory / "data" / "inner" / "file").write_text("")
        (box.directory / "data" / "link").symlink_to("/nowhere")
        box.own(box.directory / "data", 999, 998, image)

        for path in ("data", "data/inner", "data/inner/file", "data/link"):
            status = os.lstat(box.directory / path)
            assert (status.st_uid, status.st_gid) == (999, 998), path
        assert not list(run.docker.labelled(f"{sandbox.SANDBOX_LABEL}={box.name}"))
    assert not box.directory.exists()


def test_an_image_that_cannot_own_is_told(box: DockerSandbox, image: Image) -> None:
    box.root = False
    (box.directory / "data").mkdir()

    with pytest.raises(Exception, match=r"data cannot be given to user -5"):
        box.own(box.directory / "data", -5, 0, image)


def test_a_sandbox_that_started_nothing_asks_docker_for_nothing(run: Run) -> None:
    """So a machine without Docker gets its report, and no second fault at the end."""

    def refuse(docker: Docker) -> None:
        pytest.fail("Docker was asked")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Docker, "client", refuse)
        with sandbox.opened(run, "idle", SandboxSettings()):
            pass
