"""Restores into a place: its service is stopped, what it holds is moved aside, and the service is started on the new files."""

import logging
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from backups import durations
from backups.errors import LifeboatError
from backups.machine import disk
from backups.machine.docker import Docker
from backups.machine.wait import wait_until
from backups.manifest import Manifest
from backups.places.base import Ownership, Place
from backups.services.base import Delivery, Service
from backups.site import Site
from backups.witness import Fact
from verification.restore import files_in_use
from verification.restore.files_in_use import Unseen
from verification.restore.target.base import (
    READY,
    Replacement,
    Steps,
    ask,
    ownership,
)
from verification.restore.target.beside import beside
from verification.restore.target.files import FilesTarget
from verification.restore.target.lacking import files, lacking
from verification.restore.target.own import same, source_place

log = logging.getLogger(__name__)

_COMMAND = 600.0
"""Seconds that a command of the operator's may take."""
_ENDING = 60.0
"""Seconds for a server to end after the command that stops it has."""
_MOVED_ASIDE = Replacement("move what is there aside with lifeboat restore --replace", "moves aside what it holds")


@dataclass
class PlaceTarget(FilesTarget):
    """See Target. text: as the operator wrote it. in_place: it is the service's own place: the service is stopped and started."""

    place: Place
    text: str
    site: Site
    service: Service
    docker: Docker
    in_place: bool
    replacement: Replacement | None = _MOVED_ASIDE
    _configuration: Sequence[str] = ()

    def __post_init__(self) -> None:
        commands = self.service.settings.restore
        self.stop = commands.stop if self.in_place else None
        self.start = commands.start if self.in_place else None

    def __str__(self) -> str:
        return str(self.place)

    def free(self) -> int:
        """See FilesTarget."""
        return self.place.free()

    def entries(self) -> Sequence[str]:
        """See Target."""
        return self.place.entries() or ()

    def require_takes(self, service: Service, manifest: Manifest) -> None:
        """See Target: nor what is in a container's own layer, which is nowhere while the container does not run."""
        super().require_takes(service, manifest)
        kind, _, rest = self.text.partition(":")
        container, _, path = rest.partition(":")
        if kind != "docker" or self.docker.mounted(container, path) or (self.docker.runs(container) and not self.stop):
            return
        raise LifeboatError(
            f"{self} is in no volume and no directory of this machine: it is nowhere while container {container} is stopped",
            hint=f"make a container that has a volume at {path}, or let a new one be made: --to docker:NAME",
        )

    def in_use(self) -> str | None:
        """See Target."""
        if self.stop:
            return None
        return self._used() or self._serves()

    def _used(self) -> str | None:
        try:
            return files_in_use.user(self.place, self.text, self.docker)
        except Unseen as unseen:
            log.warning("whether a process has files of %s open is not known: %s", self.place, unseen.message)
            return None

    def _serves(self) -> str | None:
        """Say that the service answers, where these are the files that it was configured to be on."""
        own = source_place(self.service)
        if not (self.in_place and own and same(self.text, own, self.docker, self.site.hosts) and self.place.entries()):
            return None
        try:
            down = any(problem.kind == "down" for problem in self.service.health((), self.site.settings.watch.collapse))
        except LifeboatError:
            # Who cannot look knows nothing; a container or a process that runs was looked for already.
            return None
        return None if down else f"{self.service.name}, whose files these are, answers"

    def make_way(self, delivery: Delivery, held: Sequence[str], steps: Steps) -> None:
        """See Target. Moving aside is part of the phase `deliver`."""
        size = disk.tree_size(delivery.data)
        if (free := self.place.free()) < size:
            raise LifeboatError(
                f"the restored data take {disk.size(size)}, {disk.size(free)} are free in {self}, which was not touched",
                hint="free some space there, or name another place by --to",
            )
        if self.stop:
            steps.begin_step("stop", "Stop the service")
            steps.note(_run(self.place, self.stop, "restore.stop"))
            steps.stopped = True
            self._require_stopped()
        steps.begin_step("deliver", f"Put it to {self}")
        if held:
            suffix = f"before-restore-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
            steps.touched = True
            steps.aside = self.place.move_aside(suffix)
            steps.note(f"what was there is now in {steps.aside}")
            _make_root(self.place, steps.aside, suffix)

    def _require_stopped(self) -> None:
        """Raise LifeboatError when something still runs on the files a while after restore.stop succeeded."""
        found: list[str | None] = []

        def ended() -> bool:
            found[:] = [self._used()]
            return found[0] is None

        if not wait_until(ended, seconds=_ENDING, interval=1.0):
            raise LifeboatError(
                f"restore.stop succeeded, and {_ENDING:.0f} s later {found[0]}; {self} was not touched",
                hint="correct restore.stop so that it ends whatever writes there (`docker stop`, not `docker restart`)",
            )

    def deliver(self, delivery: Delivery, manifest: Manifest, steps: Steps) -> None:  # noqa: ARG002 - files tell what they are
        """See Target. A configuration is put beside the data."""
        owner = ownership(delivery, self.service.settings.restore)
        size = disk.tree_size(delivery.data)
        steps.touched = True
        self.place.put(delivery.data, owner)
        steps.delivered = str(self)
        steps.note(f"{disk.size(size)} are in {self}")
        if delivery.configuration:
            self._configuration = files(delivery.configuration)
            for path, tree in delivery.outside.items():
                shutil.copytree(tree, delivery.configuration / "directories" / path.lstrip("/"))
            steps.configuration = self._put_configuration(delivery.configuration, owner)
            steps.note(f"its configuration is in {steps.configuration}")

    def begin(self, delivery: Delivery, manifest: Manifest, steps: Steps) -> None:
        """See Target. Waits until the service answers and nothing of it calls for a restore."""
        commands = self.service.settings.restore
        if delivery.inside and not self.in_place and (commands.stop or commands.start):
            steps.notes.append(f"no command was run: {self} is neither restore.to nor the service's own place")
        if self.start and (why := self._lacks(delivery)):
            steps.started = f"the service was not started: {why}"
            steps.notes.append(f"when that is mended, start it: {self.start}")
        elif self.start:
            steps.begin_step("begin", "Start the service")
            steps.note(_run(self.place, self.start, "restore.start"))
            steps.stopped = False
            steps.notes += self._health(manifest.witness)
            ask(delivery.first_start, self.place, None, self.service.settings, steps)

    def _lacks(self, delivery: Delivery) -> str | None:
        names = self._configuration
        return lacking(self.text, self.service, names, self.docker, self.site.hosts, delivery.read_elsewhere)

    def _put_configuration(self, files: Path, owner: Ownership) -> str:
        """Put the configuration beside the data, for a person to put in place; never over anything. Returns where it is."""
        for number in range(1, 1000):
            suffix = "-configuration" + (f"-{number}" if number > 1 else "")
            takes, shown = beside(self.text, suffix, self.docker, self.site.hosts)
            if not takes.entries():
                # It holds keys and passwords.
                takes.put(files, replace(owner, mode=0o700))
                return shown
        raise LifeboatError(f"there are a thousand configurations beside {self.text}", hint="remove old ones")

    def _health(self, witness: Sequence[Fact]) -> list[str]:
        """Wait until the started service answers and nothing of it calls for a restore; what is wrong with it, a line each."""
        faults: list[str] = []

        def healthy() -> bool:
            try:
                faults[:] = [problem.message for problem in self.service.health(witness, self.site.settings.watch.collapse)]
            except LifeboatError as error:
                faults[:] = [error.message]
            return not faults

        if wait_until(healthy, seconds=READY, interval=1.0):
            return ["the started service answers, and a look at it (no comparison) finds nothing that calls for a restore"]
        return [f"{durations.describe(READY)} after its start the service is not healthy: {line}" for line in faults]


def _run(place: Place, command: str, key: str) -> str:
    """Run one of the operator's commands there; raises LifeboatError, with its output, when it fails."""
    code, output = place.run(command, seconds=_COMMAND)
    if code:
        raise LifeboatError(
            f"{key} failed with code {code}: `{command}` printed: {' '.join(output[-500:].split()) or 'nothing'}",
            hint="the runbook lists what was done until then; correct the command, or run it by hand",
        )
    return f"`{command}` succeeded" + (f": {output[-200:].strip()}" if output.strip() else "")


def _make_root(place: Place, aside: str, suffix: str) -> None:
    """Make an empty root where one was moved away, with the same owner and mode: that is whom the service runs as there."""
    old = aside[aside.index("/") :]
    new = old.removesuffix(f".{suffix}")
    old, new = shlex.quote(old), shlex.quote(new)
    script = f'mkdir -m "$(stat -c %a {old})" -- {new} && chown "$(stat -c %u:%g {old})" -- {new}'
    code, output = place.run(script, seconds=_COMMAND)
    if code:
        raise LifeboatError(
            f"{place} cannot be made again: {' '.join(output.split())}",
            hint=f"what was there is in {aside}: move it back, or try again",
        )
