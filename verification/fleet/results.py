"""Keeps the result of each drill that a machine of the fleet ran in the repository, where the coordinator collects it.

The machine needs nothing but the repository's key for that. What is collected is forgotten once the evidence is kept; evidence
itself is signed and kept by the coordinator alone.
"""

import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from backups.errors import Damaged, LifeboatError
from backups.foreign import shown
from backups.repository.listing import Snapshot
from backups.repository.repository import Repository
from verification.evidence.delivered import FILE, TAG, Delivered
from verification.evidence.evidence import DrillResult
from verification.fleet.ticket import Ticket

log = logging.getLogger(__name__)


def deliver(result: DrillResult, ticket: Ticket, repository: Repository, at: datetime) -> str:
    """Keep the result of a ticket in a repository; returns the snapshot's id. Raises LifeboatError."""
    delivered = Delivered(verification=ticket.verification, mark=ticket.mark, result=result)
    tags = [TAG, f"verification={ticket.verification}", f"ticket={ticket.mark}"]
    with tempfile.TemporaryDirectory(prefix="lifeboat-result-") as scratch:
        (Path(scratch) / FILE).write_text(delivered.model_dump_json(), encoding="utf-8")
        return repository.save(Path(scratch), host=ticket.machine, tags=tags, at=at)


@dataclass
class Collector:
    """Collects what machines have delivered of one verification, each snapshot once."""

    verification: str
    repositories: Sequence[Repository]
    _looked_at: set[str] = field(default_factory=set)

    def collect(self, tickets: Mapping[str, Ticket]) -> dict[str, DrillResult]:
        """Return what is new, by the ticket's mark. tickets: those that were sent, by their marks.

        What is no answer to one of them is named in a warning, and counts for nothing. Raises LifeboatError when a repository
        cannot be read.
        """
        found: dict[str, DrillResult] = {}
        for repository in self.repositories:
            for snapshot in repository.snapshots(TAG):
                if snapshot.id in self._looked_at or f"verification={self.verification}" not in snapshot.tags:
                    continue
                try:
                    mark, result = _read(repository, snapshot, tickets)
                except Damaged as fault:
                    log.warning("the result in snapshot %s is not counted: %s", snapshot.id[:8], fault.message)
                else:
                    found.setdefault(mark, result)
                self._looked_at.add(snapshot.id)
        return found

    def clear(self) -> None:
        """Forget what there is of this verification; what cannot be forgotten now, or comes later, goes with a prune."""
        for repository in self.repositories:
            try:
                mine = [each.id for each in repository.snapshots(TAG) if f"verification={self.verification}" in each.tags]
                repository.forget(mine)
            except LifeboatError as fault:
                log.info("the results of single drills are not removed yet: %s", fault.message)


def _read(repository: Repository, snapshot: Snapshot, tickets: Mapping[str, Ticket]) -> tuple[str, DrillResult]:
    try:
        delivered = Delivered.model_validate_json(repository.read(snapshot.id, FILE))
    except ValueError as error:
        raise Damaged(f"it is no result of a drill: {str(error).splitlines()[0]}") from error
    ticket = tickets.get(delivered.mark)
    if ticket is None or f"ticket={delivered.mark}" not in snapshot.tags or delivered.verification != ticket.verification:
        raise Damaged(f"no ticket of this verification has the mark {delivered.mark}")
    result = delivered.result
    asked = (ticket.service, ticket.selection, ticket.backups, ticket.repository)
    told = (
        result.service,
        result.selection,
        result.backup.chain if result.backup else ticket.backups,
        result.repository or ticket.repository,
    )
    if asked != told or result.tampered:
        raise Damaged(f"it is of {shown(str(told))}, and {asked} was to be drilled")
    return delivered.mark, result.model_copy(update={"machine": ticket.machine, "reached": True})
