"""Defines what a restore is given (`Order`) and what it returns (`Restoration`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict

from backups.services.base import Point
from backups.witness import Check
from verification.drill.clock import Phase
from verification.evidence.evidence import EXIT_CODES, BackupPart, ImagePart, MomentPart, Verdict


@dataclass(frozen=True)
class Order:
    """Bring `service` back to the place `to`.

    backup: an id, or latest. at: a time (UTC), or a transaction of the log, after or before it; then `backup` is not looked at
    replace: move aside what the target holds. anyway: deliver even what is not equal to its witness, or refuted by a later one
    second_replay: with `at`, prove the log that leads there by the witness after it; without, its part is called unproven
    image: what the copy, and a container that stays, run on, instead of the configured image
    by_itself: nobody asked for it: before anything is put in place, the service's own machine is asked whether that is right
    tables: of a MySQL service, `database.table`: the target gets a file of SQL for each, instead of a data directory
    repository: the name of the one that it comes from; None is the one that the site uses
    masked: of a masked clone, what is typed for it besides: it is never brought back as it is instead
    """

    service: str
    to: str
    backup: str = "latest"
    at: datetime | Point | None = None
    replace: bool = False
    anyway: bool = False
    tables: Sequence[str] = ()
    second_replay: bool = True
    image: str | None = None
    by_itself: bool = False
    repository: str | None = None
    masked: Sequence[str] | None = None


class Timed(BaseModel):
    """A phase of a restore and its seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    seconds: float


class Restoration(BaseModel):
    """A restore that was completed, or that could not go on.

    verdict: of everything that was compared; proof: the same as a sentence, which says what was not compared, too
    asked: the time that was asked for, where the backup before it came back instead, since the service has no log
    stands: the position of the log that it went on to from the witness of `backup`; moment: how, and what proves that log
    tables: those that were written as files of SQL, which nothing was compared with
    delivered: where the data are now; None when they are not there. aside: where what was there before is now
    partial: why a copy that equals its witness is not all that the source was; None for whole ones
    touched: whether the target was changed; stopped: whether its service was stopped, and not started again
    started: what came of asking the server that was started, or why none was started; None where there was none to start
    repository: the name of the one that it came from
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: str
    type: str
    verdict: Verdict
    started_at: AwareDatetime
    finished_at: AwareDatetime
    backup: BackupPart
    image: ImagePart | None = None
    asked: str | None = None
    stands: str | None = None
    phases: tuple[Timed, ...] = ()
    checks: tuple[Check, ...] = ()
    to: str
    delivered: str | None = None
    aside: str | None = None
    configuration: str | None = None
    tables: tuple[str, ...] = ()
    touched: bool = False
    stopped: bool = False
    started: str | None = None
    moment: MomentPart | None = None
    proof: str = ""
    partial: str | None = None
    notes: tuple[str, ...] = ()
    lost_seconds: float
    lost: tuple[str, ...] = ()
    error: str | None = None
    hint: str | None = None
    runbook: Path | None = None
    repository: str | None = None

    @property
    def words(self) -> str:
        """The verdict for a person, who shall not take a partial proof for a whole one."""
        return f"{self.verdict}, partial" if self.partial else self.verdict

    @property
    def failures(self) -> list[Check]:
        """The checks that did not pass, those of a later witness after those of the backup."""
        failed = [check for check in self.checks if not check.passed]
        return failed + (self.moment.failures if self.moment else [])

    @property
    def seconds(self) -> float:
        """From the first byte fetched to the end."""
        return sum(phase.seconds for phase in self.phases)

    @property
    def second_replay_seconds(self) -> float:
        """The part of them that proved the log, which the delivery waited for."""
        return sum(phase.seconds for phase in self.phases if phase.name in (Phase.THERE, Phase.SECOND_REPLAY))

    @property
    def exit_code(self) -> int:
        """What a command ends with: 0 delivered and proven, 1 not equal or not proven, 2 could not run to its end."""
        return EXIT_CODES[self.verdict]
