"""Builds a realistic grafana.db from nothing: `build(path, layout="resource")`.

Edits for tests and the demo are in `edits`.

Two layouts, because Grafana has two: "dashboard" (up to 12.3) and "resource" (12.4 and newer). The same call gives the same
content each time. Users: `admin` / `admin` (server admin), `editor` / `editor`; secrets are sealed with Grafana's default secret_key.
"""

import base64
import hashlib
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from .content import alerting, dashboards
from .sealing import DEFAULT_SECRET_KEY, encrypt, seal
from .server.passwords import hashed
from .server.storage import Author, Folder, ResourceStore, Store, TableStore
from .server.storage.base import stamp

Layout = Literal["dashboard", "resource"]
ADMIN = Author(id=1, uid="admin-uid")
BEGINNING = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
FOLDERS = (
    ("agama", "Agama", ""),
    ("agama-details", "Details", "agama"),
    ("agama-deep", "Deep & deeper", "agama-details"),
    ("monitoring", "Monitoring", ""),
)
_DATA_KEY_NAME, _DATA_KEY = "standin-data-key", b"0123456789abcdef"
MYSQL_SECRET = "of-the-database"
"""The password of the user `grafana` of its MySQL data source."""
_HERE = Path(__file__).parent


def build(
    path: Path,
    *,
    layout: Layout,
    wal: bool = False,
    prometheus_url: str = "http://prometheus:9090",
    mysql_address: str = "mysql:3306",
    secret_key: str = DEFAULT_SECRET_KEY,
) -> None:
    """Write a grafana.db to `path`, which must not exist. With `wal`, in WAL mode (what `[database] wal = true` leaves)."""
    if path.exists():
        message = f"{path} exists"
        raise FileExistsError(message)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous = off")  # a build that is cut short is built again
        connection.execute(f"PRAGMA journal_mode = {'wal' if wal else 'delete'}").fetchone()
        connection.executescript((_HERE / "schema.sql").read_text())
        if layout == "resource":
            connection.executescript((_HERE / "schema-unified.sql").read_text())
        with connection:
            _Builder(connection, layout, secret_key).everything(prometheus_url, mysql_address)
    path.chmod(0o640)


