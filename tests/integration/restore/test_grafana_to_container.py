"""A Grafana as a new user has it: provisioned dashboards, its own secret_key, two organisations, a silence. Backed up by its files,
lost, and brought back into a new container, it keeps every dashboard, opens every secret, and silences what was silenced.
"""

import json
import os
import sqlite3
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from backups.machine.docker import Docker
from backups.machine.wait import wait_until
from deployments.grafana_standin.content.dashboards import dashboard, metric, panel
from deployments.grafana_standin.database import build
from tests.integration.flows.conftest import Said
from tests.servers.grafana import IMAGE, SECRET_KEY
from tests.servers.leftovers import LABEL
from tests.servers.silences import silence, written

pytestmark = pytest.mark.docker
AUTH = ("admin", "admin")
SILENCE = "3b0d6b0e-7889-49de-a725-4b2c8e02e729"
PROVIDERS = {"in-data": (1, "/var/lib/grafana/dashboards"), "beside": (1, "/etc/grafana/boards"), "elsewhere": (2, "/srv/boards")}
"""Where the official image has its data and its configuration, and a third place; the organisation of each."""


@dataclass
class Source:
    """The running source, and the lifeboat.yaml with a backup of it."""

    name: str
    url: str
    configuration: Path

    def answers(self, path: str, organisation: int = 1) -> Any:
        return answers(self.url, path, organisation)


def answers(url: str, path: str, organisation: int = 1) -> Any:
    return requests.get(f"{url}{path}", auth=AUTH, headers={"X-Grafana-Org-Id": str(organisation)}, timeout=30).json()


def boards(url: str, organisation: int) -> list[str]:
    return sorted(hit["uid"] for hit in answers(url, "/api/search?type=dash-db", organisation))


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout.strip()


def address(name: str) -> str:
    return "http://" + docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name) + ":3000"


def fill(data: Path, etc: Path, srv: Path) -> None:
    build(data / "grafana.db", layout="resource", secret_key=SECRET_KEY)
    kept = written(silence(SILENCE, datetime.now(UTC) + timedelta(days=2)))
    with closing(sqlite3.connect(data / "grafana.db")) as connection, connection:
        connection.execute("DELETE FROM kv_store WHERE namespace = 'alertmanager'")
        connection.execute(
            "INSERT INTO kv_store (org_id, namespace, key, value, created, updated) VALUES (1, 'alertmanager', 'silences', ?, '', '')",
            (kept,),
        )
    (etc / "grafana.ini").write_text(
        f"[security]\nsecret_key = {SECRET_KEY}\n[server]\nprotocol = https\nhttp_addr = 127.0.0.1\n"
    )
    for kind in ("dashboards", "datasources"):
        (etc / "provisioning" / kind).mkdir(parents=True)
    listed = []
    roots = {"in-data": data / "dashboards", "beside": etc / "boards", "elsewhere": srv}
    for provider, (organisation, path) in PROVIDERS.items():
        roots[provider].mkdir(exist_ok=True)
        spec = dashboard(f"from-{provider}", f"From {provider}", [panel(1, "stat", "Up", [metric("up")])])
        (roots[provider] / "board.json").write_text(json.dumps(spec))
        options = {"path": path}
        listed.append({"name": provider, "orgId": organisation, "type": "file", "updateIntervalSeconds": 1, "options": options})
    # JSON is YAML, too.
    (etc / "provisioning" / "dashboards" / "all.yaml").write_text(json.dumps({"apiVersion": 1, "providers": listed}))
    source = {"name": "Provided", "uid": "provided", "type": "prometheus", "url": "$METRICS_URL", "access": "proxy"}
    (etc / "provisioning" / "datasources" / "all.yaml").write_text(
        json.dumps({"apiVersion": 1, "prune": True, "datasources": [source]})
    )
    for root in (data, etc, srv):
        for path in (root, *root.rglob("*")):
            os.chown(path, 472, 0)
    for path in {parent for root in (data, etc, srv) for parent in root.parents if str(parent).startswith("/tmp/")}:
        path.chmod(path.stat().st_mode | 0o111)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    """It speaks http by its container's environment, whatever its grafana.ini says of certificates."""
    data, etc, srv, state = (tmp_path_factory.mktemp(kind) for kind in ("data", "etc", "srv", "state"))
    fill(data, etc, srv)
    name = f"lifeboat-test-g1-source-{uuid.uuid4().hex[:8]}"
    docker(
        "run", "-d", "--name", name, "--label", f"{LABEL}={os.getpid()}", "-v", f"{data}:/var/lib/grafana", "-v", f"{etc}:/etc/grafana",
        "-v", f"{srv}:/srv/boards", "-e", "METRICS_URL=http://metrics:9090", "-e", "GF_SERVER_PROTOCOL=http", IMAGE,
    )  # fmt: skip
    url = address(name)
    try:
        there = lambda: provided(url)  # noqa: E731
        assert wait_until(there, seconds=120), docker("logs", name)
        path = state / "lifeboat.yaml"
        path.write_text(
            f"state: {state}\nrepository: {{url: repository, password: key}}\n"
            f"services:\n  board: {{type: grafana, image: '{IMAGE}', url: '{url}', place: 'docker:{name}:/var/lib/grafana',"
            f" config_place: 'docker:{name}:/etc/grafana', user: admin, password: admin}}\n"
        )
        yield Source(name, url, path)
    finally:
        subprocess.run(["docker", "rm", "-f", "-v", name], check=False, capture_output=True)


