"""Describes what a dump's manifest holds besides its witness, and its files: `data/dump/*.sql`, loaded in this order."""

from typing import Any, Literal

from pydantic import Field

from backups.foreign import DumpFile, Seconds, ServerId, Size
from backups.manifest import Frozen
from backups.services.mysql.details import Position

DUMP = "dump"
ACCOUNTS = "accounts.sql"
"""What creates every account, but for the server's own."""
SCHEMA = "schema.sql"
"""Connections to other servers, tablespaces, databases, sequences, tables, routines, events."""
VIEWS = "views.sql"
"""After the routines that they call, and the privileges that whoever defined them needs."""
DATA = "data-{}.sql"
"""Rows, in files that can be loaded side by side."""
EXACT = "exact-{}.sql"
"""Rows of one table that a dump program would change (FLOAT, types inside JSON) or leave out, written by Lifeboat."""
TRIGGERS = "triggers.sql"
"""After the rows: a trigger must not fire for them."""
LAST = "last.sql"
"""Histograms, and which databases are read only."""
GRANTS = "grants.sql"
"""Privileges and roles. Loaded twice: as far as possible before the views, wholly when everything that they name is there."""
DEFINITIONS = frozenset((ACCOUNTS, SCHEMA, VIEWS, TRIGGERS, GRANTS, LAST))
"""Of these a server takes what it can: the witness shows what is missing then."""
LIMITS = (
    "a dump has no log: between two backups no moment can be brought back, and each backup is a full",
    "bringing it back loads SQL, which takes about ten times as long as starting a clone",
    "JSON values are compared by their text; inside MySQL's, a TIMESTAMP comes back as DATETIME, BIT and binary strings as text",
    "a whole number inside a JSON value may come back signed where it was unsigned",
)
"""What every dump lacks."""


class DumpDetails(Frozen):
    """The `details` of a MySQL or MariaDB manifest whose method is `dump`.

    mariadb: whether the source is one. position: where its binary log stood at the witness's instant; None where it has none or
    does not tell. stages: the files below `data/dump/`, in the order they are loaded; those of one stage side by side
    variables: server variables that a copy must be started with. plugins: libraries of the plugins that were active
    lock: `global`, or `tables` where the server allows no global one. lock_seconds: how long writers waited; of the whole dump
    when there are tables whose engine has no snapshots (`unsafe_tables`). limits: what this backup cannot bring back
    answering, system_offset, zone: see `MySQLDetails`
    """

    method: Literal["dump"] = "dump"
    mariadb: bool
    server_uuid: ServerId
    position: Position | None
    stages: tuple[tuple[DumpFile, ...], ...]
    variables: dict[str, str]
    plugins: tuple[str, ...]
    lock: Literal["global", "tables"]
    lock_seconds: Seconds
    lock_attempts: Size
    unsafe_tables: tuple[str, ...] = ()
    answering: dict[str, str] = Field(default={})
    system_offset: int = 0
    zone: tuple[tuple[int, int], ...] = ()
    limits: tuple[str, ...] = LIMITS


def is_dump(details: Any) -> bool:
    """Return whether a manifest's details are those of a dump."""
    return isinstance(details, dict) and details.get("method") == "dump"
