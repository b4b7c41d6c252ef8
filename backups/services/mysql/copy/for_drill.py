"""Gives options and an account to a server that is restored for a drill: it need not survive a crash.

A restore to keep uses the account alone, and removes it at the end.
"""

import secrets
from dataclasses import dataclass

RELAXED = (
    "--innodb-doublewrite=OFF",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-fast-shutdown=2",
    "--innodb-buffer-pool-dump-at-shutdown=OFF",
    "--loose-innodb-redo-log-capacity=1G",
    "--innodb-io-capacity=4000",
    "--innodb-io-capacity-max=8000",
    "--sync-relay-log=0",
    "--loose-sync-relay-log-info=0",
)
"""Options of a server whose data may be lost with the machine."""


@dataclass(frozen=True, repr=False)
class Account:
    """An account that exists in one copy only, under a name that no source has; not part of what is observed."""

    user: str
    password: str

    @classmethod
    def random(cls) -> "Account":
        """Make one. The password satisfies every policy that a validate_password component on the source may have."""
        return cls(f"lifeboat_{secrets.token_hex(6)}", f"aA1-{secrets.token_urlsafe(24)}")

    @property
    def name(self) -> str:
        """As a server writes it: `user@host`."""
        return f"{self.user}@localhost"

    def sql(self) -> str:
        """Return the server's --init-file: creates the account before anybody can connect."""
        return (
            "SET sql_log_bin = 0;\n"
            # It is there already where another server starts on the same data.
            f"CREATE USER IF NOT EXISTS '{self.user}'@'localhost' IDENTIFIED WITH caching_sha2_password BY '{self.password}';\n"
            f"GRANT ALL ON *.* TO '{self.user}'@'localhost' WITH GRANT OPTION;\n"
        )
