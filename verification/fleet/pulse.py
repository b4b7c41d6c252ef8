"""Tells for how long a machine, or a drill, was not heard."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

_BLINK = timedelta(seconds=15)
"""So much of the time between two looks counts as silence."""


@dataclass
class Pulse:
    """Tells for how long something was not heard, by the coordinator's own looks: other machines' clocks may differ.

    While nobody looked (this machine was held up, or the scheduler away) nobody could be heard: that is no silence.
    """

    watched: timedelta = timedelta(0)
    looked: datetime | None = None
    beats: dict[str, tuple[object, timedelta]] = field(default_factory=dict)

    def look(self, now: datetime) -> None:
        """Begin another look."""
        # Less than nothing, where this machine's clock was set back.
        self.watched += max(timedelta(0), min(now - self.looked, _BLINK)) if self.looked else timedelta(0)
        self.looked = now

    def silent(self, name: str, beat: object) -> timedelta:
        """Return for how long the beat has been the same."""
        if name not in self.beats or self.beats[name][0] != beat:
            self.beats[name] = beat, self.watched
        return self.watched - self.beats[name][1]