class _Builder:
    """Fills an empty schema."""

    def __init__(self, connection: sqlite3.Connection, layout: Layout, secret_key: str) -> None:
        connection.row_factory = sqlite3.Row
        self.connection = connection
        self.layout = layout
        self.secret_key = secret_key
        self.store: Store = ResourceStore(connection) if layout == "resource" else TableStore(connection)
        self.clock = BEGINNING

    def tick(self) -> datetime:
        """Everything happened at its own minute."""
        self.clock += timedelta(minutes=1)
        return self.clock

    def insert(self, table: str, **values: Any) -> int:
        """One row; `created` and `updated` are filled in where the table has them."""
        columns = {row["name"] for row in self.connection.execute(f'PRAGMA table_info("{table}")')}
        now = stamp(self.tick())
        row: dict[str, Any] = {name: now for name in ("created", "updated") if name in columns} | values
        names = ", ".join(f"`{name}`" for name in row)
        sql = f"INSERT INTO `{table}` ({names}) VALUES ({', '.join('?' * len(row))})"
        return int(self.connection.execute(sql, tuple(row.values())).lastrowid or 0)

    def sealed(self, secret: str) -> str:
        """A secret as JSON columns keep it."""
        return base64.b64encode(seal(secret, _DATA_KEY_NAME, _DATA_KEY)).decode()

    def everything(self, prometheus_url: str, mysql_address: str) -> None:
        """All of it, in the order in which an operator would have made it."""
        self.migrations()
        self.people()
        self.data_sources(prometheus_url, mysql_address)
        self.boards()
        self.alerting()
        self.odds_and_ends()

    def migrations(self) -> None:
        """A short migration log: its length is a hint to the version, never proof."""
        logs = {"migration_log": ("create migration_log table", "create user table", "Update uid column if duplicate")}
        if self.layout == "resource":
            logs["unifiedstorage_migration_log"] = (
                "create unifiedstorage_migration_log table",
                "folders and dashboards migration",
                "playlists migration",
            )
        for table, names in logs.items():
            for name in names:
                self.insert(table, migration_id=name, sql="", success=1, error="", timestamp=stamp(self.tick()))
        wrapped = encrypt(_DATA_KEY, self.secret_key.encode(), seed="data key")
        self.insert("data_keys", name=_DATA_KEY_NAME, active=1, scope="root", provider="secretKey.v1", encrypted_data=wrapped,
                    label="2026-01-05/root@secretKey.v1")  # fmt: skip

    def user(self, login: str, name: str, org_id: int, **more: Any) -> int:
        """A user whose password is the login, with Grafana's own hash."""
        salt = hashlib.sha256(login.encode()).hexdigest()[:10]
        return self.insert(
            "user", version=0, login=login, email=f"{login}@localhost", name=name, org_id=org_id, uid=f"{login}-uid", rands=salt[::-1],
            **({"is_admin": 0, "password": hashed(login, salt), "salt": salt, "theme": "", "help_flags1": 0, "email_verified": 0,
                "last_seen_at": stamp(BEGINNING)} | more),
        )  # fmt: skip

    def people(self) -> None:
        """Organisations, users, a team, a service account with a token, preferences."""
        for name in ("Main Org.", "Agama Überseehandel"):
            self.insert("org", version=0, name=name, address1="", address2="", city="", state="", zip_code="", country="")
        self.user("admin", "", 1, is_admin=1)
        self.user("editor", "Edith Editor", 1)
        self.user("viewer", "Victor Viewer", 2, is_disabled=1)
        robot = self.user("sa-1-robot", "robot", 1, is_service_account=1, password="", salt="")
        for org_id, user_id, role in ((1, 1, "Admin"), (2, 1, "Admin"), (1, 2, "Editor"), (2, 3, "Viewer"), (1, robot, "Viewer")):
            self.insert("org_user", org_id=org_id, user_id=user_id, role=role)
        token = hashlib.sha256(b"a token that was shown once").hexdigest()
        self.insert("api_key", org_id=1, name="robot-token", key=token, role="Viewer", service_account_id=robot, is_revoked=0)
        team = self.insert("team", name="Operators", org_id=1, uid="operators", email="operators@example.org")
        for user_id, permission in ((1, 4), (2, 0)):
            self.insert("team_member", org_id=1, team_id=team, user_id=user_id, external=0, permission=permission)
        self.insert("preferences", org_id=1, user_id=0, version=1, home_dashboard_id=0, home_dashboard_uid="welcome", timezone="utc",
                    theme="dark", team_id=0, week_start="monday", json_data="{}")  # fmt: skip
        role_id = self.insert(
            "role", name="managed:users:2:permissions", version=0, org_id=1, uid="managed-editor", description=""
        )
        self.insert(
            "permission",
            role_id=role_id,
            action="folders:read",
            scope="folders:uid:agama",
            kind="folders",
            attribute="uid",
            identifier="agama",
        )

    def data_source(
        self, org_id: int, kind: str, name: str, uid: str, url: str, *, secret: str | None = None, **more: Any
    ) -> None:
        """A data source; its secret is sealed twice, as Grafana keeps it: in the row and in `secrets`."""
        secure = {"password": self.sealed(secret)} if secret else {}
        everywhere = {"password": "", "user": "", "database": "", "basic_auth": 0, "basic_auth_user": "", "basic_auth_password": "", "is_default": 0,
                      "json_data": "{}", "read_only": 0, "is_prunable": 0, "api_version": ""}  # fmt: skip
        self.insert("data_source", org_id=org_id, version=1, type=kind, name=name, access="proxy", url=url, uid=uid,
                    secure_json_data=json.dumps(secure), **(everywhere | more))  # fmt: skip
        self.insert(
            "secrets",
            org_id=org_id,
            namespace=name,
            type="datasource",
            value=self.sealed(json.dumps({"password": secret} if secret else {})),
        )

    def data_sources(self, prometheus_url: str, mysql_address: str) -> None:
        """Prometheus and MySQL; the second organisation has a Prometheus of its own, under the same uid."""
        self.data_source(1, "prometheus", "Prometheus", dashboards.PROMETHEUS_UID, prometheus_url, is_default=1,
                         json_data=json.dumps({"httpMethod": "POST", "timeInterval": "15s"}))  # fmt: skip
        self.data_source(1, "mysql", "Agama", dashboards.MYSQL_UID, mysql_address, secret=MYSQL_SECRET, user="grafana",
                         json_data=json.dumps({"database": "agama", "maxOpenConns": 10}))  # fmt: skip
        self.data_source(2, "prometheus", "Prometheus", dashboards.PROMETHEUS_UID, prometheus_url, is_default=1)

    def boards(self) -> None:
        """Folders, library panels, dashboards (one saved twice, for its history), and who refers to what."""
        for uid, title, parent in FOLDERS:
            self.store.save_folder(1, Folder(0, uid, title, parent, description=f"about {title}"), ADMIN, self.tick())
        self.store.save_folder(2, Folder(0, "agama", "Handel"), ADMIN, self.tick())
        ids = {folder.uid: folder.id for folder in self.store.folders(1)}
        elements = {}
        for folder, uid, model in dashboards.library_panels():
            elements[uid] = self.insert(
                "library_element", org_id=1, folder_id=ids.get(folder, 0), folder_uid=folder, uid=uid, name=model["title"], kind=1,
                type=model["type"], description="", model=json.dumps(model | {"libraryPanel": {"uid": uid, "name": model["title"]}}),
                created_by=1, updated_by=1, version=1,
            )  # fmt: skip
        for folder, spec in dashboards.classic_dashboards():
            saved = self.store.save_dashboard(1, spec["uid"], spec, folder, ADMIN, self.tick())
            for uid in sorted(uid for uid in elements if f'"uid": "{uid}"' in json.dumps(spec)):
                self.insert("library_element_connection", element_id=elements[uid], kind=1, connection_id=saved.id, created_by=1)
        welcome = dashboards.dashboard("welcome", "Welcome", [dashboards.text(1, "# Welcome to Agama", 0)])
        self.store.save_dashboard(1, "welcome", welcome, "", ADMIN, self.tick(), "a better heading")
        if self.layout == "resource":
            live = dashboards.live_dashboard()
            self.store.save_dashboard(
                1, "agama-live", live, "agama", ADMIN, self.tick(), api_version="dashboard.grafana.app/v2beta1"
            )
        theirs = dashboards.dashboard(
            "agama-overview", "Overview of the other organisation", [dashboards.panel(1, "stat", "Up", [dashboards.metric("up")])]
        )
        self.store.save_dashboard(2, "agama-overview", theirs, "agama", ADMIN, self.tick())

    def alerting(self) -> None:
        """Rules with their history, the Alertmanager's configuration and its history, what was provisioned by the API."""
        for number, rule in enumerate(alerting.rules(), 1):
            guid = f"00000000-0000-4000-8000-{number:012}"
            self.insert("alert_rule", org_id=1, version=1, guid=guid, notification_settings="", record="", metadata="{}", **rule)
            kept = {
                name: value for name, value in rule.items() if name not in {"uid", "namespace_uid", "dashboard_uid", "panel_id"}
            }
            self.insert("alert_rule_version", rule_org_id=1, rule_uid=rule["uid"], rule_namespace_uid=rule["namespace_uid"], parent_version=0,
                        restored_from=0, version=1, rule_guid=guid, **kept)  # fmt: skip
        for org_id, what in ((1, alerting.configuration(self.sealed)), (2, alerting.DEFAULT_CONFIGURATION)):
            text = json.dumps(what)
            row = {"org_id": org_id, "alertmanager_configuration": text, "configuration_version": "v1", "default": int(org_id == 2),
                   "created_at": int(self.tick().timestamp()), "configuration_hash": hashlib.md5(text.encode()).hexdigest()}  # fmt: skip
            self.insert("alert_configuration", **row)
            self.insert("alert_configuration_history", last_applied=0, **row)
        self.insert("provenance_type", org_id=1, record_key="agama-failed", record_type="alertRule", provenance="api")

    def odds_and_ends(self) -> None:
        """A playlist, annotations, a snapshot, and what the server keeps for itself."""
        playlist = self.insert(
            "playlist", name="On the wall", interval="5m", org_id=1, uid="on-the-wall", created_at=0, updated_at=0
        )
        for order, uid in enumerate(("agama-overview", "availability"), 1):
            self.insert("playlist_item", playlist_id=playlist, type="dashboard_by_uid", value=uid, title=uid, order=order)
        overview = next(board for board in self.store.dashboards(1) if board.uid == "agama-overview")
        for hour, words in enumerate(("release 1", "release 2", "maintenance")):
            epoch = int((BEGINNING + timedelta(hours=hour)).timestamp() * 1000)
            self.insert("annotation", org_id=1, alert_id=0, user_id=1, dashboard_id=overview.id, dashboard_uid="agama-overview", panel_id=5, type="",
                        title="", text=words, prev_state="", new_state="", data="{}", epoch=epoch, epoch_end=epoch + 60_000, created=epoch,
                        updated=epoch, tags=json.dumps(["release"]))  # fmt: skip
        self.insert("dashboard_snapshot", name="Overview, frozen", key="k" * 32, delete_key="d" * 32, org_id=1, user_id=1, external=0,
                    external_url="", external_delete_url="", dashboard="{}", expires="2076-01-01 00:00:00",
                    dashboard_encrypted=seal(json.dumps(overview.spec), _DATA_KEY_NAME, _DATA_KEY))  # fmt: skip
        for namespace, key, value in (("alertmanager", "notifications", ""), ("alertmanager", "silences", ""),
                                      ("datasource", "secretMigrationStatus", "compatible"), ("dashboard-cleanup", "last-resource-version", "1")):  # fmt: skip
            self.insert("kv_store", org_id=0, namespace=namespace, key=key, value=value)
        self.insert(
            "server_lock", operation_uid="cleanup expired auth tokens", version=1, last_execution=int(self.clock.timestamp())
        )
