"""Records in the manifest of a backup that was just captured how it compares with its service's past.

What is a sign of ransomware: `suspicion.py`.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from backups import packed, plural, suspicion
from backups.errors import LifeboatError
from backups.manifest import BackupRecord, Manifest
from backups.repository.repository import Repository

log = logging.getLogger(__name__)


def with_past(
    manifest: Manifest,
    data: Path,
    repository: Repository,
    believed: Sequence[BackupRecord],
    read: Sequence[Manifest | None],
) -> Manifest:
    """Return the manifest with its `past`. Earlier counts that cannot be read fail no backup: the manifest says so.

    data: the captured files. believed: the service's backups that it is compared with. read: manifests that were read already
    """
    newest = max(believed, key=lambda backup: backup.taken_at, default=None)
    before = next((each for each in read if each and newest and each.id == newest.id), None)
    if newest and not before:
        try:
            before = repository.manifest(newest)
        except LifeboatError as fault:
            log.warning("%s: what is gone since %s is not known: %s", manifest.service, newest.id, fault.message)
    past = suspicion.judge(manifest, packed.measure(data, manifest.files, manifest.id), believed, before)
    if not past.judged:
        earlier = plural.count(past.earlier, f"earlier {manifest.kind}")
        log.info("%s: nothing of it is unusual yet: %s, %d are needed", manifest.service, earlier, past.needed)
    return manifest.model_copy(update={"past": past})
