"""The command by which restic reaches an SFTP repository, for each way that one may be written down."""

import shlex
from pathlib import Path

import pytest

from backups.errors import ConfigError
from backups.hosts import NOWHERE, Hosts
from backups.hosts.settings import HostSettings
from backups.repository import sftp
from backups.secret import Secret

VAULT = HostSettings(address="ops@10.0.0.9:2222", key_file=Path("/keys/100% mine"), known_hosts=Path("/keys/known"))


@pytest.mark.parametrize(
    ("url", "end"),
    [
        ("sftp:ops@10.0.0.9:/srv/r", "-l ops -s -- 10.0.0.9 sftp"),
        ("sftp:10.0.0.9:relative", "-s -- 10.0.0.9 sftp"),
        ("sftp://ops@vault:2222//srv/r", "-p 2222 -l ops -s -- vault sftp"),
        ("sftp://[fd00::1]:22//srv/r", "-p 22 -s -- fd00::1 sftp"),
        ("sftp:ops@[fd00::1]:/srv/r", "-l ops -s -- fd00::1 sftp"),
    ],
)
def test_a_plain_address_is_left_to_the_configuration_of_ssh_but_for_questions(url: str, end: str) -> None:
    words = shlex.join(sftp.command(url, Hosts({"other": VAULT})))
    assert words.startswith("ssh -o BatchMode=yes ")
    assert words.endswith(end)
    assert "StrictHostKeyChecking" not in words


def test_a_name_of_hosts_brings_its_key_and_its_known_hosts() -> None:
    words = sftp.command("sftp:vault:/srv/r", Hosts({"vault": VAULT}))
    assert 'IdentityFile="/keys/100%% mine"' in words
    assert {"UserKnownHostsFile=/keys/known", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes"} <= set(words)
    assert words[-7:] == ["2222", "-l", "ops", "-s", "--", "10.0.0.9", "sftp"]


def test_other_repositories_need_no_ssh() -> None:
    assert sftp.command("rest:http://host/", NOWHERE) == sftp.command("/srv/sftp", NOWHERE) == []
    assert sftp.options("/srv/sftp", NOWHERE) == {}


@pytest.mark.parametrize("url", ["sftp:/srv/r", "sftp://:22//r", "sftp:", "sftp://host:port//r"])
def test_an_address_without_a_host_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="is not a valid SFTP address") as fault:
        sftp.command(url, NOWHERE)
    assert "sftp:user@host:/path" in str(fault.value)


def test_a_passphrase_that_ssh_could_not_be_given_is_refused() -> None:
    locked = VAULT.model_copy(update={"passphrase": Secret("${WORD}")})
    with pytest.raises(ConfigError, match="has a passphrase") as fault:
        sftp.command("sftp:vault:/r", Hosts({"vault": locked}))
    assert "ssh-agent" in str(fault.value)
    assert sftp.command("sftp:vault:/r", Hosts({"vault": locked.model_copy(update={"agent": True})}))


def test_jumps_that_lead_back_are_refused() -> None:
    round_trip = Hosts({"a": VAULT.model_copy(update={"jump": "b"}), "b": VAULT.model_copy(update={"jump": "a"})})
    with pytest.raises(ConfigError, match="a → b → a"):
        sftp.command("sftp:a:/r", round_trip)


def test_what_restic_could_not_take_apart_again_is_refused() -> None:
    behind = Hosts({"a": VAULT.model_copy(update={"jump": "b"}), "b": VAULT})
    with pytest.raises(ConfigError, match="holds a space or a quote"):
        sftp.options("sftp:a:/r", behind)
    plain = VAULT.model_copy(update={"key_file": Path("/keys/mine")})
    assert (
        "ProxyCommand=ssh"
        in sftp.options("sftp:a:/r", Hosts({"a": plain.model_copy(update={"jump": "b"}), "b": plain}))["sftp.command"]
    )
