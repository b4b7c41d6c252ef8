"""Starts the demo's Grafana: the real one, filled through its API, or the stand-in on a database made beforehand.

The content (folders, dashboards on both data sources, alert rules) is the stand-in's, in `deployments/grafana_standin/content`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import requests

from backups.errors import LifeboatError
from backups.machine.docker import Container, Image
from deployments.demo.sources import Passwords, Stage, answers, await_up, opened
from deployments.grafana_standin import database
from deployments.grafana_standin.content import alerting, dashboards

_INI = "[analytics]\nreporting_enabled = false\ncheck_for_updates = false\n\n[security]\nsecret_key = {key}\n"
Json = dict[str, Any]


@dataclass(frozen=True)
class Grafana:
    """A running Grafana, used through its HTTP API."""

    container: Container
    password: str = field(repr=False)

    @property
    def standin(self) -> bool:
        """Whether it is the stand-in, not the real server."""
        return self.container.image.standin

    def edit(self, day: str) -> None:
        """Change a dashboard and create another one, as users do; `day` goes into their titles."""
        body = [
            dashboards.panel(1, "stat", f"Up on {day}", [dashboards.metric("up")]),
            # Of the history that was there before the server began.
            dashboards.panel(2, "timeseries", "Temperature", [dashboards.metric("agama_temperature_celsius")], at=(12, 0)),
        ]
        uid = "".join(letter for letter in day.lower() if letter.isalpha())
        for board, title in (("diary", "Diary"), (f"diary-{uid}", f"Diary of {day}")):
            self.call(
                "POST",
                "/api/dashboards/db",
                {"dashboard": dashboards.dashboard(board, title, body), "overwrite": True, "message": day},
            )

    def call(self, method: str, path: str, body: Json) -> Any:
        """Send one request as the administrator; raises LifeboatError unless it succeeds."""
        url = f"http://{self.container.address()}:3000{path}"
        try:
            answer = requests.request(method, url, json=body, auth=("admin", self.password), timeout=30)
        except requests.exceptions.RequestException as error:
            raise LifeboatError(
                f"the demo's Grafana does not answer {method} {path}: {error}",
                hint=f"the end of its log: {self.container.log_line(5)}",
            ) from error
        if not answer.ok:
            raise LifeboatError(
                f"the demo's Grafana refused {method} {path} with {answer.status_code}: {' '.join(answer.text[:300].split())}",
                hint=f"does the demo support the image {self.container.image.name}? it was written for Grafana 12.4",
            )
        return answer.json()


def start_grafana(stage: Stage, image: Image, passwords: Passwords, *, prometheus: str, mysql: str) -> Grafana:
    """Start Grafana with folders, data sources, library panels, dashboards and alert rules.

    prometheus, mysql: the addresses of its data sources, by which Lifeboat knows whose they are
    """
    data, configuration = stage.directory("grafana"), stage.directory("grafana-configuration")
    for part in ("datasources", "dashboards", "plugins", "alerting"):
        stage.directory("grafana-configuration", "provisioning", part)
    (configuration / "grafana.ini").write_text(_INI.format(key=passwords.grafana), encoding="utf-8")
    opened(configuration / "grafana.ini")
    if image.standin:
        file = data / "grafana.db"
        database.build(file, layout="resource", prometheus_url=prometheus, mysql_address=mysql, secret_key=passwords.grafana)
        file.chmod(0o666)
    container = stage.run.docker.run(
        stage.name("grafana"),
        image,
        environment={"GF_SECURITY_ADMIN_PASSWORD": passwords.grafana},
        mounts={data: "/var/lib/grafana", configuration: "/etc/grafana"},
        network=stage.network,
    )
    await_up(container, lambda: answers(f"http://{container.address()}:3000/api/health"))
    # The stand-in's database is that of a Grafana whose administrator never changed the password.
    grafana = Grafana(container, "admin" if image.standin else passwords.grafana)
    if not image.standin:
        _fill(grafana, prometheus, mysql, passwords)
    return grafana


def _fill(grafana: Grafana, prometheus: str, mysql: str, passwords: Passwords) -> None:
    """Create through the API, in the order that it needs, what the stand-in's database holds from the start."""
    for uid, title, parent in database.FOLDERS:
        grafana.call("POST", "/api/folders", {"uid": uid, "title": title, **({"parentUid": parent} if parent else {})})
    source = {
        "access": "proxy",
        "name": "Prometheus",
        "type": "prometheus",
        "uid": dashboards.PROMETHEUS_UID,
        "url": prometheus,
        "isDefault": True,
    }
    grafana.call("POST", "/api/datasources", source)
    source = {"access": "proxy", "name": "Agama", "type": "mysql", "uid": dashboards.MYSQL_UID, "url": mysql, "user": "agama"}
    secret = {"jsonData": {"database": "agama"}, "secureJsonData": {"password": passwords.application}}
    grafana.call("POST", "/api/datasources", source | secret)
    for folder, uid, model in dashboards.library_panels():
        grafana.call(
            "POST", "/api/library-elements", {"uid": uid, "folderUid": folder, "name": model["title"], "model": model, "kind": 1}
        )
    for folder, board in dashboards.classic_dashboards():
        grafana.call("POST", "/api/dashboards/db", {"dashboard": board, "folderUid": folder, "overwrite": True})
    for path, group in _rule_groups(alerting.rules()):
        grafana.call("PUT", path, group)


def _rule_groups(rules: list[Json]) -> Iterator[tuple[str, Json]]:
    """Yield the path and body, for the provisioning API, of each group of rules."""
    for folder, group in dict.fromkeys((rule["namespace_uid"], rule["rule_group"]) for rule in rules):
        members = [rule for rule in rules if (rule["namespace_uid"], rule["rule_group"]) == (folder, group)]
        body = {
            "title": group,
            "folderUid": folder,
            "interval": members[0]["interval_seconds"],
            "rules": [_rule(rule) for rule in members],
        }
        yield f"/api/v1/provisioning/folder/{folder}/rule-groups/{group}", body


def _rule(row: Json) -> Json:
    """Return a rule as the provisioning API takes it, from the columns of the database."""
    return {
        "uid": row["uid"],
        "title": row["title"],
        "folderUID": row["namespace_uid"],
        "ruleGroup": row["rule_group"],
        "orgID": 1,
        "condition": row["condition"],
        "data": json.loads(row["data"]),
        "for": f"{row['for'] // 10**9}s",
        "noDataState": row["no_data_state"],
        "execErrState": row["exec_err_state"],
        "labels": json.loads(row["labels"]),
        "annotations": json.loads(row["annotations"]),
        "isPaused": bool(row.get("is_paused")),
    }
