"""How commands talk: results on standard output; progress on standard error, live on a terminal and plain lines otherwise."""

import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from backups import durations
from backups.errors import LifeboatError

LOGGERS = ("backups", "verification", "deployments")

_PIPED = 240
"""Columns when nobody watches: what a program reads must not be folded at 80."""

out = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPED)
err = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _PIPED)


def tell(error: LifeboatError) -> None:
    """Show a fault and its hint."""
    err.print(Text.assemble(("lifeboat: ", "bold red"), error.message), soft_wrap=True)
    if error.hint:
        err.print(Text.assemble(("hint: ", "bold yellow"), error.hint), soft_wrap=True)


@contextmanager
def progress(subjects: Sequence[str]) -> Iterator[None]:
    """Show what the log says about each of `subjects` while the work goes on."""
    if err.is_terminal and not os.environ.get("LIFEBOAT_DEBUG"):
        board = _Board(subjects)
        with Live(board, console=err, refresh_per_second=8, transient=True), _logging_to(_BoardHandler(board)):
            yield
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
        with _logging_to(handler):
            yield


class _Board:
    """One line a subject: a spinner, its name, the newest thing said about it, and for how long."""

    def __init__(self, subjects: Sequence[str]) -> None:
        self.started = time.monotonic()
        self.lines: dict[str, str] = dict.fromkeys(subjects, "waiting")

    def __rich__(self) -> Group:
        grid = Table.grid(padding=(0, 2))
        for subject, line in self.lines.items():
            grid.add_row(Text(subject, style="bold"), Text(line, overflow="ellipsis", no_wrap=True))
        elapsed = durations.describe(time.monotonic() - self.started)
        return Group(grid, Spinner("dots", text=Text(elapsed, style="dim")))


class _BoardHandler(logging.Handler):
    def __init__(self, board: _Board) -> None:
        super().__init__()
        self.board = board

    def emit(self, record: logging.LogRecord) -> None:
        subject, separator, line = record.getMessage().partition(": ")
        if separator:
            self.board.lines[subject] = line
        if record.levelno >= logging.WARNING:
            err.print(Text.assemble(("note: ", "yellow"), record.getMessage()))


@contextmanager
def _logging_to(handler: logging.Handler) -> Iterator[None]:
    level = logging.DEBUG if os.environ.get("LIFEBOAT_DEBUG") else logging.INFO
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(level)
    try:
        yield
    finally:
        for logger, old in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(old)
