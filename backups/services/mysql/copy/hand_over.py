"""Prepares a copy to be handed over: shuts its server down in order, and removes what was the sandbox's."""

import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pymysql.err

from backups import plural
from backups.errors import Damaged, LifeboatError
from backups.machine.wait import wait_until
from backups.manifest import Manifest
from backups.places.base import Ownership
from backups.services.base import Delivery
from backups.services.mysql.copy.for_drill import Account
from backups.services.mysql.copy.server import Server
from backups.services.mysql.details import MySQLDetails
from backups.services.mysql.first_start import BESIDE, PORT, RowsStay
from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.source.variables import copy_value
from backups.services.mysql.versions import Version

USER = 999
"""The user and group `mysql` of the official image."""
DATA = "/var/lib/mysql"
DURABLE = ("--innodb-doublewrite=ON", "--innodb-flush-log-at-trx-commit=1", "--innodb-fast-shutdown=1")
"""Options of a server whose data will be handed over. Its shutdown writes every page (1): a start needs no recovery. A slow one
(0) would purge old row versions too, which the next server does by itself while it serves."""
_NO_DATA = re.compile(r".*\.(cnf|ini|dll|so(\.\d+)*)", re.IGNORECASE)
_SHOWN = 20
"""Settings that a note names before it counts the rest."""
_YEAR = 366 * 24 * 3600
_ENDING = 3600.0
"""Seconds for a server to write what it has in memory."""


@contextmanager
def without_sync(session: Session, *, for_restore: bool) -> Iterator[None]:
    """Let the server not wait for the disk at each transaction of a replay. Should the machine die, the restore begins anew:
    nothing has been handed over yet, and what is handed over has been written by a shutdown.
    """
    if for_restore:
        rows(session, "SET GLOBAL innodb_flush_log_at_trx_commit = 0")
    yield
    if for_restore:
        rows(session, "SET GLOBAL innodb_flush_log_at_trx_commit = 1")


def replication_source(session: Session) -> str | None:
    """Return the server that the source replicated from, by its data; None where there was none."""
    try:
        found = rows(session, "SELECT host, port FROM mysql.slave_master_info WHERE host <> ''")
    except pymysql.err.ProgrammingError:
        return None
    return ", ".join(f"{host}:{port}" for host, port in found) or None


def enabled_events(session: Session) -> int:
    """Count the events that a server runs which is started on the data with event_scheduler=ON."""
    return int(rows(session, "SELECT COUNT(*) FROM information_schema.events WHERE status = 'ENABLED'")[0][0])


def shut_down(session: Session, account: Account, server: Server, events: int) -> Iterator[str]:
    """Drop our account and shut the server down; yields what the operator has to know of its state.

    events: how many are enabled. Raises LifeboatError when the server does not end in order.
    """
    prepared = rows(session, "XA RECOVER")
    if prepared:
        yield f"{len(prepared)} XA transactions were prepared at that moment and hold their locks: XA RECOVER lists them"
    if events:
        are = plural.count(events, "event is", "events are")
        yield f"{are} enabled as on the source: a server with event_scheduler=ON runs what is enabled"
    executed = " ".join(str(rows(session, "SELECT @@GLOBAL.gtid_executed")[0][0]).split())
    if executed:
        yield f"GTIDs executed: {executed}; the new server's gtid_purged says so by itself"
    rows(session, f"DROP USER {quoted(account.user)}@localhost")
    rows(session, "SHUTDOWN")
    if not wait_until(lambda: not server.container.running(), seconds=_ENDING, interval=0.2):
        raise LifeboatError(
            f"the restored server does not end within {_ENDING:.0f} s: {server.error_log()}", hint="restore again"
        )
    if code := server.container.wait():
        raise LifeboatError(
            f"the restored server did not end in order (exit code {code}): {server.error_log()}",
            hint="restore again; if it happens again, look at the memory and the disk of this machine",
        )


def require_data_only(datadir: Path, backup: str) -> None:
    """Raise Damaged when a clone holds what a server reads as options or loads as code: CLONE copies neither."""
    found = next((path for path in sorted(datadir.rglob("*")) if _NO_DATA.fullmatch(path.name)), None)
    if found is not None:
        raise Damaged(
            f"backup {backup} holds {found.relative_to(datadir)} among its data files, which no clone has",
            hint="who could write to the repository? restore another backup; nothing of this one was run",
        )


