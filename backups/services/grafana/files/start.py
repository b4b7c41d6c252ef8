"""What a restored Grafana starts with: its database, and a configuration that lets it talk to nobody and change nothing.

The source's own grafana.ini is not used as it is: it may want certificates, mail servers, single sign-on and other ports. Of
it, only what decides how the database is read is taken over.
"""

import configparser
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from backups.errors import Damaged
from backups.services.grafana.client import USER_HEADER
from backups.services.grafana.files import secrets
from backups.services.grafana.files.canonical import parse
from backups.services.grafana.files.database import FILE, Database

USER, GROUP = 472, 0
"""Who the official image runs as."""

PORT = 3000
INSIDE = "/var/lib/grafana"
_INI = "lifeboat.ini"
_PROVISIONING = "lifeboat-provisioning"

ENVIRONMENT = {
    "GF_PATHS_CONFIG": f"{INSIDE}/{_INI}",
    "GF_PATHS_PROVISIONING": f"{INSIDE}/{_PROVISIONING}",
    "GF_SERVER_PROTOCOL": "http",
    "GF_SERVER_HTTP_PORT": str(PORT),
    "GF_DATABASE_TYPE": "sqlite3",
    # Read as one of the database's own administrators, without a password. Only the sandbox's network reaches the copy.
    "GF_AUTH_PROXY_ENABLED": "true",
    "GF_AUTH_PROXY_HEADER_NAME": USER_HEADER,
    "GF_AUTH_PROXY_HEADER_PROPERTY": "username",
    "GF_AUTH_PROXY_AUTO_SIGN_UP": "false",
    # Nothing is evaluated and nobody is told: contact points of the source are in the database.
    "GF_UNIFIED_ALERTING_EXECUTE_ALERTS": "false",
    "GF_ALERTING_EXECUTE_ALERTS": "false",
    "GF_SMTP_ENABLED": "false",
    # Nothing is asked of the internet; there is no way out, and waiting for it would cost time.
    "GF_ANALYTICS_REPORTING_ENABLED": "false",
    "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
    "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
    "GF_NEWS_NEWS_FEED_ENABLED": "false",
    "GF_PLUGINS_PREINSTALL_DISABLED": "true",
    "GF_PLUGINS_PUBLIC_KEY_RETRIEVAL_DISABLED": "true",
    "GF_SECURITY_DISABLE_GRAVATAR": "true",
    "GF_SNAPSHOTS_EXTERNAL_ENABLED": "false",
    # Its own cleaning removes history that the witness counted.
    "GF_DASHBOARDS_VERSIONS_TO_KEEP": "2147483647",
}

ALONE = {name: value for name, value in ENVIRONMENT.items() if not name.startswith("GF_AUTH_PROXY_")}
"""For a copy that begins empty: it lets in whoever has its password."""

_KEPT = {
    "security": ("secret_key", "encryption_provider", "available_encryption_providers"),
    "unified_alerting": ("enabled", "disabled_orgs"),
    "alerting": ("enabled",),
    "feature_toggles": None,
}
"""Sections and keys of the source's grafana.ini that a copy needs; None for all keys. `[unified_storage…]` sections too."""


def write_nothing(directory: Path) -> None:
    """Make the data directory of a copy that begins empty: a configuration that says nothing, and nothing to provide."""
    (directory / _PROVISIONING / "dashboards").mkdir(parents=True)
    directory.chmod(0o750 if os.geteuid() == 0 else 0o755)
    (directory / _INI).touch(mode=0o600)


def write_configuration(directory: Path, config: Path, database: Database) -> None:
    """Write the copy's grafana.ini and provisioning into its data directory."""
    kept = configparser.RawConfigParser(strict=False, allow_no_value=True)
    for section, key, value in secrets.settings(config):
        keys = _KEPT.get(section, ())
        if section.startswith("unified_storage") or keys is None or key in keys:
            if not kept.has_section(section):
                kept.add_section(section)
            kept.set(section, key, value)
    path = directory / _INI
    path.touch(mode=0o600)
    with path.open("w", encoding="utf-8") as file:
        kept.write(file)
    providers = directory / _PROVISIONING / "dashboards"
    providers.mkdir(parents=True)
    (providers / "lifeboat.yaml").write_text(yaml.safe_dump({"apiVersion": 1, "providers": _providers(database)}))


def disarm(path: Path) -> None:
    """Keep the copy's server from deleting data sources when it starts: those marked `is_prunable` go unless a provisioning file
    names them. The source's files are not used, since they may fill in passwords from an environment that a copy has not.
    """
    try:
        with closing(sqlite3.connect(path)) as connection, connection:
            if Database(connection).has("data_source", "is_prunable"):
                connection.execute("UPDATE data_source SET is_prunable = 0 WHERE is_prunable <> 0")
    except sqlite3.DatabaseError as error:
        raise Damaged(f"{FILE} of the backup cannot be used: {error}", hint="verify another backup, and take a full") from error


def _providers(database: Database) -> list[dict[str, Any]]:
    """A provider of dashboards for each name that the database knows, with nothing to provide.

    A server deletes, when it starts, every provisioned dashboard whose provider it is not given (`CleanUpOrphanedDashboards`);
    those of a provider whose directory is not there it leaves alone.
    """
    organisations = {row["id"]: row["org_id"] for row in database.rows("dashboard")}
    names = {(organisations.get(row["dashboard_id"], 1), row["name"]) for row in database.rows("dashboard_provisioning")}
    for row in database.each("resource", order="name"):
        value = parse(row["value"])
        metadata = value.get("metadata") if isinstance(value, dict) else None
        annotations = (metadata or {}).get("annotations") or {}
        if str(annotations.get("grafana.app/managedBy", "")).startswith("classic-file"):
            namespace = str(row["namespace"]).removeprefix("org-")
            names.add((int(namespace) if namespace.isdigit() else 1, str(annotations.get("grafana.app/managerId"))))
    return [
        {"name": name, "orgId": organisation, "type": "file", "options": {"path": f"{INSIDE}/lifeboat-no-such-directory"}}
        for organisation, name in sorted(names)
    ]
