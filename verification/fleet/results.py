"""Keeps the result of each drill that a machine of the fleet ran in the repository, where the coordinator collects it.

The machine needs nothing but the repository's key for that. What is collected is forgotten once the evidence is kept; evidence
itself is signed and kept by the coordinator alone.
"""

import logging
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from backups.errors import Damaged, LifeboatError
from backups.foreign import shown
from backups.repository.listing import Snapshot
from backups.repository.repository import Repository
from verification.evidence import selected
from verification.evidence.delivered import FILE, TAG, Delivered
from verification.evidence.evidence import DrillResult
from verification.fleet.ticket import Ticket

log = logging.getLogger(__name__)

_AGAIN = timedelta(seconds=15)
"""After so long a repository that could not be read is asked again."""


def deliver(result: DrillResult, ticket: Ticket, repository: Repository, at: datetime) -> str:
    """Keep the result of a ticket in a repository; returns the snapshot's id. Raises LifeboatError."""
    delivered = Delivered(verification=ticket.verification, mark=ticket.mark, result=result)
    tags = [TAG, f"verification={ticket.verification}", f"ticket={ticket.mark}"]
    with tempfile.TemporaryDirectory(prefix="lifeboat-result-") as scratch:
        # What is as ever is left out: a coordinator of an older version refuses keys that it does not know.
        (Path(scratch) / FILE).write_text(delivered.model_dump_json(exclude_defaults=True), encoding="utf-8")
        return repository.save(Path(scratch), host=ticket.machine, tags=tags, at=at)


@dataclass
class Collector:
    """Collects what machines have delivered of one verification, each snapshot once.

    repositories: by name, the first one, which takes results, at the beginning; then those that drills fetch from, which take
    them where the first one does not
    """

    verification: str
    repositories: Mapping[str, Repository]
    unread: dict[str, datetime] = field(default_factory=dict, init=False)
    """Since when each repository cannot be read that was looked into."""
    odd: dict[str, str] = field(default_factory=dict, init=False)
    """Why what lies there as the answer to a ticket, by its mark, is none."""
    _asked: dict[str, datetime] = field(default_factory=dict, init=False)
    _looked_at: set[str] = field(default_factory=set)

    @property
    def first(self) -> str:
        """The name of the first repository."""
        return next(iter(self.repositories))

    def collect(self, tickets: Mapping[str, Ticket], name: str) -> Iterator[tuple[str, DrillResult]]:
        """Yield what is new in that repository, with the ticket's mark. tickets: those that were sent, by their marks.

        What is no answer to one of them is named in a warning, and counts for nothing. Raises LifeboatError when the repository
        cannot be read, or not on; what was yielded before is not yielded again.
        """
        repository = self.repositories[name]
        for snapshot in repository.snapshots(TAG):
            if snapshot.id in self._looked_at or f"verification={self.verification}" not in snapshot.tags:
                continue
            try:
                found = _read(repository, snapshot, tickets)
            except Damaged as fault:
                log.warning("the result in snapshot %s is not counted: %s", snapshot.id[:8], fault.message)
                self._looked_at.add(snapshot.id)
                self.odd |= {mark: fault.message for mark in tickets if f"ticket={mark}" in snapshot.tags}
            else:
                self._looked_at.add(snapshot.id)
                yield found

    def of_what_answers(
        self, tickets: Mapping[str, Ticket], names: Iterable[str], now: datetime
    ) -> Iterator[tuple[str, DrillResult]]:
        """Yield as `collect` does, of several repositories. One that cannot be read is in `unread`, and holds up no other."""
        for name in names:
            if name in self.unread and now - self._asked[name] < _AGAIN:
                continue
            self._asked[name] = now
            try:
                yield from self.collect(tickets, name)
            except LifeboatError as fault:
                if name not in self.unread:
                    log.warning("%s; the results in it are looked for again", fault.message)
                self.unread.setdefault(name, now)
            else:
                self.unread.pop(name, None)

    def clear(self) -> None:
        """Forget what there is of this verification; what cannot be forgotten now, or comes later, goes with a prune."""
        for repository in self.repositories.values():
            try:
                mine = [each.id for each in repository.snapshots(TAG) if f"verification={self.verification}" in each.tags]
                repository.forget(mine)
            except LifeboatError as fault:
                log.info("the results of single drills are not removed yet: %s", fault.message)


def _read(repository: Repository, snapshot: Snapshot, tickets: Mapping[str, Ticket]) -> tuple[str, DrillResult]:
    try:
        delivered = Delivered.model_validate_json(repository.read(snapshot.id, FILE))
    except ValueError as error:
        if unknown := _unknown(error):
            raise Damaged(f"it is of another version of Lifeboat, and has what this one does not know: {unknown}") from error
        raise Damaged(f"it is no result of a drill: {str(error).splitlines()[0]}") from error
    ticket = tickets.get(delivered.mark)
    if ticket is None or f"ticket={delivered.mark}" not in snapshot.tags or delivered.verification != ticket.verification:
        raise Damaged(f"no ticket of this verification has the mark {delivered.mark}")
    result = delivered.result
    asked = (ticket.service, selected.counts_as(ticket), ticket.backups, ticket.repository)
    told = (
        result.service,
        selected.counts_as(result),
        result.backup.chain if result.backup else ticket.backups,
        result.repository or ticket.repository,
    )
    if asked != told or result.tampered:
        raise Damaged(f"it is of {shown(str(told))}, and {asked} was to be drilled")
    return delivered.mark, result.model_copy(update={"machine": ticket.machine, "reached": True})


def _unknown(error: ValueError) -> str:
    """Name the keys that this version does not know, where they are all that is wrong with a record; else nothing."""
    faults = error.errors() if isinstance(error, ValidationError) else []
    if any(each["type"] != "extra_forbidden" for each in faults):
        return ""
    return shown(", ".join(sorted({str(each["loc"][-1]) for each in faults})))
