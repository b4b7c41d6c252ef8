"""Defines what a masked copy is asked for by (`CloneOrder`) and what comes of it (`Cloned`).

Pure.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from backups.services.base import Point
from verification.evidence.evidence import BackupPart, ImagePart
from verification.restore.order import Timed

CloneVerdict = Literal["masked", "looked", "needs-rules", "failed", "could-not-run"]
"""masked: delivered; what is in it was not compared with anything, and is never called verified. looked: nothing was to be
delivered, and everything is in a rule. failed: the backup is not equal to its witness, or originals were found in the files."""
_EXIT_CODES: dict[CloneVerdict, int] = {"masked": 0, "looked": 0, "needs-rules": 1, "failed": 1, "could-not-run": 2}


@dataclass(frozen=True)
class CloneOrder:
    """A masked copy of `service` in a new container. to: `docker:NAME`. at: see `Order`. looking: only say what is in no rule."""

    service: str
    to: str
    masks: Path
    backup: str = "latest"
    at: datetime | Point | None = None
    image: str | None = None
    fresh_key: bool = False
    looking: bool = False


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MaskPart(_Part):
    """A column, its rule, and how many values were replaced (of `keep`: 0); None where nothing was."""

    column: str
    kind: str
    rule: str
    replaced: int | None = None


class UnruledPart(_Part):
    """What looks personal and is in no rule; suggestion: the kind that suits, None for SQL that a person has to read."""

    subject: str
    why: str
    suggestion: str | None = None


class TablePart(_Part):
    """A table, and its rows."""

    table: str
    rows: int


class OrphanPart(_Part):
    """A foreign key, and the rows of its table that have no parent."""

    foreign_key: str
    rows: int


class SearchPart(_Part):
    """What was searched for in the finished files. See `Searched`."""

    values: int
    files: int
    bytes: int
    left_out: int
    kept: int
    unsearched: tuple[str, ...] = ()


class Cloned(_Part):
    """A masked copy that was delivered, or why there is none.

    proof: what was compared of the original before anything was masked. account_file: who may log in, for the `mysql` client
    repository: the name of the one that the original came from
    tables: as many rows as the original has. orphans: of each foreign key with a masked column, no more than in the original
    """

    service: str
    verdict: CloneVerdict
    started_at: AwareDatetime
    finished_at: AwareDatetime
    backup: BackupPart
    image: ImagePart | None = None
    stands: str | None = None
    proof: str = ""
    to: str
    delivered: str | None = None
    account_file: Path | None = None
    phases: tuple[Timed, ...] = ()
    columns: tuple[MaskPart, ...] = ()
    unruled: tuple[UnruledPart, ...] = ()
    suggestion: str = ""
    tables: tuple[TablePart, ...] = ()
    orphans: tuple[OrphanPart, ...] = ()
    searched: SearchPart | None = None
    notes: tuple[str, ...] = ()
    error: str | None = None
    hint: str | None = None
    repository: str | None = None

    @property
    def exit_code(self) -> int:
        """What the command ends with: 0 masked, 1 something is in no rule or not as it must be, 2 it did not run to its end."""
        return _EXIT_CODES[self.verdict]

    @property
    def words(self) -> str:
        """The verdict for a person."""
        return {"masked": "masked, not verified", "needs-rules": "not handed over: something is in no rule"}.get(
            self.verdict, self.verdict
        )
