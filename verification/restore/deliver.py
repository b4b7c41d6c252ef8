"""The last steps of a restore, on the target's machine: whose files they are, its service stopped and started, is it well?"""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from backups import durations
from backups.errors import LifeboatError
from backups.machine.docker import Docker, wait_until
from backups.places.base import Ownership, Place
from backups.places.parse import parse
from backups.services.base import Copy, Delivery, GivesObjects, RestoreSettings, Service
from backups.site import Site
from backups.witness import Fact

_COMMAND = 600.0
"""Seconds that a command of the operator's may take."""
_WELL = 300.0
"""Seconds for a started service to serve."""


@runtime_checkable
class Exports(Protocol):
    """A copy that can write single tables as SQL."""

    def export(self, names: Sequence[str], into: Path) -> list[Path]:
        """A file for each table, in the directory `into`."""
        ...


def tables(copy: Copy, names: Sequence[str], into: Path) -> Delivery:
    """Hand single tables over as files of SQL; raises LifeboatError where the service has none."""
    if not isinstance(copy, Exports):
        raise LifeboatError("only MySQL has tables", hint="leave --tables out")
    into.mkdir()
    files = copy.export(names, into)
    notes = [f"load it beside the running server, into a database of your choice: mysql DATABASE < {file.name}" for file in files]
    return Delivery(into, Ownership("root:root", 0, 0, 0o700), "", notes=notes)


def objects(copy: Copy, into: Path) -> Delivery:
    """Hand over what a server takes through its API; raises LifeboatError where that is not to be had."""
    if not isinstance(copy, GivesObjects):
        raise LifeboatError("only Grafana takes a restore through its API", hint="name a place: local:, ssh: or docker:")
    into.mkdir()
    return copy.objects(into)


def ownership(delivery: Delivery, settings: RestoreSettings) -> Ownership:
    """Whose the files will be: as the operator configured, else as the type has it."""
    return replace(delivery.ownership, names=settings.owner) if settings.owner else delivery.ownership


def run(place: Place, command: str, key: str) -> str:
    """Run one of the operator's commands there; raises LifeboatError, with what it said, when it fails."""
    code, said = place.run(command, seconds=_COMMAND)
    if code:
        raise LifeboatError(
            f"{key} failed with code {code}: `{command}` said: {said[-500:].strip() or 'nothing'}",
            hint="the runbook says what was done until then; mend the command, or run it by hand",
        )
    return f"`{command}` ended well" + (f": {said[-200:].strip()}" if said.strip() else "")


def keep_root(place: Place, aside: str, suffix: str) -> None:
    """Make an empty root where one was moved away, with the same owner and mode: that is whom the service runs as there."""
    old = aside[aside.index("/") :]
    new = old.removesuffix(f".{suffix}")
    old, new = shlex.quote(old), shlex.quote(new)
    script = f'mkdir -m "$(stat -c %a {old})" -- {new} && chown "$(stat -c %u:%g {old})" -- {new}'
    code, said = place.run(script, seconds=_COMMAND)
    if code:
        raise LifeboatError(
            f"{place} cannot be made anew: {said.strip()}", hint=f"what was there is in {aside}: move it back, or try again"
        )


def put_configuration(to: str, delivery: Delivery, ownership: Ownership, site: Site, docker: Docker) -> str:
    """Put the configuration beside the data, for a person to put in place; never over anything. Returns where it is."""
    if delivery.configuration is None:
        raise AssertionError("there is no configuration to put")
    for number in range(1, 1000):
        text = f"{to.rstrip('/')}-configuration" + (f"-{number}" if number > 1 else "")
        place = parse(text, docker, site.hosts)
        if not place.entries():
            # It holds keys and passwords.
            place.put(delivery.configuration, replace(ownership, mode=0o700))
            return text
    raise LifeboatError(f"there are a thousand configurations beside {to}", hint="remove old ones")


def alive(site: Site, service: Service, witness: Sequence[Fact]) -> list[str]:
    """Wait until the started service serves and lacks nothing of the witness; what is wrong with it, in words."""
    seen: list[str] = []

    def well() -> bool:
        try:
            seen[:] = [ailment.message for ailment in service.ail(witness, site.settings.watch.collapse)]
        except LifeboatError as error:
            seen[:] = [error.message]
        return not seen

    if wait_until(well, seconds=_WELL, interval=1.0):
        return ["the started service serves, and nothing of the witness is missing"]
    return [f"{durations.describe(_WELL)} after its start the service is not well: {line}" for line in seen]
