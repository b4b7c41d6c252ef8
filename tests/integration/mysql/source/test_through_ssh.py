"""A MySQL that listens on its machine's loopback only, backed up through SSH: whole, equal, told when cut, nothing left."""

import dataclasses
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest
from pymysql.connections import Connection

from backups import hosts
from backups.errors import LifeboatError, Transient
from backups.hosts import Hosts
from backups.machine.docker import Docker
from backups.machine.wait import wait_until
from backups.services.mysql.clone import clone
from backups.services.mysql.clone.checks import CloneChecks
from backups.services.mysql.doctor import doctor
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source import connection, tunnel
from tests.servers.mysql import IMAGE, MySQLServer
from tests.servers.mysql_chain import Chain, StartChain
from tests.servers.mysql_sessions import open_session
from tests.servers.ssh import SshFactory, SshServer


@dataclasses.dataclass
class Hidden(MySQLServer):
    """A server whose port only its own machine reaches: tests use its socket, Lifeboat comes over SSH."""

    tls: str = "preferred"

    def connect(self, database: str | None = None, user: str = "root", password: str = "") -> Connection:
        """Open a session by its socket."""
        handle = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            path = f"/proc/self/fd/{handle}/mysqld.sock"
            return open_session(unix_socket=path, user="root", password="", database=database, charset="utf8mb4", autocommit=True)
        finally:
            os.close(handle)

    def settings(self, **changes: Any) -> MySQLSettings:
        """Say how Lifeboat reaches it."""
        authority = {"tls": "verify", "tls_ca": self.directory / "ca.pem"} if self.tls == "verify" else {"tls": self.tls}
        return super().settings(**{"ssh": "db", **authority, **changes})


@pytest.fixture(scope="module")
def machine(ssh_factory: SshFactory) -> SshServer:
    """The machine that it runs on."""
    return ssh_factory()


@pytest.fixture(scope="module")
def hidden(
    machine: SshServer, mysql_docker: Docker, mysql_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hidden]:
    """The server, in the network of that machine."""
    directory = tmp_path_factory.mktemp("hidden") / "data"
    shutil.copytree(mysql_template, directory, symlinks=True)
    inside = "/var/lib/mysql"
    container = mysql_docker.run(
        f"lifeboat-test-mysql-hidden-{os.getpid()}",
        mysql_docker.image(IMAGE),
        entrypoint=["mysqld"],
        command=[
            "--no-defaults",
            "--user=root",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--log-bin=binlog",
            "--gtid-mode=ON",
            "--enforce-gtid-consistency=ON",
            "--server-id=77",
            "--innodb-numa-interleave=OFF",
            "--loose-mysqlx=OFF",
            "--sync-binlog=0",
            "--innodb-flush-log-at-trx-commit=0",
            f"--socket={inside}/mysqld.sock",
        ],
        mounts={directory: inside},
        user=f"{os.getuid()}:{os.getgid()}",
        network=f"container:{machine.name}",
    )
    server = Hidden(container, "127.0.0.1", directory, 77)

    def answers() -> bool:
        try:
            server.connect().close()
        except (OSError, pymysql.err.Error):
            return False
        return True

    try:
        assert wait_until(answers, seconds=60), container.logs(30)
        yield server
    finally:
        hosts.close_all()
        container.remove()


@pytest.fixture
def chain(start_chain: StartChain, hidden: Hidden, machine: SshServer) -> Iterator[Chain]:
    """A chain of it, taken over SSH; afterwards no thread of a tunnel is left, and no recipient."""
    made = start_chain(hidden)
    made.hosts = Hosts({"db": machine.settings()})
    yield made
    hosts.close_all()
    assert wait_until(lambda: _tunnels() == [], seconds=120), _tunnels()
    assert _recipients(made) == []


def _tunnels() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("lifeboat-tunnel")]


def _recipients(chain: Chain) -> list[str]:
    names = [str(thing.name) for thing in chain.run.docker.labelled(f"lifeboat.run={chain.run.id}")]
    return [name for name in names if "recipient" in name]


@pytest.mark.parametrize("tls", ["verify", "disabled"])
def test_a_chain_over_ssh_comes_back_equal(chain: Chain, hidden: Hidden, machine: SshServer, tls: str) -> None:
    """A full and an incremental while a writer runs; its port does not answer from here."""
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((machine.address, 3306), timeout=5)
    hidden.tls = tls
    with hidden.add_writer(ddl=True) as writer:
        writer.wait_for(50)
        chain.backup()
        writer.wait_for(50)
        chain.backup()
    assert next(said for said in chain.said if "cloning" in said).endswith("over TLS" if tls == "verify" else "on its way")
    if tls == "verify":
        assert chain.restore(0).bring_back().differences() == []
    assert chain.restore().bring_back().differences() == []


