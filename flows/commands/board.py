"""The live display of a command's progress on a terminal."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table

from backups import durations
from flows.commands.console import Text, err


@contextmanager
def live(subjects: Sequence[str]) -> Iterator[logging.Handler]:
    """Show a line for each subject until the block ends; yields the log handler that keeps them up to date."""
    board = _Board(subjects)
    with Live(board, console=err, refresh_per_second=8, transient=True):
        yield _Handler(board)


class _Board:
    """Lines with each subject and what was logged of it last; below them a spinner and the time that has passed."""

    def __init__(self, subjects: Sequence[str]) -> None:
        self.started = time.monotonic()
        self.lines: dict[str, str] = dict.fromkeys(subjects, "waiting")

    def __rich__(self) -> Group:
        grid = Table.grid(padding=(0, 2))
        for subject, line in self.lines.items():
            grid.add_row(Text(subject, style="bold"), Text(line, overflow="ellipsis", no_wrap=True))
        elapsed = durations.describe(time.monotonic() - self.started)
        return Group(grid, Spinner("dots", text=Text(elapsed, style="dim")))


class _Handler(logging.Handler):
    def __init__(self, board: _Board) -> None:
        super().__init__()
        self.board = board

    def emit(self, record: logging.LogRecord) -> None:
        subject, separator, line = record.getMessage().partition(": ")
        if separator:
            self.board.lines[subject] = line
        if record.levelno >= logging.WARNING:
            err.print(Text.assemble(("note: ", "yellow"), record.getMessage()))
