"""Reads what the log in the repository holds, for whoever looks for the moment to come back to: `lifeboat log`.

The log is kept in stretches, each from one backup to the next; only those that are asked for are fetched, one at a time.
"""

import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from backups import chains as chaining
from backups.errors import Damaged, LifeboatError
from backups.follow import piece
from backups.follow.beyond import Beyond
from backups.follow.piece import LOG
from backups.machine.runs import Run
from backups.manifest import BACKUP, BackupRecord
from backups.repository import chains_in_use
from backups.services.base import Service
from backups.services.continuous import Continuous, Transaction, continuous
from backups.site import Site
from verification.drill import fetch
from verification.restore.moment import RestorePoints
from verification.restore.plan import Manifests

_TIME = "%Y-%m-%d %H:%M:%S UTC"


@dataclass(frozen=True)
class Stretch:
    """The log that leads from one backup to the one after it."""

    earlier: BackupRecord
    later: BackupRecord


@dataclass(frozen=True)
class Hole:
    """A time of which nothing is told, and why: no log, or a damaged one. `after` and `before` are the backups around it.

    followed: up to when the log behind `after` was followed, where the hole begins there
    """

    after: BackupRecord
    before: BackupRecord | None
    why: str
    fault: Damaged | None = None
    followed: datetime | None = None

    @property
    def begins(self) -> datetime:
        """When it begins."""
        return self.followed or self.after.taken_at

    def __str__(self) -> str:
        behind = f"its log was followed behind {self.after.id}"
        since = behind if self.followed else self.after.id
        ends = behind if isinstance(self.before, Beyond) else self.before.id if self.before else ""
        until = f"{self.before.taken_at:{_TIME}} ({ends})" if self.before else "now"
        how_much = "not all" if self.fault else "nothing"
        return f"{how_much} is told of {self.begins:{_TIME}} ({since}) to {until}: {self.why}"


@dataclass(frozen=True)
class Older:
    """Says that there may be more before what was read: no more was asked for."""


Item = Transaction | Hole | Older


@dataclass(frozen=True)
class Wanted:
    """What is asked for: transactions committed from `since` to `until` (UTC, both included) that concern one of `tables`; no
    more than the newest `most` (0: all).
    """

    since: datetime | None = None
    until: datetime | None = None
    tables: Sequence[str] = ()
    most: int = 0

    def holds(self, transaction: Transaction) -> bool:
        """Return whether a transaction was committed in that time."""
        return self.overlaps(transaction.committed_at, transaction.committed_at)

    def overlaps(self, begin: datetime, end: datetime) -> bool:
        """Return whether any of that span of time is asked for."""
        return (self.since is None or end >= self.since) and (self.until is None or begin <= self.until)


class Told:
    """What is read, one after the other, the oldest first; and, at the end, what was seen of it.

    transactions: how many there were. older: whether there may be more before them. damaged: whether a log could not be read
    """

    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items
        self.transactions = 0
        self.older = False
        self.damaged = False

    def __iter__(self) -> Iterator[Transaction | Hole]:
        for item in self._items:
            if isinstance(item, Older):
                self.older = True
                continue
            if isinstance(item, Transaction):
                self.transactions += 1
            elif item.fault:
                self.damaged = True
            yield item


def require_log(service: Service) -> Continuous:
    """Return the service as one with a log; raises LifeboatError for one whose backups hold none, in whichever repository."""
    logged = continuous(service)
    if logged is None:
        raise LifeboatError(
            f"the backups of {service.name} hold no log: only those of a MySQL server by `method: clone` do",
            hint=f"compare two backups instead: lifeboat diff {service.name} A B",
        )
    return logged


