"""Checks whether a source can be dumped: a function for each reason why not; and says what a dump cannot do.

Asks for less than CLONE does: no plugin, no binary log, any storage engine, MySQL or MariaDB.
"""

from collections.abc import Iterator

from backups.machine.docker import Docker
from backups.services.base import Finding
from backups.services.mysql.doctor.checks import ALL_PRIVILEGES, Verdict, fault, fine, some
from backups.services.mysql.dump import program, server_objects, views
from backups.services.mysql.dump.plan import STRAY, stray_names, unsafe_tables
from backups.services.mysql.dump_details import LIMITS
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source.connection import Session
from backups.services.mysql.source.source import Source
from backups.services.mysql.versions import dump_mismatch, dump_refusal
from backups.services.mysql.witness import catalogue
from backups.services.mysql.witness.definitions import subject

PRIVILEGES = ("SELECT", "SHOW VIEW", "TRIGGER", "EVENT", "EXECUTE", "PROCESS")
"""What the user needs on *.*: to read every table and every definition, views that call functions too, and to see them change."""
_LOCKS = ("RELOAD", "LOCK TABLES")
"""One of them, the first if it can be had: it takes one lock, however many tables there are."""


class DumpChecks:
    """See `Checks`."""

    def judge(self, session: Session, seen: Source, settings: MySQLSettings) -> Iterator[Verdict]:
        """See `Checks.judge`."""
        for verdict in (_version(seen), _privileges(seen, settings.user)):
            yield verdict
            if verdict.refuses:
                return
        yield _engines(session)
        yield _versioned(session, seen)
        yield _views(session)
        yield _stray(session)
        yield fine("method", f"dump: {'; '.join([*LIMITS, *server_objects.not_carried(session, mariadb=seen.version.mariadb)])}")

    def create_user(self, settings: MySQLSettings) -> str:
        """See `Checks.create_user`."""
        account = f"'{settings.user}'@'%'"
        needed = ", ".join(("RELOAD", "REPLICATION CLIENT", *PRIVILEGES))
        return f"CREATE USER {account} IDENTIFIED BY '…'; GRANT {needed} ON *.* TO {account};"

    def examine_image(self, settings: MySQLSettings, seen: Source | None, docker: Docker) -> Iterator[Finding]:
        """See `Checks.examine_image`; the dump program must be in it."""
        image = docker.image(settings.image)
        version = program.version(docker, image)
        if seen is None:
            yield Finding("image", ok=True, message=f"{image.name} is here, {version.text}; the source's version is unknown")
        elif reason := dump_mismatch(seen.version, version):
            kind = "mariadb" if seen.version.mariadb else "mysql"
            yield Finding("image", ok=False, message=reason, remedy=f"set `image:` to {kind}:{seen.version.series}")
        else:
            yield Finding("image", ok=True, message=f"{image.name} is here, {version.text}, with its dump program")


def _version(seen: Source) -> Verdict:
    reason = dump_refusal(seen.version)
    if reason:
        return fault("version", reason, "Lifeboat dumps MySQL from 8.0.17 on and MariaDB from 10.5 on: upgrade the server")
    return fine("version", f"{seen.version.maker} {seen.version.text}")


def _privileges(seen: Source, user: str) -> Verdict:
    every = ALL_PRIVILEGES in seen.privileges
    missing = [name for name in PRIVILEGES if name not in seen.privileges and not every]
    if not every and not seen.privileges & set(_LOCKS):
        missing.append(_LOCKS[0])
    if missing:
        listed = ", ".join(missing)
        remedy = f"GRANT {listed} ON *.* TO '{user}'@'%'; (where RELOAD may not be granted: LOCK TABLES)"
        return fault("privileges", f"user {user} lacks {listed} on *.*", remedy)
    if not every and "RELOAD" not in seen.privileges:
        message = f"{user} may not take the global read lock (RELOAD): a dump begins by locking every table for a moment"
        return fine("privileges", message)
    return fine("privileges", f"{user} has all that a dump needs")


def _engines(session: Session) -> Verdict:
    found = unsafe_tables(session)
    if not found:
        return fine("storage engines", "every table is of InnoDB: writers wait for moments only")
    message = f"tables without snapshots: {some(found)}; every writer waits until the whole dump and its witness are taken"
    # Known and provided for: no fault of the server's.
    return fine("storage engines", message, "ALTER TABLE … ENGINE=InnoDB, or a quiet hour")


def _versioned(session: Session, seen: Source) -> Verdict:
    tables = [table for table in catalogue.read(session).tables if table.versioned]
    presents = [subject(table.schema, table.name) for table in tables if not table.history]
    if not presents:
        return fine("system versioning", "the history of tables comes back too" if tables else "no table keeps its history")
    message = f"tables with system versioning, of which only the present is dumped: {some(presents)}"
    remedy = "ALTER TABLE … DROP SYSTEM VERSIONING"
    if not seen.version.keeps_history:
        remedy = "from MariaDB 10.11 on history can be brought back: upgrade the server"
    # Known and named in each backup: no reason to have none.
    return fine("system versioning", message, remedy)


def _views(session: Session) -> Verdict:
    found = views.broken(session, catalogue.read(session).views)
    if not found:
        return fine("views", "each can be created again")
    listed = some([f"{subject(*view)} ({said})" for view, said in found.items()])
    return fine(
        "views", f"views that no statement can create again are left out: {listed}", "DROP VIEW …, or mend what they read"
    )


def _stray(session: Session) -> Verdict:
    found = stray_names(session)
    if not found:
        return fine("stray directories", "none in the data directory")
    listed = some([name.removeprefix(STRAY) for name in found])
    message = f"directories that are no databases lie in the data directory, and are left out: {listed}"
    return fine(
        "stray directories", message, "move them elsewhere; a data directory below the root of its volume has no lost+found"
    )
