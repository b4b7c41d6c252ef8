"""Records in the manifest of a backup that was just captured how it compares with its service's past.

What is a sign of ransomware: `suspicion.py`.
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from backups import packed, plural, suspicion
from backups.errors import LifeboatError
from backups.manifest import BackupRecord, Manifest

_NAMED = 5
"""Tables that are named in the log."""

log = logging.getLogger(__name__)


def with_past(
    manifest: Manifest, data: Path, believed: Sequence[BackupRecord], read: Callable[[BackupRecord], Manifest]
) -> Manifest:
    """Return the manifest with its `past`. Earlier counts that cannot be read fail no backup: the manifest says so.

    data: the captured files. believed: the service's backups that it is compared with. read: returns the manifest of one
    """
    newest = max(believed, key=lambda backup: backup.taken_at, default=None)
    before = None
    if newest:
        try:
            before = read(newest)
        except LifeboatError as fault:
            log.warning("%s: what is gone since %s is not known: %s", manifest.service, newest.id, fault.message)
    if before and (lost := suspicion.emptied(before.witness, manifest.witness)):
        more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
        what = plural.count(len(lost), "table")
        said = f"{', '.join(lost[:_NAMED])}{more}"
        log.info("%s: half of the rows or more are gone since %s of %s: %s", manifest.service, before.id, what, said)
    past = suspicion.judge(manifest, packed.measure(data, manifest.files, manifest.id), believed, before)
    if not past.judged:
        earlier = plural.count(past.earlier, f"earlier {manifest.kind}")
        log.info("%s: nothing of it is unusual yet: %s, %d are needed", manifest.service, earlier, past.needed)
    return manifest.model_copy(update={"past": past})
