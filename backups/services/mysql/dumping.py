"""A backup by dump: every file and the witness's facts of one instant, or none of them.

The rows are one instant's by snapshots (`dump_instant.py`). Definitions know no snapshots: they are read when it begins and again
when everything is written, and what has changed meanwhile makes the round void.
"""

import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pymysql.err

from backups.errors import ChainBroken, Transient
from backups.services.base import Captured, Job
from backups.services.mysql import accounts, catalogue, dump_exact, measuring, witness
from backups.services.mysql.catalogue import Catalogue, Table
from backups.services.mysql.connection import Session, rows
from backups.services.mysql.definitions import subject
from backups.services.mysql.dump_details import ACCOUNTS, DATA, DUMP, EXACT, GRANTS, LIMITS, SCHEMA, TRIGGERS, VIEWS, DumpDetails
from backups.services.mysql.dump_instant import DumpInstant, frozen
from backups.services.mysql.dump_program import (
    DATA_OPTIONS,
    SCHEMA_OPTIONS,
    TRIGGER_OPTIONS,
    VIEW_OPTIONS,
    Dumps,
    SourceChanged,
    dumps,
)
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source import Source
from backups.witness import Fact

_SESSIONS = 2
"""Sessions that read tables for the witness, and as many dumps side by side."""
_ROUNDS = 3
_SNAPSHOTS = "InnoDB"
Connect = Callable[[], Session]


def capture(job: Job, settings: MySQLSettings, seen: Source, connect: Connect) -> Captured:
    """Take a full by dump. Raises ChainBroken when an incremental is asked for: a dump has no log."""
    if job.kind == "incremental":
        raise ChainBroken("the method is dump, which takes fulls only")
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
    with measuring.sessions(connect, _SESSIONS + 2) as opened, dumps(job, settings, seen) as program:
        control, guard, *readers = opened
        found = catalogue.read(guard)
        databases = [row[0] for row in rows(guard, "SHOW DATABASES") if row[0].lower() not in catalogue.SYSTEM]
        exact, stages = _plan(found, databases, program)
        unsafe = unsafe_tables(guard)
        block = "BACKUP_ADMIN" in seen.privileges and block_ddl and not seen.version.mariadb

        def awake() -> None:
            for session in (control, guard):
                session.ping(reconnect=False)

        if unsafe:
            job.say(f"{len(unsafe)} tables have no snapshots ({unsafe[0]}, …): writers wait until the whole dump is taken")
        try:
            with frozen(
                control,
                readers,
                [(table.schema, table.name) for table in found.tables],
                seen,
                open_others=lambda: program.go("data"),
                hold=bool(unsafe),
                say=job.say,
                under_lock=lambda: rows(guard, "LOCK INSTANCE FOR BACKUP") if block else None,
            ) as instant:
                program.go("rest")
                job.say("dumping and taking the witness")
                before = _definitions(guard, readers, found, connect)
                _write_accounts(guard, seen, settings, job.directory / DUMP)
                measuring.spread(
                    lambda session, item: dump_exact.write(session, item[1], job.directory / DUMP / item[0]),
                    exact,
                    over=readers,
                    connect=connect,
                    meanwhile=awake,
                )
                data = witness.data_of(readers, found, connect, meanwhile=awake)
                program.wait(awake)
            if not _same(catalogue.read(guard), found) or _definitions(guard, readers, found, connect) != before:
                raise SourceChanged("a definition is not what it was")
        except pymysql.err.MySQLError as error:
            if error.args and error.args[0] in witness.CHANGED:
                raise SourceChanged(witness.CHANGED[error.args[0]]) from error
            raise
        facts = [*before, *data]
    return _captured(seen, instant, facts, stages, unsafe)


def _same(one: Catalogue, other: Catalogue) -> bool:
    """Whether two pictures show the same; how large the tables are does not count."""
    return set(one.tables) == set(other.tables) and all(
        getattr(one, field) == getattr(other, field) for field in ("engine_numbers", "views", "sequences")
    )


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


