"""What a sandboxed container can reach, can use, and leaves behind. Every refusal is shown beside the same thing allowed."""

import io
import os
import socket
import tarfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest

from backups.config.settings import SandboxSettings
from backups.errors import Damaged, LifeboatError
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


_WAYS_OUT = r"""
use IO::Socket::INET; use Socket qw(:all);
my ($port, @hosts) = @ARGV;
for my $from (0, 40001) {
  for my $host (@hosts) {
    my %own = $from ? (LocalPort => $from, ReuseAddr => 1) : ();
    my $s = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Timeout => 3, %own) or next;
    $s->recv(my $said, 4); print "TCP to $host from ", $from || "any port", "\n" if $said eq "ahoy";
  }
  my $ask = pack("n6", 7, 256, 1, 0, 0, 0) . "\x09localhost\0" . pack("n2", 1, 1);
  my $dns = IO::Socket::INET->new(Proto => "udp", PeerAddr => "127.0.0.11", PeerPort => 53, $from ? (LocalPort => $from) : ());
  if ($dns && defined $dns->send($ask)) {
    my $ready = ""; vec($ready, $dns->fileno, 1) = 1;
    print "a name\n" if select($ready, undef, undef, 3) && defined $dns->recv(my $answer, 512);
  }
  my $out = IO::Socket::INET->new(Proto => "udp", PeerAddr => "192.0.2.1", PeerPort => 9, $from ? (LocalPort => $from) : ());
  print "a datagram\n" if $out && defined $out->send("x");
}
my $six;
print "IPv6\n" if socket($six, AF_INET6, SOCK_STREAM, 0)
  && connect($six, pack_sockaddr_in6($port, inet_pton(AF_INET6, "2001:db8::1")));
print "raw\n" if socket(my $raw, PF_INET, SOCK_RAW, 1);
print "packets\n" if socket(my $packet, 17, SOCK_RAW, 768);
print "interface $_\n" for grep { $_ ne "lo" } map { s{.*/}{}r } glob "/sys/class/net/*";
"""
"""A program that tries every way out, also from a port that it chooses itself, and says which ones are open."""


def ways_out(container: Container, port: int, hosts: list[str], user: str = "") -> str:
    # A file of each user's own: root without capabilities may not write another's.
    name = f"ways-{user}"
    assert container.execute(["sh", "-c", f'perl -e "$0" "$@" > /tmp/{name} 2>&1', _WAYS_OUT, str(port), *hosts], user=user) == 0
    found = docker.from_env().containers.get(container.name).get_archive(f"/tmp/{name}")[0]
    with tarfile.open(fileobj=io.BytesIO(b"".join(found))) as archive:
        return archive.extractfile(name).read().decode()  # type: ignore[union-attr]


def test_no_program_in_a_sandbox_finds_a_way_out(
    box: DockerSandbox, image: Image, ordinary: Container, server_elsewhere: str, listener: int
) -> None:
    """Whatever port it connects from, as whatever user: no address of this machine, no resolver, no other container."""
    gateway = docker.from_env().containers.get(ordinary.name).attrs["NetworkSettings"]["Networks"]["bridge"]["Gateway"]
    hosts = [gateway, address_of_this_machine(), server_elsewhere]
    free = ways_out(ordinary, listener, hosts)
    assert {f"TCP to {host} from {port}" for host in hosts[:2] for port in ("any port", 40001)} <= set(free.splitlines())
    assert "a datagram" in free
    for name, network in (("asked", True), ("alone", False)):
        sandboxed = box.run(name, image, entrypoint=SLEEP, command=[], network=network)
        assert [ways_out(sandboxed, listener, hosts, user) for user in ("999", "0")] == ["", ""]


def test_a_server_in_a_sandbox_is_asked_from_inside_its_network_and_from_nowhere_else(box: DockerSandbox, image: Image) -> None:
    """And whoever asked is back in this machine's network afterwards."""
    server = box.run("server", image, entrypoint=SERVE, command=[], network=True)

    def greets(host: str) -> bool:
        try:
            with closing(socket.create_connection((host, 7777), timeout=5)) as connection:
                return connection.recv(4) == b"ahoy"
        except ConnectionRefusedError:
            return False

    def greets_inside() -> bool:
        with box.reach(server) as host:
            return greets(host)

    assert wait_until(greets_inside, seconds=60)
    assert not greets("127.0.0.1")
    with pytest.raises(LifeboatError, match="has no address"):
        server.address()


