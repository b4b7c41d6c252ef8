"""Back up, list, verify, examine and prune with each kind of repository, by the commands that an operator types."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.repository.remote.conftest import Elsewhere, Lifeboat, named
from tests.integration.retention.conftest import chains_of, fabricate
from tests.servers import restic
from tests.servers.command_lines import command_lines
from tests.servers.repositories import PASSWORD, S3Server, rest_server
from tests.servers.ssh import SshServer

LONG_AGO = datetime.now(UTC) - timedelta(days=75)


def live(
    machine: Elsewhere, lifeboat: Lifeboat, secrets: list[str], caplog: pytest.LogCaptureFixture, directory: Path | None = None
) -> None:
    """The whole life of a repository; no secret shows up on the way. `directory`: where on this machine its server keeps it."""
    caplog.set_level("INFO", "backups")
    site, config, said = machine.open(), str(machine.config), list[str]()

    def typed(*arguments: str, code: int = 0) -> str:
        done = lifeboat(*arguments, "--config", config)
        assert done.code == code, done.out + done.err
        said.extend([done.out, done.err])
        return done.out

    with command_lines() as seen:
        assert "not there yet; the first backup makes it" in lifeboat("doctor", "--config", config).out
        typed("backup")
        if directory:
            restic.cheapen(directory, "correct horse")
        assert [backup["kind"] for backup in json.loads(typed("list", "--json"))] == ["full"]
        assert "verified" in typed("verify", "--backup", "latest", "--out", str(machine.folder / "report"))
        assert "opens, 1 backup\n" in lifeboat("doctor", "--config", config).out
        fabricate(site, machine.folder / "scratch", "old", [LONG_AGO])
        assert "1 backup deleted" in typed("prune", "--trust-clock")
        known = site.state / "repository.id"
        assert known.read_text().strip() == site.repository.identifier()
        known.write_text("another")
        for words in (("backup",), ("prune",), ("status",)):
            refused = lifeboat(*words, "--config", config)
            assert refused.code == 2
            assert f"is its disk mounted? known here is another, found is {site.repository.identifier()}" in refused.err
            said.append(refused.err)
        typed("prune", "--init")
    site.repository.check(read_data=True)
    assert [len(held) for held in chains_of(site.repository).values()] == [1]
    lines = [line for line in seen if line.split(b"\0")[0].endswith(b"restic")]
    assert any(b"\0backup\0" in line for line in lines), "restic was not seen at work"
    shown = "\n".join([*said, caplog.text, *(line.decode(errors="replace") for line in seen)])
    assert not [secret for secret in [*secrets, "correct horse"] if secret in shown]


def test_sftp_by_a_name_of_hosts(
    machine: Elsewhere, lifeboat: Lifeboat, ssh_server: SshServer, directory: str, caplog: pytest.LogCaptureFixture
) -> None:
    machine.configure(f"url: 'sftp:vault:{directory}'", named(ssh_server))
    live(machine, lifeboat, [], caplog, ssh_server.root / Path(directory).name)
    assert (ssh_server.root / Path(directory).name / "config").is_file()


def test_rest(machine: Elsewhere, lifeboat: Lifeboat, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The password comes from the environment, as a careful operator has it."""
    monkeypatch.setenv("THE_REST_PASSWORD", PASSWORD)
    vault = machine.folder / "vault"
    vault.mkdir()
    with rest_server(vault) as server:
        machine.configure(f"url: '{server.url_with('${THE_REST_PASSWORD}')}'")
        live(machine, lifeboat, [PASSWORD], caplog, vault)
    assert (vault / "config").is_file()


def test_s3(
    machine: Elsewhere, lifeboat: Lifeboat, s3: S3Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("THE_KEY", s3.keys[1])
    machine.configure(
        f"url: '{s3.url('life')}', environment: {{AWS_ACCESS_KEY_ID: {s3.keys[0]}, AWS_SECRET_ACCESS_KEY: '${{THE_KEY}}'}}, "
        "options: {s3.region: us-east-1}"
    )
    live(machine, lifeboat, [s3.keys[1]], caplog)
