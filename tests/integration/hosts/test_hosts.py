"""Machines over SSH: known or refused, let in or told why not, and connections that die are noticed and opened again."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backups import hosts
from backups.errors import ConfigError, LifeboatError, Transient
from backups.hosts import Hosts, session
from backups.hosts import connection as connecting
from backups.hosts import wire as wire_
from backups.hosts.connection import HostConnection
from backups.hosts.settings import HostSettings
from backups.machine.wait import wait_until
from backups.secret import Secret
from tests.servers.ssh import SshFactory, SshServer, Wire


@pytest.fixture(autouse=True)
def _connections_end() -> Iterator[None]:
    yield
    hosts.close_all()
    assert not [thread for thread in threading.enumerate() if type(thread).__name__ == "Transport"]


def to(server: SshServer, **changes: object) -> HostConnection:
    return Hosts({"db": server.settings(**changes)}).connect("db")


def answers(connection: HostConnection) -> bool:
    try:
        return connection.run("true", seconds=30).code == 0
    except Transient:
        return False


def read_on(running: session.Session) -> None:
    while running.read():
        pass
    running.end(60)


def test_runs_commands_with_input_and_both_outputs(ssh_server: SshServer) -> None:
    code, out, err = to(ssh_server).run('cat; echo "it\'s" >&2; exit 3', stdin=b"a\0b" * 100_000, seconds=30)
    assert (code, out, err) == (3, b"a\0b" * 100_000, "it's")


def test_everybody_shares_one_connection(ssh_server: SshServer, wire: Wire) -> None:
    settings = ssh_server.settings(address=f"root@127.0.0.1:{wire.port}")
    jobs = [threading.Thread(target=lambda: Hosts({"db": settings}).connect("db").run("sleep 0.2", seconds=30)) for _ in range(4)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert wire.connections == 1


def test_a_channel_reaches_what_listens_on_the_loopback_there(ssh_server: SshServer) -> None:
    with to(ssh_server).open_channel("127.0.0.1", 22) as channel:
        assert channel.recv(4) == b"SSH-"
    with pytest.raises(Transient, match=r"127\.0\.0\.1:9 cannot be reached from db \(root@.*\): ") as fault:
        to(ssh_server).open_channel("127.0.0.1", 9)
    assert "AllowTcpForwarding" in str(fault.value.hint)


def test_an_unknown_key_is_refused_with_its_fingerprint(ssh_server: SshServer, tmp_path: Path) -> None:
    print_ = ssh_server.sh("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").split()[1]
    for known in (tmp_path / "absent", tmp_path / "empty"):
        if known.name == "empty":
            known.write_text("# nothing\nother.example.org ssh-ed25519 AAAA\n|1|broken\n@cert-authority * x\n")
        with pytest.raises(LifeboatError) as fault:
            to(ssh_server, known_hosts=known).run("true", seconds=30)
        assert (
            f"the host key of db ({ssh_server.address}) is not known: it offers ssh-ed25519 {print_}, {known} "
            in fault.value.message
        )
        line = f"{ssh_server.address} {ssh_server.host_key()}"
        assert f"echo '{line}' >> {known}" in str(fault.value.hint)
    # What the hint says is enough.
    known.write_text(f"{line}\n")
    assert to(ssh_server, known_hosts=known).run("true", seconds=30).code == 0


def test_a_changed_key_is_refused_with_both_fingerprints(ssh_server: SshServer, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")], check=True)
    other = (tmp_path / "other.pub").read_text()
    old = subprocess.run(
        ["ssh-keygen", "-lf", tmp_path / "other.pub"], capture_output=True, text=True, check=True
    ).stdout.split()[1]
    new = ssh_server.sh("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").split()[1]
    known = tmp_path / "known_hosts"
    known.write_text(f"{ssh_server.address} {other}")
    with pytest.raises(LifeboatError) as fault:
        to(ssh_server, known_hosts=known).run("true", seconds=30)
    assert fault.value.message == (
        f"the host key of db ({ssh_server.address}) has changed: it offers ssh-ed25519 {new}, {known} knows ssh-ed25519 {old}"
    )
    assert f"ssh-keygen -R '{ssh_server.address}' -f {known}" in str(fault.value.hint)


def test_known_hosts_may_be_hashed_and_revoke(ssh_server: SshServer, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(ssh_server.known_hosts.read_text())
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(known)], check=True, capture_output=True)
    assert ssh_server.address not in known.read_text()
    assert to(ssh_server, known_hosts=known).run("true", seconds=30).code == 0
    hosts.close_all()
    known.write_text(f"{known.read_text()}@revoked * {ssh_server.host_key()}\n")
    with pytest.raises(LifeboatError, match=r"offers a key that .* has revoked: ssh-ed25519 SHA256:"):
        to(ssh_server, known_hosts=known).run("true", seconds=30)


def test_whoever_may_not_come_in_is_reported(ssh_server: SshServer, tmp_path: Path) -> None:
    with pytest.raises(LifeboatError, match=r"does not let nobody-here log in with ssh-ed25519 SHA256:"):
        to(ssh_server, address=f"nobody-here@{ssh_server.address}").run("true", seconds=30)
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(tmp_path / "strange")], check=True)
    with pytest.raises(LifeboatError, match=r"does not let root log in with ssh-rsa SHA256:") as fault:
        to(ssh_server, key_file=tmp_path / "strange").run("true", seconds=30)
    assert "ssh-copy-id" in str(fault.value.hint)


def test_key_files_are_told_apart(ssh_server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = tmp_path / "locked"
    locked.write_text(ssh_server.key_file.read_text())
    locked.chmod(0o600)
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "open sesame", "-f", str(locked)], check=True, capture_output=True)
    monkeypatch.setenv("LOCK", "open sesame")
    assert to(ssh_server, key_file=locked, passphrase=Secret("${LOCK}")).run("true", seconds=30).code == 0
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    for changes, words in (
        ({"key_file": tmp_path / "absent"}, "absent: No such file or directory"),
        ({"key_file": locked}, "it is protected by a passphrase, and none is configured"),
        ({"key_file": locked, "passphrase": "shut"}, "the passphrase is wrong, or it is no private key that can be read"),
        ({"passphrase": "needless"}, "it has no passphrase, and one is configured"),
        ({"key_file": ssh_server.key_file.with_suffix(".pub")}, "it is no private key that can be read"),
        ({"key_file": None}, "hosts.db has no key_file, and no ssh-agent offers a key"),
        ({"key_file": None, "agent": False}, "hosts.db has no key_file, and agent: false is set"),
    ):
        with pytest.raises(ConfigError, match=words):
            to(ssh_server, **changes).run("true", seconds=30)


def test_an_agent_offers_its_keys(ssh_server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(tmp_path / "agent")], stdout=subprocess.DEVNULL)
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        assert wait_until((tmp_path / "agent").exists, seconds=120)
        subprocess.run(["ssh-add", "-q", str(ssh_server.key_file)], check=True)
        assert to(ssh_server, key_file=None).run("true", seconds=30).code == 0
    finally:
        agent.terminate()
        agent.wait()


def test_a_machine_that_is_away_is_reported(ssh_server: SshServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(Transient, match=rf"db \(root@127\.0\.0\.1:{port}\) cannot be reached: Connection refused"):
        to(ssh_server, address=f"root@127.0.0.1:{port}").run("true", seconds=30)
    with pytest.raises(Transient, match=r"db \(root@host\.invalid\) cannot be reached: "):
        to(ssh_server, address="root@host.invalid").run("true", seconds=30)


def test_something_else_than_ssh_is_reported(ssh_server: SshServer) -> None:
    def chat() -> None:
        near, _ = listening.accept()
        near.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 200)
        near.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=chat, daemon=True).start()
        with pytest.raises(Transient, match="does not speak SSH: "):
            to(ssh_server, address=f"root@127.0.0.1:{listening.getsockname()[1]}").run("true", seconds=30)


def test_a_jump_host_is_passed(ssh_server: SshServer, ssh_factory: SshFactory) -> None:
    inner = ssh_factory()
    away = inner.settings(address=f"root@{inner.address}:9", jump="bastion")
    ways = Hosts({"bastion": ssh_server.settings(), "db": inner.settings(jump="bastion"), "away": away})
    code, out, _ = ways.connect("db").run("hostname; echo $SSH_CONNECTION", seconds=30)
    assert code == 0
    assert out.split()[:2] == [inner.sh("hostname").encode(), ssh_server.address.encode()]
    with pytest.raises(Transient, match=rf"{inner.address}:9 cannot be reached from bastion \(root@"):
        ways.connect("away").run("true", seconds=30)
    ssh_server.cut()
    assert wait_until(lambda: answers(ways.connect("db")), seconds=60)


def test_a_jump_host_that_is_not_there_is_reported(ssh_server: SshServer) -> None:
    round_ = {"a": ssh_server.settings(jump="b"), "b": ssh_server.settings(jump="a"), "c": ssh_server.settings(jump="nowhere")}
    with pytest.raises(ConfigError, match=r"the jump hosts of hosts\.a form a circle"):
        Hosts(round_).connect("a")
    with pytest.raises(ConfigError, match="there is no host nowhere under hosts:"):
        Hosts(round_).connect("c")


def test_sudo_is_used_where_it_is_configured(ssh_server: SshServer) -> None:
    where = f"ops@{ssh_server.address}"
    assert to(ssh_server, address=where).run("id -un", seconds=30).output == b"ops\n"
    assert to(ssh_server, address=where, sudo=True).run("id -un; cat", stdin=b"x", seconds=30).output == b"root\nx"
    refused = to(ssh_server, address=f"plain@{ssh_server.address}", sudo=True).run("id -un", seconds=30)
    assert refused.code != 0
    assert refused.errors.startswith("sudo: ")


def test_a_dead_connection_is_reported_and_then_opened_again(ssh_server: SshServer, wire: Wire) -> None:
    connection = to(ssh_server, address=f"root@127.0.0.1:{wire.port}")
    with connection.session("echo begun; sleep 300") as running:
        assert running.read() == b"begun\n"
        wire.cut()
        with pytest.raises(Transient, match=r"the connection to db \(.*\) was cut in the middle"):
            running.end(60)
    assert connection.run("echo again", seconds=30).output == b"again\n"
    assert wire.connections == 2


def test_a_killed_server_process_is_a_cut(ssh_server: SshServer) -> None:
    connection = to(ssh_server)
    with connection.session("cat /dev/zero") as running:
        running.read()
        ssh_server.cut()
        with pytest.raises(Transient, match="was cut in the middle"):
            read_on(running)


def test_a_peer_that_falls_silent_is_noticed(ssh_server: SshServer, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "STALL_SECONDS", 1.0)
    wire.stop_after = 1_000_000
    with (
        to(ssh_server, address=f"root@127.0.0.1:{wire.port}").session("cat /dev/zero") as running,
        pytest.raises(Transient, match="stands still: not a byte came from it for 1 s"),
    ):
        read_on(running)


def test_a_network_that_is_gone_is_noticed_while_nothing_is_said(
    ssh_factory: SshFactory, docker_cli: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire_, "_SILENT_MILLISECONDS", 2000)
    monkeypatch.setattr(connecting, "_KEEPALIVE_SECONDS", 1)
    server = ssh_factory()
    with to(server).session("echo begun; sleep 300") as running:
        assert running.read() == b"begun\n"
        docker_cli("network", "disconnect", "bridge", server.name)
        with pytest.raises(Transient, match="was cut in the middle"):
            running.end(200)


def test_a_command_that_is_killed_there_is_reported(ssh_server: SshServer) -> None:
    with pytest.raises(LifeboatError, match=r"a command was killed on db .*; it printed: last words"):
        to(ssh_server).run("echo last words >&2; kill -9 $$", seconds=30)


def test_a_command_that_lasts_too_long_is_reported(ssh_server: SshServer) -> None:
    with pytest.raises(LifeboatError, match=r"did not end within 3 s on db .*; it printed: begun"):
        to(ssh_server).run("echo begun; sleep 60", seconds=3)


def test_a_command_may_start_a_daemon(ssh_server: SshServer) -> None:
    begun = time.monotonic()
    code, out, _ = to(ssh_server).run("sleep 300 & echo $!", seconds=200)
    assert code == 0
    assert time.monotonic() - begun < 150
    ssh_server.sh(f"kill {int(out)}")


def test_a_process_ends_whatever_it_left_open(ssh_server: SshServer) -> None:
    program = (
        "import sys; from pathlib import Path; from backups.hosts import Hosts; from backups.hosts.settings import HostSettings\n"
        f"HOST = HostSettings(address='root@{ssh_server.address}', key_file=Path({str(ssh_server.key_file)!r}), "
        f"known_hosts=Path({str(ssh_server.known_hosts)!r}))\n"
        "connection = Hosts({'db': HOST}).connect('db')\n"
        "print(connection.run('echo there', seconds=30).output.decode(), end='')\n"
        "left = connection.session('sleep 300').__enter__()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, env={**os.environ}, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "there\n", "")


@pytest.mark.parametrize("address", ["10.0.0.7", "ops@", "ops@host:99999", "ops@host:0", "o p s@host", "ops@a@b", "ops@::1"])
def test_an_address_is_user_at_host(address: str) -> None:
    with pytest.raises(ValueError, match="is not user@host or user@host:port"):
        HostSettings(address=address)


def test_addresses_are_read() -> None:
    read = [HostSettings(address=text) for text in ("ops@10.0.0.7", "root@[::1]:2222", "a.b@db.example.org:22")]
    assert [(each.user, each.host, each.port, each.known_as) for each in read] == [
        ("ops", "10.0.0.7", 22, "10.0.0.7"),
        ("root", "::1", 2222, "[::1]:2222"),
        ("a.b", "db.example.org", 22, "db.example.org"),
    ]
