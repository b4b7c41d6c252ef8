"""Notes on this machine how far a log is kept, for whoever asks: `status`, and the metrics."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from backups.machine import private

_FILE = "standing"


@dataclass(frozen=True)
class Standing:
    """How far the log of a service is kept, as the follower notes it for `status` on this machine.

    after: the backup that it goes on from. pulled_until: all that was committed up to then (UTC) is on this machine's disk
    saved_until: is in the repository, where that holds every step up to `step`. fault: why it does not go on, None while it does
    """

    after: str | None = None
    pulled_until: datetime | None = None
    saved_until: datetime | None = None
    fault: str | None = None
    step: int = 0


def directory(state: Path, service: str) -> Path:
    """Return where the follower of a service keeps what it has."""
    return state / "follow" / service


def spool(state: Path, service: str) -> Path:
    """Return where in it what was pulled is."""
    return directory(state, service) / "spool"


def note(directory: Path, standing: Standing) -> None:
    """Write how far a log is kept into the follower's directory. Raises OSError."""
    times = (standing.pulled_until, standing.saved_until)
    lines = [
        standing.after or "",
        *(time.isoformat() if time else "" for time in times),
        str(standing.step),
        standing.fault or "",
    ]
    private.write(directory / _FILE, "\n".join(lines))


def read(directory: Path) -> Standing | None:
    """Read what `note` wrote; None where nothing was written."""
    try:
        after, pulled, saved, step, fault = (directory / _FILE).read_text().split("\n", 4)
        pulled_until, saved_until = (datetime.fromisoformat(text) if text else None for text in (pulled, saved))
        last = int(step)
    except (OSError, ValueError):
        return None
    return Standing(after or None, pulled_until, saved_until, fault or None, last)