def provided(url: str) -> bool:
    """Whether the source's providers have done their first round."""
    try:
        found = boards(url, 1) + boards(url, 2)
        sources = answers(url, "/api/datasources")
    except (requests.RequestException, ValueError):
        return False
    return {f"from-{name}" for name in PROVIDERS} <= set(found) and any(one["uid"] == "provided" for one in sources)


@pytest.fixture
def name() -> Iterator[str]:
    """Of a container and its volumes, which go at the end."""
    name = f"lifeboat-test-g1-{uuid.uuid4().hex[:8]}"
    yield name
    subprocess.run(["docker", "rm", "-f", "-v", name], check=False, capture_output=True)
    for volume in ("data", "configuration", "outside-1"):
        Docker().remove_volume(f"{name}-{volume}")


def test_the_started_server_is_what_its_source_was(
    source: Source, lifeboat: Callable[..., Said], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {number: boards(source.url, number) for number in (1, 2)}
    sources = sorted((one["uid"], one["url"]) for one in source.answers("/api/datasources"))
    assert ("provided", "http://metrics:9090") in sources
    backed_up = lifeboat("backup", "board", "--config", str(source.configuration))
    assert backed_up.code == 0, backed_up.err
    assert "limit of this backup: the directory" not in backed_up.out + backed_up.err

    said = lifeboat("restore", "board", "--to", f"docker:{name}", "--config", str(source.configuration))
    out = " ".join(said.out.split())
    assert said.code == 0, said.out + said.err
    assert "of the started server" in out
    assert "are equal to the witness" in out
    assert "not asked" not in out
    # Beside a living source nobody is told twice.
    assert "the new container evaluates no alert rules" in out

    url = address(name)
    assert {number: boards(url, number) for number in (1, 2)} == asked
    assert sorted((one["uid"], one["url"]) for one in answers(url, "/api/datasources")) == sources
    silences = answers(url, "/api/alertmanager/grafana/api/v2/silences")
    assert [(one["id"], one["status"]["state"]) for one in silences] == [(SILENCE, "active")]
    assert "deleted" not in docker("logs", name)
    mounted = docker("inspect", "-f", "{{range .Mounts}}{{.Destination}} {{end}}", name).split()
    assert sorted(mounted) == ["/etc/grafana", "/srv/boards", "/var/lib/grafana"]

    # A second one, whose providers find their directories empty: what a start deletes is told, by name.
    monkeypatch.setattr("backups.services.grafana.files.environment.PROVISIONING", "nowhere")
    docker("rm", "-f", "-v", name)
    for volume in ("data", "configuration", "outside-1"):
        Docker().remove_volume(f"{name}-{volume}")
    ruined = lifeboat("restore", "board", "--to", f"docker:{name}", "--config", str(source.configuration))
    assert ruined.code == 2, ruined.out + ruined.err
    lost = " ".join(ruined.err.split())
    assert f"since the service was started, volume {name}-data is not what was delivered: " in lost
    assert "org 1 dashboard from-beside" in lost


def test_without_its_configuration_it_is_made_and_not_started(source: Source, lifeboat: Callable[..., Said], name: str) -> None:
    written_down = source.configuration.read_text()
    bare = source.configuration.with_name("bare.yaml")
    bare.write_text(written_down.replace(f" config_place: 'docker:{source.name}:/etc/grafana',", "").replace("board:", "bare:"))
    assert lifeboat("backup", "bare", "--config", str(bare)).code == 0
    said = lifeboat("restore", "bare", "--to", f"docker:{name}", "--config", str(bare))
    out = " ".join(said.out.split())
    assert said.code == 0, said.out + said.err
    assert f"container {name} was made and not started: " in out
    assert "4 provided objects" in out
    assert f"start it: docker start {name}" in out
    assert docker("inspect", "-f", "{{.State.Running}}", name) == "false"
