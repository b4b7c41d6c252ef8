"""Defines what a restore is given (`Order`) and what it returns (`Restoration`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict

from backups.witness import Check
from verification.evidence.evidence import BackupPart, ImagePart, Verdict


@dataclass(frozen=True)
class Order:
    """Bring `service` back to the place `to`.

    backup: an id, or latest. at: a time (UTC), or a position of the log (MySQL: a GTID); then `backup` is not looked at
    replace: move aside what the target holds. anyway: deliver even what is not equal to its witness
    tables: of a MySQL service, `database.table`: the target gets a file of SQL for each, instead of a data directory
    """

    service: str
    to: str
    backup: str = "latest"
    at: datetime | str | None = None
    replace: bool = False
    anyway: bool = False
    tables: Sequence[str] = ()


class Timed(BaseModel):
    """A phase of a restore and its seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    seconds: float


class Restoration(BaseModel):
    """A restore that was completed, or that could not go on.

    verdict: of the whole comparison with the witness of `backup`; stands: the position of the log that it went on to from there
    delivered: where the data are now; None when the target was not touched. aside: where what was there before is now
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: str
    type: str
    verdict: Verdict
    started_at: AwareDatetime
    finished_at: AwareDatetime
    backup: BackupPart
    image: ImagePart | None = None
    stands: str | None = None
    phases: tuple[Timed, ...] = ()
    checks: tuple[Check, ...] = ()
    to: str
    delivered: str | None = None
    aside: str | None = None
    configuration: str | None = None
    notes: tuple[str, ...] = ()
    lost_seconds: float
    lost: tuple[str, ...] = ()
    error: str | None = None
    hint: str | None = None
    runbook: Path | None = None

    @property
    def failures(self) -> list[Check]:
        """The checks that did not pass."""
        return [check for check in self.checks if not check.passed]

    @property
    def seconds(self) -> float:
        """From the first byte fetched to the end."""
        return sum(phase.seconds for phase in self.phases)

    @property
    def exit_code(self) -> int:
        """What a command ends with: 0 delivered and equal, 1 not equal, 2 could not run to its end."""
        return {"verified": 0, "failed": 1, "could-not-run": 2}[self.verdict]
