"""Real OpenSSH servers for tests, each in a container of its own, and a wire to them that can be slowed, stopped and cut."""

import contextlib
import os
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest

from backups import hosts
from backups.hosts.settings import HostSettings
from backups.machine.wait import wait_until
from tests.servers.leftovers import LABEL

IMAGE = "lifeboat/ssh-host:sid"


@dataclass
class SshServer:
    """A running server. `root` is /srv there, a directory of this machine; accounts: root, ops (may sudo), plain (may not)."""

    name: str
    address: str
    key_file: Path
    known_hosts: Path
    root: Path
    port: int = 22
    user: str = "root"

    def settings(self, **changes: Any) -> HostSettings:
        """Its entry under `hosts:` of lifeboat.yaml."""
        section = {
            "address": f"{self.user}@{self.address}:{self.port}",
            "key_file": self.key_file,
            "known_hosts": self.known_hosts,
        }
        return HostSettings.model_validate({key: value for key, value in (section | changes).items() if value is not None})

    def sh(self, command: str, *, check: bool = True) -> str:
        """Run something in the container, past SSH, as root."""
        done = subprocess.run(["docker", "exec", self.name, "sh", "-c", command], check=check, capture_output=True, text=True)
        return done.stdout.strip()

    def cut(self) -> None:
        """Kill every process that serves a connection; the server itself listens on."""
        self.sh("pkill -KILL -f '^sshd-session: ' || pkill -KILL -f '^sshd: [^/].*@'", check=False)

    def host_key(self) -> str:
        """The line of its host key: type and key."""
        return " ".join(self.sh("cat /etc/ssh/ssh_host_ed25519_key.pub").split()[:2])


@dataclass
class Wire:
    """A TCP proxy to a server, whose known_hosts knows it, too. Counts what comes back from the server.

    cut_after, stop_after: bytes from the server after which the next connection is cut, or stands still; both only once
    cut_up_after: the same for bytes to the server; delay: seconds that each piece waits
    """

    port: int
    cut_after: int | None = None
    stop_after: int | None = None
    cut_up_after: int | None = None
    delay: float = 0.0
    connections: int = 0
    down: int = 0
    _sockets: list[socket.socket] = field(default_factory=list)

    def cut(self) -> None:
        """Cut whatever is connected now."""
        for end in self._sockets:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._sockets.clear()


class SshFactory(Protocol):
    """Starts a server; everything goes when the session ends. tmpfs: what is mounted as /small there, as `docker run` takes it.

    volumes_from: another container, whose directories the server shall see, too.
    """

    def __call__(self, *, tmpfs: str | None = None, network: str | None = None, volumes_from: str | None = None) -> SshServer: ...


@pytest.fixture(scope="session")
def ssh_factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshFactory]:
    started: list[str] = []
    keys = tmp_path_factory.mktemp("ssh")
    key_file = keys / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lifeboat-test", "-f", str(key_file)], check=True)

    def start(*, tmpfs: str | None = None, network: str | None = None, volumes_from: str | None = None) -> SshServer:
        name = f"lifeboat-test-ssh-{uuid.uuid4().hex[:8]}"
        root = tmp_path_factory.mktemp("srv")
        root.chmod(0o755)
        arguments = [
            "--name",
            name,
            "--label",
            f"{LABEL}={os.getpid()}",
            "-v",
            f"{root}:/srv",
            "-e",
            f"AUTHORIZED={key_file.with_suffix('.pub').read_text()}",
        ]
        if tmpfs is not None:
            arguments += ["--tmpfs", f"/small:{tmpfs}"]
        if volumes_from is not None:
            arguments += ["--volumes-from", volumes_from]
        if network is not None:
            arguments += ["--network", network]
        started.append(name)
        _docker("run", "-d", *arguments, IMAGE)
        address = _docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name)
        server = SshServer(name, address, key_file, keys / f"{name}.known_hosts", root)
        assert wait_until(lambda: _answers(server), seconds=60), _docker("logs", name)
        server.known_hosts.write_text(f"{address} {server.host_key()}\n")
        return server

    yield start
    hosts.close_all()
    for name in started:
        subprocess.run(["docker", "rm", "-f", "-v", name], check=False, capture_output=True)


@pytest.fixture(scope="session")
def ssh_server(ssh_factory: SshFactory) -> SshServer:
    """The server that most tests share. Tests keep to directories of their own below its root."""
    return ssh_factory(tmpfs="size=8m,mode=0755")


@pytest.fixture
def wire(ssh_server: SshServer) -> Iterator[Wire]:
    """A wire to the shared server; the wire's port at 127.0.0.1 is known by the server's key."""
    listening = socket.create_server(("127.0.0.1", 0))
    line = Wire(listening.getsockname()[1])
    known = ssh_server.known_hosts.read_text()
    ssh_server.known_hosts.write_text(f"{known}[127.0.0.1]:{line.port} {ssh_server.host_key()}\n")
    threading.Thread(target=_accept, args=(listening, line, ssh_server), daemon=True).start()
    yield line
    hosts.close_all()
    with contextlib.suppress(OSError):
        listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    line.cut()
    ssh_server.known_hosts.write_text(known)


def _accept(listening: socket.socket, line: Wire, server: SshServer) -> None:
    while True:
        try:
            near, _ = listening.accept()
        except OSError:
            return
        line.connections += 1
        far = socket.create_connection((server.address, server.port))
        line._sockets += [near, far]
        threading.Thread(target=_carry, args=(far, near, line, True), daemon=True).start()
        threading.Thread(target=_carry, args=(near, far, line, False), daemon=True).start()


def _carry(source: socket.socket, target: socket.socket, line: Wire, down: bool) -> None:
    """Carry bytes one way until the limit of that way; a limit counts for one connection and is then gone.

    What was carried before a cut arrives: the near end sees the end of the stream, never a reset, which would take what it had not read yet.
    """
    carried = 0
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            carried += len(piece)
            line.down += len(piece) if down else 0
            if line.delay:
                time.sleep(line.delay)
            if down and line.cut_after is not None and carried >= line.cut_after:
                line.cut_after = None
                target.shutdown(socket.SHUT_WR)
                source.shutdown(socket.SHUT_RDWR)
                return
            if not down and line.cut_up_after is not None and carried >= line.cut_up_after:
                line.cut_up_after = None
                break
            if down and line.stop_after is not None and carried >= line.stop_after:
                line.stop_after = None
                # Still: nothing goes on, nothing is closed, until the test ends.
                while source in line._sockets and target in line._sockets:
                    time.sleep(0.05)
                break
            if down:
                target.sendall(piece)
            else:
                # Read on when the far end is cut off: closing a socket that holds unread bytes resets it.
                with contextlib.suppress(OSError):
                    target.sendall(piece)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


def _answers(server: SshServer) -> bool:
    try:
        with socket.create_connection((server.address, server.port), timeout=2) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout.strip()
