"""Reads what belongs to a server and to no database: what a dump carries of it as SQL, and what it cannot carry, by name."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pymysql.err

from backups.services.mysql.doctor.checks import some
from backups.services.mysql.dump.statements import literal, statement
from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.source.source import SYSTEM_DATABASES
from backups.services.mysql.witness.definitions import subject

_NOT_HERE = (1109, 1142, 1143, 1044, 1146, 1227, 1054)
"""A table of the server's that this release has not, or that our user may not read (managed servers)."""
_MARIADB_TABLES = """
    column_stats columns_priv db event func general_log global_priv gtid_slave_pos help_category help_keyword help_relation
    help_topic host index_stats innodb_index_stats innodb_table_stats plugin proc procs_priv proxies_priv roles_mapping
    servers slow_log spider_link_failed_log spider_link_mon_servers spider_table_crd spider_table_position_for_recovery
    spider_table_sts spider_tables spider_xa spider_xa_failed_log spider_xa_member table_stats tables_priv time_zone
    time_zone_leap_second time_zone_name time_zone_transition time_zone_transition_type transaction_registry wsrep_allowlist
    wsrep_cluster wsrep_cluster_members wsrep_streaming_log sys_config
"""
"""The server's own tables: a table of another name is somebody's."""


def first(session: Session, *, mariadb: bool, servers: bool) -> Iterator[bytes]:
    """Yield what tables need: connections to other servers (with `servers`), tablespaces, reference systems."""
    for name, wrapper, given in _servers(session) if servers else ():
        options = [f"{key} {literal(value) if key != 'PORT' else int(value)}" for key, value in given.items()]
        listed = ", ".join(options or ["PORT 0"])
        yield statement(f"CREATE SERVER {quoted(name)} FOREIGN DATA WRAPPER {quoted(wrapper)} OPTIONS ({listed})")
    if mariadb:
        return
    for name, file, block in _ask(
        session,
        "SELECT s.name, f.file_name, s.zip_page_size FROM information_schema.innodb_tablespaces AS s "
        "JOIN information_schema.files AS f ON f.file_id = s.space "
        "WHERE s.space_type = 'General' AND s.name <> 'mysql' ORDER BY s.name",
    ):
        size = f" FILE_BLOCK_SIZE = {block}" if block else ""
        yield statement(f"CREATE TABLESPACE {quoted(name)} ADD DATAFILE {literal(file.rpartition('/')[2])}{size} ENGINE = InnoDB")
    for number, name, organization, identified, definition, description in _ask(
        session,
        "SELECT srs_id, srs_name, organization, organization_coordsys_id, definition, description "
        "FROM information_schema.st_spatial_reference_systems "
        "WHERE srs_id <> 0 AND (NOT organization <=> 'EPSG' OR organization_coordsys_id <> srs_id) ORDER BY srs_id",
    ):
        parts = [f"NAME {literal(name)}"]
        if organization is not None:
            parts.append(f"ORGANIZATION {literal(organization)} IDENTIFIED BY {identified}")
        parts.append(f"DEFINITION {literal(definition)}")
        if description is not None:
            parts.append(f"DESCRIPTION {literal(description)}")
        yield statement(f"CREATE OR REPLACE SPATIAL REFERENCE SYSTEM {number} {' '.join(parts)}")


