"""Alerting's provisioning routes that write: rule groups, contact points, policies, mute timings, templates."""

import json
import re
import secrets
from typing import Any

from deployments.grafana_standin.server.answers import alerting, provenance
from deployments.grafana_standin.server.answers.accounts import insert
from deployments.grafana_standin.server.request import RefusedError, Request, fields
from deployments.grafana_standin.server.storage.base import NEVER, stamp

Json = dict[str, Any]
_UNITS = {"y": 31_536_000_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_SECRETS = {"webhook": ("password", "authorization_credentials"), "slack": ("token", "url"), "pagerduty": ("integrationKey",)}
"""Settings that Grafana seals, of the types that are used here."""
_NEEDED = {"webhook": ("url",), "email": ("addresses",)}


def nanoseconds(text: object) -> int:
    """A duration as Prometheus or Go writes it; 400 for anything else."""
    value = str(text or "0s")
    parts = re.findall(r"(\d+)(ms|[ywdhms])", value)
    if not parts or "".join(number + unit for number, unit in parts) != value:
        raise RefusedError(400, f"not a valid duration string: {value!r}")
    return sum(int(number) * _UNITS[unit] for number, unit in parts) * 1_000_000


def rule_group(request: Request, folder: str, group: str) -> Json:
    """A group's rules and how often they are evaluated, in seconds."""
    rows = _group(request, folder, group)
    if not rows:
        raise RefusedError(404, "rule group not found")
    rules = [rule for rule in alerting.rules(request) if (rule["folderUID"], rule["ruleGroup"]) == (folder, group)]
    return {"folderUid": folder, "title": group, "interval": rows[0]["interval_seconds"], "rules": rules}


def set_rule_group(request: Request, folder: str, group: str) -> Json:
    """Replace a whole group: rules that are not sent are gone."""
    body = fields(request.body)
    if not request.store.folders(request.org_id, folder):
        raise RefusedError(400, "folder does not exist")
    interval = int(body.get("interval") or 60)
    if interval % 10:
        raise RefusedError(400, "interval should be divisible by 10 seconds")
    sent = body.get("rules") or []
    for number, rule in enumerate(sent, 1):
        _save_rule(request, folder, group, interval, number, rule)
    kept = {rule.get("uid") for rule in sent}
    for row in _group(request, folder, group):
        if row["uid"] not in kept:
            request.connection.execute("DELETE FROM alert_rule WHERE id = ?", (row["id"],))
    return _echoed(rule_group(request, folder, group), {str(rule.get("uid")) for rule in sent})


def _echoed(group: Json, sent: set[str]) -> Json:
    """The answer to a write: what was sent with a uid comes back without the number and the time that it was stored with."""
    rules = [rule | ({"id": 0, "updated": NEVER} if rule["uid"] in sent else {}) for rule in group["rules"]]
    return group | {"rules": rules}


def _group(request: Request, folder: str, group: str) -> list[Json]:
    return request.rows(
        "SELECT * FROM alert_rule WHERE org_id = ? AND namespace_uid = ? AND rule_group = ?", request.org_id, folder, group
    )


def _save_rule(request: Request, folder: str, group: str, interval: int, number: int, rule: Json) -> None:
    needed = ("title", "data") if rule.get("record") else ("title", "data", "condition", "noDataState", "execErrState")
    for name in needed:
        if not rule.get(name):
            raise RefusedError(400, f"invalid alert rule: no {name}")
    receiver = (rule.get("notification_settings") or {}).get("receiver")
    if receiver and receiver not in {one["name"] for one in _configuration(request)["alertmanager_config"]["receivers"]}:
        raise RefusedError(400, f"receiver {receiver} does not exist")
    uid = str(rule.get("uid") or f"r{secrets.token_hex(6)}")
    annotations = dict(rule.get("annotations") or {})
    board, panel = annotations.pop("__dashboardUid__", None), annotations.pop("__panelId__", None)
    settings = rule.get("notification_settings")
    row = {
        "title": rule["title"], "condition": rule.get("condition") or "", "data": json.dumps(rule["data"]), "updated": stamp(request.now),
        "interval_seconds": interval, "namespace_uid": folder, "rule_group": group, "no_data_state": rule.get("noDataState") or "",
        "exec_err_state": rule.get("execErrState") or "", "for": nanoseconds(rule.get("for")), "annotations": json.dumps(annotations),
        "labels": json.dumps(rule.get("labels") or {}), "dashboard_uid": board, "panel_id": int(panel) if panel else None,
        "rule_group_idx": number, "is_paused": int(bool(rule.get("isPaused"))),
        "notification_settings": json.dumps([settings]) if settings else "",
        "record": _recorded(rule.get("record")),
        "keep_firing_for": nanoseconds(rule.get("keep_firing_for")),
    }  # fmt: skip
    if request.rows("SELECT 1 FROM alert_rule WHERE org_id = ? AND uid = ?", request.org_id, uid):
        assigned = ", ".join(f"`{name}` = ?" for name in row)
        request.connection.execute(
            f"UPDATE alert_rule SET version = version + 1, {assigned} WHERE org_id = ? AND uid = ?",
            (*row.values(), request.org_id, uid),
        )
    else:
        insert(request, "alert_rule", org_id=request.org_id, uid=uid, version=1, guid=secrets.token_hex(16), metadata="{}", **row)
    provenance.claim_rule(request, uid)


def _recorded(record: Json | None) -> str:
    return json.dumps({key: record.get(name) or "" for name, key in alerting.RECORD.items()}) if record else ""


def create_contact_point(request: Request) -> Json:
    """One more integration of the contact point with this name."""
    body = fields(request.body)
    whole = _configuration(request)
    receivers = whole["alertmanager_config"]["receivers"]
    uid = str(body.get("uid") or f"c{secrets.token_hex(6)}")
    for receiver in receivers:
        if any(one["uid"] == uid for one in receiver.get("grafana_managed_receiver_configs") or []):
            raise RefusedError(
                409,
                f"Receiver configuration with UID '{uid}' already exists in contact point '{receiver['name']}'."
                " Please use unique identifiers for receivers across all contact points.",
                code="alerting.notifications.contact-points.uidInUse",
                extra={"Name": receiver["name"], "UID": uid},
            )
    made = _integration(request, body, uid, {})
    known = next((receiver for receiver in receivers if receiver["name"] == made["name"]), None)
    if known is None:
        receivers.append({"name": made["name"], "grafana_managed_receiver_configs": [made]})
    else:
        known.setdefault("grafana_managed_receiver_configs", []).append(made)
    _save(request, whole)
    provenance.claim(request, "contactPoint", uid)
    return next(one for one in alerting.contact_points(request) if one["uid"] == uid)


def change_contact_point(request: Request, uid: str) -> Json:
    """Other settings; a secret that is sent as [REDACTED] stays what it is."""
    body = fields(request.body)
    whole = _configuration(request)
    for receiver in whole["alertmanager_config"]["receivers"]:
        integrations = receiver.get("grafana_managed_receiver_configs") or []
        for index, old in enumerate(integrations):
            if old["uid"] == uid:
                if body.get("name") != receiver["name"]:
                    raise RefusedError(400, "the stand-in renames no contact point")
                integrations[index] = _integration(request, body, uid, old.get("secureSettings") or {})
                _save(request, whole)
                provenance.claim(request, "contactPoint", uid)
                return {"message": "contactpoint updated"}
    raise RefusedError(404, "contact point not found")


def _integration(request: Request, body: Json, uid: str, sealed: Json) -> Json:
    name, kind, settings = str(body.get("name") or ""), str(body.get("type") or ""), dict(fields(body.get("settings")))
    if not name or not kind:
        raise RefusedError(400, "contact point needs a name and a type")
    secure = {}
    for key in _SECRETS.get(kind, ()):
        value = settings.pop(key, None)
        if value == alerting.REDACTED and key in sealed:
            secure[key] = sealed[key]
        elif value:
            secure[key] = request.vault.seal(str(value))
    if any(not settings.get(key) for key in _NEEDED.get(kind, ())):
        raise RefusedError(400, f"could not find {_NEEDED[kind][0]} property in settings")
    if kind == "slack" and not secure:
        raise RefusedError(400, "token must be specified when using the Slack chat API")
    return {"uid": uid, "name": name, "type": kind, "disableResolveMessage": bool(body.get("disableResolveMessage")),
            "settings": settings, "secureSettings": secure}  # fmt: skip


def set_policies(request: Request) -> Json:
    """Replace the whole tree; every contact point and mute timing in it has to be there."""
    route = {key: value for key, value in fields(request.body).items() if key != "provenance"}
    whole = _configuration(request)
    inner = whole["alertmanager_config"]
    known = {receiver["name"] for receiver in inner["receivers"]}
    timings = {one["name"] for one in alerting.mute_timings(request)}
    for one in _routes(route):
        if one.get("receiver") and one["receiver"] not in known:
            raise RefusedError(400, f"receiver '{one['receiver']}' does not exist")
        for name in [*(one.get("mute_time_intervals") or []), *(one.get("active_time_intervals") or [])]:
            if name not in timings:
                raise RefusedError(400, f"time interval '{name}' does not exist")
    if not route.get("receiver"):
        raise RefusedError(400, "root route must specify a default receiver")
    inner["route"] = route
    _save(request, whole)
    provenance.claim(request, "route", "")
    return {"message": "policies updated"}


def _routes(route: Json) -> list[Json]:
    return [route, *(inner for child in route.get("routes") or [] for inner in _routes(child))]


def create_mute_timing(request: Request) -> Json:
    """A new mute timing."""
    body = fields(request.body)
    if not body.get("name") or body["name"] in {one["name"] for one in alerting.mute_timings(request)}:
        raise RefusedError(400, "a mute timing with this name already exists, or it has none")
    return _save_timing(request, body)


def change_mute_timing(request: Request, name: str) -> Json:
    """Other intervals under the same name."""
    if name not in {one["name"] for one in alerting.mute_timings(request)}:
        raise RefusedError(404, "mute timing not found")
    return _save_timing(request, fields(request.body) | {"name": name})


def _save_timing(request: Request, body: Json) -> Json:
    whole = _configuration(request)
    inner = whole["alertmanager_config"]
    name = str(body["name"])
    made = {"name": name, "time_intervals": body.get("time_intervals") or []}
    for key in ("mute_time_intervals", "time_intervals"):
        inner[key] = [one for one in inner.get(key) or [] if one["name"] != body["name"]]
    inner["mute_time_intervals"].append(made)
    _save(request, whole)
    provenance.claim(request, "muteTimeInterval", name)
    return next(one for one in alerting.mute_timings(request) if one["name"] == name)


def set_template(request: Request, name: str) -> Json:
    """A new template, or another text of one."""
    body = fields(request.body)
    if not body.get("template"):
        raise RefusedError(400, "template must have content")
    text = str(body["template"])
    if not re.search(r"\{\{-?\s*define", text):
        inner = "\n".join(f"  {line}" for line in text.splitlines())
        text = f'{{{{ define "{name}" }}}}\n{inner}\n{{{{ end }}}}'
    whole = _configuration(request)
    files = whole.setdefault("template_files", {})
    sent = body.get("version")
    if sent and name in files and sent != alerting.template_version(files[name]):
        raise RefusedError(409, "provided version of the template does not match the stored one")
    files[name] = text
    _save(request, whole)
    provenance.claim(request, "template", name)
    return next(one for one in alerting.templates(request) or () if one["name"] == name)


def _configuration(request: Request) -> Json:
    found = alerting.configuration(request)
    inner = found.setdefault("alertmanager_config", {})
    inner.setdefault("receivers", [])
    return found


def _save(request: Request, whole: Json) -> None:
    text = json.dumps(whole)
    changed = request.connection.execute(
        "UPDATE alert_configuration SET alertmanager_configuration = ?, `default` = 0 WHERE org_id = ?", (text, request.org_id)
    )
    if not changed.rowcount:
        insert(request, "alert_configuration", org_id=request.org_id, alertmanager_configuration=text, configuration_version="v1",
               created_at=int(request.now.timestamp()), default=0)  # fmt: skip
