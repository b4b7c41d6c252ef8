"""States facts about what a MySQL server keeps besides databases and accounts, such as plugins, servers and libraries.

Each kind is a function. Which of them a witness states is in the backup's details, so that its copy states the same ones.
`scope.py` says of every table of the server which of these, if any, it belongs to.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import pymysql.err

from backups.manifest import Manifest, details_of
from backups.services.mysql.details import MySQLDetails
from backups.services.mysql.source.connection import Session, rows
from backups.services.mysql.witness.definitions import subject
from backups.witness import Fact

COUNTERS = "counter"
"""Whether each table's AUTO_INCREMENT is above its highest number; stated with the rows."""
PROBES = "probe"
"""Whether full-text and spatial indexes find rows; stated with the rows."""
GUESTS = "table in mysql or sys"
"""Tables that users have put into the server's own databases; stated as all tables are."""
_OWN_DEFINER = "mysql.sys@localhost"
_UNKNOWN = (1109, 1146, 1054)
"""Errors of a server that has no such table, or no such column: another release."""
_FORBIDDEN = (1044, 1142, 1143, 1227, 1370)


class _Hidden(Exception):
    """Says what to grant, where a server does not say that it hides something."""


def stated(session: Session, only: Iterable[str] | None = None) -> tuple[list[Fact], tuple[str, ...], list[str]]:
    """State every kind that this server knows, or `only` these; returns the facts, their kinds, and what could not be asked."""
    facts, kinds, limits = [], [], []
    for kind, state in _KINDS.items():
        if only is not None and kind not in only:
            continue
        try:
            found = list(state(session, kind))
        except _Hidden as hidden:
            limits.append(f"not compared, since this user may not see it: {kind} ({hidden})")
        except pymysql.err.MySQLError as error:
            if error.args[0] in _FORBIDDEN and only is None:
                limits.append(f"not compared, since this user may not see it: {kind} ({error.args[1]})")
            elif error.args[0] not in _UNKNOWN or only is not None:
                raise
        else:
            facts += found
            kinds.append(kind)
    return sorted(facts), tuple(kinds), limits


def changed_without_log(before: Manifest, after: Sequence[Fact]) -> str | None:
    """Return what has changed since a backup, among what both state, that no log tells of; None when nothing has."""
    stated = details_of(before, MySQLDetails, "a MySQL backup").form.kinds
    begin = tuple(f"{kind} " for kind in _UNLOGGED if kind in stated)
    one, other = ({fact for fact in facts if begin and fact.subject.startswith(begin)} for facts in (before.witness, after))
    return ", ".join(sorted({fact.subject for fact in one ^ other})) or None


def _listed(session: Session, kind: str, *, statement: str, names: int = 1) -> Iterator[Fact]:
    """State a row each: its first columns are the name, all of them the definition."""
    for row in rows(session, statement):
        yield Fact(subject(*map(_text, row[:names]), kind=kind), "definition", _hash(row))


def _resource_groups(session: Session, kind: str) -> Iterator[Fact]:
    """State the groups that are not the server's own.

    Not which processors one may use: that is the machine's, and a group is disabled on one that has fewer.
    """
    found = rows(
        session, "SELECT resource_group_name, resource_group_type, thread_priority FROM information_schema.resource_groups"
    )
    # Every server has some; whoever may not see them is answered with none.
    if not found:
        raise _Hidden("GRANT RESOURCE_GROUP_USER ON *.* TO it")
    for name, *more in found:
        if name not in ("SYS_default", "USR_default"):
            yield Fact(subject(name, kind=kind), "definition", _hash([name, *more]))


def _guests(session: Session, kind: str) -> Iterator[Fact]:
    """State what users have put into `mysql` and `sys`, but for tables."""
    for what, statement in (
        ("view", "SELECT table_schema, table_name, view_definition, definer FROM information_schema.views WHERE table_schema"),
        (
            "trigger",
            (
                "SELECT trigger_schema, trigger_name, action_statement, definer, event_manipulation, action_timing "
                "FROM information_schema.triggers WHERE trigger_schema"
            ),
        ),
        (
            "routine",
            (
                "SELECT routine_schema, routine_name, routine_definition, definer, routine_type FROM information_schema.routines "
                "WHERE routine_schema"
            ),
        ),
        ("event", "SELECT event_schema, event_name, event_definition, definer FROM information_schema.events WHERE event_schema"),
    ):
        for row in rows(session, f"{statement} IN ('mysql', 'sys') AND definer <> %s", [_OWN_DEFINER]):
            yield Fact(subject(*row[:2], kind=what), kind, _hash(row))


def _hash(parts: Iterable[object]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        text = b"-" if part is None else _text(part).encode()
        digest.update(b"%d:" % len(text) + text)
    return digest.hexdigest()


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


_KINDS: dict[str, Callable[[Session, str], Iterable[Fact]]] = {
    "library": partial(
        _listed,
        names=2,
        statement="SELECT library_schema, library_name, library_definition, language, sql_mode, creator, library_comment "
        "FROM information_schema.libraries WHERE library_schema NOT IN ('sys', 'mysql')",
    ),
    "server": partial(
        _listed, statement="SELECT server_name, host, db, username, password, port, socket, wrapper, owner FROM mysql.servers"
    ),
    "loadable function": partial(_listed, statement="SELECT name, ret, dl, type FROM mysql.func"),
    "plugin": partial(_listed, statement="SELECT name, dl FROM mysql.plugin"),
    "component": partial(_listed, statement="SELECT component_urn FROM mysql.component"),
    "resource group": _resource_groups,
    # The server's own have numbers up to 32767.
    "spatial reference system": partial(
        _listed,
        statement="SELECT srs_id, srs_name, organization, organization_coordsys_id, definition, description "
        "FROM information_schema.st_spatial_reference_systems WHERE srs_id > 32767",
    ),
    "options of database": partial(
        _listed, statement="SELECT schema_name, options FROM information_schema.schemata_extensions WHERE options <> ''"
    ),
    # That there is one, and how it was asked for; not the numbers in it, which each server draws anew.
    "histogram": partial(
        _listed,
        names=3,
        statement="SELECT schema_name, table_name, column_name, "
        "JSON_UNQUOTE(JSON_EXTRACT(histogram, '$.\"number-of-buckets-specified\"')), "
        "JSON_UNQUOTE(JSON_EXTRACT(histogram, '$.\"auto-update\"')) FROM information_schema.column_statistics",
    ),
    GUESTS: _guests,
}
ALL = (*_KINDS, COUNTERS, PROBES)
_UNLOGGED = ("server", "resource group")
"""The kinds that nothing brings to a copy: no statement in the log, and not `copy/installed.py`, as plugins and components."""
