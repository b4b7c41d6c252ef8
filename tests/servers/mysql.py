"""Real MySQL servers for tests, in Docker: one that most tests share, and a factory of others with their own options.

A data directory is initialised once for all workers and copied for each server, so that a server is there in about two seconds.
"""

import itertools
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql
import pytest
from pymysql.connections import Connection

from backups.errors import LifeboatError
from backups.machine.docker import Container, Docker
from backups.machine.wait import seldom, wait_until
from backups.services.mysql import lean
from backups.services.mysql.settings import MySQLSettings
from tests.servers import of_all_workers
from tests.servers.leftovers import LABEL
from tests.servers.mysql_sessions import open_session
from tests.servers.mysql_writer import Writer, writing

IMAGE = "lifeboat/mysql:9.7"
PASSWORD = "lifeboat's own"
"""The password of the user `lifeboat`; root@'%' has `ROOT_PASSWORD`."""
ROOT_PASSWORD = "root"
PRIVILEGES = (
    "BACKUP_ADMIN",
    "REPLICATION SLAVE",
    "REPLICATION CLIENT",
    "RELOAD",
    "SELECT",
    "SHOW VIEW",
    "TRIGGER",
    "EVENT",
    "PROCESS",
)
_DATADIR = "/var/lib/mysql"
# Servers of tests run as we do, so that their files are ours to read and to delete; the image's my.cnf says otherwise.
_OURSELVES = f"{os.getuid()}:{os.getgid()}"
_AS_OURSELVES = (
    "--no-defaults",
    "--secure-file-priv=NULL",
    "--skip-name-resolve",
    *(["--user=root"] if os.getuid() == 0 else []),
)
_FAST = (
    "--sync-binlog=0",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-redo-log-capacity=32M",  # of the template's bytes, which are copied for each server, 100 MB else
    # Of the memory that a server touches as it starts, which is a third of what its start costs, these leave two thirds.
    "--innodb-log-buffer-size=1M",
    "--table-open-cache=400",
    "--table-definition-cache=400",
    *lean.OPTIONS,
)
_server_ids = itertools.count(1000)


