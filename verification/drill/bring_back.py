"""Brings a copy of a service back from its chain, up to its first correct answer: what a drill and a real restore have in common.

Next file: `backups/services/<type>/service.py`, how a service of that type comes back.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from backups.manifest import BackupRecord, Manifest
from backups.repository.repository import Repository
from backups.services.base import Copy, Fetched, Service
from backups.services.joined import Joined
from verification.drill import fetch, images, partners
from verification.drill.clock import Phase
from verification.drill.outcome import Progress
from verification.drill.partners import Partner
from verification.drill.sandbox import DockerSandbox
from verification.drill.tamper import HARMLESS, Tamper


class Clock(Protocol):
    """Times the phases: a drill's stopwatch, or a real restore, which also writes each into its runbook."""

    def begin(self, phase: Phase) -> None:
        """End the running phase and begin this one."""
        ...


@dataclass(frozen=True)
class BroughtBack:
    """A copy that has given its first correct answer, the manifest of its backup, and the log of the backup after it."""

    copy: Copy
    manifest: Manifest
    log: Fetched | None


def bring_back(
    service: Service,
    chain: Sequence[BackupRecord],
    repository: Repository,
    box: DockerSandbox,
    clock: Clock,
    progress: Progress,
    *,
    read: Callable[[BackupRecord], Manifest] | None = None,
    hand_over: bool = False,
    later: BackupRecord | None = None,
    tamper: Tamper = HARMLESS,
    image: str | None = None,
    partner: Partner | None = None,
    ready: Callable[[Copy, Sequence[Fetched]], None] | None = None,
) -> BroughtBack:
    """Bring the last backup of `chain` (the full first) back in the sandbox `box`; the phase `ready` is still running then.

    progress:  gets the manifest and the image as soon as each is known
    read:      reads a manifest, where some are known already; by default out of the repository
    hand_over: the copy will be handed over, to be used from then on (see Service.copy)
    image:     what a person has named for the copy to run on, instead of the configured image
    partner:   the service that holds its database, and the backup of it that comes back beside it
    later:     the backup after the chain's last, whose log is fetched too, to go on from there
    ready:     called when the server's files are laid out, before it starts
    Raises Damaged when the backup is at fault, LifeboatError when the machine is. The order is the contract of Copy.
    """
    clock.begin(Phase.FETCH)
    contents = fetch.contents([*chain, *([later] if later else [])], read or repository.manifest, repository)
    chained = contents[: len(chain)]
    manifest = progress.manifest = chained[-1].manifest
    # Found, or pulled, before the data comes: on the bad day too, its time is the restore's.
    name = images.choose(service.name, service.settings.image, manifest.source, image, box.docker.present)
    progress.image = box.chosen = box.docker.image(name)
    fetched = fetch.files(service, chain, chained, repository, box.directory)
    if tamper.fetched:
        tamper.fetched(fetched)
    fetch.count(fetched, service)
    log = fetch.log(service, later, contents[-1], repository, box.directory) if later else None
    copy = service.copy(fetched, box, for_restore=hand_over)
    copy.assemble()
    if tamper.files:
        tamper.files(copy, box.directory)
    clock.begin(Phase.START)
    if ready:
        ready(copy, fetched)
    if partner and isinstance(copy, Joined):
        copy.join(partners.lend(partner, repository, box))
    copy.start()
    clock.begin(Phase.REPLAY)
    copy.replay()
    clock.begin(Phase.READY)
    copy.first_answer()
    return BroughtBack(copy, manifest, log)
