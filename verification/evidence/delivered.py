"""Defines what a machine of a fleet hands over of one drill, and when nobody collects it any more.

It is no evidence: the verification that it is of makes evidence of it, signs that, and removes it.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

from backups.foreign import Mark
from backups.manifest import Frozen
from backups.repository.listing import Snapshot
from verification.evidence.evidence import DrillResult

TAG = "lifeboat-drill-result"
"""The tag of every snapshot that holds one."""
FILE = "result.json"
_KEPT = timedelta(days=2)
"""For so long a verification may still be at work, or be gone on with, that such a result is of."""


class Delivered(Frozen):
    """What a machine hands over. verification: which one it is of. mark: of the ticket that the machine had."""

    schema_version: Literal[1] = 1
    verification: Mark
    mark: Mark
    result: DrillResult


def obsolete(snapshots: Iterable[Snapshot], now: datetime) -> list[Snapshot]:
    """Return the results that nobody collects any more: their verification was killed, or could not remove them."""
    return [each for each in snapshots if TAG in each.tags and now - each.time > _KEPT]
