"""Defines the report of a drill of the verifier, and keeps it in the repository, apart from the proofs of backups."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from backups.foreign import BackupId, Moment, Seconds, ServiceName, ServiceType, Size
from backups.repository.repository import Repository
from verification.evidence import drilled
from verification.evidence.evidence import Kept, Verdict

TAG = drilled.DAMAGE
REPORT = "verifier-drill.json"
"""The file of such a snapshot that holds all of it."""
_CONFIDENCE = 0.95

Outcome = Literal["noticed", "unnoticed", "undecided", "not-injected"]
"""undecided: the drill with the fault could not run, which is no verdict. not-injected: it was not there, or not any more."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FaultPart(_Part):
    """A fault. words: what was done. named: whether the verifier has named what was damaged. said: what it said of it."""

    number: Size
    service: ServiceName
    kind: str
    target: tuple[str, ...]
    words: str
    outcome: Outcome
    named: bool
    said: str
    seconds: Seconds


class UndamagedPart(_Part):
    """The drill of a service before anything was damaged: only where it is verified, faults are put in.

    kinds: of faults that can be put in. why: it was not verified, or some kinds cannot be tried
    """

    service: ServiceName
    type: ServiceType
    backup: BackupId | None
    verdict: Verdict
    seconds: Seconds
    kinds: Size = 0
    why: str | None = None


class VerifierDrill(_Part):
    """A whole drill of the verifier. asked: how many faults. again: the command that puts the same ones in."""

    schema_version: Literal[1] = 1
    lifeboat: str
    host: str
    started_at: Moment
    finished_at: Moment
    seed: Size
    asked: Size
    again: str
    undamaged: tuple[UndamagedPart, ...]
    faults: tuple[FaultPart, ...]
    kept: Kept | None = None

    def count(self, *outcomes: Outcome, service: str | None = None) -> int:
        """Return how many faults came to one of these outcomes, of one service or of all."""
        return sum(fault.outcome in outcomes and service in {None, fault.service} for fault in self.faults)

    @property
    def injected(self) -> int:
        """How many faults were there when the copy was compared, and the drill came to a verdict."""
        return self.count("noticed", "unnoticed")

    @property
    def verdict(self) -> Literal["all-noticed", "missed", "could-not-run"]:
        """missed: a fault was not noticed. could-not-run: of a service nothing was learnt, or a drill came to no verdict."""
        if self.count("unnoticed"):
            return "missed"
        learnt = {fault.service for fault in self.faults if fault.outcome == "noticed"}
        if self.count("undecided") or not learnt or any(each.verdict != "verified" for each in self.undamaged):
            return "could-not-run"
        return "all-noticed"

    @property
    def exit_code(self) -> int:
        """What a command ends with: 0 every fault was noticed, 1 one was not, 2 nothing was learnt."""
        return {"all-noticed": 0, "missed": 1, "could-not-run": 2}[self.verdict]

    @property
    def words(self) -> str:
        """The detection rate as a sentence."""
        if not self.injected:
            return "no fault was put in: nothing is known of what would be noticed"
        noticed = self.count("noticed")
        return (
            f"{noticed} of {self.injected} faults noticed: at least {at_least(noticed, self.injected):.1%} of such faults are, "
            f"with {_CONFIDENCE:.0%} confidence (Clopper-Pearson)"
        )


def at_least(noticed: int, injected: int) -> float:
    """Return the lower bound of the detection rate with 95 % confidence, from 0 to 1; 0 where nothing was noticed."""
    # It takes a while to import, and whoever only reads tags does not need it.
    from scipy.special import betaincinv

    return float(betaincinv(noticed, injected - noticed + 1, 1 - _CONFIDENCE)) if noticed else 0.0


def tags(drill: VerifierDrill) -> list[str]:
    """Write the tags of its snapshot: what was injected and noticed, by service, as `drilled.detections` reads it."""
    services = sorted({fault.service for fault in drill.faults if fault.outcome in {"noticed", "unnoticed"}})
    stated = [
        f"damage={name}|{drill.count('noticed', 'unnoticed', service=name)}|{drill.count('noticed', service=name)}"
        for name in services
    ]
    return [TAG, f"verdict={drill.verdict}", *stated]


def keep(drill: VerifierDrill, directory: Path, repository: Repository) -> str:
    """Store the files in `directory` as the report and return the snapshot's id; raises LifeboatError."""
    return repository.save(directory, host=drill.host, tags=tags(drill), at=drill.finished_at)
