"""Damages what of a restored MySQL is no row: definitions, accounts and what they may do, events."""

import random
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice

from backups.services.mysql.source.connection import quoted, rows
from backups.services.mysql.witness.definitions import subject
from verification.damage.kind import MOST, Injected, Kind, Stand, Target, promised
from verification.damage.mysql_sql import OWN, TYPES, execute, session, table

_ACCOUNTS = "user NOT LIKE 'mysql.%' AND CONCAT(user, '@', host) <> CURRENT_USER()"


def _found(statement: str) -> Callable[[Stand], list[Target]]:
    """Return what finds targets by a statement: each row is one, the databases of the server are its arguments."""

    def targets(stand: Stand) -> list[Target]:
        with session(stand) as opened:
            found = rows(opened, statement, [OWN] if "%s" in statement else None)
            return [tuple(map(_text, row)) for row in islice(found, MOST)]

    return targets


def _promised(found: Callable[[Stand], list[Target]], culprit: Callable[[Target], str], stand: Stand) -> list[Target]:
    """Return those that are compared: not what is the server's own."""
    stated = promised(stand)
    return [target for target in found(stand) if culprit(target) in stated]


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _change(
    statement: Callable[[Target], str],
    words: str,
    culprit: Callable[[Target], str],
    stand: Stand,
    target: Target,
    _: random.Random,
) -> Injected:
    with session(stand) as opened:
        execute(opened, statement(target))
    return Injected(f"{culprit(target)} {words}", (culprit(target),))


def _kind(name: str, found: str, statement: Callable[[Target], str], words: str, culprit: Callable[[Target], str]) -> Kind:
    targets = partial(_promised, _found(found), culprit)
    return Kind(name, TYPES, "running", targets, partial(_change, statement, words, culprit), "running")


def _thing(kind: str) -> Callable[[Target], str]:
    return lambda target: subject(*target[:2], kind=kind)


def _account(target: Target) -> str:
    return f"account {target[0]}@{target[1]}"


def _who(target: Target) -> str:
    return "@".join("'" + part.replace("\\", "\\\\").replace("'", "''") + "'" for part in target[:2])


_OF_TABLES = (
    "SELECT table_schema, table_name FROM information_schema.tables "
    "WHERE table_type = '{}' AND table_schema NOT IN %s ORDER BY 1, 2"
)
_OF_ROUTINES = (
    "SELECT routine_schema, routine_name, routine_type FROM information_schema.routines "
    "WHERE routine_schema NOT IN %s ORDER BY 1, 2, 3"
)

KINDS: Sequence[Kind] = (
    _kind(
        "table defined otherwise",
        _OF_TABLES.format("BASE TABLE").replace("table_name ", "table_name, table_comment = 'changed' ", 1),
        lambda target: f"ALTER TABLE {table(*target[:2])} COMMENT = 'changed{' again' if target[2] != '0' else ''}'",
        "has another comment",
        _thing(""),
    ),
    _kind(
        "table gone",
        _OF_TABLES.format("BASE TABLE"),
        lambda target: f"DROP TABLE {table(*target[:2])}",
        "dropped",
        _thing(""),
    ),
    _kind(
        "view gone",
        _OF_TABLES.format("VIEW"),
        lambda target: f"DROP VIEW {table(*target[:2])}",
        "dropped",
        _thing("view"),
    ),
    _kind(
        "trigger gone",
        "SELECT trigger_schema, trigger_name FROM information_schema.triggers WHERE trigger_schema NOT IN %s ORDER BY 1, 2",
        lambda target: f"DROP TRIGGER {table(*target[:2])}",
        "dropped",
        _thing("trigger"),
    ),
    _kind(
        "routine gone",
        _OF_ROUTINES,
        lambda target: f"DROP {target[2]} {table(*target[:2])}",
        "dropped",
        lambda target: subject(*target[:2], kind=target[2].lower()),
    ),
    _kind(
        "event's status changed",
        "SELECT event_schema, event_name, status FROM information_schema.events WHERE event_schema NOT IN %s ORDER BY 1, 2",
        lambda target: f"ALTER EVENT {table(*target[:2])} {'DISABLE' if target[2] == 'ENABLED' else 'ENABLE'}",
        "has another status",
        _thing("event"),
    ),
    _kind(
        "database's collation changed",
        "SELECT schema_name, default_collation_name FROM information_schema.schemata WHERE schema_name NOT IN %s ORDER BY 1",
        lambda target: (
            f"ALTER DATABASE {quoted(target[0])} COLLATE {'utf8mb4_bin' if target[1] != 'utf8mb4_bin' else 'utf8mb4_general_ci'}"
        ),
        "has another collation",
        lambda target: subject(target[0], kind="database"),
    ),
    _kind(
        "privilege given",
        f"SELECT user, host FROM mysql.user WHERE process_priv = 'N' AND {_ACCOUNTS} ORDER BY 1, 2",  # noqa: S608 - a constant
        lambda target: f"GRANT PROCESS ON *.* TO {_who(target)}",
        "was given a privilege",
        _account,
    ),
    _kind(
        "privilege taken",
        f"SELECT user, host, db FROM mysql.db WHERE select_priv = 'Y' AND {_ACCOUNTS} ORDER BY 1, 2, 3",  # noqa: S608 - a constant
        lambda target: f"REVOKE SELECT ON {quoted(target[2])}.* FROM {_who(target)}",  # noqa: S608 - quoted
        "lost a privilege",
        _account,
    ),
    _kind(
        "account gone",
        f"SELECT user, host FROM mysql.user WHERE {_ACCOUNTS} ORDER BY 1, 2",  # noqa: S608 - a constant
        lambda target: f"DROP USER {_who(target)}",
        "dropped",
        _account,
    ),
)
