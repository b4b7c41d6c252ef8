"""Describes a machine under `hosts:` of lifeboat.yaml: its address, keys and jump host."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from backups.secret import Secret

_ADDRESS = re.compile(r"(?P<user>[^@:\s]+)@(?P<host>\[[0-9A-Fa-f:.%\w]+\]|[^:@\[\]\s]+)(:(?P<port>\d{1,5}))?")


def _address(value: str) -> str:
    parts = _ADDRESS.fullmatch(value)
    if parts is None or not 0 < int(parts["port"] or 22) < 65536:
        raise ValueError(f"{value!r} is not user@host or user@host:port (examples: ops@10.0.0.7, ops@db.example.org:2222)")
    return value


class HostSettings(BaseModel):
    """How a machine is reached over SSH, and how commands are run on it.

    address: user@host or user@host:port; key_file: the private key to log in with, and passphrase its passphrase
    agent: whether keys of a running ssh-agent are offered; left out: only when there is no key_file
    known_hosts: the file with its host keys, as OpenSSH writes it; left out: ~/.ssh/known_hosts
    jump: another entry of `hosts:`, through which this one is reached; sudo: whether commands are run by `sudo -n`
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    address: Annotated[str, AfterValidator(_address)]
    key_file: Path | None = None
    passphrase: Secret | None = None
    agent: bool | None = None
    known_hosts: Path | None = None
    jump: str | None = None
    sudo: bool = False

    @property
    def user(self) -> str:
        """The user to log in as."""
        return self.address.partition("@")[0]

    @property
    def host(self) -> str:
        """Its name or number, an IPv6 one without brackets."""
        return self._parts()["host"].strip("[]")

    @property
    def port(self) -> int:
        """Its SSH port."""
        return int(self._parts()["port"] or 22)

    @property
    def known_as(self) -> str:
        """Its name in known_hosts."""
        return self.host if self.port == 22 else f"[{self.host}]:{self.port}"

    def _parts(self) -> re.Match[str]:
        parts = _ADDRESS.fullmatch(self.address)
        if parts is None:
            raise ValueError(self.address)
        return parts
