"""Examines a Grafana for `lifeboat doctor` where method is api: its server, and all that a backup would read.

Changes nothing.
"""

from collections.abc import Iterator

from backups import plural
from backups.errors import LifeboatError
from backups.machine.docker import Docker
from backups.services.base import Finding
from backups.services.grafana import health
from backups.services.grafana.api import kinds, not_restorable
from backups.services.grafana.api.objects import shortened
from backups.services.grafana.api.read import read
from backups.services.grafana.client import Client
from backups.services.grafana.settings import GrafanaSettings


def examine(settings: GrafanaSettings, docker: Docker) -> Iterator[Finding]:
    """See `Service.examine`."""
    yield from health.examine(settings, docker)
    try:
        objects = read(Client.of(settings))
    except LifeboatError as error:
        yield Finding("reading", ok=False, message=error.message, remedy=error.hint)
        return
    dashboards = sum(key.kind == kinds.DASHBOARD for key in objects.bodies)
    organisations = len(objects.organisations)
    yield Finding(
        "reading",
        ok=True,
        message=f"{plural.count(len(objects.bodies), 'object')} can be read, {plural.count(dashboards, 'dashboard')}, "
        f"{plural.count(organisations, 'organisation')}",
    )
    for (number, kind), reason in sorted(objects.closed.items()):
        whose = f"org {number} " if number else ""
        # A token never sees the server's users and other organisations, an old version lacks some kinds: neither is a fault.
        fine = (number, kind) not in objects.denied
        yield Finding("reading", ok=fine, message=f"{whose}{kinds.plural(kind)}: {reason}", remedy=None if fine else _GIVE)
    if secrets := not_restorable.secrets(objects):
        yield Finding(
            "secrets", ok=True, message=f"{len(secrets)} will not come back, and have to be set again: {shortened(secrets)}"
        )
    for line in objects.limits:
        yield Finding("limits", ok=True, message=f"not in a backup by method api: {line}")


_GIVE = "give the service account the role Admin in its organisation"
