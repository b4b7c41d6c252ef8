"""Examines a source, its image and our user before anything is copied, and changes nothing.

`examine` shows the operator everything; `require` stops a backup at the first thing that would make it wrong or impossible.
The checks are those of the method (`checks.py`).
"""

from collections.abc import Iterator

from backups.errors import LifeboatError
from backups.machine.docker import Docker
from backups.services.base import Finding
from backups.services.mysql.doctor.checks import Checks
from backups.services.mysql.settings import MySQLSettings
from backups.services.mysql.source import connection, source
from backups.services.mysql.source.connection import Session
from backups.services.mysql.source.looking import looking
from backups.services.mysql.source.source import Source


def examine(settings: MySQLSettings, docker: Docker, checks: Checks) -> Iterator[Finding]:
    """Check everything that a backup of this source needs; a fault is a finding, never an exception."""
    seen = None
    try:
        with looking(settings) as session:
            seen = source.inspect(session)
            yield _connection(settings, seen)
            for verdict in checks.judge(session, seen, settings):
                yield verdict.finding
    except LifeboatError as error:
        remedy = "; ".join(part for part in (error.hint, checks.create_user(settings)) if part)
        yield Finding("connection", ok=False, message=error.message, remedy=remedy)
    try:
        yield from checks.examine_image(settings, seen, docker)
    except LifeboatError as error:
        yield Finding("image", ok=False, message=error.message, remedy=error.hint)


def _connection(settings: MySQLSettings, seen: Source) -> Finding:
    """Say who could be in between: whose certificate is not checked may be anybody."""
    let_in = f"{settings.user} is let in at {settings.where}, {'over TLS' if seen.tls else 'without TLS'}"
    if not connection.unverified(settings):
        how = "its certificate is checked" if settings.tls == "verify" else "through SSH"
        return Finding("connection", ok=True, message=f"{let_in}, {how}")
    remedy = "tls: verify, and tls_ca: /path/to/ca.pem, a copy of the file that the server names (SHOW VARIABLES LIKE 'ssl_ca')"
    read = "" if seen.tls else "; whoever is on its way reads all rows"
    return Finding("connection", ok=True, message=f"{let_in}, not verified: anybody could stand between{read}", remedy=remedy)


def require(session: Session, seen: Source, settings: MySQLSettings, checks: Checks) -> list[str]:
    """Raise LifeboatError for the first fault that a backup is refused for; returns the faults that it is not refused for."""
    warnings = []
    for verdict in checks.judge(session, seen, settings):
        finding = verdict.finding
        if verdict.refuses:
            raise LifeboatError(f"MySQL at {settings.where}: {finding.message}", hint=finding.remedy)
        if not finding.ok:
            warnings.append(finding.message)
    return warnings


def require_image(settings: MySQLSettings, seen: Source, docker: Docker, checks: Checks) -> None:
    """Raise LifeboatError for the first fault of the image."""
    for finding in checks.examine_image(settings, seen, docker):
        if not finding.ok:
            raise LifeboatError(finding.message, hint=finding.remedy)
