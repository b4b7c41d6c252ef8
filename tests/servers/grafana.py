"""Runs Grafana sources for tests: the honest stand-in over a real `grafana.db`, in Docker, as a user's Grafana would run."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from backups.errors import LifeboatError
from backups.machine.wait import wait_until
from backups.services.grafana.client import Client
from backups.services.grafana.settings import GrafanaSettings
from deployments.grafana_standin.database import Layout, build
from tests.servers.leftovers import LABEL

IMAGE = os.environ.get("LIFEBOAT_TEST_GRAFANA", "lifeboat/grafana-standin:12.4")
"""The stand-in, or the image of a real Grafana on a machine that has one."""
SECRET_KEY = "an operator's own key"
_USER = 472


@dataclass
class GrafanaServer:
    """A running server. `data` is its /var/lib/grafana on this machine, `configuration` what would be its /etc/grafana."""

    name: str
    url: str
    data: Path
    configuration: Path

    @property
    def database(self) -> Path:
        """Its grafana.db."""
        return self.data / "grafana.db"

    def settings(self, **changes: Any) -> GrafanaSettings:
        """A section of lifeboat.yaml for this server; None takes a key away."""
        section = {
            "type": "grafana",
            "image": IMAGE,
            "url": self.url,
            "place": f"docker:{self.name}:/var/lib/grafana",
            "config_place": f"local:{self.configuration}",
        }
        return GrafanaSettings.model_validate({key: value for key, value in (section | changes).items() if value is not None})

    def stop(self) -> None:
        """Stop the server; its files stay."""
        _docker("stop", "-t", "2", self.name)


class GrafanaFactory(Protocol):
    """Starts a server on a database of its own; everything goes when the session ends.

    layout, wal: of a built database, whose secrets are sealed with SECRET_KEY. database: a file to serve a copy of instead.
    """

    def __call__(self, *, layout: Layout = "resource", wal: bool = False, database: Path | None = None) -> GrafanaServer: ...


@pytest.fixture(scope="session")
def grafana_factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GrafanaFactory]:
    started: list[str] = []

    def start(*, layout: Layout = "resource", wal: bool = False, database: Path | None = None) -> GrafanaServer:
        name = f"lifeboat-test-grafana-{uuid.uuid4().hex[:8]}"
        data = tmp_path_factory.mktemp("grafana-data")
        if database is None:
            build(data / "grafana.db", layout=layout, wal=wal, secret_key=SECRET_KEY)
        else:
            shutil.copyfile(database, data / "grafana.db")
        _plugin(data / "plugins" / "agama-clock-panel", "agama-clock-panel", "2.1.0")
        _give_away(data)
        configuration = configured(tmp_path_factory.mktemp("grafana-etc"), SECRET_KEY if database is None else None)
        started.append(name)
        mounted = ["-v", f"{data}:/var/lib/grafana"]
        # A new organisation's alerting comes with the server's next look, after a minute else.
        looks = ["-e", "GF_UNIFIED_ALERTING_ALERTMANAGER_CONFIG_POLL_INTERVAL=1s"]
        _docker("run", "-d", "--name", name, "--label", f"{LABEL}={os.getpid()}", *mounted, *looks, IMAGE)
        address = _docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name)
        server = GrafanaServer(name, f"http://{address}:3000", data, configuration)
        assert wait_until(lambda: _healthy(server.url), seconds=60), _docker("logs", name)
        return server

    yield start
    for name in started:
        subprocess.run(["docker", "rm", "-f", "-v", name], check=False, capture_output=True)


@pytest.fixture(scope="session")
def grafana_source(grafana_factory: GrafanaFactory) -> GrafanaServer:
    """The source that most tests share, in the layout of 12.4. Tests read it and leave it as it is."""
    return grafana_factory()


def configured(directory: Path, secret_key: str | None) -> Path:
    """Fill a directory as /etc/grafana: grafana.ini (with `secret_key`, if given) and provisioning files."""
    security = f"secret_key = {secret_key}" if secret_key else ";secret_key ="
    (directory / "grafana.ini").write_text(
        f"app_mode = production\n[security]\n{security}\n[smtp]\nenabled = true\nhost = mail.example.org:25\n"
        "[feature_toggles]\nenable = provisioning\n[server]\nprotocol = https\n"
    )
    (directory / "provisioning" / "datasources").mkdir(parents=True)
    (directory / "provisioning" / "datasources" / "agama.yaml").write_text("apiVersion: 1\ndatasources: []\n")
    return directory


def _plugin(directory: Path, name: str, version: str) -> None:
    directory.mkdir(parents=True)
    (directory / "plugin.json").write_text(f'{{"id": "{name}", "type": "panel", "info": {{"version": "{version}"}}}}')
    (directory / "module.js").write_text("// not part of a backup\n")


def _give_away(data: Path) -> None:
    """To the user that Grafana runs as, reachable through pytest's private directories."""
    for path in (data, *data.parents):
        if path.owner() == "root" and str(path).startswith("/tmp/"):
            path.chmod(path.stat().st_mode | 0o111)
    for path in (data, *data.rglob("*")):
        if os.geteuid() == 0:
            os.chown(path, _USER, 0)
        else:
            path.chmod(0o777 if path.is_dir() else 0o666)


def _healthy(url: str) -> bool:
    try:
        return Client(url).health(seconds=2).ok
    except LifeboatError:
        return False


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout.strip()
