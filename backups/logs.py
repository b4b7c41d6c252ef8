"""Has every line of the log written as `backups.text` shows it, whoever reads it: a terminal, cron, Prefect's server."""

import logging
from typing import Any

from backups.text import lines_shown, shown

_ROOMS = frozenset({"backups", "verification", "tasks", "flows", "deployments"})
"""Our own loggers: a message of theirs is one line, and a line end in it is part of a name."""

_record = logging.LogRecord


def install() -> None:
    """From now on, escape what must not be shown in each message and traceback that this process logs. Twice is as once."""
    logging.setLogRecordFactory(_shown)


def _shown(*parts: Any, **more: Any) -> logging.LogRecord:
    record = _record(*parts, **more)
    try:
        message = record.getMessage()
    except (TypeError, ValueError):
        # A message that does not fit its arguments is reported by its handler.
        return record
    record.msg = shown(message) if record.name.partition(".")[0] in _ROOMS else lines_shown(message)
    record.args = None
    if record.exc_info:
        record.exc_text = lines_shown(logging.Formatter().formatException(record.exc_info))
    return record
