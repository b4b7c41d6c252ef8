"""The bad day: three services with their users, on machines reached over SSH, the repository on another; all is lost, one command each
brings it back, the database to a chosen second. What came back is started by the images' own servers, and compared."""

import os
import sqlite3
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pymysql
import pytest
import requests
import yaml

from backups import hosts
from backups.machine.docker import Container, Docker
from backups.machine.wait import wait_until
from backups.site import Site
from tests.integration.flows.conftest import Said, lifeboat
from tests.servers import restic
from tests.servers.grafana import IMAGE as GRAFANA
from tests.servers.grafana import GrafanaFactory, GrafanaServer
from tests.servers.mysql import IMAGE as MYSQL
from tests.servers.mysql import PASSWORD, ROOT_PASSWORD, MySQLServer, StartMySQL
from tests.servers.mysql_sessions import open_session
from tests.servers.prometheus import IMAGE as PROMETHEUS
from tests.servers.prometheus import PrometheusFactory, PrometheusServer
from tests.servers.ssh import SshFactory, SshServer
from verification.evidence.store import TAG
from verification.restore.plan import promised

__all__ = ["lifeboat"]

pytestmark = pytest.mark.docker

SERIES = 'count({__name__=~".+"})'


@dataclass
class Sources:
    """Three services, the machines that their files are on, and the machine of the repository."""

    agama: MySQLServer
    prometheus: PrometheusServer
    grafana: GrafanaServer
    database: SshServer
    metrics: SshServer
    boards: SshServer
    vault: SshServer

    def configure(self, folder: Path) -> Path:
        """Write lifeboat.yaml."""
        known = {"database": self.database, "metrics": self.metrics, "boards": self.boards, "vault": self.vault}
        content = {
            "state": str(folder / "state"),
            "repository": {"url": "sftp:vault:/srv/repository", "password": "${LIFEBOAT_KEY}"},
            "hosts": {
                name: {"address": f"root@{host.address}", "key_file": str(host.key_file), "known_hosts": str(host.known_hosts)}
                for name, host in known.items()
            },
            "services": {
                "agama": {
                    "type": "mysql",
                    "image": MYSQL,
                    "host": self.agama.host,
                    "password": "${AGAMA_PASSWORD}",
                    "restore": {"to": "ssh:database:/srv/mysql", "stop": "test -e /srv/mysql/half && echo mysqld > /srv/stopped"},
                },
                "prometheus": {
                    "type": "prometheus",
                    "image": PROMETHEUS,
                    "url": self.prometheus.url,
                    "place": "ssh:metrics:/prometheus",
                    "config_place": "ssh:metrics:/etc/prometheus",
                },
                "grafana": {
                    "type": "grafana",
                    "image": GRAFANA,
                    "url": self.grafana.url,
                    "place": "ssh:boards:/var/lib/grafana",
                    "config_place": f"local:{self.grafana.configuration}",
                },
            },
        }
        path = folder / "lifeboat.yaml"
        path.write_text(yaml.safe_dump(content))
        return path


@pytest.fixture
def sources(
    start_mysql: StartMySQL, prometheus_factory: PrometheusFactory, grafana_factory: GrafanaFactory, ssh_factory: SshFactory
) -> Iterator[Sources]:
    prometheus, grafana = prometheus_factory(past=6), grafana_factory()
    metrics, boards = ssh_factory(volumes_from=prometheus.name), ssh_factory(volumes_from=grafana.name)
    yield Sources(start_mysql(), prometheus, grafana, ssh_factory(), metrics, boards, ssh_factory())
    hosts.close_all()


@pytest.fixture
def docker() -> Iterator[Docker]:
    """For the servers that are started on what came back."""
    label = uuid.uuid4().hex
    yield Docker(labels={"lifeboat.test.bad-day": label})
    Docker().remove_labelled(f"lifeboat.test.bad-day={label}")