@dataclass
class MySQLServer:
    """A running source server. `directory` is its data directory as this machine sees it."""

    container: Container
    host: str
    directory: Path
    server_id: int
    port: int = 3306

    def settings(self, **changes: Any) -> MySQLSettings:
        """Say how Lifeboat reaches it, as its user `lifeboat`."""
        return MySQLSettings(
            **{
                "type": "mysql",
                "image": IMAGE,
                "host": self.host,
                "port": self.port,
                "user": "lifeboat",
                "password": PASSWORD,
                **changes,
            }
        )

    def connect(self, database: str | None = None, user: str = "root", password: str = ROOT_PASSWORD) -> Connection:
        """Open a session of your own; the caller closes it."""
        return open_session(
            host=self.host, port=self.port, user=user, password=password, database=database, charset="utf8mb4", autocommit=True
        )

    def sql(self, *statements: str, database: str | None = None) -> None:
        """Run statements as root, in one session."""
        with self.connect(database) as session, session.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def rows(self, statement: str, arguments: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Ask one question as root."""
        with self.connect() as session, session.cursor() as cursor:
            cursor.execute(statement, arguments or None)
            return list(cursor.fetchall())

    def value(self, statement: str) -> Any:
        """Ask for one value as root."""
        return self.rows(statement)[0][0]

    def binary_log(self, name: str) -> bytes:
        """The bytes of one of its binary log files, as they are on its disk."""
        return (self.directory / name).read_bytes()

    def remove(self) -> None:
        """End it and delete its data."""
        self.container.remove()
        shutil.rmtree(self.directory, ignore_errors=True)

    def add_writer(self, database: str = "writing", *, threads: int = 2, ddl: bool = False) -> AbstractContextManager[Writer]:
        """Write into `database`, hundreds of times a second, until the block ends; `ddl` also creates, alters, truncates and drops tables."""
        return writing(self, database, threads=threads, ddl=ddl)


StartMySQL = Callable[..., MySQLServer]


@pytest.fixture(scope="session")
def mysql_docker() -> Iterator[Docker]:
    """Docker for test servers: what this session starts goes when it ends."""
    docker = Docker(labels={LABEL: str(os.getpid())})
    yield docker
    docker.remove_labelled(f"{LABEL}={os.getpid()}")


@pytest.fixture(scope="session")
def mysql_template(mysql_docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An initialised data directory with the clone plugin, root@'%' and the user `lifeboat`; no binary log yet."""
    shared = of_all_workers.folder(tmp_path_factory)
    return of_all_workers.made(shared / "mysql-template", lambda directory: _initialise(mysql_docker, directory))


def _initialise(mysql_docker: Docker, directory: Path) -> None:
    image = mysql_docker.image(IMAGE)
    options = [*_AS_OURSELVES, *_FAST, "--skip-log-bin", "--innodb-doublewrite=OFF"]
    initialising = mysql_docker.run(
        f"lifeboat-test-mysql-template-{os.getpid()}",
        image,
        entrypoint=["mysqld"],
        command=[*options, "--initialize-insecure"],
        mounts={directory: _DATADIR},
        user=_OURSELVES,
    )
    assert initialising.wait() == 0, initialising.logs(50)
    initialising.remove()
    server = _start(mysql_docker, directory, 1, options)
    granted = ", ".join(PRIVILEGES)
    quoted = PASSWORD.replace("'", "''")
    with _local_root(server) as session, session.cursor() as cursor:
        for statement in (
            "INSTALL PLUGIN clone SONAME 'mysql_clone.so'",
            f"CREATE USER root@'%' IDENTIFIED BY '{ROOT_PASSWORD}'",
            "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION",
            f"CREATE USER lifeboat@'%' IDENTIFIED BY '{quoted}'",
            f"GRANT {granted} ON *.* TO lifeboat@'%'",
            "SET GLOBAL innodb_fast_shutdown = 1",
        ):
            cursor.execute(statement)
    server.container.stop()
    server.container.remove()
    (directory / "auto.cnf").unlink()


@pytest.fixture(scope="session")
def recipient_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keeps the recipient's empty data directory for all workers: making it takes longer than a clone."""
    cache = of_all_workers.folder(tmp_path_factory) / "recipients"
    cache.mkdir(exist_ok=True)
    return cache


@pytest.fixture(scope="session")
def mysql_session_servers(
    mysql_docker: Docker, mysql_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartMySQL]:
    """Factory of servers that live as long as the session. See `start_mysql` for the arguments."""
    started: list[MySQLServer] = []
    yield _factory(mysql_docker, mysql_template, tmp_path_factory, started)
    for server in started:
        server.remove()


@pytest.fixture
def start_mysql(mysql_docker: Docker, mysql_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartMySQL]:
    """Factory of servers that live as long as the test: `start_mysql(*options, gtid=True, binlog=True, clone=True, before=None)`.

    options: of mysqld (`--max-binlog-size=4096`, `--plugin-load-add=auth_socket=auth_socket.so`, `--tls-version=` for none …)
    gtid: GTIDs on. binlog: binary log on. clone: clone plugin installed. before: shell lines to run in the container first.
    """
    started: list[MySQLServer] = []
    yield _factory(mysql_docker, mysql_template, tmp_path_factory, started)
    for server in started:
        server.remove()


@pytest.fixture(scope="session")
def mysql_server(mysql_session_servers: StartMySQL) -> MySQLServer:
    """The server that most tests share: GTIDs, binary log, clone plugin. Make databases of your own on it, and drop them."""
    return mysql_session_servers()


@pytest.fixture(scope="session")
def mysql_server_without_gtid(mysql_session_servers: StartMySQL) -> MySQLServer:
    """A shared server like `mysql_server`, but without GTIDs."""
    return mysql_session_servers(gtid=False)


def replicate(source: MySQLServer, replica: MySQLServer) -> None:
    """Make `replica` follow `source` by GTID, from the beginning."""
    source.sql(
        "CREATE USER IF NOT EXISTS follower@'%' IDENTIFIED BY 'follower'", "GRANT REPLICATION SLAVE ON *.* TO follower@'%'"
    )
    replica.sql(
        f"CHANGE REPLICATION SOURCE TO SOURCE_HOST='{source.host}', SOURCE_USER='follower', SOURCE_PASSWORD='follower', "
        "SOURCE_AUTO_POSITION=1, SOURCE_SSL=1",
        "START REPLICA",
    )


def _factory(docker: Docker, template: Path, directories: pytest.TempPathFactory, started: list[MySQLServer]) -> StartMySQL:
    def start(
        *options: str, gtid: bool = True, binlog: bool = True, clone: bool = True, before: str | None = None
    ) -> MySQLServer:
        directory = directories.mktemp("mysql") / "data"
        shutil.copytree(template, directory, symlinks=True)
        modes = ["--gtid-mode=ON", "--enforce-gtid-consistency=ON"] if gtid and binlog else ["--gtid-mode=OFF"]
        log = "--log-bin=binlog" if binlog else "--skip-log-bin"
        arguments = [*_AS_OURSELVES, *_FAST, log, *modes, *options]
        server = _start(docker, directory, next(_server_ids), arguments, before=before)
        started.append(server)
        if not clone:
            server.sql("SET sql_log_bin = 0", "UNINSTALL PLUGIN clone")
        return server

    return start


def _start(docker: Docker, directory: Path, server_id: int, options: Sequence[str], *, before: str | None = None) -> MySQLServer:
    container = docker.run(
        f"lifeboat-test-mysql-{os.getpid()}-{server_id}",
        docker.image(IMAGE),
        entrypoint=["sh", "-ec", f'{before}; exec mysqld "$@"', "mysqld"] if before else ["mysqld"],
        command=[*options, f"--server-id={server_id}", f"--socket={_DATADIR}/mysqld.sock", f"--pid-file={_DATADIR}/mysqld.pid"],
        mounts={directory: _DATADIR},
        user=_OURSELVES,
        network="bridge",
    )
    server = MySQLServer(container, container.address(), directory, server_id)
    running = seldom(container.running)
    if not wait_until(lambda: _answers(server, running), seconds=120, interval=0.1):
        words = container.logs(50)
        container.remove()
        raise LifeboatError(f"the test server did not start: {words}")
    return server


def _answers(server: MySQLServer, running: Callable[[], bool]) -> bool:
    if not running():
        raise LifeboatError(f"the test server ended: {server.container.logs(50)}")
    try:
        server.connect(user="nobody", password="").close()
    except pymysql.err.OperationalError as error:
        # "Access denied" is an answer; the template's server has no user for this address yet ("host not allowed").
        return error.args[0] in (1045, 1130)
    return True


def _local_root(server: MySQLServer) -> Connection:
    """A session as root@localhost, who has no password in the template."""
    handle = os.open(server.directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # By the handle: the path itself may be longer than a socket's address can be.
        return open_session(unix_socket=f"/proc/self/fd/{handle}/mysqld.sock", user="root", password="", autocommit=True)
    finally:
        os.close(handle)
