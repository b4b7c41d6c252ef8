"""Asks a service's own machine whether an alarm is true, before a restore that nobody asked for puts anything in its place.

The look of the watch goes through networks, names and proxies. This one is at the files that would be moved aside: whether a
process has them open, and whether they are younger than the backup. When it cannot be asked, the alarm is not borne out.
"""

from collections.abc import Sequence

from backups.errors import LifeboatError
from backups.machine.docker import Docker
from backups.manifest import BackupRecord
from backups.places.base import Place
from backups.places.container import NewContainer
from backups.places.parse import parse
from backups.site import Site
from verification.evidence import proven
from verification.restore import files_in_use
from verification.restore.files_in_use import Unseen

_TIME = "%Y-%m-%d %H:%M:%S UTC"


def objection(site: Site, docker: Docker, service: str, chain: Sequence[BackupRecord]) -> str | None:
    """Say why a service must not be restored by itself from that chain to its `restore.to`; None when everything bears it out."""
    backup = chain[-1]
    if not proven.here(site.state, chain):
        return f"{backup.id} was never proven on this machine: lifeboat verify {service}"
    to = site.settings.services[service].restore.to or ""
    try:
        if NewContainer.named(to, docker):
            return None
        place = parse(to, docker, site.hosts)
        held = place.entries()
        if not held:
            return None
        return files_in_use.running(docker, to) or _of_files(place, backup)
    except LifeboatError as error:
        return f"its machine cannot be asked: {error.message}"


def _of_files(place: Place, backup: BackupRecord) -> str | None:
    try:
        found = files_in_use.look(place)
    except Unseen as error:
        return f"its machine cannot be asked: {error.message}"
    if found.process is not None:
        return f"process {found.process} of its machine has files of {place} open: it runs, or starts"
    if found.newest > backup.taken_at:
        times = f"{found.newest:{_TIME}}, {backup.taken_at:{_TIME}}"
        return f"files in {place} are younger than {backup.id} ({times}): what was written since would be out of service"
    return None
