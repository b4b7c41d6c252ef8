"""Times the phases of a drill or a restore, without gaps, by one monotonic clock that tests can hand in."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from backups.errors import LifeboatError


class Phase(StrEnum):
    """The steps of a drill in their order."""

    FETCH = "fetch"  # from before the first byte leaves the repository until the server's files are laid out
    START = "start"  # until the server takes connections
    REPLAY = "replay"  # until the log has brought it to the witness's position
    READY = "ready"  # until its first correct answer: here the restore ends
    CHECK = "check"  # the whole comparison; timed, but no part of the restore
    INSPECT = "inspect"  # what the copy's own server can check of what it stores; only where it can
    ADVANCE = "advance"  # of a moment between two backups: until the log has brought it there
    THERE = "there"  # what it holds there is compared with what the log says; no part of the restore
    SECOND_REPLAY = "second-replay"  # until the log has led on to the later witness, and that is compared; no part of the restore


@dataclass
class Stopwatch:
    """Times phases without gaps: one ends where the next begins. `now` gives seconds and never goes back."""

    now: Callable[[], float]
    _begun: list[tuple[str, float]] = field(default_factory=list)
    _stopped: float | None = None

    def begin(self, phase: str) -> None:
        """End the running phase and begin this one: a `Phase`, or one that only a real restore has."""
        self._begun.append((phase, self.now()))

    def stop(self) -> None:
        """End the running phase; may be called again."""
        if self._stopped is None:
            self._stopped = self.now()

    @property
    def phases(self) -> list[tuple[str, float]]:
        """The phases so far, and the seconds of each."""
        last = self.now() if self._stopped is None else self._stopped
        ends = [*(at for _, at in self._begun[1:]), last]
        return [(phase, end - at) for (phase, at), end in zip(self._begun, ends, strict=False)]

    @property
    def restore_seconds(self) -> float | None:
        """From before the first byte was fetched to the first correct answer; None when there was none."""
        begun = dict(self._begun)
        if Phase.FETCH not in begun or Phase.CHECK not in begun:
            return None
        return begun[Phase.CHECK] - begun[Phase.FETCH]

    @property
    def moment_seconds(self) -> float | None:
        """The same of a moment between two backups: with the way on to it, which begins after the check; None when not there."""
        taken = dict(self.phases)
        if self.restore_seconds is None or not {Phase.THERE, Phase.SECOND_REPLAY} & taken.keys():
            return None
        return self.restore_seconds + taken[Phase.ADVANCE]


@dataclass
class Hurried(Stopwatch):
    """A stopwatch that begins no phase once `seconds` are over since the first: it raises LifeboatError."""

    seconds: float = 0.0

    def begin(self, phase: str) -> None:
        """See Stopwatch."""
        took = self.now() - self._begun[0][1] if self._begun else 0.0
        if took > self.seconds:
            raise LifeboatError(
                f"it was not back within {self.seconds:.0f} s: `{phase}` would begin after {took:.0f} s",
                hint="nothing is to be done",
            )
        super().begin(phase)
