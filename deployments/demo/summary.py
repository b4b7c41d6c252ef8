"""What the demo prints when all is done: to be read in ten seconds."""

from rich.table import Table
from rich.text import Text

from backups import durations
from backups.machine import disk
from backups.manifest import Manifest
from backups.witness import Check
from verification.evidence.evidence import DrillResult, Evidence

_COLOURS = {"verified": "bold green", "failed": "bold red", "could-not-run": "bold yellow"}
_COUNTED = {"mysql": "rows", "prometheus": "samples"}
"""Per type, the metric whose numbers add up to something a person may want to know; elsewhere, objects are counted."""


def week(taken: list[tuple[str, list[Manifest]]]) -> Table:
    """The backups of the rehearsed week: per midnight and service, its kind, size and seconds."""
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
    """One line a drill: what came back, whether it is equal, how fast, and what share of the objective that is."""
    table = Table(title="drills", title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in ("service", "backup", "verdict"):
        table.add_column(column, no_wrap=True)
    budget = durations.describe(evidence.rto.budget_seconds).removesuffix(" 00 min")
    for column in ("checks", "equal", "back in", f"of {budget}"):
        table.add_column(column, justify="right", no_wrap=True)
    for drill in evidence.drills:
        backups = len(drill.backup.chain) if drill.backup else 0
        passed = [check for check in drill.checks if check.passed]
        seconds = drill.restore_seconds
        table.add_row(
            drill.service,
            f"{drill.selection}: " + ("full" if backups <= 1 else f"full+{backups - 1}"),
            Text(drill.verdict, style=_COLOURS[drill.verdict]),
            f"{len(passed)}/{len(drill.checks)}",
            _counted(drill.type, passed),
            "" if seconds is None else durations.describe(seconds),
            "" if seconds is None else f"{100 * seconds / evidence.rto.budget_seconds:.2f} %",
        )
    return table


def differences(drill: DrillResult) -> Text:
    """The failed checks of a drill, both sides below each other: fingerprints are long."""
    words = Text()
    for check in sorted(drill.failures, key=lambda check: check.metric != "rows"):
        words.append(f"\n  {check.subject} {check.metric}\n", style="bold")
        words.append("    source  ").append(f"{check.expected}\n", style="green")
        words.append("    copy    ").append(f"{check.observed}", style="red")
    return words


def _counted(kind: str, checks: list[Check]) -> str:
    if kind not in _COUNTED:
        return f"{len({check.subject for check in checks}):,} objects"
    numbers = [check.observed for check in checks if check.metric == _COUNTED[kind] and isinstance(check.observed, int)]
    return f"{sum(numbers):,} {_COUNTED[kind]}"
