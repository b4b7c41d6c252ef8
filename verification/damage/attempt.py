"""Puts one fault into a copy while it is drilled, and judges what the drill said of it."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from backups.services.base import Copy, Fetched
from verification.damage.choose import Fault
from verification.damage.kind import Injected, Kind, NotInjected, Stand, named
from verification.drill.tamper import Tamper
from verification.evidence.evidence import DrillResult
from verification.evidence.verifier_drills import FaultPart, Outcome

_OUTCOMES: dict[str, Outcome] = {"failed": "noticed", "could-not-run": "undecided"}
"""What the verdict of a drill with a fault in its copy means; every other one has passed over it."""


@dataclass
class Attempt:
    """One fault on its way into a copy. injected: what was done, once it was; refused: why it was not, or is there no more."""

    fault: Fault
    kind: Kind
    stand: Stand
    injected: Injected | None = None
    refused: NotInjected | None = None
    _begun: float = field(default_factory=time.monotonic)

    def chance(self) -> random.Random:
        """Return what chooses the rest, the same each time."""
        return random.Random(self.fault.chance)  # noqa: S311 - no secret

    def put_in(self) -> None:
        """Put it in, as the copy stands now."""
        try:
            self.injected = self.kind.inject(self.stand, self.fault.target, self.chance())
        except NotInjected as refusal:
            self.refused = refusal
            raise

    def _require_there(self) -> None:
        """Raise NotInjected where the copy has undone it, or does not say whether it has."""
        if self.kind.there is None or self.injected is None:
            return
        try:
            still = self.kind.there(self.stand, self.fault.target, self.injected)
        except NotInjected as refusal:
            self.refused = refusal
            raise
        if not still:
            self.refused = NotInjected(f"{self.injected.words}: gone again when the log was replayed")
            raise self.refused

    def tamper(self) -> Tamper:
        """Return what a drill does on the way."""

        def fetched(chain: Sequence[Fetched]) -> None:
            self.stand = Stand(self.fault.service, chain)
            if self.kind.stage == "fetched":
                self.put_in()

        def running(copy: Copy) -> None:
            self.stand = self.stand.at(copy)
            if self.kind.stage == "running":
                self.put_in()
            self._require_there()

        return Tamper(f"{self.kind.name}: {' '.join(self.fault.target)}", fetched=fetched, running=running)

    def judged(self, result: DrillResult) -> FaultPart:
        """Say what came of it, by the result of the drill."""
        said = result.reasons[0] if result.reasons else result.verdict
        outcome: Outcome = "not-injected"
        if self.refused or self.injected is None:
            words, said = self.fault.kind, self.refused.message if self.refused else said
        else:
            words, outcome = self.injected.words, _OUTCOMES.get(result.verdict, "unnoticed")
        return FaultPart(
            number=self.fault.number,
            service=self.fault.service,
            kind=self.kind.name,
            target=self.fault.target,
            words=words,
            outcome=outcome,
            named=outcome == "noticed" and named(result, self.injected.culprits if self.injected else ()),
            said=said,
            seconds=round(time.monotonic() - self._begun, 3),
        )