class History:
    """The log of one service, as the repository holds it. Raises LifeboatError for a service without one."""

    def __init__(self, site: Site, name: str, run: Run, *, now: datetime) -> None:
        self._site, self._run = site, run
        self._service = site.service(name, run.docker)
        self._logged = require_log(self._service)
        self._manifests = Manifests(site.repository)
        snapshots = site.repository.snapshots(BACKUP, LOG)
        members = chaining.present(chaining.chains(site.repository.listing(snapshots).backups).get(name, []), now)
        self._parts = parts(RestorePoints(self._service, members, self._manifests, piece.read(snapshots)))

    @property
    def begins(self) -> BackupRecord | None:
        """The first backup, at whose moment the log begins; None where there is none."""
        return next((part.earlier if isinstance(part, Stretch) else part.after for part in self._parts), None)

    def tables(self) -> list[str]:
        """Name the tables of the newest backup."""
        part = self._parts[-1]
        newest = part.later if isinstance(part, Stretch) else part.after
        return [fact.subject for fact in self._manifests(newest).witness if fact.metric == "rows"]

    def read(self, wanted: Wanted) -> Told:
        """Read what is asked for, as it is asked for. What of it cannot be read is a hole."""
        return Told(read(self._parts, wanted, lambda stretch: self._told(stretch, wanted.tables)))

    def _told(self, stretch: Stretch, tables: Sequence[str]) -> Iterator[Transaction]:
        directory = self._run.directory / "log"
        later = stretch.later
        with chains_in_use.chain(self._site.state, later.chain):
            (content,) = fetch.contents([later], self._manifests, self._site.repository)
            directory.mkdir(mode=0o700)
            try:
                log = fetch.log(self._service, later, content, self._site.repository, directory)
                for transaction in self._logged.told(self._manifests(stretch.earlier), log, tables):
                    self._run.raise_if_cancelled()
                    yield transaction
            finally:
                shutil.rmtree(directory)


def parts(points: RestorePoints) -> list[Stretch | Hole]:
    """Say of the time from the first backup on which stretches of log tell of it, and of what of it none does."""
    found: list[Stretch | Hole] = []
    pairs = [pair for pair in points.pairs() if pair[1] is not None or not pair[0].standalone]
    for number, (backup, later) in enumerate(pairs):
        followed = later.taken_at if isinstance(later, Beyond) else None
        if later is not None:
            found.append(Stretch(backup, later))
        if later is not None and followed is None:
            continue
        # What was followed ends somewhere, too.
        following = pairs[number + 1][0] if number + 1 < len(pairs) else None
        why = _why(backup, following) if following else "no backup holds it yet"
        found.append(Hole(backup, following, why, followed=followed))
    return found


def _why(backup: BackupRecord, following: BackupRecord) -> str:
    if following.chain == backup.chain:
        return f"the backup between them is gone from the chain of {backup.chain}, and its log with it"
    return f"{following.id} kept no log since {backup.id}"


def read(known: Sequence[Stretch | Hole], wanted: Wanted, tell: Callable[[Stretch], Iterator[Transaction]]) -> Iterator[Item]:
    """Yield the transactions that are asked for and the holes among them, the oldest first, in bounded memory.

    With `most`, the newest stretches are read first, and none that is older than needed.
    """
    asked = [part for part in known if wanted.overlaps(*_span(part))]
    if not wanted.most:
        for part in asked:
            yield from _items(part, wanted, tell)
        return
    found: deque[Sequence[Item]] = deque()
    room = wanted.most
    for part in reversed(asked):
        if not room:
            found.appendleft([Older()])
            break
        kept: deque[Transaction] = deque(maxlen=room)
        holes, seen = [], 0
        for item in _items(part, wanted, tell):
            if isinstance(item, Transaction):
                kept.append(item)
                seen += 1
            else:
                holes.append(item)
        found.appendleft([*([Older()] if seen > room else []), *kept, *holes])
        room -= len(kept)
        if seen > len(kept):
            break
    yield from chain.from_iterable(found)


def _items(
    part: Stretch | Hole, wanted: Wanted, tell: Callable[[Stretch], Iterator[Transaction]]
) -> Iterator[Transaction | Hole]:
    if isinstance(part, Hole):
        yield part
        return
    try:
        yield from filter(wanted.holds, tell(part))
    except Damaged as fault:
        yield Hole(part.earlier, part.later, fault.message, fault)


def _span(part: Stretch | Hole) -> tuple[datetime, datetime]:
    if isinstance(part, Stretch):
        return part.earlier.taken_at, part.later.taken_at
    return part.begins, part.before.taken_at if part.before else datetime.max.replace(tzinfo=part.after.taken_at.tzinfo)
