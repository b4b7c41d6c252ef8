"""Writes everything that is not rows as SQL: databases, tables, views, triggers, routines, events, servers.

By SHOW CREATE, object by object, since the dump programs stop at one that is broken, and write some that no client reads back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from backups.services.mysql.dump import server_objects, statements, views
from backups.services.mysql.dump.statements import COMPLETE, HEAD, Program, mark, statement
from backups.services.mysql.dump_details import LAST, SCHEMA, TRIGGERS, VIEWS
from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.witness.catalogue import Catalogue
from backups.services.mysql.witness.definitions import subject, without_place


def write(
    session: Session, databases: tuple[str, ...], catalogue: Catalogue, into: Path, *, mariadb: bool, servers: bool = True
) -> None:
    """Write the definitions of databases, and of the tables and views of a catalogue, into the files of a dump.

    servers: with the connections to other servers, and the passwords in them
    """
    collations = _collations(session)
    _file(into / SCHEMA, _schema(session, databases, catalogue, collations, mariadb=mariadb, servers=servers))
    _file(into / VIEWS, _views(session, catalogue))
    _file(into / TRIGGERS, _triggers(session, databases, collations))
    _file(into / LAST, server_objects.last(session, databases, mariadb=mariadb))


def _file(path: Path, parts: Iterator[bytes]) -> None:
    with path.open("wb") as file:
        file.write(HEAD)
        file.writelines(parts)
        file.write(COMPLETE)


def _schema(
    session: Session,
    databases: tuple[str, ...],
    catalogue: Catalogue,
    collations: dict[str, str],
    *,
    mariadb: bool,
    servers: bool,
) -> Iterator[bytes]:
    yield from server_objects.first(session, mariadb=mariadb, servers=servers)
    for name in databases:
        created = rows(session, f"SHOW CREATE DATABASE IF NOT EXISTS {quoted(name)}")[0][1]
        yield mark(subject(name, kind="database"))
        yield statement(created.replace("DEFAULT ENCRYPTION='Y'", "DEFAULT ENCRYPTION='N'"))
    for schema, name in catalogue.sequences:
        yield mark(subject(schema, name, kind="sequence"))
        yield statements.use(schema)
        where = f"{quoted(schema)}.{quoted(name)}"
        yield statement(rows(session, f"SHOW CREATE SEQUENCE {where}")[0][1])
        following = rows(session, f"SELECT next_not_cached_value FROM {where}")[0][0]  # noqa: S608 -- quoted
        yield statement(f"DO SETVAL({quoted(name)}, {following}, 0)")
    for table in sorted(catalogue.tables, key=lambda table: (table.schema, table.name)):
        yield mark(subject(table.schema, table.name))
        yield statements.use(table.schema)
        created = rows(session, f"SHOW CREATE TABLE {quoted(table.schema)}.{quoted(table.name)}")[0][1]
        yield statement(without_place(created))
    for kind, number in (
        ("LIBRARY", 2),
        *(() if not mariadb else (("PACKAGE", 2), ("PACKAGE BODY", 2))),
        ("FUNCTION", 2),
        ("PROCEDURE", 2),
    ):
        for schema, name in _routines(session, kind, databases):
            yield mark(subject(schema, name, kind=kind.lower()))
            yield _routine(session, kind, schema, name, number, collations)
    for schema, name, at in rows(
        session, "SELECT event_schema, event_name, UNIX_TIMESTAMP(created) FROM information_schema.events ORDER BY 1, 2"
    ):
        if schema in databases:
            yield mark(subject(schema, name, kind="event"))
            with _as_it_is(session):
                row = rows(session, f"SHOW CREATE EVENT {quoted(schema)}.{quoted(name)}")[0]
            _, sql_mode, time_zone, text, client, connection, database = row
            event = _program(schema, text, sql_mode, client, connection, database)
            event = replace(event, time_zone=_text(time_zone), at=int(at))
            yield statements.program(event, collations[schema])


def _routines(session: Session, kind: str, databases: tuple[str, ...]) -> list[tuple[str, str]]:
    if kind == "LIBRARY":
        if not rows(session, "SHOW TABLES FROM information_schema LIKE 'LIBRARIES'"):
            return []
        found = rows(session, "SELECT library_schema, library_name FROM information_schema.libraries ORDER BY 1, 2")
    else:
        found = rows(
            session,
            "SELECT routine_schema, routine_name FROM information_schema.routines WHERE routine_type = %s ORDER BY 1, 2",
            [kind],
        )
    return [(schema, name) for schema, name in found if schema in databases]


def _routine(session: Session, kind: str, schema: str, name: str, number: int, collations: dict[str, str]) -> bytes:
    with _as_it_is(session):
        row = rows(session, f"SHOW CREATE {kind} {quoted(schema)}.{quoted(name)}")[0]
    under = row[3:6] or ("utf8mb4", "utf8mb4_general_ci", collations[schema])
    return statements.program(_program(schema, row[number], row[1], *under), collations[schema])


def _triggers(session: Session, databases: tuple[str, ...], collations: dict[str, str]) -> Iterator[bytes]:
    for schema, name in rows(
        session,
        "SELECT trigger_schema, trigger_name FROM information_schema.triggers "
        "ORDER BY event_object_schema, event_object_table, action_timing, event_manipulation, action_order",
    ):
        if schema not in databases:
            continue
        with _as_it_is(session):
            row = rows(session, f"SHOW CREATE TRIGGER {quoted(schema)}.{quoted(name)}")[0]
        yield mark(subject(schema, name, kind="trigger"))
        yield statements.program(_program(schema, row[2], row[1], *row[3:6]), collations[schema])


def _views(session: Session, catalogue: Catalogue) -> Iterator[bytes]:
    found = {view: views.text_of(session, view) for view in catalogue.views}
    texts = {view: text for view, (text, _, _) in found.items()}
    order = views.ordered(texts)
    read = {other for view, text in texts.items() for other in views.references(text, texts) if other != view}
    # A view that another one reads is ours until that one is there: whoever defined it may be gone, or may do less than he did.
    for view in order:
        if view in read:
            create, *under = found[view]
            yield statements.view(views.by_us(create), *under)
    for view in reversed(order):
        create, *under = found[view]
        yield mark(subject(*view, kind="view"))
        yield statements.view(views.replacing(create), *under)


def _collations(session: Session) -> dict[str, str]:
    return dict(rows(session, "SELECT schema_name, default_collation_name FROM information_schema.schemata"))


@contextmanager
def _as_it_is(session: Session) -> Iterator[None]:
    """Have the server send texts in the character set that they are stored in, and hand them on as bytes."""
    rows(session, "SET SESSION character_set_results = 'binary'")
    session.use_unicode = False
    try:
        yield
    finally:
        session.use_unicode = True
        rows(session, "SET SESSION character_set_results = 'utf8mb4'")


def _program(schema: str, text: bytes, sql_mode: Any, client: Any, connection: Any, database: Any) -> Program:
    return Program(schema, text, _text(sql_mode), _text(client), _text(connection), _text(database))


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
