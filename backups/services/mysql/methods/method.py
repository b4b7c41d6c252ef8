"""Describes what each method of backing a MySQL server up can do.

The service chooses by `method:`, or by the manifest.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

from backups.manifest import Kind
from backups.services.base import Captured, Copy, Fetched, Job, Sandbox
from backups.services.mysql.doctor.checks import Checks
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source.source import Source


class Method(Protocol):
    """One way of backing up, and of bringing back what it took."""

    @property
    def name(self) -> str:
        """As it is written in lifeboat.yaml."""
        ...

    @property
    def checks(self) -> Checks:
        """What the doctor asks."""
        ...

    @property
    def continuous(self) -> bool:
        """Whether its backups hold the log, so that any moment between two of a chain can be brought back."""
        ...

    @property
    def kinds(self) -> Collection[Kind]:
        """The kinds of backup that it takes."""
        ...

    def capture(self, job: Job, settings: MySQLSettings, seen: Source) -> Captured:
        """Take a full or an incremental of a source that was found fit; pymysql's errors pass. See `Service.capture`."""
        ...

    def copy(self, name: str, settings: MySQLSettings, chain: Sequence[Fetched], sandbox: Sandbox, *, for_restore: bool) -> Copy:
        """Prepare a copy of a chain that was taken this way; see `Service.copy`."""
        ...
