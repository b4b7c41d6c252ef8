"""Copies what the first repository holds to the further ones: backups, the pieces of followed logs, and evidence.

What is copied: `backups/repositories/missing.py`. How: `backups/repository/receiving.py`.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from backups import durations, plural, prune
from backups.errors import Damaged, LifeboatError, Transient
from backups.follow.piece import LOG, held_by_next, read
from backups.machine import parallel, runs
from backups.manifest import BACKUP, BackupRecord
from backups.repositories import missing
from backups.repositories.alone import Busy, alone
from backups.repositories.missing import Behind
from backups.repository import seen, trust
from backups.repository.listing import Listing, Snapshot
from backups.repository.repository import Repository
from backups.site import Site
from verification.evidence import retention, store

_ALWAYS = (trust.TAG,)
"""The tags of what a person has said of backups: it is copied whatever its age."""
_KINDS = (BACKUP, LOG, *retention.TAGS, *_ALWAYS)
"""The tags of what a repository holds to be complete in itself."""
Only = Literal["logs", "evidence"]
"""What is copied alone, where the rest may take hours: the pieces of followed logs, or what verifications have shown."""
_AT_ONCE = 500
"""Snapshots that one restic copies: each is named on its command line."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Copied:
    """What came of copying to one further repository.

    backups, others: how many of each were copied. fault: why not all were; behind: what is still missing, as far as known
    """

    repository: str
    backups: int
    others: int
    seconds: float
    fault: LifeboatError | None = None
    behind: Behind | None = None

    @property
    def words(self) -> str:
        """All of it in a line, with the repository's name."""
        return f"{self.repository}: {self.outcome}"

    @property
    def outcome(self) -> str:
        """All of it in a line."""
        new = [
            *([plural.count(self.backups, "backup")] if self.backups else []),
            *([plural.count(self.others, "other snapshot")] if self.others else []),
        ]
        done = f"{' and '.join(new)} copied in {durations.describe(self.seconds)}" if new else "nothing was copied"
        parts = [*([done] if new or self.fault else ["it has all"]), *filter(None, [lag_words(self.behind)])]
        return f"{', '.join(parts)}{f': {self.fault.message}' if self.fault else ''}"


@dataclass(frozen=True)
class _Plan:
    """What is copied: backups in waves, then other snapshots."""

    waves: Sequence[Sequence[BackupRecord]]
    others: Sequence[str]

    @property
    def backups(self) -> list[BackupRecord]:
        return [backup for wave in self.waves for backup in wave]


@dataclass(frozen=True)
class _Holds:
    """What one of the two repositories holds."""

    snapshots: Sequence[Snapshot]
    listing: Listing

    @classmethod
    def of(cls, repository: Repository) -> "_Holds":
        snapshots = repository.snapshots(*_KINDS)
        return cls(snapshots, repository.listing(snapshots))

    def same(self, wanted: Iterable[Snapshot]) -> set[str]:
        """Return those of `wanted`, by their ids, that are here, as what they are: time, tags and content."""
        here = {_what(snapshot) for snapshot in self.snapshots}
        return {snapshot.id for snapshot in wanted if _what(snapshot) in here}


def _what(snapshot: Snapshot) -> tuple[datetime, frozenset[str], str]:
    return snapshot.time, frozenset(snapshot.tags), snapshot.tree


def lag_words(behind: Behind | None) -> str | None:
    """Say how far a repository is behind; None when it is not."""
    if behind is None:
        return None
    return f"{plural.count(behind.backups, 'backup')} behind, since that of {behind.since.astimezone(UTC):%Y-%m-%d %H:%M %Z}"


