"""Chooses the further repository that a verification of everything drills besides the first: they take turns.

Pure: it is given what evidence says. One at a time, so that what a verification takes longer is bounded by one drill a service.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from backups import chains as chaining
from backups.repository.listing import Snapshot
from verification.evidence import drilled

_NEVER = datetime.min.replace(tzinfo=UTC)


def turn(further: Sequence[str], tried: Mapping[str, datetime]) -> str | None:
    """Return the repository that was not tried for longest, of several the one that is configured first; None of none.

    tried: when backups in each were last brought back, or could not be. One that cannot be reached has had its turn, too: its
    drills could not run, which is told, and the others are drilled in the weeks after.
    """
    return min(further, key=lambda name: tried.get(name, _NEVER), default=None)


def tried(snapshots: Iterable[Snapshot], now: datetime) -> dict[str, datetime]:
    """Read when each further repository was last drilled, whatever came of it, among the evidence in `snapshots`."""
    found: dict[str, datetime] = {}
    for each in drilled.read(snapshots):
        if each.repository and not chaining.in_future(each.at, now):
            found[each.repository] = max(each.at, found.get(each.repository, _NEVER))
    return found
