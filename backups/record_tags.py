"""Names the tags of a backup's snapshot, and what of its record (`manifest.BackupRecord`) each of them states."""

from collections import Counter
from collections.abc import Collection

TAGS = {
    "backup": "id",
    "service": "service",
    "type": "type",
    "kind": "kind",
    "chain": "chain",
    "sequence": "sequence",
    "taken": "taken_at",
    "bytes": "size",
    "limits": "limits",
    "partial": "partial",
    "holds": "holds",
    "lock": "lock_seconds",
    "packed": "packed",
    "suspicious": "suspicious",
}
"""The tags of a backup's snapshot, and what of its record each states."""
SINCE_LATER = frozenset({"limits", "holds", "lock_seconds"})
"""What the tags of older backups do not state."""


def require_stated_once(tags: Collection[str]) -> None:
    """Raise ValueError when one of those tags is there twice, with different values."""
    stated = Counter(each.partition("=")[0] for each in tags if "=" in each)
    for tag in TAGS:
        if stated[tag] > 1:
            raise ValueError(f"{tag} is stated twice")
