"""Knows which Grafana may be started on the database of which, and what such an upgrade changes by itself.

Pure. The pages are its makers' own; `docs/upgrades.md` shows the table.
"""

from backups.errors import LifeboatError
from backups.services.upgraded import ANY, Back, Change, Number, Step, downgrade, numbers, step

MAKER = "Grafana"
_DOCS = "https://grafana.com/docs/grafana"
_CODE = "https://github.com/grafana/grafana"
_MIGRATES = f"{_DOCS}/v9.0/setup-grafana/upgrade-grafana"
_LEGACY = f"{_CODE}/issues/81268"

BACK = Back(
    "none: a start brings the database's tables up to the new version, and nothing takes that back; the way back is the backup",
    _MIGRATES,
)
_UNIFIED_BY: Number = (9, 0)
"""The release that made the new alerting everybody's."""
_LEGACY_GONE: Number = (11, 0)
"""The release that migrates no legacy alerts any more."""

CHANGES: tuple[Change, ...] = (
    Change(ANY, "a start brings tables and indexes up to its version", _MIGRATES, "database", "definitions", ("changed",)),
    Change(ANY, "a start makes the tables that its version has more", _MIGRATES, "table .*", how=("new",)),
    Change(
        ANY,
        "each change of the tables is noted, once",
        f"{_CODE}/tree/main/pkg/services/sqlstore/migrator",
        "table (migration_log|[a-z_]+_migration_log)",
    ),
    Change(
        ANY,
        "locks, settings of its own, and what it last did are noted by every start",
        f"{_CODE}/tree/main/pkg/infra",
        "table (server_lock|sqlite_sequence|kv_store|cache_data)",
    ),
    Change(
        ANY,
        "Lifeboat reads it as an administrator, whose logging in is noted",
        f"{_CODE}/tree/main/pkg/services/authn",
        "table (user_auth|user_external_session)",
    ),
    Change(
        ANY,
        "a start applies the Alertmanagers' configuration, and notes when",
        f"{_CODE}/tree/main/pkg/services/ngalert/notifier",
        "table alert_configuration_history",
    ),
    Change(
        ANY,
        "a start writes its fixed and basic roles and what they permit anew; who was given what is compared by itself",
        f"{_DOCS}/latest/administration/roles-and-permissions/access-control/rbac-fixed-basic-role-definitions/",
        "table (role|permission|builtin_role|seed_assignment)",
    ),
    Change(
        (12, 0),
        "a dashboard is served in the newest schemaVersion, whichever it is stored in: what is stored is equal",
        f"{_DOCS}/latest/visualizations/dashboards/build-dashboards/view-dashboard-json-model/",
        "org [0-9]+ dashboard .*",
        "json over http",
        ("changed",),
        given="json",
    ),
    Change(
        _LEGACY_GONE,
        "legacy alerts are not migrated any more: whoever still has some has to go to 10.4 first",
        _LEGACY,
    ),
    Change(
        (12, 0),
        "panels that are written in AngularJS do not work any more",
        f"{_DOCS}/latest/developers/angular_deprecation/",
    ),
    Change(
        (13, 0),
        "folders and dashboards move into unified storage",
        f"{_CODE}/issues/126013",
        "grafana",
        "dashboards are kept in",
        ("changed",),
    ),
    Change(
        (13, 0),
        "folders and dashboards move into unified storage: the tables that hold them there have more rows",
        f"{_CODE}/issues/126013",
        "table (resource|resource_history|resource_version|resource_last_import_time)",
    ),
    Change(
        (13, 0),
        "13.0.2 was seen to delete all dashboards some minutes after it had moved them: a rehearsal ends before that",
        f"{_CODE}/issues/126013",
    ),
)


def planned(before: str, after: str, image: str) -> Step | None:
    """Return the upgrade from one version to another; None when both are of one series. image: its name, for messages.

    Raises LifeboatError for an older one, for one that is not reached in one step, and for text that is no version.
    """
    try:
        old, new = numbers(before), numbers(after)
    except ValueError as error:
        raise LifeboatError(
            f"no upgrade is planned: {error}",
            hint="take a backup while the source says its version, and rehearse on that one",
        ) from error
    if old[:2] == new[:2]:
        return None
    if new < old:
        raise downgrade(MAKER, before, after, image)
    if old < _UNIFIED_BY and new >= _LEGACY_GONE:
        raise LifeboatError(
            f"Grafana {before} is not upgraded to {after} in one step: first to 10.4, which migrates legacy alerts, then on",
            hint=f"rehearse the first step, with an image of Grafana 10.4; {_LEGACY}",
        )
    return step(MAKER, before, after, BACK, CHANGES)
