"""Describes a MySQL service's section of lifeboat.yaml."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from backups import secret
from backups.hosts import NOWHERE, Hosts
from backups.secret import Secret
from backups.services.settings import SqlServiceSettings

if TYPE_CHECKING:
    import paramiko


class MySQLSettings(SqlServiceSettings):
    """Where the server is, and the account to use. `tls`: preferred uses TLS where the server offers it, required insists, verify
    also checks its certificate against `tls_ca`, disabled never does. `method`: clone, the server's own CLONE and its log; dump,
    SQL by mysqldump or mariadb-dump, for servers that CLONE cannot serve. `ssh`: the machine of `hosts:` that `host` and `port`
    are seen from. `scan`: how often a table whose contents follow from the log is read by an incremental, to compare: weekly,
    once in seven, small ones in each; nightly, in each; always, in each, and the log is not asked.
    """

    type: Literal["mysql"]
    method: Literal["clone", "dump"] = "clone"
    scan: Literal["weekly", "nightly", "always"] = "weekly"
    host: str
    ssh: str | None = None
    port: int = Field(default=3306, ge=1, le=65535)
    user: str = "lifeboat"
    password: Secret | None = None
    password_file: Path | None = None
    tls: Literal["preferred", "required", "verify", "disabled"] = "preferred"
    tls_ca: Path | None = None
    _hosts: Hosts = PrivateAttr(default=NOWHERE)

    @model_validator(mode="after")
    def _dumps_reach_it_themselves(self) -> Self:
        if self.ssh is not None and self.method == "dump":
            raise ValueError("method: dump does not go through ssh: leave ssh out, or set method: clone")
        return self

    @property
    def where(self) -> str:
        """The server's address, and the machine that it is reached through."""
        return f"{self.host}:{self.port}" + (f" through {self.ssh}" if self.ssh else "")

    def through(self, hosts: Hosts) -> Self:
        """Return the settings with the machines of `hosts:`, of which `ssh` names one."""
        if self.ssh is None:
            return self
        known = self.model_copy()
        known._hosts = hosts  # noqa: SLF001
        return known

    def open_channel(self) -> "paramiko.Channel":
        """Open a channel to the server through the machine that `ssh` names; raises what HostConnection.open_channel raises."""
        if self.ssh is None:
            raise AssertionError("only a server behind ssh: is reached through a channel")
        return self._hosts.connect(self.ssh).open_channel(self.host, self.port)

    def reveal_password(self) -> str:
        """Read the password now; raises ConfigError when it cannot be read."""
        return secret.read(self.password, self.password_file, f"user {self.user} of MySQL at {self.where}")
