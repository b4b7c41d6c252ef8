"""Reads what a source server says about itself: version, settings, privileges, position in the binary log, size of its data."""

import re
from dataclasses import dataclass
from typing import Any

import pymysql.err

from backups.errors import LifeboatError
from backups.services.mysql.details import Installed, Position
from backups.services.mysql.source import zone
from backups.services.mysql.source.connection import Session, encrypted, rows
from backups.services.mysql.source.variables import Variables, sort_out
from backups.services.mysql.source.zone import Zone
from backups.services.mysql.versions import Version

SYSTEM_DATABASES = ("mysql", "sys", "performance_schema", "information_schema")
"""Databases that are the server's own; of `mysql`, the accounts are part of the witness.

Compared as bytes: `Sys` is somebody's, and MariaDB's information_schema would take it for `sys`.
"""
_NO_QUOTES = re.compile(r"[\w.,:;/+-]*")
_NOT_SHOWN = (1044, 1049, 1054, 1109, 1142, 1143, 1146, 1227)
"""Errors: no privilege, or no such database, table or column."""


@dataclass(frozen=True)
class Source:
    """What was read from a source when it was inspected.

    plugins: name -> library, of the active ones that come from a library. variables: every global one, as the server prints it.
    as_built: names of those that nobody has set; None where the server does not say it
    privileges: those on *.* of our user, upper case. tls: whether our session is encrypted
    system_offset: seconds east of UTC of the time zone of its machine, now. zone: that zone with its changes, None where it
    cannot be read. installed: what it loads at each start, None where our user may not read that
    """

    version: Version
    server_uuid: str
    plugins: dict[str, str]
    variables: dict[str, str]
    privileges: frozenset[str]
    tls: bool
    system_offset: int = 0
    as_built: frozenset[str] | None = None
    zone: Zone | None = ()
    installed: Installed | None = None

    @property
    def gtid(self) -> bool:
        """Whether transactions carry GTIDs."""
        return self.variables.get("gtid_mode") == "ON"

    @property
    def copy_variables(self) -> dict[str, str]:
        """The variables that a server on which a dump is loaded must be started with, by their option names."""
        found = self.sorted_variables
        # A script of MariaDB's hands them on without quoting.
        return {name: found.carried[name] for name in found.changed if _NO_QUOTES.fullmatch(found.carried[name])}

    @property
    def sorted_variables(self) -> Variables:
        """The variables, sorted into what a copy is started with and what it is not."""
        return sort_out(self.variables, self.as_built)


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
        as_built=_as_built(session),
        zone=zone.read(session),
        installed=_installed(session),
    )


def _as_built(session: Session) -> frozenset[str] | None:
    """Return the names of the variables that have the value the server was built with."""
    for statement in (
        "SELECT variable_name FROM performance_schema.variables_info WHERE variable_source = 'COMPILED'",
        "SELECT LOWER(variable_name) FROM information_schema.system_variables WHERE global_value_origin = 'COMPILE-TIME'",
    ):
        if found := _rows_if_allowed(session, statement):
            return frozenset(name for (name,) in found)
    return None


def _installed(session: Session) -> Installed | None:
    plugins = _rows_if_allowed(session, "SELECT name, dl FROM mysql.plugin ORDER BY name")
    components = _rows_if_allowed(session, "SELECT component_urn FROM mysql.component ORDER BY component_id")
    if plugins is None or components is None:
        return None
    return Installed(plugins=dict(plugins), components=tuple(urn for (urn,) in components))


def _rows_if_allowed(session: Session, statement: str) -> list[tuple[Any, ...]] | None:
    """Return the rows; None where the server has no such table, or does not show it to our user (which the doctor says)."""
    try:
        return rows(session, statement)
    except (pymysql.err.OperationalError, pymysql.err.ProgrammingError) as error:
        if error.args[0] in _NOT_SHOWN:
            return None
        raise


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
    elif rows(session, "SELECT @@GLOBAL.gtid_mode")[0][0] == "ON":
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
