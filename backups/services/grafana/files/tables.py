"""States the rest of the database: each table whole, and by name organisations, people, tokens, permissions and silences.

Every table is compared, every row, every value with its type: the copy's database is read before a server has started on it, so
nothing in it has moved by itself, and LEFT_OUT is empty. What has a name is stated once more, so that a difference is told by it.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from backups.services.grafana.canonical import digest, filled, sortable
from backups.services.grafana.files import silences
from backups.services.grafana.files.database import Database, Row
from backups.witness import Fact

LEFT_OUT: Mapping[str, str] = {}
"""Tables that are not compared, each with the reason. What a server changes when it starts is no reason: none has started yet."""

DEFINITIONS, CONTENT = "definitions", "every value"
"""Metrics of the database, and of a table that is compared whole."""
_NOT_HASHED = frozenset({"id", "updated", "updated_at", "last_seen_at", "last_used_at"})
"""Columns left out of a named row's hash: its number, and times that move by visits. The hash of its table has them."""


@dataclass(frozen=True)
class Names:
    """Names that stand for the numbers of a database in the subjects of facts."""

    users: Mapping[int, str]
    teams: Mapping[int, str]
    roles: Mapping[int, str]
    service_accounts: frozenset[int]


@dataclass(frozen=True)
class Kind:
    """A table whose every row is a fact. `subject` names a row; `skip` are columns that are left out, beside _NOT_HASHED."""

    table: str
    metric: str
    subject: Callable[[Row, Names], str]
    skip: frozenset[str] = frozenset()


def _user(row: Row, names: Names) -> str:
    return f"service account {row['login']}" if row["id"] in names.service_accounts else f"user {row['login']}"


def _whose(row: Row, names: Names) -> str:
    if row.get("user_id"):
        return f"user {names.users.get(row['user_id'], row['user_id'])}"
    return f"team {names.teams.get(row['team_id'], row['team_id'])}" if row.get("team_id") else "everybody"


KINDS = (
    Kind("org", "record", lambda row, _: f"organisation {row['id']}", frozenset({"version"})),
    Kind("user", "record", _user, frozenset({"version", "help_flags1"})),
    Kind("org_user", "role", lambda row, names: f"org {row['org_id']} member {names.users.get(row['user_id'], row['user_id'])}"),
    Kind("team", "record", lambda row, _: f"org {row['org_id']} team {row['name']}"),
    Kind(
        "team_member",
        "membership",
        lambda row, names: (
            f"org {row['org_id']} team {names.teams.get(row['team_id'], row['team_id'])}"
            f" member {names.users.get(row['user_id'], row['user_id'])}"
        ),
    ),
    Kind("api_key", "record", lambda row, _: f"org {row['org_id']} token {row['name']}"),
    Kind("preferences", "record", lambda row, names: f"org {row['org_id']} preferences of {_whose(row, names)}"),
    Kind("plugin_setting", "record", lambda row, _: f"org {row['org_id']} plugin setting {row['plugin_id']}"),
    Kind("dashboard_snapshot", "record", lambda row, _: f"org {row['org_id']} snapshot {row['id']}"),
    Kind("dashboard_public", "record", lambda row, _: f"org {row['org_id']} public dashboard {row['uid']}"),
    Kind("correlation", "record", lambda row, _: f"org {row['org_id']} correlation {row['uid']}"),
    Kind("sso_setting", "record", lambda row, _: f"single sign-on {row['provider']} {row['id']}"),
    Kind("alert_notification", "record", lambda row, _: f"org {row['org_id']} notification channel {row['uid']}"),
    Kind(
        "provenance_type", "provenance", lambda row, _: f"org {row['org_id']} provenance {row['record_type']} {row['record_key']}"
    ),
    Kind("ngalert_configuration", "record", lambda row, _: f"org {row['org_id']} alerting choice {row['id']}"),
)

COUNTED = (
    "alert",
    "alert_image",
    "alert_rule_version",
    "annotation",
    "annotation_tag",
    "dashboard_acl",
    "dashboard_provisioning",
    "dashboard_public_config",
    "file",
    "library_element_connection",
    "playlist_item",
    "query_history",
    "query_history_star",
    "quota",
    "resource_blob",
    "role",
    "secret_data_key",
    "secret_encrypted_value",
    "secret_keeper",
    "secret_secure_value",
    "secrets",
    "short_url",
    "star",
    "tag",
    "team_role",
    "temp_user",
)
"""Tables whose rows were counted and hashed in the witness's first form, which compared no others whole."""


