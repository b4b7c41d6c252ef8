"""Estimates when growth will use up the margin to the RTO: a line through the sizes of the fulls, at the pace of the drill."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import linear_regression

from backups import durations, plural
from backups.machine import disk
from backups.manifest import BackupRecord
from verification.evidence.evidence import DrillResult, Growth

_ENOUGH = timedelta(days=1)
"""Fulls closer together than this show noise, not growth."""

_FAR = timedelta(days=3650)


def forecast(result: DrillResult, fulls: Sequence[BackupRecord], rto: timedelta, now: datetime) -> Growth | None:
    """Estimate when the restore will take as long as the RTO; None when the drill has not restored anything.

    Fetching and replaying are taken to grow with the data, starting and the first answer not. The trend is a straight line
    through the sizes of the full backups (`fulls`, oldest first).
    """
    if result.restore_seconds is None:
        return None
    if len(fulls) < 2:
        return Growth(at=None, words=f"growth is not known yet: {plural.count(len(fulls), 'full backup')}, two are needed")
    span = fulls[-1].taken_at - fulls[0].taken_at
    if span < _ENOUGH:
        return Growth(
            at=None, words=f"growth is not known yet: the full backups span {durations.describe(span)}, a day is needed"
        )
    size = fulls[-1].size
    growing = sum(phase.seconds for phase in result.phases if phase.name in ("fetch", "replay"))
    per_day = growing * _trend(fulls) / size if size else 0.0
    at, sentence = _exhausted(rto.total_seconds() - result.restore_seconds, per_day, now)
    sizes = f"{disk.size(fulls[0].size)} to {disk.size(size)}"
    return Growth(at=at, words=f"{sentence} ({plural.count(len(fulls), 'full backup')} over {durations.describe(span)}: {sizes})")


def _exhausted(margin: float, per_day: float, now: datetime) -> tuple[datetime | None, str]:
    """Compute when `margin` seconds are used up at `per_day` seconds a day, and the same as a sentence."""
    if margin <= 0:
        return now, "the objective is missed already"
    if per_day <= 0:
        return None, "the data does not grow"
    if margin / per_day > _FAR.days:
        return None, "at this growth the margin lasts longer than ten years"
    at = now + timedelta(days=margin / per_day)
    return at, f"at this growth the margin is used up about {at:%Y-%m-%d}"


def _trend(fulls: Sequence[BackupRecord]) -> float:
    """Compute the growth in bytes a day: the slope of the least-squares line."""
    days = [(full.taken_at - fulls[0].taken_at) / timedelta(days=1) for full in fulls]
    return linear_regression(days, [full.size for full in fulls]).slope
