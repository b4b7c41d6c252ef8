"""Starts the demo's MySQL and Prometheus: real servers in containers of the run, on an isolated network."""

import json
import math
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pymysql
import requests

from backups.errors import LifeboatError
from backups.machine.docker import Container, Image
from backups.machine.runs import Run
from backups.machine.wait import seldom, wait_until
from deployments.grafana_standin.database import MYSQL_SECRET

_HERE = Path(__file__).parent
_PATIENCE = 180.0
"""Seconds for a server to start; MySQL inserts 200,000 rows meanwhile."""

_PRIVILEGES = (
    "BACKUP_ADMIN, REPLICATION SLAVE, REPLICATION CLIENT, RELOAD, SELECT, SHOW VIEW, TRIGGER, EVENT, PROCESS, RESOURCE_GROUP_USER"
)

_HISTORY_HOURS = 30
"""Hours of made-up history, so that Prometheus has complete blocks, which an incremental does not copy again."""


@dataclass(frozen=True)
class Passwords:
    """The passwords of one demo, random; hexadecimal, so that they need no quoting anywhere."""

    root: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    application: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    lifeboat: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    grafana: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)


@dataclass(frozen=True)
class Stage:
    """Where the sources run: the run that owns them, and the isolated network that connects them."""

    run: Run
    network: str

    @classmethod
    def prepare(cls, run: Run) -> "Stage":
        """Create the network."""
        return cls(run, run.docker.isolated_network(f"lifeboat-demo-{run.id}"))

    def name(self, service: str) -> str:
        """Return a container's name, which is also its name on the network."""
        return f"lifeboat-demo-{self.run.id}-{service}"

    def directory(self, *parts: str) -> Path:
        """Create a directory of the run that any user of a container may write to."""
        path = self.run.directory / "sources"
        for part in parts:
            path /= part
            path.mkdir(parents=True, exist_ok=True)
            # By chmod, whatever the umask is.
            path.chmod(0o777)
        return path


_ENTRY_POINT = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID")
"""What the entry point of the official image of MySQL needs, which begins as root and goes on as its own user."""


def opened(*files: Path) -> None:
    """Let the user of a container read files, whatever the umask is; the run's directory keeps others of this machine out."""
    for file in files:
        file.chmod(0o644)


def start_mysql(stage: Stage, image: Image, passwords: Passwords) -> Container:
    """Start MySQL, filled with Agama's rows, with the user that Lifeboat backs up as; returns when it is ready."""
    initial = stage.directory("mysql-init")
    shutil.copy(_HERE / "agama.sql", initial)
    opened(initial / "agama.sql")
    container = stage.run.docker.run(
        stage.name("mysql"),
        image,
        command=["--server-id=1", "--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--mysqlx=OFF", "--max-binlog-size=16M"],
        environment={
            "MYSQL_ROOT_PASSWORD": passwords.root,
            "MYSQL_DATABASE": "agama",
            "MYSQL_USER": "agama",
            "MYSQL_PASSWORD": passwords.application,
        },
        mounts={initial: "/docker-entrypoint-initdb.d"},
        network=stage.network,
        capabilities=_ENTRY_POINT,
    )
    await_up(container, lambda: _answers_sql(container, passwords))
    with closing(pymysql.connect(host=container.address(), user="root", password=passwords.root)) as connection:
        cursor = connection.cursor()
        cursor.execute("INSTALL PLUGIN clone SONAME 'mysql_clone.so'")
        cursor.execute("CREATE USER lifeboat@'%%' IDENTIFIED BY %s", (passwords.lifeboat,))
        cursor.execute(f"GRANT {_PRIVILEGES} ON *.* TO lifeboat@'%'")
        # Grafana's account is let in from the demo's network alone, as an operator's would be.
        network = f"{container.address().rpartition('.')[0]}.%"
        cursor.execute("CREATE USER grafana@%s IDENTIFIED BY %s", (network, MYSQL_SECRET))
        cursor.execute("GRANT SELECT ON agama.* TO grafana@%s", (network,))
    return container


