"""Takes a backup by dump: every file and the witness's facts of one instant, or none of them.

The rows are one instant's by snapshots (`instant.py`). Definitions know no snapshots: they are read when it begins and again
when everything is written, and what has changed meanwhile makes the round void.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pymysql.err

from backups.errors import Transient
from backups.services.base import Captured, Job
from backups.services.mysql.doctor.checks import some
from backups.services.mysql.dump import count, definitions, exact, grants, plan, server_objects, views
from backups.services.mysql.dump.instant import DumpInstant, frozen
from backups.services.mysql.dump.plan import STRAY, Found
from backups.services.mysql.dump.program import SourceChanged, dumps
from backups.services.mysql.dump.statements import COMPLETE, mark, statement
from backups.services.mysql.dump_details import ACCOUNTS, DUMP, GRANTS, LIMITS, DumpDetails
from backups.services.mysql.panels import standing
from backups.services.mysql.panels.capture import PanelsCapture
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source import command_line
from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.source.source import Source
from backups.services.mysql.witness import accounts, data, sessions, witness
from backups.services.mysql.witness.catalogue import Catalogue, Table
from backups.services.mysql.witness.definitions import subject
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
        except (SourceChanged, data.ChangedMeanwhile) as change:
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
        panels = PanelsCapture.of(job, seen.variables)
        # What DDL changes before it is blocked, one dump of everything takes in.
        data_files = plan.prepare(planned, program, "data", 1 if block else _SESSIONS)

        def keep_alive() -> None:
            for session in (control, guard):
                session.ping(reconnect=False)

        if planned.unsafe:
            listed = f"{len(planned.unsafe)} ({planned.unsafe[0]} …)"
            job.say(f"tables without snapshots: {listed}: writers wait until the whole dump is taken")
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
                broken = views.broken(guard, found.catalogue.views)
                found = found.without(broken)
                job.say("dumping and taking the witness")
                before = _definitions(guard, readers, found.catalogue, connect)
                definitions.write(guard, found.databases, found.catalogue, program.target, mariadb=seen.version.mariadb)
                _write_accounts(guard, seen, found.catalogue, program.target)

                def write_rows(files: Sequence[tuple[str, Table]]) -> None:
                    sessions.in_parallel(
                        lambda session, item: exact.write(session, item[1], program.target / item[0]),
                        files,
                        over=readers,
                        connect=connect,
                        meanwhile=keep_alive,
                    )

                written = plan.exact_files(found.exact)
                write_rows(written)
                stated = data.data_of(readers, found.catalogue, connect, meanwhile=keep_alive)
                program.wait(keep_alive)
                held = {key for name in data_files for key in count.rows_of(program.target / name)}
                # In the snapshot that the program had: what it has left out is of the same instant as everything else.
                rest = plan.exact_files(plan.left_out(found, held), len(written))
                write_rows(rest)
                limits = list(_limits(guard, seen, found, broken))
            if (
                not found.same(plan.survey(guard).without(broken))
                or _definitions(guard, readers, found.catalogue, connect) != before
            ):
                raise SourceChanged("a definition has changed")
        except pymysql.err.MySQLError as error:
            if error.args and error.args[0] in data.CHANGED:
                raise SourceChanged(data.CHANGED[error.args[0]]) from error
            raise
        # Nobody waits for a lock any more.
        if planned.unsafe:
            panels.impossible(f"tables without snapshots have no instant: {planned.unsafe[0]}")
        else:
            panels.inside(readers[0])
    count.require_whole(job.directory / DUMP, [*before, *stated], found.elsewhere)
    limits += panels.keep(job.directory)
    files = [*data_files, *(name for name, _ in (*written, *rest))]
    captured = _captured(seen, instant, [*before, *stated], plan.stages(files), found.unsafe, limits)
    job.say(f"what this backup cannot do: {'; '.join(captured.details['limits'])}")
    return captured


def _captured(
    seen: Source,
    instant: DumpInstant,
    facts: Sequence[Fact],
    stages: tuple[tuple[str, ...], ...],
    unsafe: Sequence[str],
    limits: Sequence[str],
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
        answering=standing.answering(seen.variables),
        system_offset=seen.system_offset,
        zone=seen.zone or (),
        limits=(*LIMITS, *limits),
    )
    command_line.require_own(details)
    return Captured(
        taken_at=instant.at, source_version=seen.version.text, witness=list(facts), details=details.model_dump(mode="json")
    )


def _limits(session: Session, seen: Source, found: Found, broken: Mapping[plan.Name, str]) -> Iterator[str]:
    """Yield what this server's dump lacks, by name."""
    if broken:
        listed = some([f"{subject(*view)} ({said})" for view, said in broken.items()])
        yield f"views that no statement can create again are left out: {listed}"
    if found.stray:
        yield f"names that no statement can use are left out (a directory beside the server's own?): {some(found.stray)}"
    if found.elsewhere:
        listed = some([subject(*table) for table in found.elsewhere])
        yield f"of tables that show rows of other tables or servers only the definitions are dumped: {listed}"
    presents = [subject(table.schema, table.name) for table in found.catalogue.tables if table.versioned and not table.history]
    if presents:
        yield f"of tables with system versioning only the present is dumped, their history is not: {some(presents)}"
    yield from server_objects.not_carried(session, mariadb=seen.version.mariadb)
    if found.unsafe:
        number = len(found.unsafe)
        yield f"writers wait while a backup is taken, because of tables that are not of InnoDB: {number} ({found.unsafe[0]} …)"


def _definitions(guard: Session, readers: Sequence[Session], found: Catalogue, connect: Connect) -> list[Fact]:
    return without_reserved(witness.definitions_of(guard, readers, found, connect))


def without_reserved(facts: Sequence[Fact]) -> list[Fact]:
    """Return the facts without those of the server's own accounts, which belong to its installation, and of names of no use."""
    reserved = {f"account {name}" for name in accounts.RESERVED}
    return [fact for fact in facts if fact.subject not in reserved and f"`{STRAY}" not in fact.subject]


def _write_accounts(session: Session, seen: Source, catalogue: Catalogue, directory: Path) -> None:
    found = (accounts.mariadb if seen.version.mariadb else accounts.mysql)(session)
    every = [account for account in found if account.name not in accounts.RESERVED]
    usual, stale = grants.split(
        [grant for account in every for grant in account.granted], catalogue, server_objects.system_tables(session)
    )
    with (directory / ACCOUNTS).open("wb") as file:
        for account in every:
            file.write(mark(f"account {account.name}"))
            file.writelines(map(statement, account.created))
        file.writelines(map(statement, grants.on_what_is_gone(stale)))
        file.write(COMPLETE)
    with (directory / GRANTS).open("wb") as file:
        file.writelines(map(statement, usual))
        file.write(COMPLETE)