def copy_all(
    site: Site, names: Sequence[str] = (), *, only: Only | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> list[Copied]:
    """Copy what is missing to each further repository, or to the named ones, side by side. Never raises for one that fails.

    only: see `copy`; where another one copies, it is left to the next time
    """
    wanted = list(names or site.further)
    outcomes = parallel.side_by_side(lambda name: _in_turn(site, name, only, now), wanted, at_once=len(wanted))
    return [
        outcome if isinstance(outcome, Copied) else failed(site, name, outcome, now())
        for name, outcome in zip(wanted, outcomes, strict=True)
    ]


def _in_turn(site: Site, name: str, only: Only | None, now: Callable[[], datetime]) -> Copied:
    try:
        return copy(site, name, only=only, now=now)
    except Busy as fault:
        if only is None:
            raise
        log.info("the %s are copied the next time: %s", only, fault.message)
        return Copied(name, 0, 0, 0.0)


def copy(site: Site, name: str, *, only: Only | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Copied:
    """Copy what is missing to one further repository, in a new run; waits for another one that does.

    only: nothing that may take hours, but these alone; raises Busy at once where another one copies
    What cannot be copied since it is damaged stops nothing else. Raises LifeboatError when a repository cannot be used.
    """
    patience = timedelta() if only else site.settings.backup.patience
    began = time.monotonic()
    first, further = site.at(None).repository, site.at(name).repository
    with runs.start(site.state) as run, alone(site.state, name, patience, run.raise_if_cancelled):
        if only == "evidence" and further.recognise() is None:
            # It is made with the first backup that it gets.
            return Copied(name, 0, 0, time.monotonic() - began)
        further.ensure_for_copies_of(first)
        source, target = _Holds.of(first), _Holds.of(further)
        planned = _plan(site, name, source, target, now(), only)
        if not (planned.waves or planned.others):
            return Copied(name, 0, 0, time.monotonic() - began)
        what = (plural.count(len(planned.backups), "backup"), plural.count(len(planned.others), "other snapshot"))
        log.info("copying to the repository %s: %s, %s", name, *what)
        faults = list(_carry_out(first, further, planned, run.raise_if_cancelled))
        target = _Holds.of(further)
        left = _plan(site, name, source, target, now(), only)
    backups, others = len(planned.backups) - len(left.backups), len(planned.others) - len(left.others)
    lag = missing.summed(left.backups)
    fault = faults[0] if faults else _not_there(name, first, left)
    return Copied(name, backups, others, time.monotonic() - began, fault, lag)


def failed(site: Site, name: str, fault: LifeboatError, now: datetime) -> Copied:
    """Return the outcome of a copy that raised, and how far the repository is behind, by what this machine knows of it."""
    try:
        lag = known_lag(site, name, site.at(None).repository.backups(), now)
    except LifeboatError:
        lag = None
    return Copied(name, 0, 0, 0.0, fault, lag)


def lacking(
    site: Site, name: str, first: Sequence[BackupRecord], further: Sequence[BackupRecord] | None, now: datetime
) -> list[BackupRecord]:
    """Return the backups in the first repository that are still to be copied to a further one, by what both hold.

    further: None where it cannot be asked: then by what it held when this machine last listed it
    """
    if further is not None:
        there = {backup.id for backup in further}
    else:
        file = site.at(name).repository.known
        there = set(seen.read(seen.beside(file))) if file else set()
    return missing.missing(first, there, _let_go(site, name, first, further or (), now))


def lag(site: Site, name: str, first: Sequence[BackupRecord], further: Sequence[BackupRecord], now: datetime) -> Behind | None:
    """Say how far a further repository is behind, by what both hold; None when it has all."""
    return missing.summed(lacking(site, name, first, further, now))


def known_lag(site: Site, name: str, first: Sequence[BackupRecord], now: datetime) -> Behind | None:
    """Say how far a further repository that cannot be asked is behind, by what it held when this machine last listed it."""
    return missing.summed(lacking(site, name, first, None, now))


def _let_go(site: Site, name: str, first: Iterable[BackupRecord], further: Iterable[BackupRecord], now: datetime) -> set[str]:
    return missing.let_go(first, further, prune.rules(site.at(name)), now)


def _plan(site: Site, name: str, source: _Holds, target: _Holds, now: datetime, only: Only | None = None) -> _Plan:
    first, further = source.listing.backups, target.listing.backups
    same = target.same(source.snapshots)
    gone = _let_go(site, name, first, further, now)
    backups = [] if only else missing.missing(first, {backup.id for backup in first if backup.snapshot in same}, gone)
    held = {backup.id for backup in (*further, *backups)}
    pieces = [piece.snapshot for piece in read(source.snapshots) if piece.after in held and not held_by_next(piece, first)]
    evidence = list(_evidence(source.snapshots, held, now - site.at(name).retention.evidence_after))
    others = [*([] if only == "evidence" else pieces), *([] if only == "logs" else evidence)]
    return _Plan(missing.waves(backups), [each for each in others if each not in same])


def _evidence(snapshots: Iterable[Snapshot], held: Collection[str], since: datetime) -> Iterator[str]:
    """Yield the evidence that retention there does not delete at once: it is young, or about a backup that is there."""
    for snapshot in snapshots:
        tags = set(snapshot.tags)
        evidence = bool(tags & set(retention.TAGS))
        if (evidence and (snapshot.time >= since or store.proven_by(snapshot) & set(held))) or tags & set(_ALWAYS):
            yield snapshot.id


def _carry_out(
    first: Repository, further: Repository, planned: _Plan, still_wanted: Callable[[], None]
) -> Iterator[LifeboatError]:
    """Copy it, and yield the faults of what is damaged; what builds on that is left out."""
    broken: set[str] = set()
    for wave in planned.waves:
        chains: Mapping[str, str] = {backup.snapshot: backup.chain for backup in wave if backup.chain not in broken}
        for snapshot, fault in _copied(first, further, list(chains), still_wanted):
            broken.add(chains[snapshot])
            yield fault
    for _, fault in _copied(first, further, planned.others, still_wanted):
        yield fault


def _copied(
    first: Repository, further: Repository, snapshots: Sequence[str], still_wanted: Callable[[], None]
) -> Iterator[tuple[str, LifeboatError]]:
    """Copy snapshots that need nothing of one another; yields those that are damaged, which are found by halves."""
    if len(snapshots) > _AT_ONCE:
        for begin in range(0, len(snapshots), _AT_ONCE):
            yield from _copied(first, further, snapshots[begin : begin + _AT_ONCE], still_wanted)
        return
    if not snapshots:
        return
    still_wanted()
    try:
        first.require_whole(snapshots)
        further.receive(first, snapshots)
    except Damaged as fault:
        if len(snapshots) == 1:
            yield snapshots[0], fault
            return
        half = len(snapshots) // 2
        yield from _copied(first, further, snapshots[:half], still_wanted)
        yield from _copied(first, further, snapshots[half:], still_wanted)


def _not_there(name: str, first: Repository, left: _Plan) -> LifeboatError | None:
    """Return the fault when restic says that it has copied what is not there; what was deleted meanwhile could not be."""
    wanted = {backup.snapshot: backup.id for backup in left.backups} | dict.fromkeys(left.others, "evidence")
    if not wanted:
        return None
    still = {snapshot.id for snapshot in first.snapshots(*_KINDS)}
    lost = [words for snapshot, words in wanted.items() if snapshot in still]
    if not lost:
        return None
    return Transient(
        f"restic has ended well, and {len(lost)} of what it was to copy to the repository {name} are not there: {lost[0]}",
        hint="copy again: lifeboat copy; a snapshot there that says it is the same backup may be in the way: lifeboat list",
    )
