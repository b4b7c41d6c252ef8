"""Checks whether a source can be cloned: a function for each reason why not, and what to type then."""

from collections.abc import Iterator
from functools import partial

from backups import durations
from backups.machine.docker import Docker
from backups.services.base import Finding
from backups.services.mysql.clone import recipient
from backups.services.mysql.doctor import copies
from backups.services.mysql.doctor.checks import ALL_PRIVILEGES, Verdict, fault, fine, some
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source.connection import Session, quoted, rows, unverified
from backups.services.mysql.source.source import Source, tables_not_innodb
from backups.services.mysql.versions import clone_mismatch, clone_refusal

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

_TO_SEE_MORE = "RESOURCE_GROUP_USER"
"""Without it a backup cannot compare resource groups, and says so."""
INSTALL_CLONE = "INSTALL PLUGIN clone SONAME 'mysql_clone.so';"
_FILTERS = ("binlog-do-db", "binlog-ignore-db")
_PACKET = 2 * 1024 * 1024
_SESSIONS = 6
"""How many a backup has open at the same time."""
_LOG_KEPT = 2 * 24 * 3600
"""Seconds: a nightly incremental may fail once before its log is gone."""


class CloneChecks:
    """See `Checks`."""

    def judge(self, session: Session, seen: Source, settings: MySQLSettings) -> Iterator[Verdict]:
        """See `Checks.judge`."""
        for gate in (_version, partial(_privileges, user=settings.user)):
            verdict = gate(seen)
            yield verdict
            if verdict.refuses:
                return
        yield _on_its_way(seen, settings)
        for check in (_clone_plugin, _packet, _binary_log, _log_format, _log_kept):
            yield check(seen)
        for look in (_log_filters, _log_of_replica, _encryption):
            yield look(session, seen)
        for look_at in (_sessions, _engines, _engines_of_guests, _discarded, _external_files):
            yield look_at(session)
        yield copies.check(seen)

    def create_user(self, settings: MySQLSettings) -> str:
        """See `Checks.create_user`."""
        account = f"'{settings.user}'@'%'"
        granted = ", ".join((*PRIVILEGES, _TO_SEE_MORE))
        return f"CREATE USER {account} IDENTIFIED BY '…'; GRANT {granted} ON *.* TO {account}; {INSTALL_CLONE}"

    def examine_image(self, settings: MySQLSettings, seen: Source | None, docker: Docker) -> Iterator[Finding]:
        """See `Checks.examine_image`; and whether the image has the libraries of the source's plugins."""
        image = docker.image(settings.image)
        version, libraries = recipient.examine(docker, image)
        if seen is None:
            yield Finding(
                "image", ok=True, message=f"{image.name} is here, MySQL {version.text}; the source's version is unknown"
            )
            return
        reason = clone_mismatch(seen.version, version)
        if reason:
            yield Finding("image", ok=False, message=reason, remedy=recipient.image_hint(seen.version))
        else:
            yield Finding("image", ok=True, message=f"{image.name} is here, MySQL {version.text}")
        missing = recipient.missing_libraries(seen.plugins, libraries)
        if missing:
            yield Finding("plugins", ok=False, message=recipient.describe_missing(missing, image), remedy=recipient.PLUGIN_HINT)
        else:
            yield Finding("plugins", ok=True, message=f"the image has the libraries of all {len(seen.plugins)} that are active")


def _version(source: Source) -> Verdict:
    reason = clone_refusal(source.version)
    if reason:
        remedy = "Lifeboat copies MySQL from 8.0.17 on, 8.4 and 9.x: upgrade the server"
        if source.version.mariadb:
            remedy = "set `method: dump` for this service in lifeboat.yaml"
        return fault("version", reason, remedy)
    return fine("version", f"MySQL {source.version.text}")


def _on_its_way(seen: Source, settings: MySQLSettings) -> Verdict:
    """Without TLS, CLONE encrypts the password by whatever key it is sent, and nothing can keep it from that."""
    if seen.tls:
        return fine("clone", "the password is encrypted on its way")
    if not unverified(settings):
        return fine("clone", "nobody can be in between: it goes through SSH")
    remedy = (
        "compare with the server itself first, somebody may stand between; then give the server TLS (it makes certificates by "
        "itself unless tls_version is empty) and leave out tls: disabled; or reach it by ssh:; or set method: dump"
    )
    return fault("clone", f"without TLS, CLONE would tell {settings.user}'s password to whoever stands between", remedy)


