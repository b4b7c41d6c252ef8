"""Asks a service's own machine whether an alarm is true, before a restore that nobody asked for puts anything in its place.

The look of the watch goes through networks, names and proxies. This one is at the files that would be moved aside: whether a
process has them open, and whether they are younger than the backup. When it cannot be asked, the alarm is not borne out.
"""

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime

from backups.errors import LifeboatError
from backups.machine.docker import Docker
from backups.manifest import BackupRecord
from backups.places.base import Place
from backups.places.container import NewContainer
from backups.places.parse import parse
from backups.site import Site
from verification.evidence import proven

_SECONDS = 300.0
_TIME = "%Y-%m-%d %H:%M:%S UTC"
_SCRIPT = """
cd -- {root} || exit 3
[ "$(id -u)" = 0 ] || {{ echo "only root sees the files of every process"; exit 3; }}
{{ find . -type f -exec stat -c 'F %d:%i %Y' {{}} + || echo "E 0 0"
  find /proc/[0-9]*/fd -mindepth 1 -maxdepth 1 -exec stat -L -c 'P %d:%i %n' {{}} + 2>/dev/null
}} | awk '
  $1 == "E" {{ failed = 1 }}
  $1 == "F" {{ held[$2] = 1; if ($3 > newest) newest = $3 }}
  $1 == "P" && held[$2] && !open {{ split($3, part, "/"); open = part[3] }}
  END {{ if (failed) print "some files could not be looked at"; else print "looked", newest + 0, open }}'
"""
"""Prints the time of the newest file, and the number of a process that has one open: by their inodes, since a container's process
knows its files by other names."""


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
        return _running(docker, to) or _of_files(place, backup)
    except LifeboatError as error:
        return f"its machine cannot be asked: {error.message}"


def _running(docker: Docker, to: str) -> str | None:
    """Say that the container whose files a place is runs."""
    kind, _, rest = to.partition(":")
    name = rest.partition(":")[0]
    return f"container {name} runs" if kind == "docker" and docker.runs(name) else None


def _of_files(place: Place, backup: BackupRecord) -> str | None:
    code, output = place.run(_SCRIPT.format(root=shlex.quote(str(place.root))), seconds=_SECONDS)
    words = output.split()
    if code or len(words) not in (2, 3) or words[0] != "looked" or not all(word.isdecimal() for word in words[1:]):
        return f"its machine cannot be asked: {' '.join(output[-200:].split()) or f'the look ended with code {code}'}"
    if len(words) == 3:
        return f"process {words[2]} of its machine has files of {place} open: it runs, or starts"
    newest = datetime.fromtimestamp(int(words[1]), UTC)
    if newest > backup.taken_at:
        times = f"{newest:{_TIME}}, {backup.taken_at:{_TIME}}"
        return f"files in {place} are younger than {backup.id} ({times}): what was written since would be out of service"
    return None
