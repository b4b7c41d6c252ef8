"""A PostgreSQL server of Debian's packages, in a directory and by a user of its own: for Prefect's server to keep its data in."""

import asyncio
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from backups.machine.wait import wait_until

_AS_NOBODY = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--inh-caps", "-all"]
"""It does not run as root."""


@dataclass(frozen=True)
class PostgreSQL:
    """A running server; `address` is what Prefect connects to."""

    address: str

    def column(self, query: str) -> list[Any]:
        """The first column of what a query answers."""

        async def ask() -> list[Any]:
            connection = await asyncpg.connect(self.address.replace("+asyncpg", ""))
            try:
                return [row[0] for row in await connection.fetch(query)]
            finally:
                await connection.close()

        return asyncio.run(ask())


@contextmanager
def running() -> Iterator[PostgreSQL]:
    """Start one; it ends with the block, and with this process."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda each: int(each.parts[-3]))
    assert versions, "PostgreSQL is not installed: deployments/machine/test-tools.sh does it"
    programs = versions[-1].parent
    folder, password = Path(tempfile.mkdtemp(prefix="lifeboat-test-postgresql-")), secrets.token_hex(16)
    try:
        data, given = folder / "data", folder / "password"
        given.write_text(password)
        for path in (folder, given):
            shutil.chown(path, "nobody", "nogroup")
        made = [
            programs / "initdb",
            "-D",
            data,
            "-U",
            "prefect",
            "--pwfile",
            given,
            "-A",
            "scram-sha-256",
            "--no-sync",
            "-E",
            "UTF8",
        ]
        subprocess.run([*_AS_NOBODY, *made], check=True, capture_output=True, cwd=folder)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        options = ["-D", data, "-k", folder, "-h", "127.0.0.1", "-p", str(port), "-F", "-c", "max_connections=200"]
        with (folder / "log").open("wb") as log:
            # SIGQUIT ends it at once, and its processes.
            process = subprocess.Popen(
                [*_AS_NOBODY, "--pdeathsig", "QUIT", programs / "postgres", *options], cwd=folder, stdout=log, stderr=log
            )
        try:
            server = PostgreSQL(f"postgresql+asyncpg://prefect:{password}@127.0.0.1:{port}/postgres")
            assert wait_until(lambda: _answers(server), seconds=60, interval=0.1), (folder / "log").read_text()
            yield server
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait()
    finally:
        shutil.rmtree(folder)


def _answers(server: PostgreSQL) -> bool:
    try:
        return server.column("SELECT 1") == [1]
    except (OSError, asyncpg.PostgresError):
        return False
