"""The stand-in's image keeps the contract of the official one: user, paths, port, environment."""

import os
import re
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from backups.machine.wait import wait_until
from deployments.grafana_standin.database import build
from tests.servers.grafana import IMAGE

PROJECT = Path(__file__).parents[4]

pytestmark = pytest.mark.docker


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def started(state: Path) -> Iterator[Callable[..., tuple[str, str]]]:
    """Starts containers on the `data` directory of `state`; gives their name and URL."""
    names: list[str] = []

    def start(*options: str) -> tuple[str, str]:
        name = f"lifeboat-test-standin-{uuid.uuid4().hex[:8]}"
        names.append(name)
        docker(
            "run",
            "-d",
            "--name",
            name,
            "--label",
            "lifeboat.test=standin",
            "-v",
            f"{state / 'data'}:/var/lib/grafana",
            *options,
            IMAGE,
        )
        return name, f"http://{docker('inspect', '-f', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', name)}"

    yield start
    for name in names:
        subprocess.run(["docker", "rm", "-f", "-v", name], check=False, capture_output=True)


@pytest.fixture
def data(state: Path) -> Path:
    directory = state / "data"
    directory.mkdir()
    os.chown(directory, 472, 0)
    return directory


def health(url: str) -> int:
    try:
        return requests.get(url + "/api/health", timeout=5).status_code
    except requests.RequestException:
        return 0


def test_the_image_names_itself_a_stand_in_and_keeps_the_official_contract() -> None:
    image = docker(
        "inspect", "-f", '{{.Config.User}} {{index .Config.Labels "lifeboat.standin"}} {{.Config.ExposedPorts}}', IMAGE
    )
    assert image == "472 true map[3000/tcp:{}]"


def test_it_serves_a_database_as_472_reads_and_writes_it_and_stops_at_once(
    started: Callable[..., tuple[str, str]], data: Path
) -> None:
    build(data / "grafana.db", layout="resource")
    os.chown(data / "grafana.db", 472, 0)
    name, url = started("-e", "GF_STANDIN_VERSION=12.4.2")
    assert wait_until(lambda: health(url + ":3000") == 200, seconds=60), docker("logs", name)
    assert docker("exec", name, "sh", "-c", "grep Uid /proc/1/status").split()[1] == "472"
    assert requests.get(url + ":3000/api/health", timeout=60).json()["version"] == "12.4.2"
    body = {"dashboard": {"uid": "made", "title": "Made"}, "folderUid": "agama"}
    assert requests.post(url + ":3000/api/dashboards/db", json=body, auth=("admin", "admin"), timeout=60).status_code == 200
    found = requests.get(url + ":3000/api/dashboards/uid/made", auth=("admin", "admin"), timeout=60).json()
    assert found["meta"]["folderUid"] == "agama"
    asked = {"refId": "A", "datasource": {"type": "prometheus", "uid": "agama-prometheus"}, "expr": "up"}
    answer = requests.post(
        url + ":3000/api/ds/query", json={"from": "0", "to": "60000", "queries": [asked]}, auth=("admin", "admin"), timeout=60
    )
    assert "dial tcp" in answer.json()["results"]["A"]["error"], "nobody is there, and the image holds what asks"
    assert "a stand-in, not Grafana" in docker("logs", name)
    docker("stop", "-t", "20", name)
    assert docker("inspect", "-f", "{{.State.ExitCode}}", name) == "0"


def test_a_volume_without_a_database_is_said_and_never_healthy(started: Callable[..., tuple[str, str]], data: Path) -> None:
    name, url = started("-e", "GF_SERVER_HTTP_PORT=3100")
    assert wait_until(lambda: health(url + ":3100") == 503, seconds=60), docker("logs", name)
    assert "database failing path=/var/lib/grafana/grafana.db" in docker("logs", name)
    assert list(data.iterdir()) == []


def copied() -> list[Path]:
    """The files that the Dockerfile copies into the image."""
    lines = (PROJECT / "deployments/images/grafana-standin/Dockerfile").read_text().splitlines()
    named = [PROJECT / part for line in lines if line.startswith("COPY ") for part in line.split()[1:-1]]
    found = [path for top in named for path in ([top] if top.is_file() else top.rglob("*")) if path.is_file()]
    return [path for path in found if path.suffix != ".pyc"]


def test_what_the_image_is_built_from_is_what_decides_that_it_is_built_again() -> None:
    """`build.sh` compares one word for all of its files."""
    script = (PROJECT / "deployments/images/build.sh").read_text()
    (named,) = re.findall(r"of\+=\((.*)\)", script)
    listed = subprocess.run(["bash", "-c", f"find {named} -type f"], cwd=PROJECT, check=True, capture_output=True, text=True)
    sources = {PROJECT / line for line in listed.stdout.splitlines() if not line.endswith(".pyc")}
    assert sources == set(copied())


def test_the_image_is_built_from_the_sources_of_today() -> None:
    """A stale image would prove something about yesterday's stand-in; `make images` replaces it."""
    listing = docker(
        "run",
        "--rm",
        "--entrypoint",
        "sh",
        IMAGE,
        "-c",
        "cd /usr/share/grafana && find backups deployments -type f -not -name '*.pyc' -exec sha256sum {} +",
    )
    inside = {line.split()[1]: line.split()[0] for line in listing.splitlines()}
    names = [path.relative_to(PROJECT) for path in copied()]
    here = subprocess.run(["sha256sum", *map(str, names)], cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    assert inside == {line.split()[1]: line.split()[0] for line in here.splitlines()}, (
        "hint: deployments/images/build.sh grafana-standin"
    )
