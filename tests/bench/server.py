"""MySQL servers to measure, and the official client programs, run inside their containers' file systems but with our pipes."""

import shlex
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pymysql

from backups.machine.docker import Container, Docker
from backups.machine.wait import wait_until
from tests.servers.mysql_sessions import open_session

IMAGE = "lifeboat/mysql:9.7"
PASSWORD = "bench"
_OPTIONS = (
    "--server-id=7", "--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--mysqlx=OFF", "--innodb-buffer-pool-size=2G",
    "--innodb-redo-log-capacity=256M", "--max-connections=50",
)  # fmt: skip


@dataclass(frozen=True)
class Server:
    """A running server, default durability; `directory` is its data directory on this machine."""

    container: Container
    directory: Path

    def connect(self) -> pymysql.connections.Connection:
        """A session as root."""
        return open_session(host=self.container.address(), user="root", password=PASSWORD, autocommit=True, read_timeout=3600)

    def sql(self, *statements: str) -> None:
        """Run statements in one session."""
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def value(self, query: str, column: int = 0) -> int:
        """A number."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return int(cursor.fetchone()[column])

    def pipe(self, client: str, *, before: str = "", after: str = "") -> float:
        """Run `before | client | after` and return the seconds; the client is the image's own, its pipes are this machine's.

        Through `docker exec` the stream would go by the daemon and be slower: that would flatter us.
        """
        inside = f"env MYSQL_PWD={PASSWORD} nsenter --target {self.container.pid} --mount {client} --user=root"
        line = " | ".join(part for part in (before, inside, after) if part)
        started = time.monotonic()
        subprocess.run(["bash", "-o", "pipefail", "-c", line], check=True)
        return time.monotonic() - started

    def settle(self) -> None:
        """Wait until what was written is on disk, so that no side pays for the other's writes."""
        self.sql("SET GLOBAL innodb_max_dirty_pages_pct = 0")
        wait_until(
            lambda: self.value("SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_pages_dirty'", 1) < 500, seconds=180, interval=1
        )
        self.sql("SET GLOBAL innodb_max_dirty_pages_pct = DEFAULT")
        subprocess.run(["sync"], check=True)


def start(docker: Docker, name: str, directory: Path) -> Server:
    """Start a server on a data directory: the one that is there, or a new one. Returns when it answers."""
    directory.mkdir(exist_ok=True)
    container = docker.run(
        name,
        docker.image(IMAGE),
        command=_OPTIONS,
        environment={"MYSQL_ROOT_PASSWORD": PASSWORD},
        mounts={directory: "/var/lib/mysql"},
        network="bridge",
        capabilities=("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"),
    )
    server = Server(container, directory)

    def answers() -> bool:
        try:
            return server.value("SELECT 1") == 1
        except pymysql.MySQLError:
            return False

    if not wait_until(answers, seconds=300, interval=0.1):
        raise RuntimeError(f"{name} did not start: {container.logs()}")
    return server


def quoted(path: Path) -> str:
    """A path for `pipe`."""
    return shlex.quote(str(path))
