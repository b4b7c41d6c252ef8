"""Backs up a Grafana through its API: reads everything until two readings are equal, and writes a file for each object."""

from backups import plural
from backups.errors import LifeboatError
from backups.services.base import Captured, Job
from backups.services.grafana import again
from backups.services.grafana.api import facts, not_restorable
from backups.services.grafana.api.objects import shortened, write
from backups.services.grafana.api.read import read
from backups.services.grafana.client import Client
from backups.services.grafana.details import API
from backups.services.grafana.settings import GrafanaSettings
from backups.services.http.address import shown
from backups.witness import Fact

_READINGS = 5


def capture(settings: GrafanaSettings, job: Job) -> Captured:
    """See `Service.capture`. Nothing is written at the source."""
    client = Client.of(settings)
    version = again.insist(client.health, client.pause).version
    if version is None:
        raise LifeboatError(
            f"Grafana at {shown(client.url)} hides its version ([auth.anonymous] hide_version), which its copies need",
            hint="turn hide_version off, or back the server up by its files (method: files)",
        )
    job.say(f"reading every object of {shown(client.url)} through its API")
    before, changing = read(client), []
    for _ in range(_READINGS):
        taken_at = job.now()
        objects = read(client)
        changing = before.different(objects)
        if not changing:
            break
        job.say(f"{plural.count(len(changing), 'object')} changed meanwhile: reading again")
        before = objects
    with client.understood():
        witness, secrets = facts.facts(objects), not_restorable.secrets(objects)
    limits = [*not_restorable.closed(objects), *objects.limits]
    if changing:
        # Each is whole and proven; whether all are of one instant is not known.
        names = shortened([str(key) for key in changing])
        limits.insert(0, f"not all is of one moment, since these changed again and again while they were read: {names}")
    write(objects, job.directory)
    for line in limits:
        job.say(f"limit of this backup: {line}")
    if secrets:
        job.say(f"{plural.count(len(secrets), 'secret')} not in this backup, to be set after a restore: {shortened(secrets)}")
    details = {
        "method": API,
        "plugins": objects.plugins,
        "limits": limits,
        "secrets": secrets,
        "partial": not_restorable.partial(objects),
        "closed": [[organisation, kind] for organisation, kind in sorted(objects.closed)],
    }
    return Captured(taken_at, version, witness, details)


def current_facts(settings: GrafanaSettings) -> list[Fact]:
    """State the facts of the live server, as the witness does."""
    client = Client.of(settings)
    objects = read(client)
    with client.understood():
        return facts.facts(objects)
