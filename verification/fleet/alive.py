"""Tells which machines and which drills of a fleet are alive, by what the scheduler hears of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from backups import durations
from verification.fleet.post import Seen, Worker
from verification.fleet.pulse import Pulse

BEAT = timedelta(seconds=30)
"""How often a drill that runs is heard; Prefect allows no less."""
_MISSED = 3
"""Beats in a row after which a machine or a drill is taken for dead."""
_UNHEARD = timedelta(hours=24)
"""A drill whose worker has it give no heartbeats is waited for so long, for it may have died with its machine."""
_DEAF = timedelta(minutes=10)
"""For so long a machine gets nothing that begins nothing of what is sent to it."""


@dataclass
class Alive:
    """Who is alive. silence: after so long without a word it is taken for dead, or after three beats if that is longer."""

    silence: timedelta
    workers: Mapping[str, Worker] = field(default_factory=dict, init=False)
    heard: set[str] = field(default_factory=set, init=False)
    """The machines that are heard now."""
    known: set[str] = field(default_factory=set, init=False)
    """The machines that were heard, or have drills of before this was begun again: only their silence says that they are dead."""
    _pulse: Pulse = field(default_factory=Pulse, init=False)
    _doubted: dict[str, object] = field(default_factory=dict, init=False)
    """The last beat of each machine whose drill has died: it gets another one when it was heard again."""
    _deaf: dict[str, datetime] = field(default_factory=dict, init=False)
    """When each machine that is heard was found to begin nothing of what is sent to it."""
    _haunted: set[str] = field(default_factory=set, init=False)
    """The machines where a drill was taken for dead, which may be alive after all: what is sent there may wait behind it."""

    def look(self, workers: Mapping[str, Worker], now: datetime) -> None:
        """Note what is heard of the machines now."""
        self.workers = workers
        self._pulse.look(now)
        # One that was dead before this began is not waited for; of one that was alive its own silence decides.
        self.known |= {name for name, each in workers.items() if each.online}
        self.heard = {
            name
            for name, each in workers.items()
            if self._pulse.silent(name, each.beat) <= max(self.silence, _MISSED * each.every) and name in self.known
        }

    def sound(self, now: datetime) -> set[str]:
        """Return the machines that are heard, begin what they are sent, and whose last drill has not just died."""
        return {
            each
            for each in self.heard
            if (each not in self._doubted or self._doubted[each] != self.workers[each].beat)
            and (each not in self._deaf or now - self._deaf[each] > _DEAF)
        }

    def died(self, machine: str, seen: Seen | None, now: datetime) -> None:
        """Note that a drill of a machine was taken for dead."""
        if machine not in self.workers:
            return
        self._doubted[machine] = self.workers[machine].beat
        if seen and not seen.taken and machine in self.heard:
            self._deaf[machine] = now
        elif seen and seen.taken:
            self._haunted.add(machine)

    def why_ended(self, run: str, seen: Seen | None, machine: str, age: timedelta) -> str | None:
        """Say why nothing more is to be expected of a run, which was sent so long ago; None while it goes on."""
        if seen is None:
            return "its run is gone"
        if seen.over:
            return seen.words or {"done": "it ended without a result"}.get(seen.state, seen.state)
        if machine not in self.heard:
            return "no word of its worker: the machine is taken for dead"
        return self._why_dead(run, seen, machine, age)

    def _why_dead(self, run: str, seen: Seen, machine: str, age: timedelta) -> str | None:
        """Say why a run that goes on, on a machine that is heard, is taken for dead; None while it is not."""
        if seen.beat is None:
            if age <= _UNHEARD:
                return None
            return f"it gives no heartbeats, and was not done within {durations.describe(_UNHEARD)}: it is taken for dead"
        if not seen.taken and machine in self._haunted:
            return None
        silent = self._pulse.silent(run, seen.beat)
        if silent <= max(self.silence, _MISSED * BEAT):
            return None
        if not seen.taken:
            return f"{machine} has begun nothing for {durations.describe(silent)}: does its worker take from its work queue?"
        return f"no word of the drill for {durations.describe(silent)}: it is taken for dead"