def _privileges(source: Source, user: str) -> Verdict:
    # ALL PRIVILEGES is how older servers print every static one; the dynamic BACKUP_ADMIN is printed beside it.
    missing = [
        name
        for name in PRIVILEGES
        if name not in source.privileges and not (ALL_PRIVILEGES in source.privileges and name != "BACKUP_ADMIN")
    ]
    if missing:
        listed = ", ".join(missing)
        return fault(
            "privileges",
            f"user {user} lacks {listed} on *.*",
            f"GRANT {listed} ON *.* TO '{user}'@'%'; (as SELECT CURRENT_USER() spells the account)",
        )
    return fine("privileges", f"{user} has the {len(PRIVILEGES)} that a backup needs")


def _clone_plugin(source: Source) -> Verdict:
    if "clone" not in source.plugins:
        message = "the clone plugin is not active; a full backup is taken with it, unless `method: dump` is set in lifeboat.yaml"
        return fault("clone plugin", message, INSTALL_CLONE)
    return fine("clone plugin", "active")


def _packet(source: Source) -> Verdict:
    size = int(source.variables["max_allowed_packet"])
    if size < _PACKET:
        remedy = "SET PERSIST max_allowed_packet = 67108864;"
        return fault("packet size", f"max_allowed_packet is {size} bytes; CLONE needs at least {_PACKET}", remedy)
    return fine("packet size", f"max_allowed_packet is {size} bytes")


def _binary_log(source: Source) -> Verdict:
    if source.variables["log_bin"] != "ON":
        return fault(
            "binary log",
            "the binary log is off (log_bin): no full can be brought to an exact instant, and no incremental can be taken",
            "under [mysqld] in my.cnf: log_bin = binlog, server_id = 1, and no skip-log-bin; then restart the server",
        )
    return fine("binary log", "on")


def _log_format(source: Source) -> Verdict:
    form = source.variables.get("binlog_format", "ROW")
    if form != "ROW":
        # No refusal: a full's data are exact whatever the format, and whether a replay was is what the drill proves.
        return fault(
            "log format",
            f"binlog_format is {form}: a replayed statement may give other rows than it gave here; then the drill fails",
            "SET PERSIST binlog_format = 'ROW'; (new sessions obey; take it out of my.cnf too)",
            refuses=False,
        )
    return fine("log format", "rows")


def _log_kept(source: Source) -> Verdict:
    kept = int(source.variables.get("binlog_expire_logs_seconds", "0"))
    if 0 < kept < _LOG_KEPT:
        return fault(
            "log kept",
            f"the server deletes its log after {durations.describe(kept)}: after one missed night a full is taken instead",
            "SET PERSIST binlog_expire_logs_seconds = 604800;",
            refuses=False,
        )
    return fine("log kept", f"for {durations.describe(kept)}" if kept else "until it is purged by hand")


def _log_filters(session: Session, source: Source) -> Verdict:
    status = rows(session, source.version.status_statement)
    filters = [f"{name} = {value}" for row in status for name, value in zip(_FILTERS, row[2:4], strict=True) if value]
    if filters:
        return fault(
            "log filters",
            f"the server leaves databases out of its binary log ({'; '.join(filters)}): their changes could not be brought back",
            "take binlog-do-db and binlog-ignore-db out of my.cnf, then restart the server",
        )
    return fine("log filters", "none: every database is logged")


def _log_of_replica(session: Session, source: Source) -> Verdict:
    names = ("log_replica_updates", "log_slave_updates")
    logged = any(source.variables.get(name) == "ON" for name in names)
    (follows,) = rows(session, "SELECT COUNT(*) FROM performance_schema.replication_connection_configuration WHERE host <> ''")[0]
    if follows and not logged:
        return fault(
            "log of a replica",
            "the server replicates from another and does not log what it replicates (log_replica_updates is off)",
            "under [mysqld] in my.cnf: log_replica_updates = ON, then restart the server; or back up the server that it follows",
        )
    return fine("log of a replica", "what it replicates is logged" if follows else "it replicates from nobody")


