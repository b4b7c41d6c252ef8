"""Keeps in the state directory when the backups that prune has deleted had been taken.

What prune has deleted leaves a gap in the repository that is no sign of a clock that jumped (`backups.retention.doubt`).
"""

import logging
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from backups.errors import LifeboatError
from backups.machine import private
from backups.retention import Policy

log = logging.getLogger(__name__)


def file(state: Path, name: str | None) -> Path:
    """Return where it is kept of the further repository of that name, or of the first (None)."""
    return state / f"prune-deleted{f'-{name}' if name else ''}"


def read(file: Path, told: int = logging.WARNING) -> list[datetime]:
    """Return the times (UTC); none where there is no such file, or none that can be read: then the clock is doubted sooner.

    told: how loud that is
    """
    try:
        return [_time(line) for line in file.read_text(encoding="utf-8").split()]
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        log.log(told, "%s, which says when the backups that prune deleted had been taken, cannot be read: %s", file, error)
        return []


def _time(line: str) -> datetime:
    time = datetime.fromisoformat(line)
    if time.tzinfo is None:
        raise ValueError(f"{line} has no time zone")
    return time


def remember(file: Path, more: Iterable[datetime], *, now: datetime, rules: Policy) -> None:
    """Add times, and drop those that tell nothing any more. Raises LifeboatError when it cannot be written."""
    # The plan has read it, too, and has said what is wrong with it.
    kept = telling([*read(file, logging.DEBUG), *more], now=now, rules=rules)
    try:
        private.write(file, "".join(f"{time.isoformat()}\n" for time in kept))
    except OSError as error:
        raise LifeboatError(
            f"the state directory {file.parent} cannot be written: {error}",
            hint="nothing was deleted; run as the user that owns it (state: in lifeboat.yaml)",
        ) from error


def telling(times: Iterable[datetime], *, now: datetime, rules: Policy) -> list[datetime]:
    """Return the times that can end a doubt about the clock, oldest first: a silence that matters begins no earlier.

    What is dated in the future is dropped: it was taken by a clock that was wrong, and would hide a jump to there.
    """
    if rules.silence is None:
        return []
    return sorted({time for time in times if now - rules.window - rules.silence <= time <= now})
