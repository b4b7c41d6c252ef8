"""Gives the newest values of each service's history as samples of Prometheus metrics; Prometheus keeps them over time.

What is not known has no sample, so that it is a gap there, too.
"""

from collections.abc import Iterator, Sequence

from verification.evidence.history import ServiceHistory

_BYTES = "lifeboat_backup_bytes"
_HOLDS = "lifeboat_backup_holds"
_LOCK = "lifeboat_lock_seconds"
_PHASE = "lifeboat_restore_phase_seconds"
_FORECAST = "lifeboat_rto_forecast_timestamp_seconds"

_DRILLED = "lifeboat_verifier_drill_timestamp_seconds"
_INJECTED = "lifeboat_verifier_faults"
_NOTICED = "lifeboat_verifier_faults_noticed"

_HELP = {
    _BYTES: "Size of the newest backup of each kind.",
    _HOLDS: "What the witness of the newest backup counted: rows, samples or things.",
    _LOCK: "How long writers at the source waited for the newest backup.",
    _PHASE: "How long each phase of the slowest restore of the newest verification took.",
    _DRILLED: "When faults were last put into copies of its backups.",
    _INJECTED: "How many faults the newest drill of the verifier has put into copies of its backups.",
    _NOTICED: "How many of them were noticed.",
    _FORECAST: "When a restore is expected to take as long as the RTO, and the bounds of the 95 % band.",
}
NAMES = frozenset(_HELP)

Sample = tuple[dict[str, str], float | int]


def samples(histories: Sequence[ServiceHistory]) -> Iterator[tuple[str, str, list[Sample]]]:
    """Yield each metric's name, its help, and its samples, each with its labels."""
    for name, help_text in _HELP.items():
        yield name, help_text, [sample for history in histories for sample in _of(name, history)]


def _of(name: str, history: ServiceHistory) -> Iterator[Sample]:
    labels = {"service": history.service, "type": history.type}
    last = history.backups[-1] if history.backups else None
    if name == _BYTES:
        newest = {backup.kind: backup.bytes for backup in history.backups}
        yield from (({**labels, "kind": kind}, size) for kind, size in sorted(newest.items()))
    elif name == _HOLDS and last and last.unit and last.count is not None:
        yield {**labels, "unit": last.unit}, last.count
    elif name == _LOCK and last and last.lock_seconds is not None:
        yield labels, last.lock_seconds
    elif name == _PHASE and history.slowest:
        yield from (({**labels, "phase": phase.name}, phase.seconds) for phase in history.slowest[-1].phases)
    elif name in {_DRILLED, _INJECTED, _NOTICED} and history.detections:
        newest_drill = max(history.detections, key=lambda each: each.at)
        values = {_DRILLED: newest_drill.at.timestamp(), _INJECTED: newest_drill.injected, _NOTICED: newest_drill.noticed}
        yield labels, values[name]
    elif name == _FORECAST:
        bounds = {"expected": history.forecast.at, "earliest": history.forecast.earliest, "latest": history.forecast.latest}
        yield from (({**labels, "bound": bound}, at.timestamp()) for bound, at in bounds.items() if at)