def _engines(session: Session) -> Verdict:
    found = tables_not_innodb(session)
    if found:
        first = ".".join(quoted(part) for part in found[0][:2])
        listed = some([f"{schema}.{table} ({engine})" for schema, table, engine in found])
        count = "1 table is" if len(found) == 1 else f"{len(found)} tables are"
        return fault(
            "storage engines",
            f"{count} not of InnoDB, and CLONE would lose the rows: {listed}; `method: dump` carries them",
            f"ALTER TABLE {first} ENGINE=InnoDB;" + (" and so for each of them" if len(found) > 1 else ""),
        )
    return fine("storage engines", "every table is of InnoDB")


def _engines_of_guests(session: Session) -> Verdict:
    found = [
        f"{schema}.{table} ({engine})"
        for schema, table, engine in rows(
            session,
            "SELECT table_schema, table_name, engine FROM information_schema.tables WHERE table_schema IN ('mysql', 'sys') "
            "AND table_type = 'BASE TABLE' AND engine <> 'InnoDB' AND table_name NOT IN ('general_log', 'slow_log') "
            "ORDER BY 1, 2",
        )
    ]
    if found:
        # No refusal: they may be left over from an upgrade, and hold nothing that anybody needs.
        return fault(
            "tables in mysql and sys",
            f"not of InnoDB, so CLONE loses their rows, and no drill compares them: {some(found)}",
            "ALTER TABLE … ENGINE=InnoDB; or DROP TABLE …;",
            refuses=False,
        )
    return fine("tables in mysql and sys", "what was put there is of InnoDB")


def _discarded(session: Session) -> Verdict:
    found = [
        row[0]
        for row in rows(session, "SELECT name FROM information_schema.innodb_tablespaces WHERE state = 'discarded' ORDER BY 1")
    ]
    if found:
        return fault(
            "discarded tablespaces",
            f"tables without their rows, which no backup can hold: {some(found)}",
            "ALTER TABLE … IMPORT TABLESPACE; or DROP TABLE …; for each of them",
        )
    return fine("discarded tablespaces", "none")


def _sessions(session: Session) -> Verdict:
    (allowed,) = rows(session, "SELECT @@SESSION.max_user_connections")[0]
    if 0 < allowed < _SESSIONS:
        return fault(
            "sessions",
            f"this user may have {allowed} sessions at once (max_user_connections); a backup has up to {_SESSIONS}",
            "ALTER USER … WITH MAX_USER_CONNECTIONS 0; or, if it is the server's limit, SET PERSIST max_user_connections = 0;",
        )
    return fine("sessions", f"{allowed} at once" if allowed else "as many as the server has")


def _encryption(session: Session, source: Source) -> Verdict:
    spaces = [
        row[0]
        for row in rows(session, "SELECT name FROM information_schema.innodb_tablespaces WHERE encryption = 'Y' ORDER BY 1")
    ]
    spaces += [name for name in ("innodb_redo_log_encrypt", "innodb_undo_log_encrypt") if source.variables.get(name) == "ON"]
    if spaces:
        return fault(
            "encryption at rest",
            f"encrypted on the server's disk: {some(spaces)}; Lifeboat cannot carry the server's keyring along",
            "ALTER TABLE … ENCRYPTION='N'; SET PERSIST innodb_redo_log_encrypt = OFF, innodb_undo_log_encrypt = OFF; "
            "the repository is encrypted in any case",
        )
    return fine("encryption at rest", "none")


def _external_files(session: Session) -> Verdict:
    found = rows(
        session,
        "SELECT tablespace_name, file_name FROM information_schema.files "
        "WHERE file_type = 'TABLESPACE' AND file_name LIKE '/%' AND tablespace_name <> 'innodb_system' ORDER BY 1",
    )
    if found:
        return fault(
            "external files",
            f"tables outside the data directory, which a clone would put outside of its own: {some([row[1] for row in found])}",
            "create each anew without DATA DIRECTORY: CREATE TABLE … LIKE …; INSERT … SELECT; RENAME TABLE",
        )
    return fine("external files", "every table is in the data directory")
