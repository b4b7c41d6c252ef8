"""`lifeboat trust`: says that backups that look suspicious are as they should be, with the reason."""

import platform
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from backups import suspicion
from backups.errors import LifeboatError
from backups.manifest import BACKUP, BackupRecord
from backups.repository import trust as trusting
from backups.repository.listing import Listing
from backups.repository.trust import Trust
from backups.site import Site
from flows.commands import console
from flows.commands.options import Config
from flows.commands.progress import progress
from verification.evidence import ran


def trust(
    backups: Annotated[
        list[str],
        typer.Argument(
            metavar="BACKUP",
            help="A suspicious backup's id, or a service's name: all of its that nobody trusts.",
            show_default=False,
        ),
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why it is as it should be, in a line.", show_default=False)],
    config: Config = None,
) -> None:
    """Say that backups that look like ransomware are as they should be: after an import, a clean-up, a move.

    A backup is suspicious when more of it than usual is new and hardly compressible, or when half of the rows are gone. Until
    somebody says otherwise nothing of its service is pruned. Who said so, when and why is kept in the repository, for every
    machine, and shown by list and show. From then on the backup is part of what is usual.

    Restore it first, if in doubt: lifeboat restore SERVICE --backup ID --to local:/somewhere

    Examples: lifeboat trust agama --reason "import of photographs" | lifeboat trust agama-20261123T000004Z --reason "clean-up"

    Exit code: 0 trusted, 2 there is no such backup, none that looks suspicious, or the repository cannot be written.
    """
    site, now = Site.open(config), datetime.now(UTC)
    repository = site.repository
    with progress([]), tempfile.TemporaryDirectory() as directory:
        snapshots = repository.snapshots(BACKUP, trusting.TAG)
        chosen = choose(repository.listing(snapshots), trusting.read(snapshots), backups, list(site.settings.services))
        said = trusting.keep(
            repository,
            [each.id for each in chosen],
            Path(directory),
            by=f"{ran.person()} on {platform.node()}",
            reason=reason,
            host=platform.node(),
            now=now,
        )
    console.result(lambda: _show(chosen, said), well=True)


def choose(held: Listing, trusts: Mapping[str, Trust], wanted: Sequence[str], services: Sequence[str]) -> list[BackupRecord]:
    """Return the backups that these ids and services mean, oldest first.

    Raises LifeboatError for a backup that is not there, that does not look suspicious, or that somebody trusts already.
    """
    found: dict[str, BackupRecord] = {}
    doubted = suspicion.doubted(held.backups, trusts)
    for each in wanted:
        if each in services:
            meant = [backup for backup in doubted if backup.service == each]
            if not meant:
                raise LifeboatError(f"no backup of {each} looks suspicious that nobody trusts", hint=f"see: lifeboat list {each}")
        else:
            meant = [_one(held, trusts, each)]
        found |= {backup.id: backup for backup in meant}
    return sorted(found.values(), key=lambda backup: backup.taken_at)


def _one(held: Listing, trusts: Mapping[str, Trust], wanted: str) -> BackupRecord:
    held.require_not_odd(wanted)
    backup = next((backup for backup in held.backups if backup.id == wanted), None)
    if backup is None:
        raise LifeboatError(
            f"there is no backup {wanted} in the repository, and no service of that name", hint="see: lifeboat list"
        )
    if not backup.suspicious:
        raise LifeboatError(f"backup {wanted} does not look suspicious: there is nothing to trust", hint="see: lifeboat list")
    if wanted in trusts:
        raise LifeboatError(f"backup {wanted} is {trusts[wanted]} already", hint=f"see: lifeboat show {wanted}")
    return backup


def _show(chosen: Sequence[BackupRecord], said: Sequence[Trust]) -> None:
    rows = [(backup.id, suspicion.words(backup), str(each)) for backup, each in zip(chosen, said, strict=True)]
    console.print_columns(("backup", "looked suspicious", "now"), rows)
