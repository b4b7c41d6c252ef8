"""Defines what a restore needs of its target.

A new kind of target is one module beside this one and a line in `open.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from backups import plural
from backups.errors import LifeboatError
from backups.machine.docker import Image
from backups.manifest import Manifest
from backups.places.base import Ownership, Place
from backups.services.base import Copy, Delivery, FirstStart, Service
from backups.services.settings import RestoreSettings, ServiceSettings
from backups.witness import Check
from verification.drill.outcome import short

READY = 300.0
"""Seconds for a started service to answer and to lack nothing."""
_SHOWN = 3
"""Differences that are told; the others are counted."""


class Steps(Protocol):
    """Records the steps of a restore. What a target has done is noted at once, since the next step may fail.

    delivered: where the data are now. aside: where what was there before is now. configuration: where its files are now
    touched: whether anything of the target was changed. stopped: whether its service was stopped, and not started again
    started: what came of asking the server that was started, or why none was; None where there is none to ask
    notes: what the operator has to know, a line each
    lacking: why the target is not all that the backup is, a phrase each
    image: the one that the copy runs on
    """

    delivered: str | None
    aside: str | None
    configuration: str | None
    touched: bool
    stopped: bool
    started: str | None
    notes: list[str]
    lacking: list[str]

    @property
    def image(self) -> Image | None:
        """The image that the copy runs on."""
        ...

    def begin_step(self, phase: str, title: str) -> None:
        """End the running phase and begin this one; raises LifeboatError when the restore was cancelled."""
        ...

    def note(self, line: str) -> None:
        """Write down what came of the step."""
        ...


@dataclass(frozen=True)
class Replacement:
    """What `--replace` does with what a target holds: as an `offer` after "or", and as the `act` of a planned restore."""

    offer: str
    act: str


class Target(Protocol):
    """Takes what a restore has brought back. `make_way`, `deliver` and `begin` are called once each, in this order.

    replacement: None where what it holds is never replaced. stop, start: shell commands that are run there before and after
    """

    replacement: Replacement | None
    stop: str | None
    start: str | None

    def __str__(self) -> str:
        """As it is written after `--to`."""
        ...

    def require_takes(self, service: Service, manifest: Manifest) -> None:
        """Raise LifeboatError when it cannot take that backup."""
        ...

    def require_room(self, needed: int, what: str) -> None:
        """Raise LifeboatError when it has no room for `needed` bytes; `what` needs them."""
        ...

    def entries(self) -> Sequence[str]:
        """The names of what it holds; empty when it is not there. Raises LifeboatError when it cannot be read."""
        ...

    def in_use(self) -> str | None:
        """Say what runs on what it holds, and is not stopped by a command first; None where nothing is seen to."""
        ...

    def take(self, copy: Copy, into: Path, steps: Steps) -> Delivery:
        """Have the copy hand over what this target takes; `into` may be made for it."""
        ...

    def make_way(self, delivery: Delivery, held: Sequence[str], steps: Steps) -> None:
        """Stop what runs on it, and keep what it `held` aside."""
        ...

    def deliver(self, delivery: Delivery, manifest: Manifest, steps: Steps) -> None:
        """Put everything there. `manifest`: of the backup that was brought back."""
        ...

    def begin(self, delivery: Delivery, manifest: Manifest, steps: Steps) -> None:
        """Start the service on it."""
        ...


def ask(first: FirstStart | None, place: Place, address: str | None, settings: ServiceSettings, steps: Steps) -> None:
    """Ask a server that was started what its source was asked, and write down what came of it.

    Raises LifeboatError when it is no longer what was delivered to it; in its own place, where others use it at once, when
    something of it is gone. One that cannot be asked is said not to have been.
    """
    if first is None:
        steps.started = "the started server was not asked: what was delivered to it was compared before, in the sandbox"
        return
    try:
        asked = first.ask(place, address, settings)
    except LifeboatError as error:
        steps.started = f"the started server was not compared with the witness: {error.message}"
        return
    unasked = f"; not asked: {'; '.join(asked.unasked)}" if asked.unasked else ""
    wrong = [check for check in asked.checks if not check.passed]
    if not wrong:
        number = plural.count(len(asked.checks), "fact")
        verb = "is" if len(asked.checks) == 1 else "are"
        compared = f"{number} {verb} equal to the witness" if asked.checks else "nothing was compared"
        steps.started = f"of the started server {compared}{unasked}"
        steps.note(steps.started)
        return
    # What is gone says most; a number that is another follows from it.
    told = list(dict.fromkeys(_difference(check) for check in sorted(wrong, key=lambda check: check.observed is not None)))
    shown = "; ".join(told[:_SHOWN])
    more = f" (and {len(told) - _SHOWN} more)" if len(told) > _SHOWN else ""
    number = f"{len(wrong)} of {plural.count(len(asked.checks), 'fact')}"
    steps.started = f"of the started server {number} differ from the witness{unasked}"
    if address is None and not any(check.observed is None for check in wrong):
        # A service in its own place is used as soon as it is there: what differs and is not gone may be somebody's work.
        steps.started = (
            f"of the started server {number} differ from the witness, as by somebody's work since: {shown}{more}{unasked}"
        )
        steps.note(steps.started)
        return
    raise LifeboatError(
        f"since the service was started, {place} is not what was delivered: {shown}{more}",
        hint="correct what made it change that (its retention? a provider whose files are gone?), and restore again; "
        "the backup is whole",
    )


def _difference(check: Check) -> str:
    if check.observed is None:
        return f"{check.subject} is gone"
    return f"{check.subject} {check.metric}: expected {short(check.expected)}, observed {short(check.observed)}"


def ownership(delivery: Delivery, settings: RestoreSettings) -> Ownership:
    """Return whose the files will be: as the operator configured, else as the service's type has it."""
    return replace(delivery.ownership, names=settings.owner) if settings.owner else delivery.ownership