def remove_sandbox_files(datadir: Path) -> None:
    """Remove from a data directory whose server has ended what was the sandbox's, or may exist only once.

    A clone carries no keys and certificates; those that the sandbox's server made itself go, and the next one makes its own.
    """
    # The server's uuid: two servers that have the same cannot replicate from each other. The next start makes a new one.
    # Settings that SQL has kept (SET PERSIST) were not the source's: no clone and no dump has them.
    for name in ("auto.cnf", "mysqld-auto.cnf", "mysqld-auto.cnf.backup"):
        (datadir / name).unlink(missing_ok=True)
    # Where the server reads that it was cloned, and up to where: of no use any more.
    shutil.rmtree(datadir / "#clone", ignore_errors=True)
    for left in (path for pattern in ("*.pem", "*.pid", "*.sock", "*.sock.lock") for path in datadir.glob(pattern)):
        left.unlink()


def delivery(
    datadir: Path, manifest: Manifest, details: MySQLDetails, notes: Sequence[str], *, beyond: bool, events: bool = False
) -> Delivery:
    """Describe what is handed over, with all that an operator must know to start a server on it.

    beyond: whether it stands at a moment after that of the manifest's witness. events: whether some are enabled in it
    """
    version = Version.parse(manifest.source.version)
    settings = delivered_settings(details)
    facts = [
        f"start MySQL {version.release} on it, or a later {version.series}; option files are not in the backup",
        f"as on the source, set: {shlex.join(settings)}",
        *_other_settings(details),
        "accounts, passwords and grants are those of the source at that moment",
        "the server makes itself a new server_uuid and new TLS certificates: whoever checks the old ca.pem needs the new one",
        "its binary log begins anew: the next backup is a full by itself, and replicas have to be pointed to it again",
    ]
    by_options = sorted(set(details.plugins) - set(details.installed.plugins.values() if details.installed else ()))
    if by_options:
        facts.append(f"the source had loaded {', '.join(by_options)}: what its option files loaded, they have to load again")
    facts += _zone(manifest, details)
    options = [f"--{setting}" for setting in settings]
    owner = Ownership("mysql:mysql", USER, USER, 0o750)
    first_start = RowsStay(() if beyond else manifest.witness, events=events)
    return Delivery(
        datadir,
        owner,
        DATA,
        notes=(*facts, *notes),
        options=options,
        port=PORT,
        first_start=first_start,
        beside=BESIDE if events else None,
    )


def delivered_settings(details: MySQLDetails) -> list[str]:
    """Return the settings that a server must be started with on what is delivered, as `name=value`."""
    named = details.variables if details.changed is None else {name: details.variables[name] for name in details.changed}
    settings = [f"{name}={copy_value(name, value)}" for name, value in named.items()]
    if details.others.get("event_scheduler", "ON") != "ON":
        # Else a server would run by default what the source did not.
        settings.append("event_scheduler=OFF")
    return [*settings, "gtid_mode=ON", "enforce_gtid_consistency=ON"] if details.gtid else settings


def _other_settings(details: MySQLDetails) -> Iterator[str]:
    """Yield notes on what else was set at the source, which no data depend on."""
    listed = [f"{name}={value}" for name, value in details.others.items()]
    if listed:
        more = f" and {len(listed) - _SHOWN} more, in the manifest" if len(listed) > _SHOWN else ""
        yield f"also set on the source, for its option file: {shlex.join(listed[:_SHOWN])}{more}"
    yield from (f"a limit of this backup: {limit}" for limit in details.limits)


def _zone(manifest: Manifest, details: MySQLDetails) -> Iterator[str]:
    """Yield the note on the time zone of the source's machine, where it was not UTC."""
    if details.zone:
        year = [offset for begin, offset in details.zone if abs(begin - manifest.taken_at.timestamp()) < _YEAR]
        offsets = sorted({details.system_offset, *year})
        hours = " and ".join(f"{offset / 3600:+g} h" for offset in offsets)
        yield f"the source's machine was {hours} from UTC: set its own zone before a server starts on it, or time_zone"
    elif details.system_offset:
        hours = f"{details.system_offset / 3600:+g} h"
        yield f"the source's machine was {hours} from UTC: set that zone before a server starts on it, or time_zone"
