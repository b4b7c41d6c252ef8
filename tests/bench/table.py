"""The table that docs/speed.md shows: what, how much, the goal, and whether it is met."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line. `met` None: there is no goal, only a number worth knowing."""

    what: str
    measured: str
    goal: str = ""
    met: bool | None = None


def markdown(rows: list[Row]) -> str:
    """A Markdown table, its columns aligned for whoever reads the source."""
    lines = [
        ("what", "measured", "goal", ""),
        *((row.what, row.measured, row.goal, {True: "pass", False: "MISS", None: ""}[row.met]) for row in rows),
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def at_most(what: str, value: float, limit: float, unit: str, *, detail: str = "") -> Row:
    """A row whose number should be small."""
    return Row(what, f"{value:.2f}{unit}{detail}", f"at most {limit:g}{unit}", value <= limit)


def at_least(what: str, value: float, limit: float, unit: str, *, detail: str = "") -> Row:
    """A row whose number should be large."""
    return Row(what, f"{value:.1f}{unit}{detail}", f"at least {limit:g}{unit}", value >= limit)
