"""Real Prometheus servers in Docker: scraping themselves every second, with rules, an alert, and blocks of past days."""

import os
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
import requests

from backups.services.prometheus.settings import PrometheusSettings
from tests.servers.leftovers import LABEL

IMAGE = "lifeboat/prometheus:3.5"
USER, PASSWORD = "lifeboat", "rowing"
_PASSWORD_HASH = "$2b$04$fpPmObAt/WTOYzPR.d993.OSH6byjiWb4Bj/ioLKYCMVJz6M8ETSq"

_CONFIGURATION = """\
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [rules/*.yml]
scrape_configs:
  - job_name: prometheus
    static_configs: [{targets: ["localhost:9090"]}]
    # Some 200 of its 550 series, of every type: every sample of every second is read in each backup and each proof.
    metric_relabel_configs: [{action: drop, source_labels: [__name__], regex: (go|net|prometheus_(http|sd|remote|notifications))_.*}]
    AUTHENTICATION
"""
_RULES = """\
groups:
  - name: lifeboat
    rules:
      - {record: "job:up:sum", expr: sum by (job) (up)}
      - {alert: Watchdog, expr: vector(1), labels: {severity: none}}
"""


_STORAGE = (
    "--storage.tsdb.retention.time=30d",
    # One single range of blocks: none is made of others while a test looks.
    "--storage.tsdb.min-block-duration=2h",
    "--storage.tsdb.max-block-duration=2h",
)


@dataclass
class PrometheusServer:
    """A running server. `configuration` is its /etc/prometheus on this machine."""

    name: str
    url: str
    configuration: Path
    authentication: tuple[str, str] | None = None
    image: str = IMAGE

    @property
    def place(self) -> str:
        """Its data directory, as lifeboat.yaml names it."""
        return f"docker:{self.name}:/prometheus"

    def settings(self, **changes: Any) -> PrometheusSettings:
        """A section of lifeboat.yaml for this server."""
        section = {
            "type": "prometheus",
            "image": self.image,
            "url": self.url,
            "place": self.place,
            "config_place": f"local:{self.configuration}",
        }
        if self.authentication:
            section |= {"user": self.authentication[0], "password": self.authentication[1]}
        return PrometheusSettings.model_validate({key: value for key, value in (section | changes).items() if value})

    def query(self, expression: str, at: float | None = None) -> list[Any]:
        """The result of an instant query."""
        answer = requests.get(
            f"{self.url}/api/v1/query",
            params={"query": expression, **({} if at is None else {"time": at})},
            auth=self.authentication,
            timeout=30,
        ).json()
        assert answer["status"] == "success", answer
        return list(answer["data"]["result"])

    def execute(self, *command: str) -> str:
        """Run a command in its container, as root."""
        return _docker("exec", "--user", "0", self.name, *command)

    def snapshots(self) -> list[str]:
        """What is left below snapshots/."""
        return self.execute("sh", "-c", "ls /prometheus/snapshots 2>/dev/null || true").split()

    def blocks(self) -> set[str]:
        """The blocks it has on disk now."""
        return {name for name in self.execute("ls", "/prometheus").split() if len(name) == 26}

    def wait_for_scrapes(self, more: int = 3) -> None:
        """Wait until it has scraped itself that much more often than now."""

        def scrapes() -> int:
            # Longer than any run of the tests: a window that is full does not grow.
            found = self.query("count_over_time(up[1d])")
            return int(found[0]["value"][1]) if found else 0

        goal = scrapes() + more
        _wait(lambda: scrapes() >= goal, f"{self.name} scrapes itself")


class PrometheusFactory(Protocol):
    """Starts a server; everything it starts goes when the file's tests end: it scrapes itself every second.

    admin: whether the admin API is on. past: hours of old data, in blocks of two hours. authentication: whether it asks for a
    password. flags: more of its command line. configure: changes the files of its /etc/prometheus before it starts. storage: the
    flags that say how long blocks are kept and of which length they are. image: that it runs on.
    """

    def __call__(
        self,
        *,
        admin: bool = True,
        past: int = 0,
        authentication: bool = False,
        flags: Sequence[str] = (),
        configure: Callable[[Path], object] = ...,
        storage: Sequence[str] = ...,
        image: str = ...,
    ) -> PrometheusServer: ...