def test_a_server_that_has_ended_is_not_looked_for_in_anybody_else_s_network(box: DockerSandbox, image: Image) -> None:
    ended = box.run("ended", image, entrypoint=["true"], command=[], network=True)
    ended.wait()
    with pytest.raises((LifeboatError, ConnectionRefusedError)), box.reach(ended) as host:
        socket.create_connection((host, 7777), timeout=5)


def test_without_root_a_server_is_reached_over_a_network_that_drops_what_would_leave_this_machine(
    run: Run, image: Image, box: DockerSandbox, ordinary: Container, server_elsewhere: str, listener: int,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """Nobody but root may enter a network. What that does not hold is said each time."""
    box.root = False
    server = box.run("server", image, entrypoint=SERVE, command=[], network=True)
    assert "reaches what listens on this machine" in caplog.text
    sandboxed = box.run("one", image, entrypoint=SLEEP, command=[], network=True)
    free = run.docker.run(f"lifeboat-{run.id}-free", image, entrypoint=SLEEP, command=[], network=box.name)
    outside = [(server_elsewhere, 7777), (address_of_this_machine(), listener)]
    datagram = ["bash", "-c", "echo ahoy > /dev/udp/192.0.2.1/53"]

    def greets() -> bool:
        try:
            with box.reach(server) as host, closing(socket.create_connection((host, 7777), timeout=5)) as connection:
                return connection.recv(4) == b"ahoy"
        except ConnectionRefusedError:
            return False

    assert wait_until(greets, seconds=60)
    assert [reaches(ordinary, *where) for where in outside] == [True, True]
    assert [reaches(sandboxed, *where) for where in [*outside, (bridge_address(box.name), listener)]] == [False, False, False]
    assert not reaches(free, server_elsewhere, 7777)
    assert free.execute(["getent", "hosts", sandboxed.name]) == 0
    assert sandboxed.execute(["timeout", "20", "getent", "hosts", sandboxed.name + "."]) != 0
    assert (ordinary.execute(datagram), sandboxed.execute(datagram) != 0) == (0, True)


def test_a_container_has_no_capability_and_gains_none(run: Run, image: Image) -> None:
    """Also as root, and also what gives files away has no more than it needs."""
    container = run.docker.run(f"lifeboat-{run.id}-bare", image, entrypoint=SLEEP, command=[], user="0:0")
    attributes = docker.from_env().containers.get(container.name).attrs["HostConfig"]
    assert (attributes["CapDrop"], attributes["CapAdd"]) == (["ALL"], None)
    assert attributes["SecurityOpt"] == ["no-new-privileges"]
    assert container.execute(["grep", "-q", "^CapBnd:.0000000000000000$", "/proc/1/status"]) == 0
    assert container.execute(["chown", "999", "/tmp"]) != 0


def test_what_is_mounted_is_a_directory_of_the_sandbox_and_no_link(box: DockerSandbox, image: Image, tmp_path: Path) -> None:
    (box.directory / "true").mkdir()
    (box.directory / "link").symlink_to(tmp_path)
    (box.directory / "way").symlink_to(box.directory / "true")
    (box.directory / "true" / "inner").mkdir()
    box.run("true", image, entrypoint=SLEEP, command=[], mounts={box.directory / "true" / "inner": "/data"})
    for number, outside in enumerate((box.directory / "link", box.directory / "way" / "inner", tmp_path, box.directory / "no")):
        with pytest.raises(Damaged, match="is no directory of its own"):
            box.run(f"refused-{number}", image, entrypoint=SLEEP, command=[], mounts={outside: "/data"})


def test_nothing_is_left_of_a_sandbox_also_when_its_drill_fails(run: Run, image: Image) -> None:
    """Containers, network and directory go with the block, while the run and its other things live on."""
    bystander = run.docker.run(f"lifeboat-{run.id}-bystander", image, entrypoint=SLEEP, command=[])
    boxes = []

    def drill() -> None:
        with sandbox.opened(run, "test", SandboxSettings()) as box:
            boxes.append(box)
            box.root = False
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
        elsewhere = tmp_path / "elsewhere"
        elsewhere.touch()
        (box.directory / "data" / "link").symlink_to(elsewhere)
        box.own(box.directory / "data", 999, 998, image)

        for path in ("data", "data/inner", "data/inner/file", "data/link"):
            status = os.lstat(box.directory / path)
            assert (status.st_uid, status.st_gid) == (999, 998), path
        assert elsewhere.stat().st_uid == os.geteuid()
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
