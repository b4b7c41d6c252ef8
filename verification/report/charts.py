"""Draws what a history holds: which lines and bars there are, from what; `drawing.py` makes SVG of them.

A gap is a gap: no line crosses it, and a bar that is missing leaves its place empty; a red mark at the bottom says so.
"""

from collections.abc import Sequence
from datetime import datetime

from verification.evidence.gaps import Gap
from verification.evidence.history import ServiceHistory
from verification.report import drawing
from verification.report.drawing import BYTES, COUNT, PERCENT, SECONDS, Chart, Line

PHASES = ("fetch", "start", "replay", "ready", "advance")
"""Those that bringing a service back consists of, in their order; what compares is no part of it."""


def charts(history: ServiceHistory) -> list[Chart]:
    """Draw all that there is something to draw of; nothing of a service without backups and evidence."""
    made = [_size(history), _counted(history), _phases(history), _against_rto(history), _blocked(history), _detected(history)]
    return [chart for chart in made if chart]


def broken(line: Line, missed: Sequence[Gap]) -> Line:
    """Put a point without a value into each gap, so that no line is drawn across it."""
    breaks: Line = [(gap.after + ((gap.until or gap.after) - gap.after) / 2, None) for gap in missed]
    return sorted([*line, *breaks], key=lambda point: point[0])


def marks(missed: Sequence[Gap], now: datetime) -> Line:
    """Return the line at the bottom of a chart that shows where something is missing."""
    points: list[tuple[datetime, float | None]] = []
    for gap in missed:
        end = gap.until or now
        points += [(gap.after, 0.0), (end, 0.0), (end, None)]
    return points


def _size(history: ServiceHistory) -> Chart | None:
    of_kind = {kind: [each for each in history.backups if each.kind == kind] for kind in ("full", "incremental")}
    lines: dict[str, Line] = {kind: [(each.at, float(each.bytes)) for each in found] for kind, found in of_kind.items()}
    restored: Line = [(each.at, float(each.bytes)) for each in history.comparable if each.bytes is not None]
    return _of_backups("Size of each backup, and of what was restored", lines, BYTES, history, {"restored": restored})


def _counted(history: ServiceHistory) -> Chart | None:
    kept = [(each.at, each.unit, each.count) for each in history.backups]
    known = {each.id for each in history.backups}
    gone = [each for each in history.drilled if each.backup not in known and each.holds]
    counted = [(each.taken_at or each.at, *_tally(each.holds)) for each in gone] + kept
    unit = next((unit for _, unit, _ in reversed(counted) if unit), None)
    if unit is None:
        return None
    line: Line = [(at, None if count is None or other != unit else float(count)) for at, other, count in sorted(counted)]
    return _of_backups(f"{unit.capitalize()} at the source", {unit: line}, COUNT, history)


def _blocked(history: ServiceHistory) -> Chart | None:
    line: Line = [(each.at, each.lock_seconds) for each in history.backups]
    return _of_backups("How long writers waited at the source", {"waited": line}, SECONDS, history)


def _of_backups(
    title: str, lines: dict[str, Line], scale: drawing.Scale, history: ServiceHistory, others: dict[str, Line] | None = None
) -> Chart | None:
    """Draw lines about backups. others: lines about drills, whose gaps are others."""
    if all(value is None for line in lines.values() for _, value in line):
        return None
    # The gap is between backups of any kind; fulls are a week apart, and no gap.
    whole = {name: broken(line, history.missed_backups) for name, line in lines.items()}
    whole |= {name: broken(line, history.missed_drills) for name, line in (others or {}).items()}
    return drawing.lines(title, {**whole, "missed": marks(history.missed_backups, history.seen_at)}, scale, history.seen_at)


def _tally(holds: str | None) -> tuple[str | None, int | None]:
    unit, _, count = (holds or "").partition(":")
    return unit or None, int(count) if count else None


def _detected(history: ServiceHistory) -> Chart | None:
    line: Line = [(each.at, 100 * each.noticed / each.injected) for each in history.detections if each.injected]
    return drawing.lines("Damage put into copies that the verifier noticed", {"noticed": line}, PERCENT, history.seen_at)


def _against_rto(history: ServiceHistory) -> Chart | None:
    measured: Line = [(each.at, each.seconds) for each in history.comparable]
    if not measured:
        return None
    ahead = history.forecast.line
    last = max(ahead[-1].at if ahead else measured[-1][0], history.seen_at)
    bounds: Line = [*((each.at, each.high) for each in ahead), *((each.at, None) for each in ahead[-1:])]
    lines: dict[str, Line] = {
        "slowest": broken(measured, history.missed_drills),
        "expected": [(each.at, each.seconds) for each in ahead],
        # Both bounds are one kind of line: the break between them keeps them apart.
        "band": [*bounds, *((each.at, each.low) for each in ahead)],
        "objective": [(measured[0][0], history.rto_seconds), (last, history.rto_seconds)],
        "missed": marks(history.missed_drills, history.seen_at),
    }
    title = "Slowest restore of each verification, and what is to be expected"
    return drawing.lines(title, lines, SECONDS, history.seen_at, dotted=("slowest",))


def _phases(history: ServiceHistory) -> Chart | None:
    """A bar for each verification, and an empty place for each gap among them."""
    bars: list[tuple[datetime, dict[str, float] | None]] = []
    for drill in history.slowest:
        parts: dict[str, float] = {phase.name: phase.seconds for phase in drill.phases if phase.name in PHASES}
        # Evidence by an older Lifeboat tells of the whole alone.
        bars.append((drill.at, parts or {"restore": drill.seconds or 0.0}))
    if not bars:
        return None
    bars += [(gap.until or history.seen_at, None) for gap in history.missed_drills]
    # Where a drill ends a gap, the empty place is before its bar.
    bars.sort(key=lambda bar: (bar[0], bar[1] is not None))
    return drawing.bars("Time back, by phase", bars, (*PHASES, "restore"), SECONDS)
