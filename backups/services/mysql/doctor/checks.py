"""The reasons not to copy a source, one function each: what was seen, what to type, and whether a backup is refused for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from backups import durations
from backups.services.base import Finding
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.source.source import Source
from backups.services.mysql.versions import unsupported

PRIVILEGES = (
    "BACKUP_ADMIN",
    "REPLICATION SLAVE",
    "REPLICATION CLIENT",
    "RELOAD",
    "SELECT",
    "SHOW VIEW",
    "TRIGGER",
    "EVENT",
    "PROCESS",
)
"""What the user needs on *.*: to clone, to see, flush and dump the log, to lock, to read every table and every definition."""

INSTALL_CLONE = "INSTALL PLUGIN clone SONAME 'mysql_clone.so';"
_ALL = "ALL PRIVILEGES"
_SYSTEM = "('mysql', 'information_schema', 'performance_schema', 'sys')"
_FILTERS = ("binlog-do-db", "binlog-ignore-db")
_SHOWN = 5
_PACKET = 2 * 1024 * 1024
_LOG_KEPT = 2 * 24 * 3600
"""Seconds: a nightly incremental may fail once before its log is gone."""


@dataclass(frozen=True)
class Verdict:
    """A finding, and whether a backup is refused for it."""

    finding: Finding
    refuses: bool = False


def judge(session: Session, source: Source, settings: MySQLSettings) -> Iterator[Verdict]:
    """Judge the source; ends after a fault without whose mending the rest cannot be asked."""
    for gate in (_version, partial(_privileges, user=settings.user)):
        verdict = gate(source)
        yield verdict
        if verdict.refuses:
            return
    for check in (_clone_plugin, _packet, _binary_log, _log_format, _log_kept):
        yield check(source)
    for look in (_log_filters, _log_of_replica, _encryption):
        yield look(session, source)
    yield _engines(session)
    yield _external_files(session)


def create_user(settings: MySQLSettings) -> str:
    """The SQL that makes at a source everything that a backup needs."""
    account = f"'{settings.user}'@'%'"
    return f"CREATE USER {account} IDENTIFIED BY '…'; GRANT {', '.join(PRIVILEGES)} ON *.* TO {account}; {INSTALL_CLONE}"


def _fine(subject: str, message: str) -> Verdict:
    return Verdict(Finding(subject, ok=True, message=message))


def _fault(subject: str, message: str, remedy: str, *, refuses: bool = True) -> Verdict:
    return Verdict(Finding(subject, ok=False, message=message, remedy=remedy), refuses=refuses)


def _version(source: Source) -> Verdict:
    reason = unsupported(source.version)
    if reason:
        remedy = "Lifeboat copies MySQL from 8.0.17 on, 8.4 and 9.x: upgrade the server"
        if source.version.mariadb:
            remedy = "set `method: dump` for this service in lifeboat.yaml"
        return _fault("version", reason, remedy)
    return _fine("version", f"MySQL {source.version.text}")


def _privileges(source: Source, user: str) -> Verdict:
    # ALL PRIVILEGES is how older servers print every static one; the dynamic BACKUP_ADMIN is printed beside it.
    missing = [
        name
        for name in PRIVILEGES
        if name not in source.privileges and not (_ALL in source.privileges and name != "BACKUP_ADMIN")
    ]
    if missing:
        listed = ", ".join(missing)
        return _fault(
            "privileges",
            f"user {user} lacks {listed} on *.*",
            f"GRANT {listed} ON *.* TO '{user}'@'%'; (as SELECT CURRENT_USER() spells the account)",
        )
    return _fine("privileges", f"{user} has the {len(PRIVILEGES)} that a backup needs")


def _clone_plugin(source: Source) -> Verdict:
    if "clone" not in source.plugins:
        message = "the clone plugin is not active; a full backup is taken with it, unless `method: dump` is set in lifeboat.yaml"
        return _fault("clone plugin", message, INSTALL_CLONE)
    return _fine("clone plugin", "active")


def _packet(source: Source) -> Verdict:
    size = int(source.variables["max_allowed_packet"])
    if size < _PACKET:
        remedy = "SET PERSIST max_allowed_packet = 67108864;"
        return _fault("packet size", f"max_allowed_packet is {size} bytes; CLONE needs at least {_PACKET}", remedy)
    return _fine("packet size", f"max_allowed_packet is {size} bytes")


def _binary_log(source: Source) -> Verdict:
    if source.variables["log_bin"] != "ON":
        return _fault(
            "binary log",
            "the binary log is off (log_bin): no full can be brought to an exact instant, and no incremental can be taken",
            "under [mysqld] in my.cnf: log_bin = binlog, server_id = 1, and no skip-log-bin; then restart the server",
        )
    return _fine("binary log", "on")


def _log_format(source: Source) -> Verdict:
    form = source.variables.get("binlog_format", "ROW")
    if form != "ROW":
        # No refusal: a full's data are exact whatever the format, and whether a replay was is what the drill proves.
        return _fault(
            "log format",
            f"binlog_format is {form}: a replayed statement may give other rows than it gave here; then the drill fails",
            "SET PERSIST binlog_format = 'ROW'; (new sessions obey; take it out of my.cnf too)",
            refuses=False,
        )
    return _fine("log format", "rows")


def _log_kept(source: Source) -> Verdict:
    kept = int(source.variables.get("binlog_expire_logs_seconds", "0"))
    if 0 < kept < _LOG_KEPT:
        return _fault(
            "log kept",
            f"the server deletes its log after {durations.describe(kept)}: after one missed night a full is taken instead",
            "SET PERSIST binlog_expire_logs_seconds = 604800;",
            refuses=False,
        )
    return _fine("log kept", f"for {durations.describe(kept)}" if kept else "until it is purged by hand")


def _log_filters(session: Session, source: Source) -> Verdict:
    status = rows(session, source.version.status_statement)
    filters = [f"{name} = {value}" for row in status for name, value in zip(_FILTERS, row[2:4], strict=True) if value]
    if filters:
        return _fault(
            "log filters",
            f"the server leaves databases out of its binary log ({'; '.join(filters)}): their changes could not be brought back",
            "take binlog-do-db and binlog-ignore-db out of my.cnf, then restart the server",
        )
    return _fine("log filters", "none: every database is logged")


def _log_of_replica(session: Session, source: Source) -> Verdict:
    names = ("log_replica_updates", "log_slave_updates")
    logged = any(source.variables.get(name) == "ON" for name in names)
    (follows,) = rows(session, "SELECT COUNT(*) FROM performance_schema.replication_connection_configuration WHERE host <> ''")[0]
    if follows and not logged:
        return _fault(
            "log of a replica",
            "the server replicates from another and does not log what it replicates (log_replica_updates is off)",
            "under [mysqld] in my.cnf: log_replica_updates = ON, then restart the server; or back up the server that it follows",
        )
    return _fine("log of a replica", "what it replicates is logged" if follows else "it replicates from nobody")


def _engines(session: Session) -> Verdict:
    found = rows(
        session,
        "SELECT table_schema, table_name, COALESCE(engine, 'unknown') FROM information_schema.tables "  # noqa: S608
        f"WHERE table_type = 'BASE TABLE' AND table_schema NOT IN {_SYSTEM} AND COALESCE(engine, '') <> 'InnoDB' "
        "ORDER BY table_schema, table_name",
    )
    if found:
        first = ".".join(f"`{part.replace('`', '``')}`" for part in found[0][:2])
        listed = _some([f"{schema}.{table} ({engine})" for schema, table, engine in found])
        count = "1 table is" if len(found) == 1 else f"{len(found)} tables are"
        return _fault(
            "storage engines",
            f"{count} not of InnoDB, and CLONE would lose the rows: {listed}; `method: dump` carries them",
            f"ALTER TABLE {first} ENGINE=InnoDB;" + (" and so for each of them" if len(found) > 1 else ""),
        )
    return _fine("storage engines", "every table is of InnoDB")


def _encryption(session: Session, source: Source) -> Verdict:
    spaces = [
        row[0]
        for row in rows(session, "SELECT name FROM information_schema.innodb_tablespaces WHERE encryption = 'Y' ORDER BY 1")
    ]
    spaces += [name for name in ("innodb_redo_log_encrypt", "innodb_undo_log_encrypt") if source.variables.get(name) == "ON"]
    if spaces:
        return _fault(
            "encryption at rest",
            f"encrypted on the server's disk: {_some(spaces)}; Lifeboat cannot carry the server's keyring along",
            "ALTER TABLE … ENCRYPTION='N'; SET PERSIST innodb_redo_log_encrypt = OFF, innodb_undo_log_encrypt = OFF; "
            "the repository is encrypted in any case",
        )
    return _fine("encryption at rest", "none")


def _external_files(session: Session) -> Verdict:
    found = rows(
        session,
        "SELECT tablespace_name, file_name FROM information_schema.files "
        "WHERE file_type = 'TABLESPACE' AND file_name LIKE '/%' AND tablespace_name <> 'innodb_system' ORDER BY 1",
    )
    if found:
        return _fault(
            "external files",
            f"tables outside the data directory, which a clone would put outside of its own: {_some([row[1] for row in found])}",
            "create each anew without DATA DIRECTORY: CREATE TABLE … LIKE …; INSERT … SELECT; RENAME TABLE",
        )
    return _fine("external files", "every table is in the data directory")


def _some(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
