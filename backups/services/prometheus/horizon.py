"""Decides up to which instant the source's past is complete: what is scraped now is written later, late samples later still."""

import re
from dataclasses import dataclass
from typing import Any

import yaml

from backups.errors import LifeboatError
from backups.services.prometheus.api import Api

LATE_SAMPLES = "prometheus_tsdb_head_out_of_order_samples_appended_total"
"""The server's own count, since its start, of samples that came late and were taken."""

_GRACE = 5
"""Seconds between the end of a scrape and its samples being there, on a busy server."""
_HEAD = 3 * 3600
"""Seconds that late samples may stay in memory, which no snapshot includes."""
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
_DEFAULT_TIMEOUT = "10s"
_SUPPOSED: dict[str, Any] = {"global": {"scrape_timeout": "1m"}, "storage": {"tsdb": {"out_of_order_time_window": "1h"}}}
"""Of a configuration that cannot be read: only older instants are asked about, where everything is written."""
_DEEPEST = 100
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""Reads every scalar as text (a plain `=` is a value that YAML 1.1 cannot build), in C where PyYAML has it: much faster."""


@dataclass(frozen=True)
class Horizon:
    """How far before now the source's past is complete, in seconds.

    late_window: how late a sample may come, in seconds (0: never). late_samples: how many came late since the source started.
    unreadable: the configuration could not be read, so the margin is that of a source that takes samples an hour late
    elsewhere: it answers also with what others hold (`remote_read`), which is in no snapshot
    """

    margin: int
    late_window: float
    late_samples: int
    unreadable: bool = False
    elsewhere: bool = False

    @property
    def leaves_out(self) -> str | None:
        """What a snapshot leaves out because it came late, as a sentence for the operator; None where nothing came late."""
        if not self.late_samples:
            return None
        return (
            f"late (out-of-order) samples of the last hours: Prometheus keeps them in a memory that is in no snapshot; it took "
            f"{self.late_samples} since it started, those older than about {_HEAD // 3600} h are in the blocks"
        )


def seconds(span: str) -> float:
    """Read a span of time as Prometheus writes it: `1h30m`, `500ms`, `0`; raises LifeboatError for anything else."""
    parts = re.findall(r"(\d+)(ms|[smhdwy])", span)
    if span != "0" and (not parts or "".join(number + unit for number, unit in parts) != span):
        raise LifeboatError(f"{span!r} is not a duration as Prometheus writes it", hint="check the configuration of the source")
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


def look(api: Api) -> Horizon:
    """Read the configuration in force, and the server's own count of late samples.

    That count matters beside the window: one that was turned off by a reload leaves its samples in memory until the head is
    compacted, up to three hours later.
    """
    return of(api.configuration(), late_samples=int(api.total(LATE_SAMPLES)))


def _require_shallow(configuration: str) -> None:
    """Raise YAMLError for what is nested too deep: building it would end the process, since libyaml's binding calls itself."""
    depth = 0
    for event in yaml.parse(configuration, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            raise yaml.YAMLError(f"nested deeper than {_DEEPEST} levels")


def parsed(configuration: str) -> dict[str, Any] | None:
    """The configuration (YAML), every scalar as text; None where it is not YAML, or no mapping."""
    try:
        _require_shallow(configuration)
        content = yaml.load(configuration, Loader=_LOADER) or {}  # noqa: S506 - the base loader builds text, lists and mappings
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def of(configuration: str, *, late_samples: int = 0) -> Horizon:
    """The horizon of a configuration (YAML)."""
    content = parsed(configuration)
    unreadable = content is None
    if content is None:
        content = _SUPPOSED
    tsdb = _mapping(_mapping(content.get("storage")).get("tsdb"))
    window = seconds(str(tsdb.get("out_of_order_time_window", "0")))
    scrapes = content.get("scrape_configs")
    sections = [_mapping(content.get("global")), *(_mapping(one) for one in (scrapes if isinstance(scrapes, list) else []))]
    timeouts = [seconds(str(section.get("scrape_timeout", _DEFAULT_TIMEOUT))) for section in sections]
    late = window + _HEAD if window or late_samples else 0
    return Horizon(int(max(timeouts) + _GRACE + late), window, late_samples, unreadable, bool(content.get("remote_read")))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