def _servers(session: Session) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield name, wrapper and options of each connection to another server."""
    if _ask(session, "SHOW COLUMNS FROM mysql.servers LIKE 'options'"):
        # MariaDB from 11.7 on keeps options of any name.
        for name, wrapper, options in rows(
            session, "SELECT server_name, wrapper, options FROM mysql.servers ORDER BY server_name"
        ):
            yield name, wrapper, json.loads(options or "{}")
        return
    for name, wrapper, *values in _ask(
        session,
        "SELECT server_name, wrapper, host, db, username, password, port, socket, owner FROM mysql.servers ORDER BY server_name",
    ):
        known = zip(("HOST", "DATABASE", "USER", "PASSWORD", "PORT", "SOCKET", "OWNER"), values, strict=True)
        yield name, wrapper, {key: value for key, value in known if value}


def last(session: Session, databases: Sequence[str], *, mariadb: bool) -> Iterator[bytes]:
    """Yield what comes after everything else: histograms, and which databases are read only."""
    if mariadb:
        return
    for schema, table, column, histogram in _ask(
        session,
        "SELECT schema_name, table_name, column_name, CAST(histogram AS CHAR) "
        "FROM information_schema.column_statistics ORDER BY 1, 2, 3",
    ):
        if schema in databases:
            found = json.loads(histogram)
            automatic = " AUTO UPDATE" if found.get("auto-update") else ""
            buckets = found["number-of-buckets-specified"]
            where = f"{quoted(schema)}.{quoted(table)}"
            yield statement(f"ANALYZE TABLE {where} UPDATE HISTOGRAM ON {quoted(column)} WITH {buckets} BUCKETS{automatic}")
    for schema in read_only(session):
        if schema in databases:
            yield statement(f"ALTER DATABASE {quoted(schema)} READ ONLY = 1")


def read_only(session: Session) -> list[str]:
    """Return the databases that nobody may change."""
    return [
        schema
        for schema, options in _ask(session, "SELECT schema_name, options FROM information_schema.schemata_extensions ORDER BY 1")
        if "READ ONLY=1" in str(options)
    ]


def not_carried(session: Session, *, mariadb: bool) -> list[str]:
    """Return what this server has that no dump carries, a sentence for each kind, by name."""
    said = []
    functions = [f"{name} ({library})" for name, library in _ask(session, "SELECT name, dl FROM mysql.func ORDER BY name")]
    if functions:
        said.append(f"loadable functions are not in a dump: {some(functions)}; CREATE FUNCTION … SONAME them anew")
    groups = _ask(
        session,
        "SELECT resource_group_name FROM information_schema.resource_groups "
        "WHERE resource_group_name NOT IN ('USR_default', 'SYS_default') ORDER BY 1",
    )
    if groups:
        said.append(f"resource groups are not in a dump: {some([row[0] for row in groups])}; CREATE RESOURCE GROUP them anew")
    mine = _own_tables(session, mariadb=mariadb)
    if mine:
        said.append(f"tables in the server's own databases are not in a dump: {some(mine)}; move them to a database of their own")
    if mariadb and (statistics := _ask(session, "SELECT DISTINCT db_name, table_name FROM mysql.column_stats ORDER BY 1, 2")):
        tables = [subject(str(schema), str(name)) for schema, name in statistics]
        said.append(
            f"statistics of columns are not in a dump: {some(tables)}; ANALYZE TABLE … PERSISTENT FOR ALL makes them anew"
        )
    return said


def system_tables(session: Session) -> list[tuple[str, str]]:
    """Return the tables and views of the server's own databases."""
    return [
        (schema, name)
        for schema, name in rows(
            session,
            "SELECT table_schema, table_name FROM information_schema.tables WHERE CAST(table_schema AS BINARY) IN %s "
            "ORDER BY table_schema, table_name",
            [SYSTEM_DATABASES],
        )
    ]


def _own_tables(session: Session, *, mariadb: bool) -> list[str]:
    if mariadb:
        found = _ask(
            session,
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type <> 'VIEW' "
            "AND CAST(table_schema AS BINARY) IN ('mysql', 'sys') ORDER BY table_schema, table_name",
        )
        return [subject(schema, name) for schema, name in found if name not in _MARIADB_TABLES.split()]
    # Its own are in one tablespace; a table that somebody makes has a file of its own.
    found = _ask(
        session,
        "SELECT name FROM information_schema.innodb_tablespaces "
        "WHERE CAST(SUBSTRING_INDEX(name, '/', 1) AS BINARY) IN ('mysql', 'sys') AND name LIKE '%/%' "
        "AND name <> 'sys/sys_config' ORDER BY name",
    )
    return [subject(*name.split("/", 1)) for (name,) in found]


def _ask(session: Session, question: str) -> list[tuple[Any, ...]]:
    """Return the answer, or nothing where this server has no such table, or our user may not read it."""
    try:
        return rows(session, question)
    except pymysql.err.MySQLError as error:
        if error.args and error.args[0] in _NOT_HERE:
            return []
        raise