@contextmanager
def _servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusFactory]:
    started: list[str] = []

    def start(
        *,
        admin: bool = True,
        past: int = 0,
        authentication: bool = False,
        flags: Sequence[str] = (),
        configure: Callable[[Path], object] = lambda _: None,
        storage: Sequence[str] = _STORAGE,
        image: str = IMAGE,
    ) -> PrometheusServer:
        name = f"lifeboat-test-prometheus-{uuid.uuid4().hex[:8]}"
        configuration = _configure(tmp_path_factory.mktemp("prometheus-etc"), authentication=authentication)
        configure(configuration)
        options = ["--name", name, "--label", f"{LABEL}={os.getpid()}", "-v", f"{configuration}:/etc/prometheus:ro"]
        arguments = ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
        arguments += [*storage, *flags]
        arguments += ["--web.enable-admin-api"] if admin else []
        arguments += ["--web.config.file=/etc/prometheus/web.yml"] if authentication else []
        started.append(name)
        if past:
            (configuration / "past.txt").write_text(_past(past))
        # The data of the past is turned into blocks by the same container, before the server becomes its process.
        script = "for past in /etc/prometheus/past*.txt; do test ! -e $past || promtool tsdb create-blocks-from openmetrics $past /prometheus; done"
        script += ' && exec /bin/prometheus "$@"'
        _docker("run", "-d", *options, "--entrypoint", "/bin/sh", image, "-ec", script, "prometheus", *arguments)
        address = _docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name)
        server = PrometheusServer(
            name, f"http://{address}:9090", configuration, (USER, PASSWORD) if authentication else None, image
        )
        _wait(lambda: _ready(server), f"{name} is ready")
        (configuration / "past.txt").unlink(missing_ok=True)
        return server

    try:
        yield start
    finally:
        if started:
            subprocess.run(["docker", "rm", "-f", "-v", *started], check=False, capture_output=True)


@pytest.fixture(scope="module")
def prometheus_factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusFactory]:
    with _servers(tmp_path_factory) as start:
        yield start


@pytest.fixture(scope="session")
def prometheus_source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """The source that most tests share: the admin API is on, and it holds a day of the past in blocks."""
    with _servers(tmp_path_factory) as start:
        server = start(past=24)
        # Longer than the proof keeps away from now: its newest instant has data that was scraped.
        server.wait_for_scrapes(12)
        yield server


def _configure(directory: Path, *, authentication: bool) -> Path:
    account = f"basic_auth: {{username: {USER}, password: {PASSWORD}}}" if authentication else ""
    (directory / "prometheus.yml").write_text(_CONFIGURATION.replace("AUTHENTICATION", account))
    (directory / "rules").mkdir()
    (directory / "rules" / "lifeboat.yml").write_text(_RULES)
    (directory / "web.yml").write_text(f"basic_auth_users: {{{USER}: '{_PASSWORD_HASH}'}}\n")
    for path in (directory, *directory.parents):
        if path.owner() == "root" and str(path).startswith("/tmp/"):
            path.chmod(path.stat().st_mode | 0o111)
    for path in directory.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    directory.chmod(0o755)
    return directory


def _past(hours: int) -> str:
    """Samples every minute of some machines, up to the last even hour, as OpenMetrics text."""
    end = int(time.time()) // 7200 * 7200
    lines = []
    for metric, machines in (("room_temperature", 12), ("rowers", 5)):
        lines.append(f"# TYPE {metric} gauge")
        for machine in range(machines):
            for moment in range(end - hours * 3600, end, 60):
                value = (machine * 31 + moment // 60 * 7) % 101 / 4
                lines.append(f'{metric}{{machine="{machine}",note="a \\"quoted\\" \\\\ name"}} {value} {moment}')
    return "\n".join([*lines, "# EOF", ""])


def _ready(server: PrometheusServer) -> bool:
    try:
        return requests.get(f"{server.url}/-/ready", auth=server.authentication, timeout=5).status_code == 200
    except requests.RequestException:
        return False


def _wait(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"still not so after {seconds} s: {what}"
        time.sleep(0.1)


def _docker(*arguments: str) -> str:
    completed = subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True)
    assert completed.returncode == 0, completed.stderr
    return completed.stdout.strip()
