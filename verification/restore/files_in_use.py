"""Looks at the files of a place on its own machine: whether a process has one open, and how young the newest is."""

import shlex
from dataclasses import dataclass
from datetime import UTC, datetime

from backups.errors import LifeboatError
from backups.machine.docker import Docker
from backups.places.base import Place
from backups.places.local.place import LocalPlace

_SECONDS = 300.0
_SCRIPT = """
cd -- {root} || exit 3
[ "$(id -u)" = 0 ] || {{ echo "only root sees the files of every process"; exit 3; }}
root=$(pwd -P); export root
{{ find . -type f -exec stat -c 'F %d:%i %Y' {{}} + || echo "E 0 0"
  find /proc/[0-9]*/fd -mindepth 1 -maxdepth 1 -exec stat -L -c 'P %d:%i %n' {{}} + 2>/dev/null
  find /proc/[0-9]*/fd -mindepth 1 -maxdepth 1 -exec ls -ld {{}} + 2>/dev/null
}} | awk '
  $1 == "E" {{ failed = 1 }}
  $1 == "F" {{ held[$2] = 1; if ($3 > newest) newest = $3 }}
  $1 == "P" && held[$2] && !open {{ split($3, part, "/"); open = part[3] }}
  !open && / \\(deleted\\)$/ && index($0, " -> " ENVIRON["root"] "/") {{
    if (match($0, "/proc/[0-9]+/")) open = substr($0, RSTART + 6, RLENGTH - 7)
  }}
  END {{ if (failed) print "some files could not be looked at"; else print "looked", newest + 0, open }}'
"""
"""Prints the time of the newest file, and the number of a process that has one open: by their inodes, since a container's process
knows its files by other names; and by name, one that is deleted already."""


class Unseen(LifeboatError):
    """The place's machine cannot be asked."""


@dataclass(frozen=True)
class Files:
    """What the files of a place look like. newest: when one was last written, UTC. process: number of one that has one open."""

    newest: datetime
    process: int | None


def look(place: Place) -> Files:
    """Look at every file of a place that is there; raises Unseen when that cannot be done (it takes root)."""
    code, output = place.run(_SCRIPT.format(root=shlex.quote(str(place.root))), seconds=_SECONDS)
    words = output.split()
    if code or len(words) not in (2, 3) or words[0] != "looked" or not all(word.isdecimal() for word in words[1:]):
        why = " ".join(output[-200:].split()) or f"the look ended with code {code}"
        raise Unseen(why, hint="run Lifeboat as root; for ssh: `sudo: true` of the host runs commands as root")
    return Files(datetime.fromtimestamp(int(words[1]), UTC), int(words[2]) if len(words) == 3 else None)


def running(docker: Docker, text: str) -> str | None:
    """Say that the container whose files the place `text` is runs."""
    kind, _, rest = text.partition(":")
    name = rest.partition(":")[0]
    return f"container {name} runs" if kind == "docker" and docker.runs(name) else None


def user(place: Place, text: str, docker: Docker) -> str | None:
    """Say what uses the files of a place: its container, another that has them mounted to write, a process; None for nothing.

    Raises Unseen when no container has, and processes cannot be asked about.
    """
    if found := running(docker, text):
        return found
    if isinstance(place, LocalPlace) and (containers := docker.mounting(place.root.resolve())):
        return f"container {containers[0]} runs, and has them mounted"
    if place.entries() is None:
        return None
    process = look(place).process
    return None if process is None else f"process {process} of its machine has files of {place} open"
