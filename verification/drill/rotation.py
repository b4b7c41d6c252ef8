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

    tried: when each last had its turn. One that cannot be reached has had it, too: its drills could not run, which is told, and
    the others are drilled in the weeks after.
    """
    return min(further, key=lambda name: tried.get(name, _NEVER), default=None)


def tried(snapshots: Iterable[Snapshot], now: datetime) -> dict[str, datetime]:
    """Read when each further repository last had its turn, whatever came of it, among the evidence in `snapshots`.

    A turn is drilled beside the first one. What somebody drills from a further one alone is none: it may be one service of many,
    every night, and the others would never be drilled from there.
    """
    found: dict[str, datetime] = {}
    for snapshot in snapshots:
        drills = [each for each in drilled.read([snapshot]) if not chaining.in_future(each.at, now)]
        if any(each.repository is None for each in drills):
            for each in drills:
                if each.repository:
                    found[each.repository] = max(each.at, found.get(each.repository, _NEVER))
    return found
