"""Runs mysqldump or mariadb-dump in containers of the source's version, several side by side, each with a snapshot of its own.

The password is in a file of mode 0600 that only the container's shell reads: on no command line, and not in what Docker shows.
"""

import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath

from backups.errors import LifeboatError
from backups.machine import below
from backups.machine.docker import Container, Docker, Image
from backups.services.base import Job
from backups.services.mysql.dump_details import DUMP
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source.source import Source
from backups.services.mysql.text import one_line
from backups.services.mysql.versions import Version

_HOME = "/lifeboat"
_TARGET = "/backup"
_OPENED = ("-- Setting savepoint", "-- Retrieving ", "-- Disconnecting ")
"""What the program prints of each step on its error output: none of these comes before its snapshot is open."""
_COMPLETE = b"-- Dump completed"
_CHANGED = ("1412", "1146", "1049", "1054", "1051")
"""Errors of a table or a database that has changed, or gone, since it was listed."""
_NOT_FOUND = 127
_SCRIPT = """
until [ -e "/lifeboat/go-$2" ]; do sleep 0.01; done
export MYSQL_PWD="$(cat /lifeboat/password)"
unset LIBMYSQL_ENABLE_CLEARTEXT_PLUGIN
mkdir -p /tmp/plugins
for plugin in client_ed25519 parsec; do
  file=$(find /usr -name "$plugin.so" 2>/dev/null | head -n 1)
  [ -z "$file" ] || cp "$file" /tmp/plugins/
done
program=$(command -v mariadb-dump || command -v mysqldump) || exit 127
name=$1; shift 2
exec "$program" --no-defaults --result-file="/backup/$name" "$@" 2>"/lifeboat/$name.err"
"""
_ONLY_PROOFS = "--plugin-dir=/tmp/plugins"
"""MariaDB's programs send the password in clear, or by a key from the wire, to whoever asks, if they find the plugin for that."""
DATA_OPTIONS = ("--no-create-info", "--no-create-db", "--skip-triggers", "--skip-add-locks")
"""Rows alone. Without locks, which nobody needs who loads alone: a default that draws from a sequence has to lock that too."""
_COMMON = (
    "--verbose",
    "--single-transaction",
    "--skip-lock-tables",
    "--quick",
    "--hex-blob",
    "--default-character-set=utf8mb4",
    "--no-tablespaces",
    "--skip-dump-date",
    "--max-allowed-packet=1G",
)


class SourceChanged(Exception):
    """Says that DDL came between the snapshot and the reading: no fault, the round is void."""


@dataclass(frozen=True)
class Dumping:
    """One run of the program: it waits until its group is released, then writes its file."""

    name: str
    group: str
    container: Container
    home: Path
    target: Path

    def opened(self) -> bool:
        """Return whether its snapshot is open. Raises LifeboatError when it has failed before."""
        output = self._error_output()
        if any(mark in output for mark in _OPENED):
            return True
        if not self.container.running():
            self.require_done()
        return False

    def running(self) -> bool:
        """Return whether it still writes."""
        return self.container.running()

    def require_done(self) -> None:
        """Raise unless it has ended well and its file is whole; SourceChanged when the source's tables are no longer the same."""
        code, output = self.container.wait(), self._error_output()
        faults = [line for line in output.splitlines() if line.strip() and not line.startswith("--")]
        answer = " | ".join(faults[-3:]) or one_line(self.container.logs(5))
        if code == _NOT_FOUND:
            raise LifeboatError(
                f"image {self.container.image.name} has neither mysqldump nor mariadb-dump",
                hint="set `image:` to the official image of the source's version",
            )
        if code:
            if any(f"({number})" in answer or f"{number}:" in answer for number in _CHANGED):
                raise SourceChanged(answer[-300:])
            raise LifeboatError(
                f"the dump program ended with code {code}: {answer[-500:]}", hint="`lifeboat doctor` may say more"
            )
        with below.opened(self.target, PurePath(self.name)) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - len(_COMPLETE) - 2))
            if _COMPLETE not in file.read():
                raise LifeboatError(
                    f"the dump program ended well, but its file {self.name} has no mark that it is complete", hint="try again"
                )

    def _error_output(self) -> str:
        return below.text(self.home, PurePath(f"{self.name}.err"))


