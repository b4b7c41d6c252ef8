"""Backs up by mysqldump or mariadb-dump: fulls only, without a log."""

from collections.abc import Sequence

from backups.manifest import Kind
from backups.services.base import Captured, Copy, Fetched, Job, Sandbox
from backups.services.mysql.doctor import doctor
from backups.services.mysql.dump import capture
from backups.services.mysql.dump.checks import DumpChecks
from backups.services.mysql.dump.copy import DumpedCopy
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source import connection
from backups.services.mysql.source.source import Source


class Dump:
    """Backs up by a dump program; see `Method`."""

    name = "dump"
    kinds: tuple[Kind, ...] = ("full",)
    checks = DumpChecks()
    continuous = False

    def capture(self, job: Job, settings: MySQLSettings, seen: Source) -> Captured:
        """See `Method.capture`. Raises LifeboatError when the image is not one to dump with."""
        doctor.require_image(settings, seen, job.docker, self.checks)
        return capture.capture(job, settings, seen, lambda: connection.connect(settings))

    def copy(self, name: str, settings: MySQLSettings, chain: Sequence[Fetched], sandbox: Sandbox, *, for_restore: bool) -> Copy:
        """See `Method.copy`."""
        return DumpedCopy(name, settings, chain, sandbox, for_restore=for_restore)
