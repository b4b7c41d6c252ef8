"""Foresees from measured restores when they will take as long as the RTO: a straight line, and the band around it.

Pure. Beside it, `forecast.py` estimates the same from one drill and the sizes of the fulls: this one needs weeks of drills.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from math import sqrt
from statistics import fmean, linear_regression

from pydantic import AwareDatetime, BaseModel, ConfigDict

from backups import durations, plural

_ENOUGH = 3
"""Two points are a line without a band."""
_LEAST = timedelta(days=1)
"""Drills closer together than this show noise, not growth."""
_FAR = 3650
"""Days that are looked ahead."""
_SHARE = 0.95


class Ahead(BaseModel):
    """What a restore is expected to take at a moment, in seconds, and the band in which it lies with a probability of 95 %."""

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    seconds: float
    low: float
    high: float


class Trend(BaseModel):
    """When the RTO is expected to break, and the band's bounds; None: not within ten years. `line`: to be drawn.

    per_week: seconds by which restores grow
    """

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime | None = None
    earliest: AwareDatetime | None = None
    latest: AwareDatetime | None = None
    per_week: float | None = None
    line: tuple[Ahead, ...] = ()
    words: str


def trend(measured: Sequence[tuple[datetime, float]], rto: timedelta, now: datetime) -> Trend:
    """Foresee from restores, oldest first, each with its seconds, when one takes as long as the RTO."""
    times, seconds = [at for at, _ in measured], [each for _, each in measured]
    if len(measured) < _ENOUGH:
        return Trend(words=f"not known yet: {plural.count(len(measured), 'timed drill')}, {_ENOUGH} are needed")
    if times[-1] - times[0] < _LEAST:
        return Trend(words=f"not known yet: the timed drills span {durations.describe(times[-1] - times[0])}, a day is needed")
    line = _fitted([_days(at, now) for at in times], seconds)
    allowed = rto.total_seconds()

    def breaks(bound: int) -> datetime | None:
        day = next((day for day in range(_FAR) if line(day)[bound] >= allowed), None)
        return None if day is None else now + timedelta(days=day)

    at, latest, earliest = breaks(0), breaks(1), breaks(2)
    per_week = line(7)[0] - line(0)[0]
    ahead = max((times[-1] - times[0]) / 2, timedelta(weeks=4))
    return Trend(
        at=at,
        earliest=earliest,
        latest=latest,
        per_week=per_week,
        line=tuple(_ahead(line, each, now) for each in _drawn(times[0], now, now + ahead)),
        words=_words((at, earliest, latest), now, per_week, rto, len(measured)),
    )


def _fitted(days: Sequence[float], seconds: Sequence[float]) -> Callable[[float], tuple[float, float, float]]:
    """Fit the least-squares line; returns, by the day, its value, and the lower and upper bound of a single measurement."""
    # Loading scipy takes time that no other command has to spend.
    from scipy.special import stdtrit

    fit = linear_regression(days, seconds)
    count, middle = len(days), fmean(days)
    spread = sum((day - middle) ** 2 for day in days)
    rest = sum((value - fit.intercept - fit.slope * day) ** 2 for day, value in zip(days, seconds, strict=True))
    scatter = sqrt(rest / (count - 2)) * float(stdtrit(count - 2, (1 + _SHARE) / 2))

    def at(day: float) -> tuple[float, float, float]:
        value = fit.intercept + fit.slope * day
        width = scatter * sqrt(1 + 1 / count + (day - middle) ** 2 / spread)
        return value, value - width, value + width

    return at


def _drawn(first: datetime, now: datetime, last: datetime) -> list[datetime]:
    """Choose moments at which the line and its band are drawn: the band is curved."""
    steps = 16
    return [first + (last - first) * step / steps for step in range(steps + 1)] if last > first else [now]


def _ahead(line: Callable[[float], tuple[float, float, float]], at: datetime, now: datetime) -> Ahead:
    value, low, high = line(_days(at, now))
    return Ahead(at=at, seconds=max(0.0, value), low=max(0.0, low), high=max(0.0, high))


def _words(
    when: tuple[datetime | None, datetime | None, datetime | None], now: datetime, per_week: float, rto: timedelta, count: int
) -> str:
    at, earliest, latest = when
    allowed, drills = durations.describe(rto), plural.count(count, "timed drill")
    if at is None and earliest is None:
        grow = f"restores grow by {durations.describe(per_week)} a week" if per_week > 0 else "restores do not grow"
        return f"{grow}; {allowed} are not reached within ten years, by {drills}"
    if at == now:
        return f"the objective of {allowed} is missed already, by {drills}"
    bounds = f"with a probability of 95 % between {_date(earliest)} and {_date(latest)}"
    if at is None:
        return f"{allowed} are not expected to be reached within ten years, {bounds}, by {drills}"
    return f"{allowed} are reached about {_date(at)}, {bounds}, by {drills}"


def _date(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d}" if at else "never"


def _days(at: datetime, now: datetime) -> float:
    return (at - now) / timedelta(days=1)