def test_only_the_recipient_reaches_the_port(
    chain: Chain, machine: SshServer, hidden: Hidden, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a clone runs, its port is in the recipient's network, and not in this machine's."""
    seen: list[tuple[str, str]] = []
    really: Callable[..., None] = clone._clone

    def looking(server: Any, *arguments: Any) -> None:
        inside = subprocess.run(
            ["nsenter", "-t", str(server.container.pid), "-n", "cat", "/proc/net/tcp"], capture_output=True, check=True
        )
        seen.append((inside.stdout.decode(), Path("/proc/net/tcp").read_text()))
        really(server, *arguments)

    monkeypatch.setattr(clone, "_clone", looking)
    port = "0100007F:0CEA 00000000:0000 0A"
    before = Path("/proc/self/ns/net").readlink()
    chain.backup()
    assert [(port in inside, port in here) for inside, here in seen] == [(True, False)]
    assert wait_until(lambda: _tunnels() == [], seconds=60), _tunnels()
    assert {(task / "ns/net").readlink() for task in Path("/proc/self/task").iterdir()} == {before}


class Cutting:
    """A channel that is cut as soon as the first bytes have come; they wait until it is, however slow the machine is.

    Without the wait a clone may be through before it is cut. Cut later on, CLONE tries for five minutes to go on where it was, and
    does when the machine is there again.
    """

    def __init__(self, channel: Any, machine: SshServer) -> None:
        self.cut = False
        self._channel = channel
        self._machine = machine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def recv(self, size: int) -> bytes:
        piece: bytes = self._channel.recv(size)
        if piece and not self.cut:
            self.cut = True
            self._machine.cut()
        return piece


def test_a_cut_in_the_clone_is_reported(chain: Chain, machine: SshServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SSH connection dies at CLONE's first bytes; the directory does not look whole, and the next one goes through."""
    really = tunnel.Link
    channels: list[Cutting] = []

    def link(near: socket.socket, channel: Any) -> Any:
        # Only what CLONE carries comes over a port; our own sessions are socket pairs.
        if near.family == socket.AF_INET and not channels:
            channels.append(Cutting(channel, machine))
            return really(near, channels[0])  # type: ignore[arg-type]
        return really(near, channel)

    monkeypatch.setattr(tunnel, "Link", link)
    # CLONE takes several connections: one that begins may find the machine away before one that was there sees its end.
    with pytest.raises(Transient, match=r"the SSH connection to db was cut in the middle of the clone|cannot be reached from db"):
        chain.backup()
    assert [channel.cut for channel in channels] == [True]
    assert chain.backups == []
    data = chain.run.directory / "data-77-0"
    assert not (data / "datadir" / "mysql.ibd").exists() or (data / "datadir" / "#clone" / "#status_in_progress").exists()
    for directory in (data, chain.run.directory / "work-77-0"):
        shutil.rmtree(directory)
    chain.backup()


def test_a_cut_in_the_log_is_reported(chain: Chain, machine: SshServer) -> None:
    """A session whose SSH connection dies says so, with the machine's name; a new one goes through."""
    settings = chain.server.settings().through(chain.hosts)
    session = connection.connect(settings)
    machine.cut()
    with pytest.raises(connection.Away, match="through db ended the connection"), connection.errors_explained(settings):
        connection.rows(session, "SELECT SLEEP(60)")
    session.close()
    with connection.connect(settings) as again:
        assert connection.rows(again, "SELECT 1") == [(1,)]


def test_the_doctor_says_how_and_what_is_wrong(chain: Chain, machine: SshServer, tmp_path: Path) -> None:
    """The way, a wrong host key, a wrong port: each in the words of whoever noticed."""
    stranger = tmp_path / "known_hosts"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")], check=True)
    stranger.write_text(f"{machine.address} {(tmp_path / 'other.pub').read_text()}")

    def first(settings: MySQLSettings, known: Hosts) -> Any:
        return next(iter(doctor.examine(settings.through(known), chain.run.docker, CloneChecks())))

    assert "127.0.0.1:3306 through db" in first(chain.server.settings(), chain.hosts).message
    wrong = first(chain.server.settings(), Hosts({"db": machine.settings(known_hosts=stranger)}))
    assert not wrong.ok
    assert "key" in wrong.message
    closed = first(chain.server.settings(port=3999), chain.hosts)
    assert not closed.ok
    assert "127.0.0.1:3999 cannot be reached from db" in closed.message
    with pytest.raises(LifeboatError, match="key"):
        connection.connect(chain.server.settings().through(Hosts({"db": machine.settings(known_hosts=stranger)})))


def test_who_may_not_enter_a_network_is_reported(hidden: Hidden) -> None:
    """Our own network is refused, too: others could reach the port."""
    with pytest.raises(LifeboatError, match="no port 3306 can be opened"):
        tunnel.listen_inside(os.getpid(), 3306)
    code = (
        "import os, sys\nfrom backups.services.mysql.source import tunnel\nos.setuid(65534)\n"
        "try: tunnel.listen_inside(int(sys.argv[1]), 3306)\nexcept Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(hidden.container.pid)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("LifeboatError no port 3306")
    assert "needs root" in done.stdout


def test_a_dump_does_not_go_through_ssh() -> None:
    """It is refused where it is written."""
    with pytest.raises(ValueError, match="method: dump does not go through ssh"):
        MySQLSettings(type="mysql", image=IMAGE, host="127.0.0.1", ssh="db", method="dump")
