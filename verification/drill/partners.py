"""Brings back the database that another service's copy runs on, in the sandbox of that copy."""

from collections.abc import Sequence
from dataclasses import dataclass

from backups import witness
from backups.errors import Damaged, LifeboatError
from backups.manifest import BackupRecord
from backups.repository.repository import Repository
from backups.services.base import Copy, Service
from backups.services.joined import Joined, Lends, Lent
from verification.drill import fetch, images
from verification.drill.sandbox import DockerSandbox


@dataclass(frozen=True)
class Partner:
    """The service that protects a database, and the chain whose last backup comes back, the full first."""

    service: Service
    chain: Sequence[BackupRecord]


def unproven(name: str, copy: Copy, partner: Partner | None) -> list[str]:
    """Say what is not proven of a copy that ran on its partner's database; nothing of one with data of its own.

    A service may have moved into that database since a backup of it was taken.
    """
    if partner is None or not isinstance(copy, Joined):
        return []
    ran = f"{partner.chain[-1].id} of {partner.service.name}, by an account of the copy's own"
    return [f"whether the account that {name} logs in by is let in: it ran on {ran}"]


def lend(partner: Partner, repository: Repository, box: DockerSandbox) -> Lent:
    """Bring the database back, and compare it with its own witness before anybody writes to it.

    Raises Damaged when its backup is at fault: what runs on it is not proven then, either.
    """
    service, name = partner.service, partner.service.name
    fetched = fetch.fetch(service, partner.chain, repository, box.directory)
    manifest = fetched[-1].manifest
    before = box.chosen
    box.chosen = box.docker.image(images.choose(name, service.settings.image, manifest.source, None, box.docker.present))
    try:
        copy = service.copy(fetched, box)
        copy.assemble()
        copy.start()
        copy.replay()
    finally:
        box.chosen = before
    wrong = [check for check in witness.compare(manifest.witness, list(copy.observe())) if not check.passed]
    if wrong or not manifest.witness:
        what = f"{wrong[0].subject} {wrong[0].metric}, of {len(wrong)} in all" if wrong else "it has no witness"
        raise Damaged(
            f"backup {manifest.id} of {name}, which holds the database, does not come back equal: {what}",
            hint=f"verify another backup of {name}, and take a full: lifeboat backup --kind full {name}",
        )
    if not isinstance(copy, Lends):
        raise LifeboatError(
            f"{name} gives no database that another service's copy can run on",
            hint="database: has to name a service of type mysql",
        )
    return copy.lend(manifest.id)
