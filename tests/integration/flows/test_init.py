"""`lifeboat init` on real servers: what it writes, the doctor accepts, apart from what it names."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers.grafana import GrafanaServer
from tests.servers.mysql import PASSWORD, MySQLServer
from tests.servers.prometheus import PrometheusServer

Lifeboat = Callable[..., Any]


def test_what_it_writes_the_doctor_accepts(
    lifeboat: Lifeboat,
    mysql_server: MySQLServer,
    prometheus_source: PrometheusServer,
    grafana_source: GrafanaServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three servers in containers: versions, images of this machine and places are found.

    Filled in by hand is where Grafana's configuration is, which is not in its container. Its image cannot be had here: the
    stand-in is never chosen.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MYSQL_PASSWORD", PASSWORD)
    monkeypatch.setenv("REPOSITORY_PASSWORD", "correct horse")
    said = lifeboat(
        *("init", "--mysql", f"agama={mysql_server.host}:{mysql_server.port}", "--prometheus", prometheus_source.url),
        *("--grafana", grafana_source.url, "--repository", str(tmp_path / "repository")),
        *("--repository-password-env", "REPOSITORY_PASSWORD", "--state", str(tmp_path / "state")),
    )
    assert said.code == 0, said.out + said.err
    written = (tmp_path / "lifeboat.yaml").read_text()
    assert PASSWORD not in written
    assert "TODO" not in written
    services = yaml.safe_load(written)["services"]
    assert services["agama"]["image"] == "lifeboat/mysql:9.7"
    assert services["prometheus"]["place"] == prometheus_source.place
    assert services["grafana"]["place"] == f"docker:{grafana_source.name}:/var/lib/grafana"

    assert services["grafana"]["image"].startswith("grafana/grafana:")
    assert "# config_place: …" in written
    (tmp_path / "lifeboat.yaml").write_text(
        written.replace("# config_place: …", f"config_place: local:{grafana_source.configuration}")
    )
    findings = json.loads(lifeboat("doctor", "--json").out)
    missing = {(finding["service"], finding["subject"]) for finding in findings if not finding["ok"]}
    assert missing <= {("grafana", "image")}, [finding for finding in findings if not finding["ok"]]
