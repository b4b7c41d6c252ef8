"""States facts about all that is not rows: definitions of tables, views, triggers, routines, events, databases, accounts.

Each definition's text is as the server prints it, without what may differ between two servers that hold the same: counters, times
of creation, the status that replication gives an event.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence

from backups.errors import LifeboatError
from backups.services.mysql.details import Form
from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.source.source import SYSTEM_DATABASES
from backups.services.mysql.witness import accounts, grants
from backups.services.mysql.witness.catalogue import Catalogue, Table, is_mariadb
from backups.witness import Fact

EVENT_STATUS = "status"
"""Metric of an event: ENABLED, DISABLED, or disabled because it came from another server."""
_COUNTER = re.compile(r"^(\)(?: /\*!50100 TABLESPACE `(?:[^`]|``)+` \*/)? ENGINE=\w+) AUTO_INCREMENT=(\d+)", re.MULTILINE)
_QUOTED = r"`(?:[^`]|``)*`"
_TEXT = r"'(?:[^'\\]|''|\\.)*'"
_PLACE = re.compile(
    rf"{_TEXT}|{_QUOTED}|( (?:DATA|INDEX) DIRECTORY ?= ?{_TEXT})|( /\*!80016 ENCRYPTION='Y' \*/)| (`?ENCRYPTED`?=\w+)",
    re.IGNORECASE | re.DOTALL,
)
"""Where a server keeps a table, or how it encrypts it; a text or a name that looks like it is passed over."""
_PLAIN = re.compile(r"[\w$-]+")
_NAME = re.compile(r"`(?:[^`]|``)+`|[\w$-]+")


def subject(*names: str, kind: str = "") -> str:
    """Return the name of a thing as in `agama.client`, `trigger agama.touch`; odd names in backticks: no two are equal."""
    name = ".".join(part if _PLAIN.fullmatch(part) else quoted(part) for part in names)
    return f"{kind} {name}" if kind else name


def table_names(subject: str) -> tuple[str, str]:
    """Return the schema and name of the table that `subject` names."""
    schema, table = (part[1:-1].replace("``", "`") if part[0] == "`" else part for part in _NAME.findall(subject))
    return schema, table


def table_definition(session: Session, table: Table) -> Fact:
    """State how one table is defined, but for the counter of its AUTO_INCREMENT column, which is not kept in step."""
    return Fact(
        subject(table.schema, table.name), "definition", _hash([_COUNTER.sub(r"\1", without_place(_created(session, table)))])
    )


def without_place(create: str) -> str:
    """Return a CREATE TABLE without the directories and the encryption of the server that it comes from."""
    return _PLACE.sub(lambda found: "" if found[1] or found[2] or found[3] else found[0], create)


def counter(session: Session, table: Table) -> Fact | None:
    """State whether the next number of the AUTO_INCREMENT column is above all that are there; None without such a column."""
    column = next((quoted(column.name) for column in table.columns if column.counter), None)
    if column is None:
        return None
    (highest,) = rows(session, f"SELECT MAX({column}) FROM {quoted(table.schema)}.{quoted(table.name)}")[0]  # noqa: S608
    given = _COUNTER.search(_created(session, table))
    following = int(given[2]) if given else 1
    return Fact(subject(table.schema, table.name), "next number is free", following > int(highest or 0))


def _created(session: Session, table: Table) -> str:
    return str(rows(session, f"SHOW CREATE TABLE {quoted(table.schema)}.{quoted(table.name)}")[0][1])


def read(session: Session, catalogue: Catalogue, form: Form, *, without: str | None = None) -> list[Fact]:
    """State every definition that is not a table's. `without`: an account (`user@host`) that is not part of the facts."""
    state_accounts = _mariadb_accounts if is_mariadb(session) else _stored_accounts if form.accounts == "stored" else _accounts
    return [
        *_databases(session),
        *_views(session, catalogue.views),
        *_sequences(session, catalogue.sequences),
        *_triggers(session),
        *_routines(session),
        *_events(session),
        *state_accounts(session, without),
    ]


def _databases(session: Session) -> Iterator[Fact]:
    for name, characters, collation in rows(
        session,
        "SELECT schema_name, default_character_set_name, default_collation_name "
        "FROM information_schema.schemata WHERE CAST(schema_name AS BINARY) NOT IN %s ORDER BY schema_name",
        [SYSTEM_DATABASES],
    ):
        yield Fact(subject(name, kind="database"), "definition", f"{characters} {collation}")


def _views(session: Session, views: Sequence[tuple[str, str]]) -> Iterator[Fact]:
    for schema, name in views:
        row = rows(session, f"SHOW CREATE VIEW {quoted(schema)}.{quoted(name)}")[0]
        yield Fact(subject(schema, name, kind="view"), "definition", _hash(row))