def test_all_is_lost_and_comes_back(
    sources: Sources, tmp_path: Path, lifeboat: Callable[..., Said], docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGAMA_PASSWORD", PASSWORD)
    monkeypatch.setenv("LIFEBOAT_KEY", "a key of the vault")
    for parent in (tmp_path, *tmp_path.parents):
        if str(parent).startswith("/tmp/"):
            parent.chmod(parent.stat().st_mode | 0o111)
    configuration = sources.configure(tmp_path)

    def typed(*words: str, code: int = 0) -> str:
        said = lifeboat(*words, "--config", str(configuration))
        assert said.code == code, said.out + said.err
        return said.out

    # Sunday: a full of everything. Monday: people work, and at midnight an incremental is taken. Then the database is drilled.
    sources.agama.sql(
        "CREATE DATABASE agama", "CREATE TABLE agama.orders (id INT PRIMARY KEY, placed TIMESTAMP(6) DEFAULT NOW(6))"
    )
    typed("backup", "--kind", "full")
    restic.cheapen(sources.vault.root / "repository", "a key of the vault")
    instant = int(datetime.now(UTC).timestamp()) - 3 * 3600
    series, boards = sources.prometheus.query(SERIES, at=instant), dashboards(sources.grafana.data)
    chosen = work(sources.agama)
    typed("backup", "--kind", "incremental")
    typed("verify", "agama", "--backup", "latest", "--out", str(tmp_path / "report"))
    sources.agama.sql("INSERT INTO agama.orders (id) VALUES (9999)")

    # Tuesday: the disk of the database is wiped but for a rest, and the machines of the monitoring are gone.
    lost = lose_everything(sources)
    planned = typed("restore", "agama", "--at", chosen.isoformat(), "--replace", "--dry-run")
    assert "moves aside what it holds: half" in planned
    assert "nothing was changed" in planned
    assert sorted(path.name for path in sources.database.root.iterdir()) == ["mysql"]
    assert "holds something already: half" in lifeboat("restore", "agama", "--config", str(configuration)).err

    site = Site.open(configuration)
    begun = datetime.now(UTC)
    told = typed("restore", "agama", "--at", chosen.isoformat(), "--replace", "--runbook", str(tmp_path / "runbook.md"))
    took = (datetime.now(UTC) - begun).total_seconds()
    assert told.startswith("between-witnesses"), told
    assert "the source does not answer" in told
    # What the drill had taken, and the way over SSH; this machine does a lot at once, so the bounds are wide.
    assert (
        took
        <= 5
        * sum(phase.seconds for phase in promised(site.repository, site.repository.snapshots(TAG), "agama", datetime.now(UTC)))
        + 60
    )
    assert (sources.database.root / "stopped").read_text() == "mysqld\n"
    (aside,) = sources.database.root.glob("mysql.before-restore-*")
    assert (aside / "half").read_text() == "a table"
    assert (sources.database.root / "mysql").stat().st_uid == lost
    runbook = (tmp_path / "runbook.md").read_text()
    assert "restic " in runbook
    assert " restore " in runbook
    assert PASSWORD not in runbook
    assert "a key of the vault" not in runbook
    assert orders(docker, sources.database.root / "mysql") == [(number,) for number in range(1, 31)]

    assert "verified" in typed("restore", "prometheus", "--to", "ssh:metrics:/srv/prometheus")
    metrics = sources.metrics.root
    back = prometheus_on(docker, metrics / "prometheus", metrics / "prometheus-configuration")
    assert answer(back, SERIES, instant) == series

    assert "verified" in typed("restore", "grafana", "--to", "ssh:boards:/srv/grafana")
    grafana_on(docker, sources.boards.root / "grafana")
    assert dashboards(sources.boards.root / "grafana") == boards
    assert len(boards) > 10
    assert (sources.boards.root / "grafana-configuration" / "grafana.ini").is_file()


def work(server: MySQLServer) -> datetime:
    """Thirty orders, the moment that is asked for later, and thirty more: by the source's own clock."""

    def order(numbers: range) -> None:
        for number in numbers:
            server.sql(f"INSERT INTO agama.orders (id) VALUES ({number})")

    order(range(1, 31))
    chosen = cast("datetime", server.value("SELECT UTC_TIMESTAMP(6)")).replace(tzinfo=UTC)
    order(range(31, 61))
    return chosen


def lose_everything(sources: Sources) -> int:
    """The containers and their data go; of the database's directory a rest is left. Returns whose that is."""
    sources.agama.remove()
    for name in (sources.prometheus.name, sources.grafana.name):
        subprocess.run(["docker", "rm", "-f", "-v", name], check=True, capture_output=True)
    rest = sources.database.root / "mysql"
    rest.mkdir(mode=0o750)
    (rest / "half").write_text("a table")
    owner = 999 if os.geteuid() == 0 else os.geteuid()
    os.chown(rest, owner, -1)
    return owner


def orders(docker: Docker, data: Path) -> list[Any]:
    """What an operator's own server finds in a data directory."""
    server = started(
        docker, MYSQL, data, "/var/lib/mysql", ["mysqld", "--gtid-mode=ON", "--enforce-gtid-consistency=ON"], "999:999"
    )

    def asked() -> list[Any] | None:
        try:
            with (
                open_session(host=server.address(), user="root", password=ROOT_PASSWORD) as session,
                session.cursor() as cursor,
            ):
                cursor.execute("SELECT id FROM agama.orders ORDER BY id")
                return list(cursor.fetchall())
        except pymysql.err.OperationalError:
            assert server.running(), server.logs(50)
            return None

    assert wait_until(lambda: asked() is not None, seconds=120, interval=0.5), server.logs(50)
    return asked() or []


def prometheus_on(docker: Docker, data: Path, configuration: Path) -> str:
    own = subprocess.run(["chown", "-R", "65534:65534", str(configuration)], check=False)
    assert own.returncode == 0 or os.geteuid()
    command = [
        "--config.file=/etc/prometheus/prometheus.yml",
        "--storage.tsdb.path=/prometheus",
        "--storage.tsdb.retention.time=90d",
    ]
    server = started(docker, PROMETHEUS, data, "/prometheus", command, "65534:65534", more={configuration: "/etc/prometheus"})
    url = f"http://{server.address()}:9090"
    assert wait_until(lambda: answers(f"{url}/-/ready"), seconds=120, interval=0.5), server.logs(50)
    return url


def grafana_on(docker: Docker, data: Path) -> None:
    server = started(docker, GRAFANA, data, "/var/lib/grafana", None, None)
    url = f"http://{server.address()}:3000"
    assert wait_until(lambda: answers(f"{url}/api/health"), seconds=120, interval=0.5), server.logs(50)


def started(
    docker: Docker,
    image: str,
    data: Path,
    inside: str,
    command: list[str] | None,
    user: str | None,
    more: dict[Path, str] | None = None,
) -> Container:
    return docker.run(
        f"lifeboat-test-bad-day-{uuid.uuid4().hex[:8]}",
        docker.image(image),
        command=command,
        mounts={data: inside, **(more or {})},
        user=user,
        network="bridge",
    )


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.RequestException:
        return False


def answer(url: str, expression: str, at: int) -> list[Any]:
    said = requests.get(f"{url}/api/v1/query", params={"query": expression, "time": at}, timeout=30).json()
    return list(said["data"]["result"])


def dashboards(data: Path) -> list[Any]:
    """Every dashboard of a Grafana's database: organisation, uid and JSON."""
    with closing(sqlite3.connect(f"{(data / 'grafana.db').as_uri()}?mode=ro", uri=True)) as database:
        return database.execute("SELECT namespace, name, value FROM resource ORDER BY guid").fetchall()
