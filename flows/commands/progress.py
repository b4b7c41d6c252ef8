"""Shows on standard error what is going on: live on a terminal, plain lines otherwise, nothing with --quiet."""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from backups import logs
from backups.machine import commands_run
from flows.commands.console import err, typed
from flows.commands.verbosity import chosen

LOGGERS = ("backups", "verification", "deployments")

log = logging.getLogger("backups.commands_run")


@contextmanager
def progress(subjects: Sequence[str]) -> Iterator[None]:
    """Show what the log says about each of `subjects` while the work goes on.

    With --verbose every step and every program that is run is a line; with --quiet only warnings are.
    """
    with ExitStack() as stack:
        if chosen.verbose:
            stack.enter_context(commands_run.listening(lambda words, seconds: log.debug("ran %s (%.1f s)", words, seconds)))
        if chosen.quiet:
            stack.enter_context(_quiet_prefect())
        if err.is_terminal and not (_every_step() or chosen.quiet):
            # rich's live display takes a while to import; pipes and cron do not wait for it.
            from flows.commands.board import live

            stack.enter_context(_logging_to(stack.enter_context(live(subjects))))
        else:
            handler = logging.StreamHandler()
            handler.setFormatter(_Lines("%(asctime)s %(message)s", "%H:%M:%S"))
            stack.enter_context(_logging_to(handler))
        yield


class _Lines(logging.Formatter):
    """Writes the log for a person, who may type what is in it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- logging's own
        return typed(super().formatMessage(record))


def _every_step() -> bool:
    return chosen.verbose or bool(os.environ.get("LIFEBOAT_DEBUG"))


@contextmanager
def _logging_to(handler: logging.Handler) -> Iterator[None]:
    level = logging.DEBUG if _every_step() else logging.WARNING if chosen.quiet else logging.INFO
    logs.install()
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


@contextmanager
def _quiet_prefect() -> Iterator[None]:
    """Have Prefect, which reads its settings when it is imported, print warnings only."""
    name = "PREFECT_LOGGING_LEVEL"
    before = os.environ.get(name)
    os.environ[name] = "WARNING"
    try:
        yield
    finally:
        os.environ.pop(name)
        if before is not None:
            os.environ[name] = before
