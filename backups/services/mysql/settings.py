"""A MySQL service's section of lifeboat.yaml."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from backups import secret
from backups.secret import Secret
from backups.services.base import SqlServiceSettings


class MySQLSettings(SqlServiceSettings):
    """Where the server answers, and as whom. `tls`: preferred uses TLS where the server offers it, required insists, verify
    also checks its certificate against `tls_ca`, disabled never does. `method`: clone, the server's own CLONE and its log; dump,
    SQL by mysqldump or mariadb-dump, for servers that CLONE cannot serve.
    """

    type: Literal["mysql"]
    method: Literal["clone", "dump"] = "clone"
    host: str
    port: int = Field(default=3306, ge=1, le=65535)
    user: str = "lifeboat"
    password: Secret | None = None
    password_file: Path | None = None
    tls: Literal["preferred", "required", "verify", "disabled"] = "preferred"
    tls_ca: Path | None = None

    def reveal_password(self) -> str:
        """Read the password now; raises ConfigError when it cannot be had."""
        return secret.read(self.password, self.password_file, f"user {self.user} of MySQL at {self.host}:{self.port}")
