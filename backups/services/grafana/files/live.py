"""Copies the database that a restored Grafana runs on, as it is at one moment, without SQLite opening anything that it wrote.

SQLite plays back a journal that it finds beside a database, and deletes the file that the journal names. So the container is
held still, and the bytes of the database are copied, and those of its log of changes, which names no file.
"""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path, PurePath

from backups.errors import Damaged
from backups.machine import below
from backups.machine.docker import Container
from backups.machine.wait import wait_until
from backups.services.grafana.files.database import FILE

_PATIENCE = 60.0
"""Seconds for a change of the database to end."""
_BEGINNING = 8
"""Bytes that a journal begins with; they are zero when it is not in use."""


def copy(container: Container, directory: Path, into: Path) -> Path:
    """Copy the database in the container's data `directory` into a directory of ours; returns the copy."""

    def copied() -> bool:
        with container.held_still():
            if _changing(directory):
                return False
            for name in (FILE, f"{FILE}-wal"):
                _copy(directory, PurePath(name), into / name)
            return True

    if not wait_until(copied, seconds=_PATIENCE):
        raise Damaged(
            f"the restored Grafana was changing its database for {_PATIENCE:.0f} s: {container.logs(8)}",
            hint="verify another backup, and take a full",
        )
    try:
        with closing(sqlite3.connect(into / FILE)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.DatabaseError as error:
        raise Damaged(f"{FILE} of the restored Grafana cannot be read: {error}", hint="verify another backup") from error
    return into / FILE


def _changing(directory: Path) -> bool:
    """Return whether there is a journal: a change that is not complete, since it is deleted or emptied at a change's end."""
    name = PurePath(f"{FILE}-journal")
    try:
        with below.opened(directory, name) as journal:
            return journal.read(_BEGINNING).strip(b"\0") != b""
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _no_file(name, error) from error


def _copy(directory: Path, name: PurePath, to: Path) -> None:
    try:
        with below.opened(directory, name) as found, to.open("wb") as file:
            shutil.copyfileobj(found, file, 1 << 20)
    except FileNotFoundError:
        to.unlink(missing_ok=True)
    except OSError as error:
        raise _no_file(name, error) from error


def _no_file(name: PurePath, error: OSError) -> Damaged:
    return Damaged(
        f"{name} in the data directory of the restored Grafana is not a file: {error.strerror}",
        hint="who could write to the repository? restore another backup",
    )
