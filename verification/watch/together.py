"""Judges whether all services together still come back with dashboards that answer as they did: by the newest joint drill.

Pure. Where there never was one, there is nothing to be late.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from backups import durations
from verification.evidence import joint
from verification.evidence.joint import Joint
from verification.watch.metrics_of_history import Sample

_FAILED = "lifeboat_together_failed"
_PROVEN = "lifeboat_together_proven_timestamp_seconds"
_HELP = {
    _FAILED: "1 when the newest drill of all services side by side did not come to verified.",
    _PROVEN: "When all services were last brought back side by side, and verified.",
}
NAMES = frozenset(_HELP)
_TYPED = "lifeboat verify --together"


def standing(found: Joint | None, allowed: timedelta, now: datetime) -> tuple[str, bool] | None:
    """Return the line that `lifeboat status` prints, and whether it is well; None where there was no joint drill.

    allowed: how old its proof may be
    """
    if found is None:
        return None
    line = f"all side by side: {joint.words(found, now)}"
    if found.newest.verdict != "verified":
        return f"{line}; look at its report, and try again: {_TYPED}", False
    if now - found.newest.at > allowed:
        return f"{line}; it should be younger than {durations.describe(allowed)}: {_TYPED}", False
    return line, True


def samples(found: Joint | None) -> Iterator[tuple[str, str, list[Sample]]]:
    """Yield each metric's name, its help, and its one sample, which has no label; what never happened has none."""
    values = {
        _FAILED: int(found.newest.verdict != "verified") if found else None,
        _PROVEN: found.proven_at.timestamp() if found and found.proven_at else None,
    }
    for name, value in values.items():
        yield name, _HELP[name], [] if value is None else [({}, value)]
