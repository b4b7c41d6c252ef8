"""Gives how it stands with a start from nothing, the recovery kit and the drilled cold start, as samples of Prometheus metrics.

What never happened has no sample.
"""

from collections.abc import Iterator

from backups.config.settings import Objectives
from verification.evidence.rescues import FromNothing
from verification.watch.metrics_of_history import Sample

_KIT = "lifeboat_kit_timestamp_seconds"
_OUTDATED = "lifeboat_kit_outdated"
_COLD = "lifeboat_cold_start_timestamp_seconds"
_FAILED = "lifeboat_cold_start_failed"
_PROVEN = "lifeboat_cold_start_proven_timestamp_seconds"
_ALLOWED = "lifeboat_objective_cold_start_seconds"

_HELP = {
    _KIT: "When the last recovery kit was made.",
    _OUTDATED: "1 when the configuration has changed since the last recovery kit, or that cannot be told.",
    _COLD: "When a start from nothing was last drilled, whatever came of it.",
    _FAILED: "1 when that did not come to verified.",
    _PROVEN: "When a start from nothing was last drilled, and verified.",
    _ALLOWED: "How old the newest verified start from nothing may be.",
}
NAMES = frozenset(_HELP)


def samples(nothing: FromNothing, objectives: Objectives) -> Iterator[tuple[str, str, list[Sample]]]:
    """Yield each metric's name, its help, and its one sample, which has no label."""
    cold = nothing.cold
    values = {
        _KIT: nothing.kit_at.timestamp() if nothing.kit_at else None,
        _OUTDATED: None if nothing.kit_old is None else int(nothing.kit_old),
        _COLD: cold.at.timestamp() if cold else None,
        _FAILED: int(cold.verdict != "verified") if cold else None,
        _PROVEN: cold.proven_at.timestamp() if cold and cold.proven_at else None,
        _ALLOWED: objectives.cold_start.total_seconds(),
    }
    for name, value in values.items():
        yield name, _HELP[name], [] if value is None else [({}, value)]
