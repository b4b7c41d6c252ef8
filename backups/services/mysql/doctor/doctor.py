"""Looks at a source, its image and our user before anything is copied, and changes nothing.

`examine` shows the operator everything; `require` stops a backup at the first thing that would make it wrong or impossible.
The reasons themselves are in `checks.py`.
"""

from collections.abc import Iterator

from backups.errors import LifeboatError
from backups.machine.docker import Docker
from backups.services.base import Finding
from backups.services.mysql.clone import recipient
from backups.services.mysql.doctor.checks import create_user, judge
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source import connection, source
from backups.services.mysql.source.connection import Session
from backups.services.mysql.source.source import Source
from backups.services.mysql.versions import clone_mismatch


def examine(settings: MySQLSettings, docker: Docker) -> Iterator[Finding]:
    """Look at everything that a backup of this source needs; a fault is a finding, never an exception."""
    seen = None
    try:
        with connection.told(settings), connection.connect(settings) as session:
            seen = source.look(session)
            tls = "over TLS" if seen.tls else "without TLS"
            yield Finding("connection", ok=True, message=f"{settings.user} is let in at {settings.where}, {tls}")
            for verdict in judge(session, seen, settings):
                yield verdict.finding
    except LifeboatError as error:
        remedy = "; ".join(part for part in (error.hint, create_user(settings)) if part)
        yield Finding("connection", ok=False, message=error.message, remedy=remedy)
    try:
        yield from _examine_image(settings, seen, docker)
    except LifeboatError as error:
        yield Finding("image", ok=False, message=error.message, remedy=error.hint)


def require(session: Session, seen: Source, settings: MySQLSettings) -> list[str]:
    """Raise LifeboatError for the first fault that a backup is refused for; returns what else there is to be said."""
    warnings = []
    for verdict in judge(session, seen, settings):
        finding = verdict.finding
        if verdict.refuses:
            raise LifeboatError(f"MySQL at {settings.where}: {finding.message}", hint=finding.remedy)
        if not finding.ok:
            warnings.append(finding.message)
    return warnings


def _examine_image(settings: MySQLSettings, seen: Source | None, docker: Docker) -> Iterator[Finding]:
    image = docker.image(settings.image)
    version, libraries = recipient.examine(docker, image)
    if seen is None:
        yield Finding("image", ok=True, message=f"{image.name} is here, MySQL {version.text}; the source's version is unknown")
        return
    reason = clone_mismatch(seen.version, version)
    if reason:
        yield Finding("image", ok=False, message=reason, remedy=recipient.another_image(seen.version))
    else:
        yield Finding("image", ok=True, message=f"{image.name} is here, MySQL {version.text}")
    missing = recipient.missing_libraries(seen.plugins, libraries)
    if missing:
        yield Finding("plugins", ok=False, message=recipient.tell_missing(missing, image), remedy=recipient.ANOTHER_PLUGIN)
    else:
        yield Finding("plugins", ok=True, message=f"the image has the libraries of all {len(seen.plugins)} that are active")
