"""What a repository elsewhere can do to us, each provoked on a real server: told by its meaning, with what to type."""

import os
import re
import shutil
import subprocess
from concurrent.futures import Future
from pathlib import Path

import pytest

from backups.errors import ConfigError, LifeboatError, Transient
from backups.repository.repository import Repository
from backups.secret import Secret
from tests.integration.repository.remote.conftest import AT, TRIES, Elsewhere, named, s3_keys
from tests.servers.repositories import PASSWORD, S3Server, free_port, rest_server
from tests.servers.ssh import SshServer, Wire

KEY = Secret("correct horse")


@pytest.fixture(autouse=True)
def _begun(patience: "dict[str, Future[Exception]]") -> None:
    """What restic tries again for long is begun with the first test of this file, beside the others; the last ones wait for it."""


def told(repository: Repository) -> LifeboatError:
    """What `ensure` raises: it must not take a repository that cannot be seen for one that is not there."""
    with pytest.raises(LifeboatError) as fault:
        repository.ensure()
    with pytest.raises(type(fault.value)):
        repository.backups()
    assert PASSWORD not in str(fault.value)
    assert fault.value.hint
    return fault.value


def make_another_key(machine: Elsewhere) -> str:
    """Its files are `other` and `other.pub` in the machine's folder; returns the public one's text."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", machine.folder / "other"], check=True)
    return (machine.folder / "other.pub").read_text()


def known_by_another_key(machine: Elsewhere, ssh_server: SshServer) -> None:
    """The file `known` of the machine's folder holds, for this server, a key that is not its own."""
    (machine.folder / "known").write_text(f"{ssh_server.address} {make_another_key(machine)}")


def test_an_ssh_host_that_is_not_known_is_refused(machine: Elsewhere, ssh_server: SshServer, directory: str) -> None:
    (machine.folder / "known").touch()
    fault = told(machine.configure(f"url: 'sftp:vault:{directory}'", named(ssh_server, known_hosts="known")).repository)
    assert isinstance(fault, ConfigError)
    assert "its host key is unknown" in fault.message
    assert "ssh-keyscan" in (fault.hint or "")


def test_an_ssh_host_with_another_key_is_refused(machine: Elsewhere, ssh_server: SshServer, directory: str) -> None:
    known_by_another_key(machine, ssh_server)
    fault = told(machine.configure(f"url: 'sftp:vault:{directory}'", named(ssh_server, known_hosts="known")).repository)
    assert isinstance(fault, ConfigError)
    assert "its host key has changed" in fault.message
    assert "SHA256:" in fault.message


@pytest.mark.parametrize("words_in_time", [0, 1, 3])
def test_an_ssh_whose_words_come_too_late_for_restic_is_asked_itself(
    machine: Elsewhere, ssh_server: SshServer, directory: str, monkeypatch: pytest.MonkeyPatch, words_in_time: int
) -> None:
    """restic passes on what ssh says, line by line, and ends when the session does: of a warning it may have the first lines."""
    known_by_another_key(machine, ssh_server)
    options = ["BatchMode=yes", "StrictHostKeyChecking=yes", f"UserKnownHostsFile={machine.folder / 'known'}"]
    asked = ["ssh", *(part for option in options for part in ("-o", option)), ssh_server.address, "true"]
    words = machine.folder / "words"
    words.write_text(subprocess.run(asked, capture_output=True, text=True, check=False).stderr)
    slow = machine.folder / "bin" / "ssh"
    slow.parent.mkdir()
    # Only for this repository: what `patience` has begun goes on beside this test, and asks ssh, too.
    slow.write_text(
        f'#!/bin/sh\ncase "$*" in *{machine.folder}*) ;; *) exec {shutil.which("ssh")} "$@";; esac\n'
        f"touch {machine.folder}/replaced\nhead -n {words_in_time} {words} >&2\nexec >&-\nsleep 1\ntail -n +{words_in_time + 1} {words} >&2\nexit 255\n"
    )
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    fault = told(machine.configure(f"url: 'sftp:vault:{directory}'", named(ssh_server, known_hosts="known")).repository)
    assert isinstance(fault, ConfigError)
    assert "its host key has changed" in fault.message
    assert fault.message.count("SHA256:") == 1
    assert (machine.folder / "replaced").exists()


def test_an_ssh_key_that_is_not_let_in_is_reported_and_no_password_is_asked_for(
    machine: Elsewhere, ssh_server: SshServer, directory: str
) -> None:
    make_another_key(machine)
    fault = told(machine.configure(f"url: 'sftp:vault:{directory}'", named(ssh_server, key_file="other")).repository)
    assert isinstance(fault, ConfigError)
    assert "it does not accept the SSH key" in fault.message
    assert "ssh-copy-id" in (fault.hint or "")


def test_a_directory_that_is_not_ours_is_reported(machine: Elsewhere, ssh_server: SshServer) -> None:
    entry = named(ssh_server, address=f"plain@{ssh_server.address}:{ssh_server.port}")
    with pytest.raises(LifeboatError, match=r"(?i)permission denied") as fault:
        machine.configure("url: 'sftp:vault:/root/r'", entry).repository.ensure()
    assert "as a user that may write there" in (fault.value.hint or "")


