"""A Prometheus restored into a new container keeps what was restored, however old it is, and runs as its source did."""

import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from backups.machine.docker import Docker
from backups.places.local.place import LocalPlace
from tests.integration.flows.conftest import Said
from tests.servers.prometheus import IMAGE, PrometheusFactory, PrometheusServer

pytestmark = pytest.mark.docker
DAY = 86400
OLD = int(time.time()) // 7200 * 7200 - 60 * DAY


@pytest.fixture(scope="module")
def source(prometheus_factory: PrometheusFactory) -> PrometheusServer:
    """A source that keeps a year, with blocks of sixty days ago."""

    def configure(etc: Path) -> None:
        lines = [f"room {at % 97} {at}" for at in range(OLD - 6 * 3600, OLD, 60)]
        (etc / "past-old.txt").write_text("\n".join(["# TYPE room gauge", *lines, "# EOF", ""]))

    return prometheus_factory(configure=configure, storage=["--storage.tsdb.retention.time=1y"], flags=["--query.timeout=90s"])


@pytest.fixture
def name() -> Iterator[str]:
    """Of a container and its volumes, which go at the end."""
    name = f"lifeboat-test-again-{uuid.uuid4().hex[:8]}"
    yield name
    subprocess.run(["docker", "rm", "-f", "-v", name], check=False, capture_output=True)
    for volume in ("data", "configuration"):
        Docker().remove_volume(f"{name}-{volume}")


@pytest.fixture
def configuration(state: Path, source: PrometheusServer) -> Path:
    """A lifeboat.yaml with that source, and a backup of it."""
    path = state / "lifeboat.yaml"
    path.write_text(
        f"state: {state}\nrepository: {{url: repository, password: key}}\n"
        f"services:\n  metrics: {{type: prometheus, image: '{IMAGE}', url: '{source.url}', place: '{source.place}',"
        f" config_place: 'local:{source.configuration}'}}\n"
    )
    return path


def address(name: str) -> str:
    inspect = ["docker", "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name]
    return subprocess.run(inspect, check=True, capture_output=True, text=True).stdout.strip()


def test_old_blocks_its_flags_and_its_configuration_are_there_after_the_start(
    configuration: Path, source: PrometheusServer, lifeboat: Callable[..., Said], name: str
) -> None:
    assert lifeboat("backup", "metrics", "--config", str(configuration)).code == 0
    said = lifeboat("restore", "metrics", "--to", f"docker:{name}", "--config", str(configuration))
    assert said.code == 0, said.out + said.err
    out = " ".join(said.out.split())
    assert "a new container is started with that configuration" in out
    assert "of the started server" in out
    assert "are equal to the witness" in out
    assert "the new container scrapes, alerts and writes to remote storage as its source does" in out
    again = PrometheusServer(name, f"http://{address(name)}:9090", source.configuration)
    assert again.query("count_over_time(room[6h])", OLD) == source.query("count_over_time(room[6h])", OLD)
    flags = requests.get(f"{again.url}/api/v1/status/flags", timeout=30).json()["data"]
    assert (flags["storage.tsdb.retention.time"], flags["query.timeout"]) == ("1y", "1m30s")
    assert flags["web.enable-admin-api"] == "true"
    rules = requests.get(f"{again.url}/api/v1/rules", timeout=30).json()["data"]["groups"]
    assert [group["file"] for group in rules] == ["/etc/prometheus/rules/lifeboat.yml"]
    # It can be backed up as its source can.
    requests.post(f"{again.url}/api/v1/admin/tsdb/snapshot", timeout=30).raise_for_status()


def test_a_start_that_deletes_blocks_is_a_fault_and_not_a_restore(
    configuration: Path, lifeboat: Callable[..., Said], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever makes a server drop what was delivered to it: here a retention of a day."""
    monkeypatch.setattr(
        "backups.services.prometheus.first_start.options",
        lambda *_: [
            "--config.file=/etc/prometheus/prometheus.yml",
            "--storage.tsdb.path=/prometheus",
            "--storage.tsdb.retention.time=1d",
        ],
    )
    assert lifeboat("backup", "metrics", "--config", str(configuration)).code == 0
    said = lifeboat("restore", "metrics", "--to", f"docker:{name}", "--config", str(configuration))
    assert said.code == 2, said.out + said.err
    assert f"since the service was started, volume {name}-data is not what was delivered: block " in said.err.replace("\n", " ")
    assert LocalPlace(Docker().volume(f"{name}-data")).files()
