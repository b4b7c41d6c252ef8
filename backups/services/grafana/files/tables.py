"""States the rest of the database: organisations, people, tokens, permissions, preferences …; what is not compared, and why."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from backups.services.grafana.canonical import digest, filled
from backups.services.grafana.files.database import Database, Row
from backups.witness import Fact

_NOT_HASHED = frozenset({"id", "updated", "updated_at", "last_seen_at", "last_used_at"})
"""Columns left out of every row's hash: its number, and times that reading the copy changes (a visit, a token's use)."""


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
"""Tables of which the number of rows and one hash of their contents are compared."""

STATED_BY_WITNESS = frozenset(
    {
        *("alert_configuration", "alert_rule", "dashboard", "dashboard_version", "data_source", "folder", "library_element"),
        *("permission", "playlist", "resource", "resource_history", "user_role"),
    }
)
"""Tables whose contents `witness` states object by object."""

IGNORED: Mapping[str, str] = {
    "migration_log": "written by the server while it starts",
    "resource_migration_log": "written by the server while it starts",
    "secret_migration_log": "written by the server while it starts",
    "unifiedstorage_migration_log": "written by the server while it starts",
    "server_lock": "who does what just now, between servers",
    "kv_store": "caches, marks of background jobs, the Alertmanager's log of what it has sent",
    "entity_event": "a queue",
    "resource_events": "a queue",
    "resource_version": "a counter that grows by itself",
    "resource_last_import_time": "when the migration last ran",
    "cache_data": "a cache",
    "session": "who is logged in; sessions end with a restore",
    "user_auth_token": "who is logged in; sessions end with a restore",
    "user_external_session": "who is logged in; sessions end with a restore",
    "user_auth": "how each user last logged in; reading the copy adds a row",
    "login_attempt": "failed logins of the last minutes",
    "anon_device": "who looked in without an account",
    "alert_instance": "the state of alerts, evaluated anew by a server that runs",
    "alert_rule_state": "the state of alerts, evaluated anew by a server that runs",
    "alert_notification_state": "the state of alerts, evaluated anew by a server that runs",
    "alert_configuration_history": "grows whenever the server applies the configuration, also while it starts",
    "data_keys": "a server adds one when it first encrypts on a new day; `secrets` checks every one that a secret needs",
    "signing_key": "made anew when it expires",
    "seed_assignment": "seeded by the server while it starts",
    "builtin_role": "seeded by the server while it starts",
    "cloud_migration_resource": "the state of a move to Grafana Cloud",
    "cloud_migration_session": "the state of a move to Grafana Cloud",
    "cloud_migration_snapshot": "the state of a move to Grafana Cloud",
    "cloud_migration_snapshot_partition": "the state of a move to Grafana Cloud",
    "alert_rule_tag": "an index of legacy alerting",
    "dashboard_tag": "an index of the dashboards' JSON",
    "query_history_details": "an index of query_history",
    "file_meta": "an index of file",
    "test_data": "Grafana's own tests",
}
"""Tables that are not compared, each with its reason: they change while a restored server starts, or are made from others."""


def facts(database: Database) -> Iterator[Fact]:
    """A fact per row of KINDS and per managed role, and two per table of COUNTED."""
    names = _names(database)
    for kind in KINDS:
        for row in database.rows(kind.table):
            kept = {key: value for key, value in row.items() if key not in _NOT_HASHED | kind.skip}
            yield Fact(kind.subject(row, names), kind.metric, row["role"] if kind.metric == "role" else digest(filled(kept)))
    yield from _playlists(database)
    yield from _permissions(database, names)
    for table in COUNTED:
        if database.has(table):
            count, content = _content(database, table)
            yield Fact(f"table {table}", "rows", count)
            if count:
                yield Fact(f"table {table}", "content", content)


def unknown(database: Database) -> list[str]:
    """Tables of this database that this version of Lifeboat knows nothing about, and so does not compare."""
    known = {kind.table for kind in KINDS} | set(COUNTED) | STATED_BY_WITNESS | IGNORED.keys()
    return [table for table in database.tables() if table not in known]


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
    items: dict[Any, list[Row]] = defaultdict(list)
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
            yield Fact(f"org {row['org_id']} role {row['name']}", "permissions", digest(sorted(granted[row["id"]])))
    assigned = [
        [row["org_id"], names.users.get(row["user_id"], row["user_id"]), names.roles.get(row["role_id"], row["role_id"])]
        for row in database.rows("user_role")
    ]
    yield Fact("roles of users", "content", digest(sorted(map(str, assigned))))
