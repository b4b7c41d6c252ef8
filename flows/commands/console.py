"""Prints a command's results on standard output, and its faults and hints on standard error."""

import json
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import rich.console
import rich.text
from rich.cells import cell_len

from backups.errors import LifeboatError
from backups.text import json_shown, shown
from flows.commands import verbosity
from flows.commands.verbs import VERBS

if TYPE_CHECKING:
    from rich.style import Style

_PIPED = 240
"""Columns when nobody watches: what a program reads must not be folded at 80."""
_TYPED = re.compile(rf"(?<!`)\blifeboat (?=(?:{'|'.join(VERBS.keys() - {'init', 'demo'})})\b)")
"""What somebody is told to type here. In backticks a command is only named, and may be one for another machine."""


def typed(text: str) -> str:
    """Have what is to be typed in a text name the configuration that `-c` named."""
    config = verbosity.chosen.config
    return text if config is None else _TYPED.sub(lambda _: f"lifeboat -c {shlex.quote(shown(str(config)))} ", text)


def _line(text: str) -> str:
    """Escape what must not reach a terminal (`backups.text`); what is to be typed is `typed`."""
    return typed(shown(text))


class Text(rich.text.Text):
    """One line of text and its colours, as a terminal may have it: see `_line`."""

    def __init__(self, text: str = "", style: "str | Style" = "", **more: Any) -> None:
        super().__init__(_line(text), style, **more)

    def append(self, text: "rich.text.Text | str", style: "str | Style | None" = None) -> "Text":
        """Add text at its end."""
        super().append(_line(text) if isinstance(text, str) else text, style)
        return self


class Console(rich.console.Console):
    """Prints lines as they are: brackets are no markup, colons no emoji, and each text is one line without control characters."""

    def __init__(self, *, stderr: bool = False) -> None:
        stream = sys.stderr if stderr else sys.stdout
        super().__init__(
            stderr=stderr, markup=False, emoji=False, highlight=False, width=None if stream and stream.isatty() else _PIPED
        )

    def print(self, *objects: Any, **options: Any) -> None:
        """See rich."""
        super().print(*(Text(each) if isinstance(each, str) else each for each in objects), **options)


out = Console()
err = Console(stderr=True)


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
    print(json_shown(json.dumps(data, indent=2, ensure_ascii=False)))


def print_columns(titles: Sequence[str], rows: Sequence[Sequence[str | Text]], *, right: Sequence[str] = ()) -> None:
    """Print rows below each other, each column as wide as its widest cell; the columns named in `right` end at their right edge.

    Unlike rich's tables it takes no time to speak of for some hundred rows.
    """
    table = [
        [_line(cell) if isinstance(cell, str) else cell for cell in row] for row in ([titles, *rows] if any(titles) else rows)
    ]
    plain = [[cell if isinstance(cell, str) else cell.plain for cell in row] for row in table]
    widths = [max(map(cell_len, column)) for column in zip(*plain, strict=True)]
    padded = [[" " * (width - cell_len(text)) for text, width in zip(texts, widths, strict=True)] for texts in plain]
    ends = [title in right for title in titles]
    if not out.is_terminal:
        # Colours are of no use here, and putting them together is most of the work of a long list.
        print(
            "\n".join(
                "  ".join(gap + text if end else text + gap for text, gap, end in zip(texts, gaps, ends, strict=True)).rstrip()
                for texts, gaps in zip(plain, padded, strict=True)
            )
        )
    elif sum(widths) + 2 * len(widths) > out.width and (narrow := _narrowed(plain, widths, out.width)):
        _print_folded(titles, rows, right, narrow)
    else:
        lines = []
        for number, (cells, gaps) in enumerate(zip(table, padded, strict=True)):
            line = rich.text.Text(style="dim" if number == 0 and any(titles) else "")
            for cell, gap, end in zip(cells, gaps, ends, strict=True):
                line.append(gap if end else "").append(cell).append("  " if end else f"{gap}  ")
            line.rstrip()
            lines.append(line)
        out.print(rich.text.Text("\n").join(lines), soft_wrap=True)


def _narrowed(plain: Sequence[Sequence[str]], widths: Sequence[int], room: int) -> list[int] | None:
    """Return widths with which the columns fit, each as wide as its longest word at least: an id that is cut off is none.

    None where that is not possible; the terminal folds the lines then, and nothing is lost.
    """
    found = [max((cell_len(word) for cell in column for word in cell.split()), default=0) for column in zip(*plain, strict=True)]
    left = room - sum(found) - 2 * len(found)
    if left < 0:
        return None
    # Whoever needs least gets it first, and none more than its share.
    for done, at in enumerate(sorted(range(len(found)), key=lambda at: widths[at] - found[at])):
        more = min(widths[at] - found[at], left // (len(found) - done))
        found[at] += more
        left -= more
    return found


def _print_folded(
    titles: Sequence[str], rows: Sequence[Sequence[str | Text]], right: Sequence[str], widths: Sequence[int]
) -> None:
    """Print rows that are wider than the terminal, cells that are wider than these widths folded between words."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", show_header=any(titles))
    for title, width in zip(titles, widths, strict=True):
        table.add_column(title, justify="right" if title in right else "left", width=width, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    out.print(table)
