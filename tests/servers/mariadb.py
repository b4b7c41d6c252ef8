"""Real MariaDB servers for tests, in Docker; initialised once a session, copied for each server."""

import itertools
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql
import pytest

from backups.errors import LifeboatError
from backups.machine.docker import Docker
from backups.machine.wait import seldom, wait_until
from backups.services.mysql.settings import MySQLSettings
from tests.servers.mysql import PASSWORD, ROOT_PASSWORD, MySQLServer

IMAGE = "lifeboat/mariadb:11.8"
OLDER = "lifeboat/older:bookworm"
"""MariaDB 10.11, and Prometheus 2.42."""
PRIVILEGES = ("RELOAD", "REPLICATION CLIENT", "SELECT", "SHOW VIEW", "TRIGGER", "EVENT", "EXECUTE", "PROCESS")
_DATADIR = "/var/lib/mysql"
_OURSELVES = f"{os.getuid()}:{os.getgid()}"
_AS_OURSELVES = (
    "--no-defaults",
    f"--datadir={_DATADIR}",
    f"--socket={_DATADIR}/mysqld.sock",
    f"--pid-file={_DATADIR}/mysqld.pid",
    "--skip-name-resolve",
    *(["--user=root"] if os.getuid() == 0 else []),
)
_FAST = ("--sync-binlog=0", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=32M")
_server_ids = itertools.count(5000)


@dataclass
class MariaDBServer(MySQLServer):
    """A running MariaDB source, on `image`."""

    image: str = IMAGE

    def settings(self, **changes: Any) -> MySQLSettings:
        """Say how Lifeboat reaches it, as its user `lifeboat`, by dump."""
        return super().settings(**{"image": self.image, "method": "dump", **changes})


StartMariaDB = Callable[..., MariaDBServer]


@pytest.fixture(scope="session")
def mariadb_template(mysql_docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An initialised data directory with root@'%' and the user `lifeboat`."""
    return make_template(mysql_docker, tmp_path_factory.mktemp("mariadb-template") / "data", IMAGE)


def make_template(docker: Docker, directory: Path, image: str) -> Path:
    """Initialise a data directory by the server of an image."""
    directory.mkdir(mode=0o755, parents=True)
    accounts = directory.parent / "accounts"
    accounts.mkdir()
    quoted = PASSWORD.replace("'", "''")
    (accounts / "init.sql").write_text(
        f"CREATE USER root@'%' IDENTIFIED BY '{ROOT_PASSWORD}';\n"
        "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;\n"
        f"CREATE USER lifeboat@'%' IDENTIFIED BY '{quoted}';\n"
        f"GRANT {', '.join(PRIVILEGES)} ON *.* TO lifeboat@'%';\n"
    )
    script = (
        f"mariadb-install-db --no-defaults --datadir={_DATADIR} --innodb-log-file-size=32M --auth-root-authentication-method=normal --skip-test-db "
        f'&& exec mariadbd "$@" --init-file=/accounts/init.sql'
    )
    container = docker.run(
        f"lifeboat-test-mariadb-template-{os.getpid()}-{next(_server_ids)}",
        docker.image(image),
        entrypoint=["sh", "-c", script, "sh"],
        command=[*_AS_OURSELVES, *_FAST],
        mounts={directory: _DATADIR, accounts: "/accounts"},
        user=_OURSELVES,
        network="bridge",
    )
    server = MariaDBServer(container, container.address(), directory, 1)
    running = seldom(container.running)
    assert wait_until(lambda: _answers(server, running), seconds=120), container.logs(50)
    container.stop()
    container.remove()
    return directory


@pytest.fixture
def start_mariadb(
    mysql_docker: Docker, mariadb_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartMariaDB]:
    """Factory of servers that live as long as the test: `start_mariadb(*options)`."""
    started: list[MariaDBServer] = []

    def start(*options: str) -> MariaDBServer:
        directory = tmp_path_factory.mktemp("mariadb") / "data"
        shutil.copytree(mariadb_template, directory, symlinks=True)
        server = start_server(mysql_docker, directory, options)
        started.append(server)
        return server

    yield start
    for server in started:
        server.remove()


def start_server(docker: Docker, directory: Path, options: Sequence[str] = (), image: str = IMAGE) -> MariaDBServer:
    """Start a server on an initialised data directory."""
    server_id = next(_server_ids)
    container = docker.run(
        f"lifeboat-test-mariadb-{os.getpid()}-{server_id}",
        docker.image(image),
        entrypoint=["mariadbd"],
        command=[*_AS_OURSELVES, *_FAST, "--log-bin=binlog", f"--server-id={server_id}", *options],
        mounts={directory: _DATADIR},
        user=_OURSELVES,
        network="bridge",
    )
    server = MariaDBServer(container, container.address(), directory, server_id, image=image)
    running = seldom(container.running)
    if not wait_until(lambda: _answers(server, running), seconds=120, interval=0.1):
        words = container.logs(50)
        container.remove()
        raise LifeboatError(f"the test server did not start: {words}")
    return server


def _answers(server: MariaDBServer, running: Callable[[], bool]) -> bool:
    if not running():
        raise LifeboatError(f"the test server ended: {server.container.logs(50)}")
    try:
        server.connect(user="root", password=ROOT_PASSWORD).close()
    except pymysql.err.OperationalError:
        return False
    return True
