"""A place over SSH that is refused: a wrong address, missing rights, a login that prints."""

from pathlib import Path

import pytest

from backups.errors import ConfigError, LifeboatError
from backups.hosts import Hosts
from backups.machine.docker import Docker
from backups.places.parse import parse
from tests.integration.places.remote.harness import OWNERSHIP, by, fill
from tests.servers.ssh import SshFactory, SshServer


def test_a_place_is_read_from_the_configuration(ssh_server: SshServer) -> None:
    assert str(by(ssh_server, "/var/lib/x y")) == "ssh:db:/var/lib/x y"
    for text in ("ssh:db", "ssh:db:relative", "ssh::/path", "ssh:/path"):
        with pytest.raises(ConfigError, match="is not a place"):
            parse(text, Docker(), Hosts({"db": ssh_server.settings()}))
    with pytest.raises(ConfigError, match="there is no host web under hosts:"):
        parse("ssh:web:/srv", Docker(), Hosts({"db": ssh_server.settings()}))


def test_missing_rights_are_reported(ssh_server: SshServer, top: Path, tmp_path: Path) -> None:
    fill(top / "root")
    (top / "root" / "closed").mkdir(mode=0o700)
    (top / "root" / "f1").chmod(0o600)
    plain = f"plain@{ssh_server.address}"
    place = by(ssh_server, top / "root", address=plain)
    with pytest.raises(LifeboatError, match=r"\. of ssh:db:.* cannot be listed: .*Permission denied"):
        place.files()
    with pytest.raises(LifeboatError, match=r"f1 of ssh:db:.* cannot be read: Permission denied"):
        place.fetch(["f0", "f1", "f2"], tmp_path / "into")
    with pytest.raises(LifeboatError, match=r"f2 of ssh:db:.* cannot be removed: .*Permission denied") as fault:
        place.remove("f2")
    assert "sudo: true" in str(fault.value.hint)
    fill(tmp_path / "tree")
    with pytest.raises(LifeboatError, match=r"nothing can be put into ssh:db:.*Permission denied"):
        by(ssh_server, top / "data", address=plain).put(tmp_path / "tree", OWNERSHIP)
    (top / "root").chmod(0o700)
    with pytest.raises(LifeboatError, match="cannot be read: Permission denied"):
        place.check()
    with pytest.raises(LifeboatError, match="plain may not use sudo on db") as fault:
        by(ssh_server, top / "root", address=plain, sudo=True).check()
    assert "plain ALL=(root) NOPASSWD: ALL" in str(fault.value.hint)


def test_a_login_that_talks_is_reported(ssh_factory: SshFactory) -> None:
    server = ssh_factory()
    server.sh("usermod -s /bin/bash plain; echo 'echo Welcome aboard' > /home/plain/.bashrc; chown plain /home/plain/.bashrc")
    with pytest.raises(
        LifeboatError, match=r"the login of db \(plain@.*\) prints text before every command: Welcome aboard"
    ) as fault:
        by(server, "/srv", address=f"plain@{server.address}").check()
    assert "~plain/.bashrc" in str(fault.value.hint)
