"""Finds up to which instant the source's data is complete: scrapes that run now are written later."""

import re
from typing import Any

import yaml

from backups.errors import LifeboatError

_GRACE = 5
"""Seconds between the end of a scrape and its samples being there, on a busy server."""
_HEAD = 3 * 3600
"""Seconds that late samples may stay in memory, which no snapshot includes."""
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
_DEFAULT_TIMEOUT = "10s"


def seconds(span: str) -> float:
    """Read a span of time as Prometheus writes it: `1h30m`, `500ms`, `0`; raises LifeboatError for anything else."""
    parts = re.findall(r"(\d+)(ms|[smhdwy])", span)
    if span != "0" and (not parts or "".join(number + unit for number, unit in parts) != span):
        raise LifeboatError(f"{span!r} is not a duration as Prometheus writes it", hint="check the configuration of the source")
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


def late_window(configuration: str) -> float:
    """Return for how many seconds the source accepts late samples (`out_of_order_time_window`); 0 when it does not."""
    tsdb = ((_read(configuration).get("storage") or {}).get("tsdb")) or {}
    return seconds(str(tsdb.get("out_of_order_time_window", "0")))


def margin(configuration: str) -> int:
    """Return how many seconds before now everything is written, by the configuration in force (YAML)."""
    content = _read(configuration)
    sections: list[dict[str, Any]] = [content.get("global") or {}, *(content.get("scrape_configs") or [])]
    timeouts = [seconds(str(section.get("scrape_timeout", _DEFAULT_TIMEOUT))) for section in sections]
    late = late_window(configuration)
    return int(max(timeouts) + _GRACE + (late + _HEAD if late else 0))


def _read(configuration: str) -> dict[str, Any]:
    content = yaml.safe_load(configuration)
    return content if isinstance(content, dict) else {}
