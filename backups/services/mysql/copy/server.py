"""Waits for the server of a copy, runs statements on it by its socket, and explains errors with the server's own log."""

import os
import socket
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import TypeVar

import pymysql.err

from backups.errors import Damaged, LifeboatError, Transient
from backups.machine import below
from backups.machine.docker import Container
from backups.machine.wait import seldom
from backups.services.mysql.copy.for_drill import Account
from backups.services.mysql.source.connection import Session, connect_socket
from backups.services.mysql.text import without_statement

HINT = "verify an older backup; the image must be of the source's version"
_T = TypeVar("_T")
_PATIENCE = 1800.0
"""Seconds for a server to recover its data and take connections."""
_ACCESS_DENIED = 1045
SOCKET = PurePath("run/mysqld.sock")
"""Where a copy's server listens, below its home."""


def connect(home: Path, user: str, password: str) -> Session:
    """Open a session with the server whose home that is; raises Transient while it has no socket there, or nobody listens."""
    try:
        with below.socket(home, SOCKET) as path:
            return connect_socket(path, user, password)
    except OSError as error:
        raise Transient(f"there is no socket {home / SOCKET}: {error.strerror}") from error


class Ended(Damaged):
    """The server ended instead of taking connections."""


class Server:
    """A server in `container` that listens below its `home`, where it may write anything, and knows `account`."""

    def __init__(self, container: Container, home: Path, account: Account) -> None:
        self.container = container
        self._home = home
        self._account = account

    def wait_until_ready(self, seconds: float | None = None) -> None:
        """Wait until it takes connections. Raises Ended when it ends, Damaged when it does not answer."""
        patience = _PATIENCE if seconds is None else seconds
        deadline, running = time.monotonic() + patience, seldom(self.container.running)
        while (refused := self._refused()) is not None:
            if not running():
                raise Ended(f"the server ended on the restored data: {self.error_log()}", hint=HINT)
            if time.monotonic() > deadline:
                raise Damaged(
                    f"the server takes no connection {patience:.0f} s after its start ({refused}): {self.error_log()}",
                    hint=HINT,
                )
            time.sleep(0.05)

    def connect(self) -> Session:
        """Open a session; the caller closes it."""
        return connect(self._home, self._account.user, self._account.password)

    def dial(self) -> socket.socket:
        """Open a bare connection to it; the caller closes it. Raises OSError when nobody listens."""
        near = socket.socket(socket.AF_UNIX)
        try:
            with below.socket(self._home, SOCKET) as path:
                near.connect(str(path))
        except OSError:
            near.close()
            raise
        return near

    def run(self, function: Callable[[Session], _T]) -> _T:
        """Run a function in a session of its own; pymysql's errors become Damaged."""
        with self.errors_explained(), self.connect() as session:
            return function(session)

    @contextmanager
    def errors_explained(self) -> Iterator[None]:
        """Turn pymysql's errors into Damaged."""
        try:
            yield
        except pymysql.err.MySQLError as error:
            answer = " ".join(str(argument) for argument in error.args)
            state = "" if self.container.running() else f"; the server has ended: {self.error_log()}"
            raise Damaged(f"the restored server answers with an error: {answer}{state}", hint=HINT) from error

    def error_log(self) -> str:
        """Return the server's last errors, or its last lines; without the stack trace after them."""
        lines = [without_statement(line.strip()) for line in self.container.logs(300).splitlines() if line.strip()]
        return " | ".join([line for line in lines if "[ERROR]" in line or "mysqld got signal" in line][-4:] or lines[-4:])

    def url(self, database: str) -> str:
        """Return an URL of one of its databases that SQLAlchemy opens by the socket."""
        # The handle stays open as long as somebody may use the address.
        path = f"/proc/{os.getpid()}/fd/{below.held_socket(self._home, SOCKET)}"
        password, where, name = (urllib.parse.quote(text, safe="") for text in (self._account.password, path, database))
        # SQLAlchemy decodes what stands behind the question mark, but not a database's name before it.
        return f"mysql+pymysql://{self._account.user}:{password}@localhost/?database={name}&unix_socket={where}&charset=utf8mb4"

    def _refused(self) -> str | None:
        """Return why it takes no connection yet; None when it does."""
        try:
            self.connect().close()
        except Transient as error:
            cause = error.__cause__
            if isinstance(cause, pymysql.err.OperationalError) and cause.args[0] == _ACCESS_DENIED:
                raise LifeboatError(
                    f"the copy's server did not create the account that Lifeboat uses: {self.error_log()}",
                    hint="a plugin of the source that checks passwords may forbid it: please report it",
                ) from error
            return error.message
        return None
