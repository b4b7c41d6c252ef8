"""Tells between which versions of Grafana a database was written, by the columns that it has.

A server adds what is missing when it starts, so the database that a server runs on has all that its version has. Each mark was
seen in databases of real servers: the version that is named has it, the one named before it has not.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from backups.services.base import Job
from backups.services.grafana.files.database import Database
from backups.services.grafana.files.living import NotLiving

Version = tuple[int, int]

MARKS: tuple[tuple[Version, tuple[tuple[str, str], ...]], ...] = (
    ((8, 0), (("data_source", "uid"), ("dashboard", "is_folder"))),
    ((9, 0), (("data_keys", "encrypted_data"), ("kv_store", "namespace"))),
    ((11, 0), (("alert_rule", "notification_settings"), ("signing_key", "key_id"), ("sso_setting", "provider"))),
    ((11, 6), (("alert_rule", "guid"), ("alert_rule", "metadata"), ("user_external_session", "id"))),
    ((12, 4), (("alert_rule", "keep_firing_for"), ("alert_instance", "last_error"))),
)
"""By version: tables and columns of its databases, that those of the version before it in this table do not have."""

HINT = "Grafana 8 to 13 can be backed up by files: is the place Grafana's data directory, and has Grafana been started there?"
_VERSION = re.compile(r"v?([0-9]{1,4})\.([0-9]{1,4})(?![0-9])")


@dataclass(frozen=True)
class Age:
    """What the versions are between. above: the newest version that is too old for it; below: the oldest that is too new."""

    above: Version | None = None
    below: Version | None = None

    def __str__(self) -> str:
        newer = f"newer than {_written(self.above)}" if self.above else ""
        older = f"older than {_written(self.below)}" if self.below else ""
        return " and ".join(part for part in (newer, older) if part) or "of any version"

    def too_new(self, version: str | None) -> bool:
        """Whether this server is too new for the database: it would have added what is missing when it started."""
        numbers = parsed(version)
        return numbers is not None and self.below is not None and numbers >= self.below

    def too_old(self, version: str | None) -> bool:
        """Whether this server is too old for the database: a newer one has run on it."""
        numbers = parsed(version)
        return numbers is not None and self.above is not None and numbers <= self.above

    def fits(self, version: str | None) -> bool:
        """Whether a server of this version may have written it."""
        return not self.too_new(version) and not self.too_old(version)


def fault(database: Database) -> str | None:
    """Say why a database cannot be read as a Grafana's, as the end of a sentence; None for one that can."""
    lacks = [table for table in ("migration_log", "org") if not database.has(table)]
    if not database.has("dashboard") and not database.has("resource"):
        lacks.append("dashboard or resource")
    if lacks:
        return f"is not a Grafana database: it lacks the tables {', '.join(lacks)}"
    oldest, marks = MARKS[0]
    lacking = [f"{table}.{column}" for table, column in marks if database.has(table) and not database.has(table, column)]
    return f"was written by a Grafana older than {_written(oldest)}: it lacks {', '.join(lacking)}" if lacking else None


def require(database: Database, version: str | None, what: str) -> None:
    """Raise NotLiving when the server is newer than the database: then it is not the one that it runs on. what: the file."""
    age = of(database)
    if age.too_new(version):
        raise NotLiving(
            f"{what} was written by a Grafana {age}, and the server that answers is {version}: it does not run on that file",
            hint="set place: to the data directory of the server at url:, or url: to the server of that place",
        )


def limits(database: Database, version: str | None) -> Iterator[str]:
    """Say that a newer server has run on the database, where one has: it was set back to an older version, or is not its own."""
    age = of(database)
    if age.too_old(version):
        yield f"what a newer Grafana has written: the server says {version}, and a Grafana {age} has run on its database"


def version_before(job: Job) -> str | None:
    """The first two numbers of the version that the last backup that knew one says."""
    manifests = sorted([*job.chain, *([job.before] if job.before else [])], key=lambda one: one.taken_at)
    known = [numbers for one in manifests if (numbers := parsed(one.source.version))]
    return _written(known[-1]) if known else None


def words(database: Database, job: Job) -> str:
    """What is known of the version of a source that did not say it."""
    before = version_before(job)
    earlier = f", and the backup before it says {before}" if before else ""
    return f"its database was written by a Grafana {of(database)}{earlier}"


def of(database: Database) -> Age:
    """Tell a database's age; one that has none of a version's marks is older than that version."""
    above: Version | None = None
    before: Version | None = None
    for version, marks in MARKS:
        if not any(database.has(table, column) for table, column in marks):
            return Age(above, version)
        above, before = before, version
    return Age(above)


def parsed(version: str | None) -> Version | None:
    """The first two numbers of a version; None where it is none that can be compared."""
    found = _VERSION.match(version or "")
    return (int(found[1]), int(found[2])) if found else None


def _written(version: Version) -> str:
    return ".".join(map(str, version))
