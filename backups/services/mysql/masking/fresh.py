"""Makes the new, empty server that takes the masked rows: in a directory of its own, with two accounts and nobody else's.

Next files: `../dump/load.py`, the scripts that it is made and started by.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from backups.errors import Damaged, LifeboatError
from backups.machine import below
from backups.machine.docker import Container
from backups.machine.wait import wait_until
from backups.services.base import Sandbox
from backups.services.mysql.copy import hand_over, options
from backups.services.mysql.copy.for_drill import RELAXED, Account
from backups.services.mysql.copy.opened import Opened
from backups.services.mysql.copy.options import network
from backups.services.mysql.copy.server import Server
from backups.services.mysql.copy.zone_file import zone_file
from backups.services.mysql.details import DATADIR
from backups.services.mysql.dump import load
from backups.services.mysql.dump_details import DUMP
from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.text import one_line
from backups.services.mysql.witness import accounts

Result = TypeVar("Result")
_USER = 999
_ENDING = 3600.0
DEVELOPER = "developer"
"""The account that is handed over; also what is defined by somebody is defined by it."""


@contextmanager
def _not_the_backup() -> Iterator[None]:
    """Turn what this server says into a LifeboatError that is no fault of the backup."""
    try:
        yield
    except Damaged as fault:
        raise LifeboatError(f"the masked server: {fault.message}", hint="try again; look at the memory and the disk") from fault


class Fresh:
    """An empty server of the original's version, with the settings that data depend on."""

    def __init__(self, name: str, original: Opened, sandbox: Sandbox) -> None:
        self.name = name
        self.home = sandbox.directory / f"{name}-masked"
        self.sandbox = sandbox
        self.image = original.image
        self.account = Account.random()
        self.developer = Account(DEVELOPER, Account.random().password)
        self._original = original
        self._server: Server | None = None

    @property
    def server(self) -> Server:
        """The running server."""
        if self._server is None:
            raise AssertionError("it is asked once it is started")
        return self._server

    @property
    def data(self) -> Path:
        """Its data directory."""
        return self.home / DATADIR

    def initialise(self) -> None:
        """Make the empty data directory."""
        self.home.mkdir()
        for directory in ("run", DATADIR, DUMP):
            (self.home / directory).mkdir()
            (self.home / directory).chmod(0o755)
        self.home.chmod(0o711)
        if self._original.zone:
            (self.home / options.ZONE).write_bytes(zone_file(self._original.zone))
        for name, text in (("account.sql", self._accounts()), ("password", self.account.password)):
            (self.home / name).touch(mode=0o600)
            (self.home / name).write_text(text)
        self.sandbox.own(self.home, _USER, _USER, self.image, within=True)
        made = self._run("-initialise", "initialise", self._variables())
        wait_until(lambda: not made.running(), seconds=_ENDING, interval=0.1)
        if code := made.wait():
            raise LifeboatError(
                f"image {self.image.name} cannot make an empty data directory (exit code {code}): {one_line(made.logs(10), 500)}",
                hint="is it an image of the source's version?",
            )

    def start(self) -> None:
        """Start it, and leave no account in it but the server's own, ours, and the developer's."""
        command = [
            *self._variables(),
            *(f"--plugin-load-add={library}" for library in self._original.plugins),
            *load.SERVER,
            *network(None),
            *RELAXED,
            # What is searched and handed over is no larger than it need be, and its files are clean.
            "--loose-innodb-redo-log-capacity=128M",
            "--innodb-fast-shutdown=1",
            f"--init-file={load.HOME}/account.sql",
        ]
        self._server = Server(self._run("", "server", command), self.home, self.account)
        with _not_the_backup():
            self._server.wait_until_ready()
        self.run(self._forget_accounts)

    def run(self, function: Callable[[Session], Result]) -> Result:
        """Run a function in a session of its own."""
        with _not_the_backup():
            return self.server.run(function)

    def load(self, file: str) -> list[str]:
        """Load a file of definitions; returns what the server refused of it."""
        path = self.home / DUMP / file
        path.chmod(0o644)
        found = load.load(self.sandbox, self.image, f"{self.name}-masked", self.home, [file], self.account.user, force=True)
        return [str(fact.value) for fact in found]

    def settle(self) -> Path:
        """Drop our account, end it in order, and remove what was the sandbox's; returns its data directory."""
        server = self.server
        self.run(lambda session: rows(session, f"DROP USER {quoted(self.account.user)}@localhost"))
        server.container.stop(int(_ENDING))
        if code := server.container.wait():
            raise LifeboatError(
                f"the masked server did not end in order (exit code {code}): {server.error_log()}",
                hint="try again; if it happens again, look at the memory and the disk of this machine",
            )
        if os.geteuid():
            self.sandbox.own(self.home, os.geteuid(), os.getegid(), self.image)
        hand_over.remove_sandbox_files(self.data)
        below.require_plain(self.data, "the masked data")
        return self.data

    def _forget_accounts(self, session: Session) -> None:
        for user, host in rows(session, "SELECT user, host FROM mysql.user"):
            if f"{user}@{host}" not in accounts.RESERVED and user not in (self.account.user, self.developer.user, "PUBLIC"):
                rows(session, "DROP USER %s@%s", [user, host])

    def _accounts(self) -> str:
        everywhere = self.developer.sql().replace("@'localhost'", "@'%'")
        sql = self.account.sql() + everywhere
        return sql.replace(" WITH caching_sha2_password", "") if self._original.mariadb else sql

    def _run(self, suffix: str, what: str, command: Sequence[str]) -> Container:
        return self.sandbox.run(
            f"{self.name}-masked{suffix}",
            self.image,
            entrypoint=["sh", "-c", load.SCRIPTS[what], what],
            command=list(command),
            environment=self._original.environment,
            mounts={self.home: load.HOME, self.data: hand_over.DATA},
            user=f"{_USER}:{_USER}",
        )

    def _variables(self) -> list[str]:
        return list(options.settings(self._original.variables))
