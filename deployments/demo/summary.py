"""Builds the tables that the demo prints at its end."""

from rich.table import Table
from rich.text import Text

from backups import durations
from backups.machine import disk
from backups.manifest import Manifest
from backups.witness import Check
from verification.evidence.evidence import DrillResult, Evidence

_COLOURS = {"verified": "bold green", "failed": "bold red"}
_COUNTED = {"mysql": "rows", "prometheus": "samples"}
"""By type, the metric whose numbers are added up; for other types, objects are counted."""


def week(taken: list[tuple[str, list[Manifest]]]) -> Table:
    """Return a table of the week's backups: for each night and service its kind, size and duration."""
    table = Table(title="backups", title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in ("midnight", "service", "kind"):
        table.add_column(column)
    for column in ("size", "captured in"):
        table.add_column(column, justify="right")
    for midnight, manifests in taken:
        for index, manifest in enumerate(manifests):
            took = durations.describe(manifest.finished_at - manifest.started_at)
            table.add_row(midnight if index == 0 else "", manifest.service, manifest.kind, disk.size(manifest.size), took)
    return table


def drills(evidence: Evidence) -> Table:
    """Return a table with one line for each drill: what was restored, whether it is equal, and how fast."""
    table = Table(title="drills", title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in ("service", "backup", "verdict"):
        table.add_column(column, no_wrap=True)
    budget = durations.describe(evidence.rto.budget_seconds).removesuffix(" 00 min")
    for column in ("checks", "equal", "restored in", f"of {budget}"):
        table.add_column(column, justify="right", no_wrap=True)
    for drill in evidence.drills:
        backups = len(drill.backup.chain) if drill.backup else 0
        passed = [check for check in drill.checks if check.passed]
        seconds = drill.restore_seconds
        table.add_row(
            drill.service,
            f"{drill.chosen}: " + ("full" if backups <= 1 else f"full+{backups - 1}"),
            Text(drill.verdict, style=_COLOURS.get(drill.verdict, "bold yellow")),
            f"{len(passed)}/{len(drill.checks)}",
            _counted(drill.type, passed),
            "" if seconds is None else durations.describe(seconds),
            "" if seconds is None else f"{100 * seconds / evidence.rto.budget_seconds:.2f} %",
        )
    return table


def differences(drill: DrillResult) -> Text:
    """Return the failed checks of a drill, expected and observed below each other, since fingerprints are long."""
    text = Text()
    for check in sorted(drill.failures, key=lambda check: check.metric != "rows"):
        text.append(f"\n  {check.subject} {check.metric}\n", style="bold")
        text.append("    source  ").append(f"{check.expected}\n", style="green")
        text.append("    copy    ").append(f"{check.observed}", style="red")
    return text


def _counted(kind: str, checks: list[Check]) -> str:
    if kind not in _COUNTED:
        return f"{len({check.subject for check in checks}):,} objects"
    numbers = [check.observed for check in checks if check.metric == _COUNTED[kind] and isinstance(check.observed, int)]
    return f"{sum(numbers):,} {_COUNTED[kind]}"
