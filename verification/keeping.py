"""Keeps the evidence of a verification: in the first of the repositories that takes it, signed, with the page of the history."""

import logging
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from backups.config.settings import Settings
from backups.errors import LifeboatError
from backups.repository.listing import Snapshot
from backups.repository.repository import Repository
from backups.site import Site
from verification.evidence import history as past
from verification.evidence import keys, store
from verification.evidence.evidence import Evidence, Kept
from verification.report import files, history

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner

log = logging.getLogger(__name__)


def tampered(evidence: Evidence) -> bool:
    """Whether a copy was damaged on purpose, in a drill by itself or in the joint one."""
    return store.tampered(evidence.drills) or bool(evidence.together and evidence.together.tampered)


def page_of_history(settings: Settings, repositories: Mapping[str, Repository], evidence: Evidence) -> str | None:
    """Write the page of the history of what was drilled, this verification included, by the first repository that can be read.

    Where no service was drilled by itself, it is that of all of them. None where no repository can be read.
    """
    drilled = {drill.service: drill.type for drill in evidence.drills}
    types = drilled or {each: service.type for each, service in settings.services.items()}
    for name, repository in repositories.items():
        try:
            snapshots = repository.snapshots(*past.TAGS)
            backups = repository.listing(snapshots).backups
            break
        except LifeboatError as error:
            log.warning("the report has no page of the history by the repository %s: %s", name, error.message)
    else:
        return None
    if not tampered(evidence):
        snapshots.append(Snapshot("", evidence.finished_at, tuple(store.tags(evidence))))
    now = evidence.finished_at
    return history.render(past.of(settings, types, backups, snapshots, now), now=now)


def signer_of(site: Site) -> "CryptoSigner | None":
    """Return what signs the evidence; None, with a warning, where that cannot be had: it is told as unsigned then."""
    try:
        return keys.signer(site)
    except LifeboatError as error:
        log.warning("the evidence is not signed: %s", error.message)
        return None


def keep(evidence: Evidence, repositories: Mapping[str, Repository], before: str | None, signer: "CryptoSigner | None") -> Kept:
    """Keep the evidence in the first of the repositories, by their names, or else in the next one that takes it."""
    if tampered(evidence):
        return Kept(snapshot=None, reason="a copy was damaged on purpose; this is no proof of a backup")
    with tempfile.TemporaryDirectory(prefix="lifeboat-evidence-") as scratch:
        files.write(evidence, Path(scratch), before=before, signer=signer)
        faults: list[str] = []
        first = next(iter(repositories.values()))
        for name, repository in repositories.items():
            further = None if repository is first else name
            where = further or "the repository"
            try:
                known = {each: one.known_id for each, one in repositories.items()}
                snapshot = store.keep(evidence, Path(scratch), repository, first.known_id, known)
                if further:
                    log.warning("the evidence is kept in %s instead", further)
                return Kept(snapshot=snapshot, reason="; ".join(faults) or None, repository=further)
            except LifeboatError as error:
                log.warning("the evidence is not kept in %s: %s", where, error.message)
                faults.append(f"{where}: {error.message}" if faults else error.message)
        return Kept(snapshot=None, reason="; ".join(faults))
