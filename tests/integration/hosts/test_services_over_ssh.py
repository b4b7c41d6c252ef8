"""Prometheus and Grafana on machines that are reached over SSH: backed up there, proven here."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from backups import hosts
from backups.machine import runs
from backups.manifest import Kind
from backups.services.base import Finding
from backups.site import Site
from tests.servers.grafana import IMAGE as GRAFANA
from tests.servers.grafana import GrafanaServer
from tests.servers.prometheus import IMAGE as PROMETHEUS
from tests.servers.prometheus import PrometheusServer
from tests.servers.ssh import SshFactory, SshServer
from verification.verify import verify

KINDS: tuple[Kind, ...] = ("full", "incremental")


def site(state: Path, server: SshServer, name: str, section: dict[str, object]) -> Site:
    """A site with one service, whose files the user `ops` may see by sudo alone."""
    content = {
        "state": str(state),
        "repository": {"url": "repository", "password": "key"},
        "hosts": {
            "monitoring": {
                "address": f"ops@{server.address}",
                "key_file": str(server.key_file),
                "known_hosts": str(server.known_hosts),
                "sudo": True,
            }
        },
        "services": {name: section},
    }
    (state / "lifeboat.yaml").write_text(yaml.safe_dump(content))
    return Site.open(state / "lifeboat.yaml")


def examined(site: Site, name: str) -> list[Finding]:
    with runs.start(site.state) as run:
        return list(site.service(name, run.docker).examine(run.docker))


def test_grafana_on_another_machine(state: Path, grafana_source: GrafanaServer, ssh_factory: SshFactory) -> None:
    server = ssh_factory(volumes_from=grafana_source.name)
    section = {
        "type": "grafana",
        "image": GRAFANA,
        "url": grafana_source.url,
        "place": "ssh:monitoring:/var/lib/grafana",
        "config_place": f"local:{grafana_source.configuration}",
    }
    here = site(state, server, "grafana", section)
    assert [finding for finding in examined(here, "grafana") if not finding.ok] == []
    taken = here.back_up("grafana", kind="full")
    assert "grafana.db" in [file.path for file in taken.files]
    assert server.sh("ls -A /var/tmp") == ""


def test_prometheus_on_another_machine(state: Path, prometheus_source: PrometheusServer, ssh_factory: SshFactory) -> None:
    server = ssh_factory(volumes_from=prometheus_source.name)
    section = {
        "type": "prometheus",
        "image": PROMETHEUS,
        "url": prometheus_source.url,
        "place": "ssh:monitoring:/prometheus",
        "config_place": "ssh:monitoring:/etc/prometheus",
    }
    here = site(state, server, "prometheus", section)
    assert [finding for finding in examined(here, "prometheus") if not finding.ok] == []
    for kind in KINDS:
        here.back_up("prometheus", kind=kind)
    (drill,) = verify(here, ["prometheus"], selections=["latest"]).drills
    assert drill.verdict == "verified", drill.reasons
    assert prometheus_source.snapshots() == []


@pytest.fixture(autouse=True)
def _connections_end() -> Iterator[None]:
    yield
    hosts.close_all()
    assert not [thread for thread in threading.enumerate() if type(thread).__name__ == "Transport"]
