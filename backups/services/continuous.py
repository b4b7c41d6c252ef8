"""What a service with a log (MySQL) can do besides: bring back any moment between two backups of a chain.

Whoever wants such a moment asks once, by `continuous` or `continuous_copy`; a service without a log names nothing of this.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from backups.errors import LifeboatError
from backups.manifest import BackupRecord, Manifest
from backups.services.base import Captured, Copy, Fetched, Point, Service
from backups.witness import Fact


@dataclass(frozen=True)
class TableChange:
    """What a transaction did to one table: how many rows it inserted, changed and deleted; None where the log does not tell.

    odd: what keeps its rows from being told as usual, a phrase each
    """

    table: str
    inserted: int | None
    changed: int | None
    deleted: int | None
    odd: tuple[str, ...] = ()


@dataclass(frozen=True)
class Transaction:
    """A transaction of the log. `committed_at`: UTC, by the source's clock.

    name: what a `Point` calls it. gtid: None without GTIDs. place: where it begins in the source's log
    statements: those in it, shortened, without texts: what rows they changed is not in `tables`; `more_statements` were left out
    untold: what keeps the rest of it from being told, a phrase each
    """

    name: str
    gtid: str | None
    place: str
    committed_at: datetime
    tables: tuple[TableChange, ...] = ()
    statements: tuple[str, ...] = ()
    more_statements: int = 0
    untold: tuple[str, ...] = ()


@runtime_checkable
class Continuous(Protocol):
    """A service whose backups may hold a log."""

    @property
    def continuous(self) -> bool:
        """Whether they do, as it is configured."""
        ...

    def holds(self, manifest: Manifest, position: str) -> bool:
        """Return whether the moment of that backup comes after the transaction at `position` of the log (see `Point`)."""
        ...

    def follows(self, manifest: Manifest, before: BackupRecord) -> bool:
        """Return whether that full has the log since `before`, the last backup of another chain."""
        ...

    def log(self, manifest: Manifest) -> Sequence[str]:
        """Return the paths below `data/` that hold a backup's log."""
        ...

    def told(self, earlier: Manifest, later: Fetched, only: Sequence[str]) -> Iterator[Transaction]:
        """Yield the transactions of the log of `later` since `earlier`, the backup that it goes on from, in the log's order.

        only: tables (`database.table`); of others nothing is told, but for what may concern them. Raises Damaged where it ends.
        """
        ...


@runtime_checkable
class Followed(Continuous, Protocol):
    """A service whose log can be pulled between two backups."""

    def pull_on(self, last: Manifest, directory: Path) -> Captured:
        """Pull the log from where a backup, or an earlier pull, ends to where it ends now; there is no witness.

        `taken_at`: all that was committed up to then is in it, or before. Leaves no file where nothing was written.
        Raises ChainBroken when the log does not go on there, LifeboatError when the source does not answer.
        """
        ...

    def join(self, parts: Sequence[Fetched], into: Path) -> Mapping[str, Any]:
        """Write the log of parts that follow one another below `into` as one; returns its details. Raises Damaged for a gap."""
        ...


@dataclass(frozen=True)
class Advanced:
    """Where a copy stands that went on from its witness: in words, and after how many transactions of the log.

    until: all that was committed before then is in it; None where the log says nothing of that
    """

    stands: str
    transactions: int
    until: datetime | None = None


@dataclass(frozen=True)
class Expected:
    """What a copy must hold where it stands. facts: what the log makes of the witness before it.

    untold: of what no fact is, and why (subject -> reason). The witnesses around the moment alone tell of it
    """

    facts: tuple[Fact, ...]
    untold: Mapping[str, str]


@runtime_checkable
class ContinuousCopy(Copy, Protocol):
    """A copy that can go on through the log."""

    def advance(self, log: Fetched, point: Point) -> Advanced:
        """Go on from the witness to a moment between it and that of `log`, the next backup of the chain.

        What the log did is compared with nothing. Raises LifeboatError when the point is not in the log.
        """
        ...

    def expected(self, log: Fetched) -> Expected:
        """After `advance`: state what the copy must hold there, by its own witness and what `log` says since, not by the copy.

        `observe` states what it holds. Raises LifeboatError when that cannot be told, Damaged when the log is at fault.
        """
        ...

    def scanned(self, log: Fetched) -> Callable[[str], bool]:
        """Say of a subject whether the witness of `log` looked at it, or has it from the log alone."""
        ...

    def reopen(self) -> None:
        """After `settle`: start a server on a second copy of the files, so that it can go on while the first stay as they are."""
        ...

    def advance_to_witness(self, log: Fetched) -> None:
        """Go on from where it stands to the witness of `log`, after which `observe` states the facts of that witness.

        Raises Damaged when the log does not lead there.
        """
        ...


def continuous(service: Service) -> Continuous | None:
    """Return the service as one with a log; None where it has none."""
    return service if isinstance(service, Continuous) and service.continuous else None


def continuous_copy(copy: Copy) -> ContinuousCopy:
    """Return the copy as one that can go on. Raises LifeboatError for one of a backup without a log."""
    if not isinstance(copy, ContinuousCopy):
        raise LifeboatError(
            "the backup has no log: no moment between two backups can be brought back",
            hint="restore the moment of a backup: `lifeboat list` shows when they were taken",
        )
    return copy


def followed(service: Service) -> Followed | None:
    """Return the service as one whose log can be followed; None where it has none."""
    return service if isinstance(service, Followed) and service.continuous else None