def test_a_jump_host_is_gone_through(machine: Elsewhere, ssh_server: SshServer, directory: str) -> None:
    """The same server twice: what matters is that the second is reached from the first, where 127.0.0.1 is itself."""
    known = machine.folder / "known"
    known.write_text(f"{ssh_server.known_hosts.read_text()}127.0.0.1 {ssh_server.host_key()}\n")
    gate = named(ssh_server, known_hosts=known).replace("hosts:\n  vault:", "  gate:")
    entry = named(ssh_server, address="root@127.0.0.1:22", known_hosts=known, jump="gate")
    repository = machine.configure(f"url: 'sftp:vault:{directory}'", entry + gate).repository
    repository.ensure()
    assert (ssh_server.root / Path(directory).name / "config").is_file()


def test_an_ssh_server_that_is_away_is_transient(machine: Elsewhere, ssh_server: SshServer) -> None:
    entry = named(ssh_server, address=f"root@127.0.0.1:{free_port()}")
    fault = told(machine.configure("url: 'sftp:vault:/srv/r'", entry).repository)
    assert isinstance(fault, Transient)
    assert "Connection refused" in fault.message


def test_a_connection_that_is_cut_in_the_middle_leaves_no_backup_and_the_next_one_goes_through(
    machine: Elsewhere, ssh_server: SshServer, directory: str, wire: Wire
) -> None:
    entry = named(ssh_server, address=f"root@127.0.0.1:{wire.port}")
    repository = machine.configure(f"url: 'sftp:vault:{directory}'", entry).repository
    repository.ensure()
    large = machine.folder / "large"
    large.mkdir()
    (large / "file").write_bytes(os.urandom(12_000_000))
    wire.cut_up_after = 3_000_000
    with pytest.raises(Transient, match="it does not answer"):
        repository.save(large, host="toy", tags=["lifeboat"], at=AT)
    assert repository.snapshots() == []
    repository.save(large, host="toy", tags=["lifeboat"], at=AT)
    repository.unlock()
    repository.check(read_data=True)
    assert len(repository.snapshots()) == 1


def test_a_rest_server_that_refuses_the_password_and_one_that_is_away(tmp_path: Path) -> None:
    with rest_server(tmp_path) as server:
        refused = told(Repository(server.url_with("another"), tmp_path / "cache", KEY, tries=TRIES))
        server.stop()
        away = told(Repository(server.url, tmp_path / "cache", KEY, tries=TRIES))
    assert isinstance(refused, ConfigError)
    assert "it refuses the user or the password" in refused.message
    assert "another" not in str(refused)
    assert isinstance(away, Transient)
    assert "it does not answer" in away.message


def test_a_certificate_that_nobody_vouches_for_is_reported(tmp_path: Path) -> None:
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-keyout", "key", "-out", "crt"]
    subprocess.run(make, cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "vault").mkdir()
    options = ("--cert", str(tmp_path / "crt"), "--key", str(tmp_path / "key"))
    with rest_server(tmp_path / "vault", *options, scheme="https") as server:
        fault = told(Repository(server.url, tmp_path / "cache", KEY, tries=TRIES))
    assert isinstance(fault, ConfigError)
    assert "its certificate is not trusted" in fault.message


@pytest.mark.parametrize("password", ["pa/ss", "p#a", "p?a"])
def test_a_password_that_was_not_escaped_is_reported_and_not_shown(tmp_path: Path, password: str) -> None:
    repository = Repository(f"rest:http://harbour:{password}@127.0.0.1:1/", tmp_path / "cache", KEY)
    with pytest.raises(ConfigError, match=r"repository\.url is not a valid address of a REST server") as fault:
        repository.ensure()
    assert "/ is %2F" in str(fault.value)
    assert password not in str(fault.value)
    assert password not in repository.shown_url


@pytest.mark.parametrize("which", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_s3_keys_that_are_refused_are_reported(s3: S3Server, tmp_path: Path, which: str) -> None:
    keys = {**s3_keys(s3), which: Secret("ANOTHER")}
    fault = told(Repository(s3.url("refused"), tmp_path / "cache", KEY, environment=keys))
    assert isinstance(fault, ConfigError)
    assert "it refuses the access keys" in fault.message


def test_an_s3_server_that_is_away_is_transient(s3: S3Server, tmp_path: Path) -> None:
    url = f"s3:http://127.0.0.1:{free_port()}/backups/x"
    hurried = {"s3.retries": "1"}
    away = Repository(url, tmp_path / "cache", KEY, environment=s3_keys(s3), options=hurried, tries=TRIES)
    assert isinstance(told(away), Transient)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        # What an SFTP server says of a full disk, restic 0.14 keeps to itself.
        ("sftp", r"cannot save to the repository sftp:vault:/small/r: its (server failed|disk is full): "),
        ("rest", r"cannot save to the repository rest:http://harbour:\*{4}@"),
        ("s3", "it is append-only from this machine, and refuses deletions; nothing was lost"),
    ],
)
def test_what_is_tried_again_for_long_is_reported_in_the_end(
    patience: "dict[str, Future[Exception]]", kind: str, words: str
) -> None:
    """Full disks far away; and a bucket whose policy forbids deletions, where nothing goes."""
    fault = patience[kind].result(timeout=300)
    assert isinstance(fault, LifeboatError), fault
    assert re.search(words, fault.message)
    assert any(hint in (fault.hint or "") for hint in ("disk full", "free some space there")) or kind == "s3"
    assert PASSWORD not in str(fault)
