"""Fills in a panel's Prometheus query as Grafana's server does: step, window, and the macros that it knows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backups.panels.prometheus import durations
from backups.panels.prometheus.durations import MILLISECOND, SECOND

_SCRAPE = "15s"
"""The interval of a data source that names none."""
_MOST_POINTS = 11_000
_LONGEST = 1 << 63
_FEW_POINTS = 100
"""Of a query that does not say how many points its panel has."""
_MANY_POINTS = 1500
"""Of one that says 0."""
_AN_INTERVAL = frozenset(
    written
    for name in ("__interval", "__interval_ms", "__rate_interval", "__rate_interval_ms")
    for written in (f"${name}", f"${{{name}}}")
)


@dataclass(frozen=True)
class Filled:
    """A query as it is sent. step: in nanoseconds; start, end: of a range, in seconds, rounded down to the step

    at: of an instant, in seconds
    """

    expression: str
    legend: str
    step: int
    start: float
    end: float
    at: float
    instant: bool
    range: bool

    @property
    def executed(self) -> str:
        """What Grafana says that it has sent."""
        return f"Expr: {self.expression}\nStep: {durations.exact(self.step)}"


def filled(query: Mapping[str, Any], start: int, end: int, settings: Mapping[str, Any]) -> Filled:
    """Fill in a query of /api/ds/query for a window, in milliseconds since 1970. settings: the data source's jsonData.

    Raises ValueError, in Grafana's words, for an interval that is none.
    """
    scrape, wanted = str(settings.get("timeInterval") or ""), str(query.get("interval") or "")
    step = _step(query, wanted, scrape, (end - start) * MILLISECOND)
    if not 0 < step < _LONGEST:
        raise ValueError("a step that is not positive, or longer than any")
    offset = _number(query.get("utcOffsetSec"), 0)
    instant, range_ = bool(query.get("instant")), bool(query.get("range"))
    return Filled(
        expression=_interpolated(query, wanted, scrape, step, end - start),
        legend=str(query.get("legendFormat") or ""),
        step=step,
        start=_aligned(start, step, offset),
        end=_aligned(end, step, offset),
        at=end / 1000,
        instant=instant,
        # Old dashboards say neither.
        range=range_ or not instant,
    )


def _step(query: Mapping[str, Any], wanted: str, scrape: str, window: int) -> int:
    by_variable = wanted in _AN_INTERVAL
    least = _least("" if by_variable else wanted, _number(query.get("intervalMs"), 0), scrape)
    points = _number(query.get("maxDataPoints"), _FEW_POINTS) or _MANY_POINTS
    spread = int(window / points)
    adjusted = max(least if spread < least else durations.rounded(spread), durations.rounded(window // _MOST_POINTS))
    if wanted in ("$__rate_interval", "${__rate_interval}"):
        return _rate_interval(adjusted, scrape)
    return adjusted * (_number(query.get("intervalFactor"), 1) or 1)


def _least(wanted: str, milliseconds: int, scrape: str) -> int:
    """The smallest step: the query's own, else the panel's, else the data source's."""
    if wanted not in ("", "0s"):
        return durations.parsed(wanted)
    return milliseconds * MILLISECOND if milliseconds else durations.parsed(scrape or _SCRAPE)


def _rate_interval(interval: int, scrape: str) -> int:
    """Four scrapes, or an interval and a scrape, whichever is longer; 0 where the scrape's interval cannot be read."""
    try:
        each = durations.parsed(scrape or _SCRAPE)
    except ValueError:
        return 0
    return max(interval + each, 4 * each)


def _interpolated(query: Mapping[str, Any], wanted: str, scrape: str, step: int, window: int) -> str:
    """The expression with its macros filled in, the longer names first. window: milliseconds."""
    if wanted in ("$__rate_interval", "${__rate_interval}"):
        rate = step
    else:
        least = durations.exact(step) if wanted in ("$__interval", "${__interval}") else wanted or scrape
        rate = _rate_interval(_number(query.get("intervalMs"), 1000) * MILLISECOND, least)
    seconds = math.floor(window / 1000 + 0.5)
    values = {
        "__interval_ms": str(step // MILLISECOND),
        "__interval": durations.short(step),
        "__range_ms": str(window),
        "__range_s": str(seconds),
        "__range": f"{seconds}s",
        "__rate_interval_ms": str(rate // MILLISECOND),
        "__rate_interval": durations.exact(rate),
    }
    expression = str(query.get("expr") or "")
    for form in ("${}", "${{{}}}"):
        for name, value in values.items():
            expression = expression.replace(form.format(name), value)
    return expression


def _aligned(at: int, step: int, offset: int) -> float:
    """Seconds, rounded down to the step: in floats of nanoseconds as Grafana reckons, so that both ask for the same instant."""
    shift, size = float(offset * SECOND), float(step)
    nanoseconds = int(math.floor((float(at * MILLISECOND) + shift) / size) * size - shift)
    return float(nanoseconds // SECOND) + float(nanoseconds % SECOND) / 1e9


def _number(value: Any, default: int) -> int:
    """A whole number of a query; what Go could not hold counts as absent."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and -_LONGEST < value < _LONGEST
    return int(value) if known else default