def start_prometheus(stage: Stage, image: Image, scraped: dict[str, str]) -> Container:
    """Start Prometheus with some history, scraping itself and `scraped` (job to address:port) every second."""
    configuration, data, history = (stage.directory(name) for name in ("prometheus-configuration", "prometheus", "history"))
    shutil.copy(_HERE / "prometheus-rules.yml", configuration / "rules.yml")
    jobs = {"prometheus": "localhost:9090", **scraped}
    (configuration / "prometheus.yml").write_text(
        json.dumps(  # which is YAML too
            {
                "global": {"scrape_interval": "1s", "evaluation_interval": "5s"},
                "rule_files": ["rules.yml"],
                "scrape_configs": [{"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in jobs.items()],
            },
            indent=1,
        ),
        encoding="utf-8",
    )
    with (history / "history.om").open("w", encoding="utf-8") as file:
        file.writelines(_history(time.time()))
    opened(configuration / "rules.yml", configuration / "prometheus.yml", history / "history.om")
    history_maker = stage.run.docker.run(
        stage.name("history"),
        image,
        entrypoint=["/bin/promtool"],
        command=["tsdb", "create-blocks-from", "openmetrics", "--quiet", "/history/history.om", "/prometheus"],
        mounts={history: "/history", data: "/prometheus"},
    )
    if history_maker.wait() != 0:
        raise LifeboatError(
            f"promtool failed to create the demo's history: {history_maker.log_line(5)}",
            hint=f"does the image {image.name} work?",
        )
    container = stage.run.docker.run(
        stage.name("prometheus"),
        image,
        command=["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus", "--web.enable-admin-api"],
        mounts={configuration: "/etc/prometheus", data: "/prometheus"},
        network=stage.network,
    )
    await_up(container, lambda: answers(f"http://{container.address()}:9090/-/ready"))
    return container


def answers(url: str) -> bool:
    """Return whether a GET of `url` gives 200 by now."""
    try:
        return requests.get(url, timeout=5).status_code == 200
    except requests.exceptions.RequestException:
        return False


def _answers_sql(container: Container, passwords: Passwords) -> bool:
    try:
        # Without TLS, for which pymysql would read the certificates of all the world at each try: it is on this machine.
        pymysql.connect(
            host=container.address(), user="root", password=passwords.root, connect_timeout=2, ssl_disabled=True
        ).close()
    except pymysql.MySQLError:
        return False
    return True


def await_up(container: Container, ready: Callable[[], bool]) -> None:
    """Wait until `ready` returns True; raises LifeboatError when the container ends, or takes too long."""
    running = seldom(container.running)

    def settled() -> bool:
        return not running() or ready()

    if not wait_until(settled, seconds=_PATIENCE, interval=0.3) or not container.running():
        raise LifeboatError(
            f"the demo's container {container.name} did not start: {container.log_line(5)}",
            hint=f"is the machine short of memory or disk? does the image {container.image.name} work?",
        )


def _history(now: float) -> Iterator[str]:
    """Yield lines of OpenMetrics text: a sample a minute for a few shops, ending well before the server's first scrape."""
    start, end = int(now) - _HISTORY_HOURS * 3600, int(now) - 3 * 3600
    yield "# TYPE agama_orders counter\n"
    for shop in range(12):
        for at in range(start, end, 60):
            yield f'agama_orders_total{{shop="{shop}"}} {(at - start) * (shop + 1) // 40} {at}\n'
    yield "# TYPE agama_temperature_celsius gauge\n"
    for shop in range(12):
        for at in range(start, end, 60):
            yield f'agama_temperature_celsius{{shop="{shop}"}} {19 + shop / 7 + 3 * math.sin(at / 9000)!r} {at}\n'
    yield "# EOF\n"
