"""Takes a backup by dump: every file and the witness's facts of one instant, or none of them.

The rows are one instant's by snapshots (`instant.py`). Definitions know no snapshots: they are read when it begins and again
when everything is written, and what has changed meanwhile makes the round void.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pymysql.err

from backups.errors import Transient
from backups.services.base import Captured, Job
from backups.services.mysql.dump import exact, plan
from backups.services.mysql.dump.instant import DumpInstant, frozen
from backups.services.mysql.dump.program import SourceChanged, dumps
from backups.services.mysql.dump_details import ACCOUNTS, DUMP, GRANTS, LIMITS, DumpDetails
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.source.source import Source
from backups.services.mysql.witness import accounts, sessions, witness
from backups.services.mysql.witness.catalogue import Catalogue
from backups.witness import Fact

_SESSIONS = 2
"""Sessions that read tables for the witness, and as many dumps side by side."""
_ROUNDS = 3
Connect = Callable[[], Session]


def capture(job: Job, settings: MySQLSettings, seen: Source, connect: Connect) -> Captured:
    """Take a full by dump. Raises Transient when tables are altered all the while."""
    for number in range(1, _ROUNDS + 1):
        try:
            return _round(job, settings, seen, connect, block_ddl=number == _ROUNDS)
        except (SourceChanged, witness.ChangedMeanwhile) as change:
            shutil.rmtree(job.directory / DUMP, ignore_errors=True)
            job.say(f"the source's tables changed while they were dumped ({change}): round {number} of {_ROUNDS} is void")
    raise Transient(
        f"tables were created, altered or dropped in each of {_ROUNDS} rounds of the dump",
        hint="schedule the backup for a time without DDL; on MySQL, GRANT BACKUP_ADMIN lets the last round have DDL wait",
    )


def _round(job: Job, settings: MySQLSettings, seen: Source, connect: Connect, *, block_ddl: bool) -> Captured:
    block = block_ddl and "BACKUP_ADMIN" in seen.privileges and not seen.version.mariadb
    with sessions.sessions(connect, _SESSIONS + 2) as opened, dumps(job, settings, seen) as program:
        control, guard, *readers = opened
        planned = plan.survey(guard)
        # What DDL changes before it is blocked, one dump of everything takes in.
        data_files = plan.prepare(planned, program, "data", 1 if block else _SESSIONS)

        def keep_alive() -> None:
            for session in (control, guard):
                session.ping(reconnect=False)

        if planned.unsafe:
            count = len(planned.unsafe)
            job.say(f"tables without snapshots: {count} ({planned.unsafe[0]} …): writers wait until the whole dump is taken")
        try:
            with frozen(
                control,
                readers,
                [(table.schema, table.name) for table in planned.catalogue.tables],
                seen,
                open_others=lambda: program.release("data"),
                hold=bool(planned.unsafe),
                say=job.say,
                under_lock=lambda: rows(guard, "LOCK INSTANCE FOR BACKUP") if block else None,
            ) as instant:
                found = plan.survey(guard)
                if not (planned.fits(found) if block and instant.lock == "global" else planned.same(found)):
                    raise SourceChanged("before the lock was held")
                job.say("dumping and taking the witness")
                plan.start_definitions(found, program, "now")
                program.release("now")
                before = _definitions(guard, readers, found.catalogue, connect)
                _write_accounts(guard, seen, job.directory / DUMP)
                sessions.in_parallel(
                    lambda session, item: exact.write(session, item[1], job.directory / DUMP / item[0]),
                    plan.exact_files(found),
                    over=readers,
                    connect=connect,
                    meanwhile=keep_alive,
                )
                data = witness.data_of(readers, found.catalogue, connect, meanwhile=keep_alive)
                program.wait(keep_alive)
            if not found.same(plan.survey(guard)) or _definitions(guard, readers, found.catalogue, connect) != before:
                raise SourceChanged("a definition has changed")
        except pymysql.err.MySQLError as error:
            if error.args and error.args[0] in witness.CHANGED:
                raise SourceChanged(witness.CHANGED[error.args[0]]) from error
            raise
    captured = _captured(seen, instant, [*before, *data], plan.stages(found, data_files), found.unsafe)
    job.say(f"what this backup cannot do: {'; '.join(captured.details['limits'])}")
    return captured


def _captured(
    seen: Source, instant: DumpInstant, facts: Sequence[Fact], stages: tuple[tuple[str, ...], ...], unsafe: Sequence[str]
) -> Captured:
    details = DumpDetails(
        mariadb=seen.version.mariadb,
        server_uuid=seen.server_uuid,
        position=instant.position,
        stages=stages,
        variables=seen.copy_variables,
        plugins=tuple(sorted(set(seen.plugins.values()))),
        lock=instant.lock,
        lock_seconds=instant.lock_seconds,
        lock_attempts=instant.lock_attempts,
        unsafe_tables=tuple(unsafe),
        limits=(*LIMITS, *([_unsafe_limit(unsafe)] if unsafe else [])),
    )
    return Captured(
        taken_at=instant.at, source_version=seen.version.text, witness=list(facts), details=details.model_dump(mode="json")
    )


def _unsafe_limit(unsafe: Sequence[str]) -> str:
    return f"writers wait while a backup is taken, because of tables that are not of InnoDB: {len(unsafe)} ({unsafe[0]} …)"


def _definitions(guard: Session, readers: Sequence[Session], found: Catalogue, connect: Connect) -> list[Fact]:
    return without_reserved(witness.definitions_of(guard, readers, found, connect))


def without_reserved(facts: Sequence[Fact]) -> list[Fact]:
    """Return the facts without those of the server's own accounts, which belong to its installation and are not dumped."""
    reserved = {f"account {name}" for name in accounts.RESERVED}
    return [fact for fact in facts if fact.subject not in reserved]


def _write_accounts(session: Session, seen: Source, directory: Path) -> None:
    found = (accounts.mariadb if seen.version.mariadb else accounts.mysql)(session)
    every = [account for account in found if account.name not in accounts.RESERVED]
    for name, statements in (
        (ACCOUNTS, [text for account in every for text in account.created]),
        (GRANTS, [text for account in every for text in account.granted]),
    ):
        (directory / name).write_text("".join(f"{text};\n" for text in statements) + "-- Dump completed\n")
