"""An operator who starts servers on delivered files, as the official image is used."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest
from pymysql.connections import Connection

from backups.machine.docker import Container, Docker
from backups.machine.wait import seldom, wait_until
from backups.services.base import Delivery
from tests.servers.mysql import IMAGE, ROOT_PASSWORD
from tests.servers.mysql_chain import Restored
from tests.servers.mysql_sessions import open_session

_numbers = itertools.count(1)


class Operator:
    """Starts servers on delivered files as the official image is used, reached by a socket only."""

    def __init__(self, docker: Docker, directory: Path) -> None:
        self._docker = docker
        self._directory = directory
        self.started: list[Container] = []

    def start(self, restored: Restored, delivery: Delivery, *options: str) -> "Operated":
        """Start a server on what `restored` was handed over as; wait until it answers."""
        directory = self._directory / f"run{next(_numbers)}"
        directory.mkdir()
        directory.chmod(0o777)
        # What `put` does.
        restored.sandbox.own(delivery.data, delivery.ownership.user, delivery.ownership.group, self._docker.image(IMAGE))
        container = self._docker.run(
            f"lifeboat-test-operator-{os.getpid()}-{next(_numbers)}",
            self._docker.image(IMAGE),
            command=["mysqld", "--socket=/operator/mysqld.sock", "--mysqlx=OFF", *options],
            mounts={delivery.data: delivery.inside, directory: "/operator"},
            user=f"{delivery.ownership.user}:{delivery.ownership.group}",
        )
        self.started.append(container)
        operated = Operated(container, directory)
        assert wait_until(operated.answers, seconds=120), container.logs(60)
        return operated


class Operated:
    """A server that an operator has started."""

    def __init__(self, container: Container, directory: Path) -> None:
        self.container = container
        self._directory = directory
        self._running = seldom(container.running)

    def connect(self, user: str = "root", password: str = ROOT_PASSWORD, host: str = "") -> Connection:
        handle = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return open_session(
                unix_socket=f"/proc/self/fd/{handle}/mysqld.sock",
                user=user,
                password=password,
                autocommit=True,
                charset="utf8mb4",
            )
        finally:
            os.close(handle)

    def answers(self) -> bool:
        assert self._running(), self.container.logs(60)
        try:
            self.connect("nobody", "").close()
        except pymysql.err.OperationalError as error:
            return error.args[0] == 1045
        return True

    def rows(self, statement: str, user: str = "app", password: str = "app's own") -> list[tuple[object, ...]]:
        with self.connect(user, password) as session, session.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())


@pytest.fixture
def operator(mysql_docker: Docker, tmp_path: Path) -> Iterator[Operator]:
    """Whoever takes over."""
    tmp_path.chmod(0o755)
    found = Operator(mysql_docker, tmp_path)
    yield found
    for container in found.started:
        container.remove()
