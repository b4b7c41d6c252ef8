"""Looks at a source that is backed up by dump, its image and our user; what would stop a backup, and what a dump cannot do.

Asks for less than CLONE does: no plugin, no binary log, any storage engine, MySQL or MariaDB.
"""

from collections.abc import Iterator

from backups.errors import LifeboatError
from backups.machine.docker import Docker
from backups.services.base import Finding
from backups.services.mysql.doctor.checks import Verdict
from backups.services.mysql.dump import program
from backups.services.mysql.dump.plan import unsafe_tables
from backups.services.mysql.dump_details import LIMITS
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source import connection, source
from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.source.source import SYSTEM_DATABASES, Source
from backups.services.mysql.versions import dump_mismatch, undumpable

PRIVILEGES = ("SELECT", "SHOW VIEW", "TRIGGER", "EVENT", "EXECUTE", "PROCESS")
"""What the user needs on *.*: to read every table and every definition, views that call functions too, and to see them change."""
_LOCKS = ("RELOAD", "LOCK TABLES")
"""One of them, the first if it can be had: it takes one lock, however many tables there are."""
_SHOWN = 5


def examine(settings: MySQLSettings, docker: Docker) -> Iterator[Finding]:
    """Look at everything that a dump of this source needs; a fault is a finding, never an exception."""
    seen = None
    try:
        with connection.told(settings), connection.connect(settings) as session:
            seen = source.look(session)
            tls = "over TLS" if seen.tls else "without TLS"
            yield Finding("connection", ok=True, message=f"{settings.user} is let in at {settings.host}:{settings.port}, {tls}")
            for verdict in judge(session, seen, settings):
                yield verdict.finding
    except LifeboatError as error:
        remedy = "; ".join(part for part in (error.hint, create_user(settings)) if part)
        yield Finding("connection", ok=False, message=error.message, remedy=remedy)
    try:
        yield _image(settings, seen, docker)
    except LifeboatError as error:
        yield Finding("image", ok=False, message=error.message, remedy=error.hint)


def require(session: Session, seen: Source, settings: MySQLSettings, docker: Docker) -> list[str]:
    """Raise LifeboatError for the first fault that a backup is refused for; returns what else there is to be said."""
    warnings = []
    for verdict in judge(session, seen, settings):
        finding = verdict.finding
        if verdict.refuses:
            raise LifeboatError(f"MySQL at {settings.host}:{settings.port}: {finding.message}", hint=finding.remedy)
        if not finding.ok:
            warnings.append(finding.message)
    image = _image(settings, seen, docker)
    if not image.ok:
        raise LifeboatError(image.message, hint=image.remedy)
    return warnings


def judge(session: Session, seen: Source, settings: MySQLSettings) -> Iterator[Verdict]:
    """Judge the source; ends after a fault without whose mending the rest cannot be asked."""
    for verdict in (_version(seen), _privileges(seen, settings.user)):
        yield verdict
        if verdict.refuses:
            return
    yield _engines(session)
    yield _versioned(session)
    yield Verdict(Finding("method", ok=True, message=f"dump: {'; '.join(LIMITS)}"))


def create_user(settings: MySQLSettings) -> str:
    """The SQL that makes at a source the user that a dump needs."""
    account = f"'{settings.user}'@'%'"
    needed = ", ".join(("RELOAD", "REPLICATION CLIENT", *PRIVILEGES))
    return f"CREATE USER {account} IDENTIFIED BY '…'; GRANT {needed} ON *.* TO {account};"


def _version(seen: Source) -> Verdict:
    reason = undumpable(seen.version)
    if reason:
        remedy = "Lifeboat dumps MySQL from 8.0.17 on and MariaDB from 10.5 on: upgrade the server"
        return Verdict(Finding("version", ok=False, message=reason, remedy=remedy), refuses=True)
    return Verdict(Finding("version", ok=True, message=f"{'MariaDB' if seen.version.mariadb else 'MySQL'} {seen.version.text}"))


def _privileges(seen: Source, user: str) -> Verdict:
    every = "ALL PRIVILEGES" in seen.privileges
    missing = [name for name in PRIVILEGES if name not in seen.privileges and not every]
    if not every and not seen.privileges & set(_LOCKS):
        missing.append(_LOCKS[0])
    if missing:
        listed = ", ".join(missing)
        remedy = f"GRANT {listed} ON *.* TO '{user}'@'%'; (where RELOAD may not be granted: LOCK TABLES)"
        return Verdict(Finding("privileges", ok=False, message=f"user {user} lacks {listed} on *.*", remedy=remedy), refuses=True)
    if not every and "RELOAD" not in seen.privileges:
        message = f"{user} may not take the global read lock (RELOAD): a dump begins by locking every table for a moment"
        return Verdict(Finding("privileges", ok=True, message=message))
    return Verdict(Finding("privileges", ok=True, message=f"{user} has all that a dump needs"))


def _engines(session: Session) -> Verdict:
    found = unsafe_tables(session)
    if not found:
        return Verdict(Finding("storage engines", ok=True, message="every table is of InnoDB: writers wait for moments only"))
    listed = ", ".join(found[:_SHOWN]) + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")
    message = f"tables without snapshots: {listed}; every writer waits until the whole dump and its witness are taken"
    # Known and provided for: no fault of the server's.
    return Verdict(Finding("storage engines", ok=True, message=message, remedy="ALTER TABLE … ENGINE=InnoDB, or a quiet hour"))


def _versioned(session: Session) -> Verdict:
    found = [
        f"{schema}.{name}"
        for schema, name in rows(
            session,
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_type = 'SYSTEM VERSIONED' AND table_schema NOT IN %s ORDER BY table_schema, table_name",
            [SYSTEM_DATABASES],
        )
    ]
    if found:
        message = f"tables with system versioning, whose history a dump would lose: {', '.join(found[:_SHOWN])}"
        remedy = "ALTER TABLE … DROP SYSTEM VERSIONING, or back this server up by other means"
        return Verdict(Finding("system versioning", ok=False, message=message, remedy=remedy), refuses=True)
    return Verdict(Finding("system versioning", ok=True, message="no table keeps its history"))


def _image(settings: MySQLSettings, seen: Source | None, docker: Docker) -> Finding:
    image = docker.image(settings.image)
    version = program.version(docker, image)
    if seen is None:
        return Finding("image", ok=True, message=f"{image.name} is here, {version.text}; the source's version is unknown")
    reason = dump_mismatch(seen.version, version)
    if reason:
        kind = "mariadb" if seen.version.mariadb else "mysql"
        return Finding("image", ok=False, message=reason, remedy=f"set `image:` to {kind}:{seen.version.series}")
    return Finding("image", ok=True, message=f"{image.name} is here, {version.text}, with its dump program")
