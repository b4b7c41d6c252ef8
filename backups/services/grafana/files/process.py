"""Sees the Grafana that runs on the data of a place: the environment and the command line of its process.

Of a container Docker says both, also while it is stopped. On a machine the process is looked for in /proc: it is the one named
grafana whose data directory, as that process sees it, is the place. Where that takes rights that we have not, nothing is seen.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from shlex import quote

from backups.errors import LifeboatError
from backups.machine.docker import Docker
from backups.places.base import Place

_SECONDS = 20.0
_FIELDS = 3
_LOOK = r"""for f in $(grep -l grafana /proc/[0-9]*/cmdline); do
  d=${f%/cmdline}
  name=$(tr '\0' '\n' < "$d/cmdline" 2>/dev/null | head -n 1)
  case "${name##*/}" in grafana|grafana-server) ;; *) continue ;; esac
  printf '%s %s %s\n' "${d#/proc/}" "$(base64 < "$d/cmdline" | tr -d '\n')" "$(base64 < "$d/environ" | tr -d '\n')"
done 2>/dev/null"""
"""A line for each Grafana: its number, its command line and its environment. One grep finds the few to look at closely: a machine
has hundreds of processes, and this ran three programs for each."""


@dataclass(frozen=True)
class Started:
    """A Grafana's process: what it was started with. where: how it is called in messages."""

    environment: Mapping[str, str]
    arguments: tuple[str, ...]
    where: str


def of_container(docker: Docker, container: str) -> Started:
    """A container's, as Docker says; raises LifeboatError when there is no such container."""
    return Started(docker.environment(container), tuple(docker.arguments(container)), f"container {container}")


def of_machine(place: Place) -> Started | None:
    """The one that runs on the data of this place; None where none is seen, or more than one."""
    try:
        _, output = place.run(_LOOK, seconds=_SECONDS)
        found = [process for number, process in _parsed(output) if _serves(place, number, process)]
    except LifeboatError:
        return None
    return found[0] if len(found) == 1 else None


def _parsed(output: str) -> Iterator[tuple[str, Started]]:
    for line in output.splitlines():
        fields = line.split(" ")
        if len(fields) != _FIELDS or not fields[0].isdigit() or not fields[2]:
            continue
        try:
            arguments, environment = ([part.decode("utf-8", "surrogateescape") for part in _parts(field)] for field in fields[1:])
        except (ValueError, binascii.Error):
            continue
        variables = dict(variable.split("=", 1) for variable in environment if "=" in variable)
        yield fields[0], Started(variables, tuple(arguments), f"process {fields[0]}")


def _parts(field: str) -> list[bytes]:
    return [part for part in base64.b64decode(field, validate=True).split(b"\0") if part]


def _serves(place: Place, number: str, process: Started) -> bool:
    """Whether the process's data directory is the place, through its own view of the files (it may be in a container)."""
    said = [argument.partition("=")[2] for argument in process.arguments if argument.startswith("cfg:paths.data=")]
    said += [process.environment["GF_PATHS_DATA"]] if process.environment.get("GF_PATHS_DATA") else []
    said += [argument.partition("=")[2] for argument in process.arguments if argument.startswith("cfg:default.paths.data=")]
    if not said or not PurePosixPath(said[0]).is_absolute():
        return False
    inside = quote(f"/proc/{number}/root{said[0]}")
    return place.run(f"[ {inside} -ef {quote(str(place.root))} ]", seconds=_SECONDS)[0] == 0