def unsafe_tables(session: Session) -> list[str]:
    """Tables whose engine has no snapshots."""
    return [
        f"{subject(schema, name)} ({engine})"
        for schema, name, engine in rows(
            session,
            "SELECT table_schema, table_name, COALESCE(engine, 'unknown') FROM information_schema.tables "
            "WHERE table_type = 'BASE TABLE' AND table_schema NOT IN %s AND COALESCE(engine, '') <> %s "
            "ORDER BY table_schema, table_name",
            [catalogue.SYSTEM, _SNAPSHOTS],
        )
    ]


def _unsafe_limit(unsafe: Sequence[str]) -> str:
    return f"writers wait while a backup is taken, since {len(unsafe)} tables are not of InnoDB: {', '.join(unsafe[:5])}"


def _plan(
    found: Catalogue, databases: Sequence[str], program: Dumps
) -> tuple[list[tuple[str, Table]], tuple[tuple[str, ...], ...]]:
    """Start the dumps that will be needed; returns the tables to be written by ourselves, and the files in loading order."""
    exact = [(EXACT.format(number), table) for number, table in enumerate(dump_exact.tables(found))]
    mine = {(table.schema, table.name) for _, table in exact}
    plain = [table for table in found.tables if (table.schema, table.name) not in mine]
    # The largest first, dealt out there and back: the parts are about equal.
    parts = [
        [table for at, table in enumerate(plain) if (at % (2 * _SESSIONS)) in (n, 2 * _SESSIONS - 1 - n)]
        for n in range(_SESSIONS)
    ]
    names = []
    for number, part in enumerate(parts):
        if not part:
            continue
        kept = {(table.schema, table.name) for table in part}
        ignored = _ignoring((table.schema, table.name) for table in found.tables if (table.schema, table.name) not in kept)
        program.add(DATA.format(number), "data", [*DATA_OPTIONS, *ignored], databases)
        names.append(DATA.format(number))
    if databases:
        program.add(SCHEMA, "rest", [*SCHEMA_OPTIONS, *_ignoring(found.views)], databases)
        others = [*((table.schema, table.name) for table in found.tables), *found.sequences]
        program.add(VIEWS, "rest", [*VIEW_OPTIONS, *_ignoring(others)], databases)
        program.add(TRIGGERS, "rest", TRIGGER_OPTIONS, databases)
    programs = ((SCHEMA,), (GRANTS,), (VIEWS,), (*names, *(name for name, _ in exact)), (TRIGGERS,)) if databases else ()
    return exact, ((ACCOUNTS,), *(stage for stage in programs if stage), (GRANTS,))


def _ignoring(names: Iterable[tuple[str, str]]) -> list[str]:
    return [f"--ignore-table={schema}.{name}" for schema, name in names]


def _definitions(guard: Session, readers: Sequence[Session], found: Catalogue, connect: Connect) -> list[Fact]:
    return without_reserved(witness.definitions_of(guard, readers, found, connect))


def without_reserved(facts: Sequence[Fact]) -> list[Fact]:
    """Facts but those of the server's own accounts, which belong to its installation and are not dumped."""
    reserved = {f"account {name}" for name in accounts.RESERVED}
    return [fact for fact in facts if fact.subject not in reserved]


def _write_accounts(session: Session, seen: Source, settings: MySQLSettings, directory: Path) -> None:  # noqa: ARG001
    found = (accounts.mariadb if seen.version.mariadb else accounts.mysql)(session)
    every = [account for account in found if account.name not in accounts.RESERVED]
    for name, statements in (
        (ACCOUNTS, [text for account in every for text in account.created]),
        (GRANTS, [text for account in every for text in account.granted]),
    ):
        (directory / name).write_text("".join(f"{text};\n" for text in statements) + "-- Dump completed\n")
