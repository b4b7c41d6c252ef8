"""Reads what a source server says about itself: version, settings, privileges, position in the binary log, size of its data."""

import re
from dataclasses import dataclass

from backups.errors import LifeboatError
from backups.services.mysql.details import Position
from backups.services.mysql.source.connection import Session, encrypted, rows, variable
from backups.services.mysql.versions import Version

SYSTEM_DATABASES = ("mysql", "sys", "performance_schema", "information_schema")
"""Databases that are the server's own; of `mysql`, the accounts are part of the witness.

Compared as bytes: `Sys` is somebody's, and MariaDB's information_schema would take it for `sys`.
"""
_COPY_VARIABLES = (
    "innodb_page_size",
    "innodb_data_file_path",
    "innodb_file_per_table",
    "innodb_default_row_format",
    "lower_case_table_names",
    "character_set_server",
    "character_set_filesystem",
    "collation_server",
    "default_storage_engine",
    "explicit_defaults_for_timestamp",
    "partial_revokes",
)
"""What decides how the data files are read, and how logged statements that create tables are understood."""


@dataclass(frozen=True)
class Source:
    """What was read from a source when it was inspected.

    plugins: name -> library, of the active ones that come from a library. variables: every global one, as the server prints it.
    privileges: those on *.* of our user, upper case. tls: whether our session is encrypted. system_offset: seconds east of UTC of
    the time zone of its machine, now.
    """

    version: Version
    server_uuid: str
    plugins: dict[str, str]
    variables: dict[str, str]
    privileges: frozenset[str]
    tls: bool
    system_offset: int = 0

    @property
    def gtid(self) -> bool:
        """Whether transactions carry GTIDs."""
        return self.variables.get("gtid_mode") == "ON"

    @property
    def copy_variables(self) -> dict[str, str]:
        """The variables that a copy must be started with, by their option names."""
        return {name: self.variables[name] for name in _COPY_VARIABLES if name in self.variables}


def inspect(session: Session) -> Source:
    """Read a server's version, settings, plugins and our privileges; any user may."""
    text, comment = rows(session, "SELECT @@version, @@version_comment")[0]
    variables = dict(rows(session, "SHOW GLOBAL VARIABLES"))
    plugins = rows(
        session,
        "SELECT plugin_name, plugin_library FROM information_schema.plugins "
        "WHERE plugin_status = 'ACTIVE' AND plugin_library IS NOT NULL ORDER BY plugin_name",
    )
    return Source(
        version=Version.parse(text, comment),
        # MariaDB has a `server_uid` from 10.11 on, and none before.
        server_uuid=variables.get("server_uuid") or variables.get("server_uid") or "",
        plugins=dict(plugins),
        variables=variables,
        privileges=frozenset(held_privileges([row[0] for row in rows(session, "SHOW GRANTS")])),
        tls=encrypted(session),
        system_offset=_system_offset(session),
    )


def _system_offset(session: Session) -> int:
    before = rows(session, "SELECT @@SESSION.time_zone")[0][0]
    rows(session, "SET SESSION time_zone = 'SYSTEM'")
    # To the minute: the two functions may be evaluated at different instants.
    seconds = int(rows(session, "SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), NOW())")[0][0])
    rows(session, "SET SESSION time_zone = %s", [before])
    return round(seconds / 60) * 60


def position(session: Session, version: Version) -> Position:
    """Read the position in the binary log. Raises LifeboatError when it is off; pymysql's error when our user may not ask."""
    status = rows(session, version.status_statement)
    if not status:
        raise LifeboatError(
            f"the server has no binary log: {version.status_statement} answers nothing",
            hint="under [mysqld] in my.cnf: log_bin = binlog, and no skip-log-bin; then restart the server",
        )
    file, offset, *_ = status[0]
    gtid = None
    if version.mariadb:
        gtid = str(rows(session, "SELECT @@GLOBAL.gtid_binlog_pos")[0][0] or "") or None
    elif variable(session, "gtid_mode") == "ON":
        gtid = "".join(status[0][4].split())
    return Position(file=file, offset=int(offset), gtid_executed=gtid)


def held_privileges(grants: list[str]) -> set[str]:
    """Return the privileges on *.* that the lines of SHOW GRANTS give (it shows those of active roles too), in upper case.

    A privilege that is revoked again for one database does not count.
    """

    def listed(pattern: str) -> set[str]:
        found = [re.match(pattern, line, re.IGNORECASE) for line in grants]
        return {name.strip().upper() for match in found if match for name in match[1].split(",")}

    return listed(r"GRANT (.+?) ON \*\.\* TO ") - listed(r"REVOKE (.+?) ON ")


def data_bytes(session: Session) -> int:
    """Return the bytes of the InnoDB files that a clone copies; needs PROCESS."""
    (tablespaces,) = rows(session, "SELECT SUM(file_size) FROM information_schema.innodb_tablespaces")[0]
    (shared,) = rows(
        session, "SELECT SUM(total_extents * extent_size) FROM information_schema.files WHERE tablespace_name = 'innodb_system'"
    )[0]
    return int(tablespaces or 0) + int(shared or 0)


def tables_not_innodb(session: Session) -> list[tuple[str, str, str]]:
    """Return (database, table, engine) of each table whose engine is not InnoDB, and so has neither snapshots nor a clone."""
    return [
        (schema, name, engine)
        for schema, name, engine in rows(
            session,
            "SELECT table_schema, table_name, COALESCE(engine, 'unknown') FROM information_schema.tables "
            "WHERE table_type = 'BASE TABLE' AND CAST(table_schema AS BINARY) NOT IN %s AND COALESCE(engine, '') <> 'InnoDB' "
            "ORDER BY table_schema, table_name",
            [SYSTEM_DATABASES],
        )
    ]
