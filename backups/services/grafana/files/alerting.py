"""Reads alert rules and each organisation's contact points, policies, mute timings and templates from the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backups.services.grafana.canonical import digest, filled, parse, seconds, sortable
from backups.services.grafana.files.database import Database, Row

_RULE_NOT_HASHED = frozenset({"id", "updated", "version", "updated_by"})
"""The database's own numbering, and when and by whom it was saved: not what the rule does."""

_PANEL = ("__dashboardUid__", "__panelId__")


@dataclass(frozen=True)
class Rule:
    """An alert or recording rule: `row` is its row, with the JSON columns read."""

    organisation: int
    uid: str
    title: str
    folder: str
    row: Row

    def fingerprint(self, *, exact: bool) -> str:
        """Hash of everything that the rule does. exact: see `tables.row_hash`."""
        does = {key: value for key, value in self.row.items() if key not in _RULE_NOT_HASHED}
        return digest({key: value for key, value in does.items() if value is not None} if exact else filled(does))


@dataclass(frozen=True)
class Integration:
    """One way in which a contact point notifies. `uid` is "" for the built-in default as long as it is not edited."""

    organisation: int
    contact_point: str
    uid: str
    type: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Configuration:
    """The Alertmanager configuration in force for an organisation. Values are as stored; secrets in it are encrypted."""

    organisation: int
    integrations: Sequence[Integration]
    contact_points: Mapping[str, Any]
    policies: Any
    timings: Mapping[str, Any]
    templates: Mapping[str, Any]


def rules(database: Database) -> list[Rule]:
    """Every rule, by organisation and uid."""
    found = []
    for row in database.rows("alert_rule"):
        texts = ("data", "annotations", "labels", "notification_settings", "record", "metadata")
        read = Row(row.table, ((key, parse(value) if key in texts else value) for key, value in row.items()))
        found.append(Rule(row["org_id"], row["uid"], row["title"], row["namespace_uid"], read))
    return sorted(found, key=lambda rule: sortable(rule.organisation, rule.uid))


def configurations(database: Database) -> list[Configuration]:
    """The newest configuration of each organisation: older versions of Grafana kept every one in the same table."""
    newest = {row["org_id"]: row for row in database.rows("alert_configuration")}
    return [_configuration(organisation, row) for organisation, row in sorted(newest.items(), key=lambda item: sortable(item[0]))]


def rule_over_http(uid_rule: Mapping[str, Any]) -> str:
    """Hash of what the provisioning API says of a rule; `expected_over_http` computes the same from the database.

    Times come as Go writes them (`10m0s`, in older versions `10m`) and are compared in seconds. Left out: `id`, `updated` and
    `provenance`, as in the database, and what is null, false, 0 or empty (`relativeTimeRange.to`, `isPaused`).
    """
    names = ("title", "folderUID", "ruleGroup", "condition", "data", "noDataState", "execErrState", "annotations", "labels")
    rule = {name: uid_rule.get(name) for name in names}
    if isinstance(rule["annotations"], Mapping):
        # The panel it belongs to: annotations in the API, columns besides in the database.
        rule["annotations"] = {key: value for key, value in rule["annotations"].items() if key not in _PANEL}
    return digest(filled(rule | {"for": seconds(uid_rule.get("for")), "isPaused": bool(uid_rule.get("isPaused"))}))


def expected_over_http(rule: Rule) -> str:
    """Hash of what the provisioning API will say of this rule."""
    row = rule.row
    return rule_over_http(
        {
            "title": rule.title,
            "folderUID": rule.folder,
            "ruleGroup": row["rule_group"],
            "condition": row["condition"],
            "data": row["data"],
            "noDataState": row["no_data_state"],
            "execErrState": row["exec_err_state"],
            "annotations": row["annotations"],
            "labels": row["labels"],
            "for": row["for"] / 1e9 if isinstance(row["for"], int | float) else 0,
            "isPaused": row.get("is_paused"),
        }
    )


def _configuration(organisation: int, row: Row) -> Configuration:
    read = parse(row["alertmanager_configuration"])
    whole = _object(read)
    inner = _object(whole.get("alertmanager_config"))
    receivers = _objects(inner.get("receivers"))
    timings = [*_objects(inner.get("mute_time_intervals")), *_objects(inner.get("time_intervals"))]
    return Configuration(
        organisation=organisation,
        integrations=[
            Integration(organisation, str(receiver.get("name")), str(one.get("uid") or ""), str(one.get("type")), one)
            for receiver in receivers
            for one in _objects(receiver.get("grafana_managed_receiver_configs"))
        ],
        contact_points={str(receiver.get("name")): receiver for receiver in receivers},
        # Of what cannot be read the text is compared.
        policies=read if isinstance(read, str | bytes) else inner.get("route"),
        timings={str(one.get("name")): one for one in timings},
        templates={**_object(whole.get("template_files")), **{f"managed {k}": v for k, v in _managed(whole).items()}},
    )


def _managed(whole: Mapping[str, Any]) -> dict[str, Any]:
    """What newer versions keep beside the classic parts (extra configurations, managed routes), so that it is compared too."""
    classic = ("alertmanager_config", "template_files")
    return {key: value for key, value in whole.items() if key not in classic}


def _objects(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list; what is damaged otherwise is compared with its row."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