def facts(database: Database, *, exact: bool) -> Iterator[Fact]:
    """A fact per row of KINDS and per managed role, and two per table. exact: in the witness's present form; see `witness`."""
    names = _names(database)
    for kind in KINDS:
        for row in database.rows(kind.table):
            kept = {key: value for key, value in row.items() if key not in _NOT_HASHED | kind.skip}
            value = row["role"] if kind.metric == "role" else row_hash(kept, exact=exact)
            yield Fact(kind.subject(row, names), kind.metric, value)
    yield from _playlists(database)
    yield from _permissions(database, names)
    if exact:
        yield from _given_roles(database, names)
        yield from silences.facts(database)
        yield from _whole(database)
    else:
        yield from _counted(database)


def row_hash(row: Mapping[str, Any], *, exact: bool) -> str:
    """Hash of a row. Not exact: as the first form of the witness had it, which took 0, false and "" for NULL at any depth."""
    return digest({key: value for key, value in row.items() if value is not None} if exact else filled(row))


def _whole(database: Database) -> Iterator[Fact]:
    """How many rows each table has, one hash of them, and one of how everything is defined."""
    yield Fact("database", DEFINITIONS, database.definitions())
    for table in database.every_table():
        if table not in LEFT_OUT:
            count, content = database.content(table)
            yield Fact(f"table {table}", "rows", count)
            yield Fact(f"table {table}", CONTENT, content)


def _counted(database: Database) -> Iterator[Fact]:
    for table in COUNTED:
        if database.has(table):
            count, content = _content(database, table)
            yield Fact(f"table {table}", "rows", count)
            if count:
                yield Fact(f"table {table}", "content", content)


def _content(database: Database, table: str) -> tuple[int, str]:
    """The number of a table's rows, and a hash of them in the order of their numbers. Holds one row at a time."""
    count, content = 0, hashlib.sha256()
    for row in database.each(table):
        if table != "role" or _kept(row["name"]):
            count += 1
            content.update(digest(filled({key: value for key, value in row.items() if key not in _NOT_HASHED})).encode())
    return count, content.hexdigest()


def _names(database: Database) -> Names:
    users = database.rows("user")
    return Names(
        users={row["id"]: row["login"] for row in users},
        teams={row["id"]: row["name"] for row in database.rows("team")},
        roles={row["id"]: row["name"] for row in database.rows("role")},
        service_accounts=frozenset(row["id"] for row in users if row.get("is_service_account")),
    )


def _playlists(database: Database) -> Iterator[Fact]:
    """Playlists with their items in order; before 9.1 they have no uid but their number."""
    items: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in database.rows("playlist_item", order="order"):
        items[row["playlist_id"]].append({key: row[key] for key in ("type", "value", "title", "order")})
    for row in database.rows("playlist"):
        content = {"name": row["name"], "interval": row["interval"], "items": items[row["id"]]}
        yield Fact(f"org {row['org_id']} playlist {row.get('uid') or row['id']}", "content", digest(content))


def _kept(role: str) -> bool:
    """Roles that people's choices made; `fixed:` and `basic:` ones are seeded by every server that starts."""
    return not role.startswith(("fixed:", "basic:", "plugins:"))


def _permissions(database: Database, names: Names) -> Iterator[Fact]:
    """Who may do what with which object: the permissions of managed and custom roles, and who has them."""
    granted: dict[int, list[Any]] = defaultdict(list)
    for row in database.rows("permission"):
        granted[row["role_id"]].append([row["action"], row["scope"]])
    for row in database.rows("role"):
        if _kept(row["name"]):
            yield Fact(
                f"org {row['org_id']} role {row['name']}",
                "permissions",
                digest(sorted(granted[row["id"]], key=lambda pair: sortable(*pair))),
            )
    assigned = [
        [row["org_id"], names.users.get(row["user_id"], row["user_id"]), names.roles.get(row["role_id"], row["role_id"])]
        for row in database.rows("user_role")
    ]
    yield Fact("roles of users", "content", digest(sorted(map(str, assigned))))


def _given_roles(database: Database, names: Names) -> Iterator[Fact]:
    """Which basic roles and teams have each managed and custom role: how Editors and Viewers come by their folders."""
    has: dict[int, list[str]] = defaultdict(list)
    for row in database.rows("builtin_role"):
        has[row["role_id"]].append(f"role {row['role']} of org {row['org_id']}")
    for row in database.rows("team_role"):
        has[row["role_id"]].append(f"team {names.teams.get(row['team_id'], row['team_id'])} of org {row['org_id']}")
    for row in database.rows("role"):
        if _kept(row["name"]):
            yield Fact(f"org {row['org_id']} role {row['name']}", "given to", ", ".join(sorted(has[row["id"]])) or "nobody")