def _sequences(session: Session, sequences: Sequence[tuple[str, str]]) -> Iterator[Fact]:
    """State how MariaDB's sequences are made; their counters belong to no instant."""
    for schema, name in sequences:
        row = rows(session, f"SHOW CREATE TABLE {quoted(schema)}.{quoted(name)}")[0]
        yield Fact(subject(schema, name, kind="sequence"), "definition", _hash(row))


def _triggers(session: Session) -> Iterator[Fact]:
    for row in rows(
        session,
        "SELECT trigger_schema, trigger_name, event_manipulation, event_object_schema, event_object_table, action_order, "
        "action_statement, action_timing, sql_mode, definer, character_set_client, collation_connection, database_collation "
        "FROM information_schema.triggers WHERE CAST(trigger_schema AS BINARY) NOT IN %s ORDER BY trigger_schema, trigger_name",
        [SYSTEM_DATABASES],
    ):
        yield Fact(subject(row[0], row[1], kind="trigger"), "definition", _hash(row))


def _routines(session: Session) -> Iterator[Fact]:
    for kind, schema, name in rows(
        session,
        "SELECT routine_type, routine_schema, routine_name FROM information_schema.routines "
        "WHERE CAST(routine_schema AS BINARY) NOT IN %s ORDER BY routine_schema, routine_name, routine_type",
        [SYSTEM_DATABASES],
    ):
        row = rows(session, f"SHOW CREATE {kind} {quoted(schema)}.{quoted(name)}")[0]
        if row[2] is None:
            raise LifeboatError(
                f"the text of {kind.lower()} {subject(schema, name)} is not shown to this user",
                hint="GRANT SELECT ON *.* to the user that takes the backup; `lifeboat doctor` prints it",
            )
        yield Fact(subject(schema, name, kind=kind.lower()), "definition", _hash(row))


def _events(session: Session) -> Iterator[Fact]:
    """State events, their times in UTC: the server shows them in an event's own time zone, which may be the machine's."""
    for *definition, status in rows(
        session,
        "SELECT event_schema, event_name, definer, time_zone, event_definition, event_type, "
        "COALESCE(CONVERT_TZ(execute_at, time_zone, '+00:00'), execute_at), "
        "COALESCE(CONVERT_TZ(starts, time_zone, '+00:00'), starts), "
        "COALESCE(CONVERT_TZ(ends, time_zone, '+00:00'), ends), interval_value, interval_field, sql_mode, on_completion, "
        "event_comment, character_set_client, collation_connection, database_collation, status "
        "FROM information_schema.events WHERE CAST(event_schema AS BINARY) NOT IN %s ORDER BY event_schema, event_name",
        [SYSTEM_DATABASES],
    ):
        about = subject(definition[0], definition[1], kind="event")
        yield Fact(about, "definition", _hash(definition))
        yield Fact(about, EVENT_STATUS, str(status))


def _accounts(session: Session, without: str | None) -> Iterator[Fact]:
    roles: dict[str, list[str]] = {}
    # Read from its table: SHOW GRANTS adds the roles that the server's settings give to everybody.
    for *role, user, host, admin in rows(
        session, "SELECT from_user, from_host, to_user, to_host, with_admin_option FROM mysql.role_edges"
    ):
        roles.setdefault(f"{user}@{host}", []).append(f"role {role!r} {admin}")
    for user, host in rows(session, "SELECT user, host FROM mysql.user ORDER BY user, host"):
        account = f"{user}@{host}"
        if account == without:
            continue
        created = rows(session, "SHOW CREATE USER %s@%s", [user, host])[0][0]
        grants = [row[0] for row in rows(session, "SHOW GRANTS FOR %s@%s", [user, host]) if " ON " in row[0]]
        text = [created, *sorted(grants), *sorted(roles.get(account, []))]
        yield Fact(f"account {account}", "definition", _hash(text))


def _stored_accounts(session: Session, without: str | None) -> Iterator[Fact]:
    for account, lines in grants.stored(session).items():
        if account != without:
            yield Fact(f"account {account}", "definition", _hash(lines))


def _mariadb_accounts(session: Session, without: str | None) -> Iterator[Fact]:
    for account in accounts.mariadb(session):
        if account.name != without:
            yield Fact(f"account {account.name}", "definition", _hash([*account.created, *sorted(account.granted)]))


def _hash(parts: Iterable[object]) -> str:
    """Return the SHA-256 over parts, each preceded by its length."""
    digest = hashlib.sha256()
    for part in parts:
        text = part if isinstance(part, bytes) else b"-" if part is None else str(part).encode()
        digest.update(b"%d:" % len(text) + text)
    return digest.hexdigest()
