"""Defines what carries tickets to machines, whichever scheduler that is: `tasks/fleet.py` does it by Prefect."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Protocol

from verification.fleet.ticket import Ticket


@dataclass(frozen=True)
class Worker:
    """A machine's worker. beat: its last sign of life, by whichever clock; it is one when it has changed. every: how often

    online: whether the scheduler takes it for alive; none is after the scheduler itself was away, until it reports again
    """

    beat: object
    every: timedelta
    online: bool = True


@dataclass(frozen=True)
class Seen:
    """What a run is doing. words: what it said at its end. beat: its last sign of life, None where it gives none.

    taken: whether a worker has taken it. One that none has taken is alive while its machine is at something else
    """

    state: Literal["waiting", "running", "stopping", "done", "refused", "failed", "died", "stopped"]
    words: str = ""
    beat: object = None
    taken: bool = True

    @property
    def over(self) -> bool:
        """Whether it has ended, however."""
        return self.state not in ("waiting", "running", "stopping")


@dataclass(frozen=True)
class Sent:
    """A run that was sent. tickets: in their order; recalled: the marks of those that were taken back from it since."""

    tickets: Sequence[Ticket]
    recalled: Collection[str] = ()


class Post(Protocol):
    """Carries tickets to machines. Every method raises LifeboatError when it cannot ask; the next try may help."""

    def workers(self) -> Mapping[str, Worker]:
        """Return the workers that ever reported, by their machine's name."""
        ...

    def send(self, tickets: Sequence[Ticket]) -> str:
        """Send tickets to their machine, to be carried out one after another in one run; returns the run's id."""
        ...

    def look(self, runs: Collection[str]) -> Mapping[str, Seen]:
        """Return what these runs are doing."""
        ...

    def cancel(self, run: str, why: str, *, dead: bool = False) -> None:
        """End a run. dead: nothing of it is left to be told."""
        ...

    def recall(self, run: str, marks: Collection[str]) -> None:
        """Take tickets back from a run that has others, too: it does not begin them, and ends what it has begun."""
        ...

    def sent(self) -> Mapping[str, Sent]:
        """Return what this verification has sent before it was begun again, by the run's id."""
        ...
