"""Prints a command's results on standard output, and its faults and hints on standard error."""

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from backups.errors import LifeboatError
from flows.commands import verbosity

_PIPED = 240
"""Columns when nobody watches: what a program reads must not be folded at 80."""

out = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPED)
err = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _PIPED)


def print_fault(error: LifeboatError) -> None:
    """Print a fault and its hint."""
    err.print(Text.assemble(("lifeboat: ", "bold red"), error.message), soft_wrap=True)
    if error.hint:
        err.print(Text.assemble(("hint: ", "bold yellow"), error.hint), soft_wrap=True)


def result(show: Callable[[], None], *, well: bool) -> None:
    """Print what a command has done by calling `show`; with --quiet only when not all went well."""
    if not (verbosity.chosen.quiet and well):
        show()


def print_json(data: Any) -> None:
    """Print JSON for programs: numbers, text, lists and objects; times are text in ISO 8601, in UTC."""
    print(json.dumps(data, indent=2, ensure_ascii=False))


def print_columns(titles: Sequence[str], rows: Sequence[Sequence[str | Text]], *, right: Sequence[str] = ()) -> None:
    """Print rows below each other, each column as wide as its widest cell; the columns named in `right` end at their right edge.

    Unlike rich's tables it takes no time to speak of for some hundred rows.
    """
    table = [titles, *rows] if any(titles) else list(rows)
    plain = [[cell.plain if isinstance(cell, Text) else cell for cell in row] for row in table]
    widths = [max(map(cell_len, column)) for column in zip(*plain, strict=True)]
    if out.is_terminal and sum(widths) + 2 * len(widths) > out.width:
        _print_folded(titles, rows, right)
        return
    lines = []
    for cells, texts in zip(table, plain, strict=True):
        line = Text(style="dim" if cells is titles else "")
        for title, cell, text, width in zip(titles, cells, texts, widths, strict=True):
            gap = " " * (width - cell_len(text))
            line.append(gap if title in right else "").append(cell).append("" if title in right else gap).append("  ")
        line.rstrip()
        lines.append(line)
    if out.is_terminal:
        out.print(Text("\n").join(lines), soft_wrap=True)
    else:
        print("\n".join(line.plain for line in lines))


def _print_folded(titles: Sequence[str], rows: Sequence[Sequence[str | Text]], right: Sequence[str]) -> None:
    """Print rows that are wider than the terminal, long cells folded into several lines."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", show_header=any(titles))
    for title in titles:
        table.add_column(title, justify="right" if title in right else "left")
    for row in rows:
        table.add_row(*row)
    out.print(table)