class Dumps:
    """Starts dumps that wait, and releases them together."""

    def __init__(self, job: Job, image: Image, settings: MySQLSettings, source: Source, home: Path) -> None:
        self._job, self._image, self._settings, self._source, self._home = job, image, settings, source, home
        self.target = job.directory / DUMP
        self.started: list[Dumping] = []

    def add(self, name: str, group: str, options: Sequence[str], databases: Sequence[str]) -> None:
        """Start one that waits until `group` is released."""
        options = [*_COMMON, *self._connection(), *options, "--databases", "--", *databases]
        container = self._job.docker.run(
            f"lifeboat-mysql-dump-{uuid.uuid4().hex[:12]}",
            self._image,
            entrypoint=["sh", "-c", _SCRIPT, "dump"],
            command=[name, group, *options],
            mounts={self._home: _HOME, self.target: _TARGET},
            user=f"{os.getuid()}:{os.getgid()}",
            network="host",
        )
        self.started.append(Dumping(name, group, container, self._home, self.target))

    def release(self, group: str) -> Callable[[], bool]:
        """Let the dumps of a group begin; what is returned says whether all of them have opened their snapshots."""
        going = [dumping for dumping in self.started if dumping.group == group]
        below.create(self._home, f"go-{group}")
        return lambda: all(dumping.opened() for dumping in going)

    def wait(self, meanwhile: Callable[[], object]) -> None:
        """Wait until all have ended well; `meanwhile` is called now and then, for sessions that must not fall asleep."""
        for dumping in self.started:
            while dumping.running():
                meanwhile()
                time.sleep(0.1)
            dumping.require_done()

    def _connection(self) -> list[str]:
        settings, mariadb = self._settings, self._source.version.mariadb
        options = [f"--host={settings.host}", f"--port={settings.port}", "--protocol=tcp", f"--user={settings.user}"]
        if not mariadb:
            options += ["--set-gtid-purged=OFF", "--column-statistics=0"]
        if settings.tls == "verify":
            authority = f"--ssl-ca={_HOME}/ca.pem"
            return [*options, authority, "--ssl-verify-server-cert"] if mariadb else [*options, authority, "--ssl-mode=VERIFY_CA"]
        if mariadb:
            tls = ["--ssl", "--skip-ssl-verify-server-cert"] if self._source.tls else ["--skip-ssl"]
            return [*options, *tls, _ONLY_PROOFS]
        return [*options, f"--ssl-mode={'REQUIRED' if self._source.tls else 'DISABLED'}"]


@contextmanager
def dumps(job: Job, settings: MySQLSettings, source: Source) -> Iterator[Dumps]:
    """Prepare dumps into `job.directory`/dump; every container and the password's file are gone afterwards."""
    image = job.docker.image(settings.image)
    home = job.work / "dumper"
    home.mkdir(mode=0o700)
    password = home / "password"
    password.touch(mode=0o600)
    password.write_text(settings.reveal_password())
    if settings.tls == "verify" and settings.tls_ca:
        shutil.copyfile(settings.tls_ca.expanduser(), home / "ca.pem")
    running = Dumps(job, image, settings, source, home)
    running.target.mkdir(mode=0o755)
    try:
        yield running
    finally:
        for dumping in running.started:
            dumping.container.remove()
        shutil.rmtree(home, ignore_errors=True)


def version(docker: Docker, image: Image) -> Version:
    """Read the server's version in an image, which must have the dump program too. Raises LifeboatError for what is missing."""
    script = (
        "{ command -v mariadb-dump || command -v mysqldump; } >/dev/null || exit 127; "
        'server=$(command -v mariadbd || command -v mysqld) && "$server" --no-defaults --version'
    )
    container = docker.run(f"lifeboat-mysql-examine-{uuid.uuid4().hex[:12]}", image, entrypoint=["sh", "-c", script])
    try:
        code, output = container.wait(), container.logs(20)
    finally:
        container.remove()
    if code == _NOT_FOUND:
        raise LifeboatError(
            f"image {image.name} lacks the dump program, mysqldump or mariadb-dump", hint="use the official image of that version"
        )
    if code:
        raise LifeboatError(
            f"image {image.name} does not run mysqld or mariadbd: {one_line(output, 300)}",
            hint="set `image:` to the source's version",
        )
    return Version.parse(output)
