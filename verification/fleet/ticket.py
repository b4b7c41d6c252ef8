"""Defines the ticket by which a machine of the fleet runs one drill: names and ids, from which the machine plans it again."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pydantic import Field

from backups import chains as chaining
from backups.config.settings import FIRST
from backups.errors import LifeboatError
from backups.foreign import BackupId, MachineName, Mark, Moment, RepositoryName, ServiceName, Size
from backups.manifest import BackupRecord, Frozen
from backups.services.base import Point
from backups.site import Site
from verification.drill.plan import Planned, unchosen
from verification.evidence import selected
from verification.evidence.selected import Selection
from verification.fleet.work import Due
from verification.restore.moment_drills import drills


class Ticket(Frozen):
    """One drill, sent to one machine. It holds no secret of the site, and nothing that is run.

    verification: which one it is of. mark: of this ticket alone; another attempt at the same drill has another one
    also: what else chose the same backup
    backups: the chain to bring back, the full first. partner: that of the service which protects its database
    time, position, before: the moment that was asked for, with the selection `moment`
    image: another than the configured one. repository: the name of the one to fetch from
    memory, disk: bytes that it needs of the machine. slot: which of the machine's it takes; one drill at a time has it
    """

    verification: Mark
    mark: Mark
    machine: MachineName
    service: ServiceName
    selection: Selection
    also: tuple[Selection, ...] = ()
    backups: tuple[BackupId, ...]
    time: Moment | None = None
    position: str | None = None
    before: bool = False
    asked: str | None = None
    partner: tuple[BackupId, ...] = ()
    image: str | None = None
    repository: RepositoryName | None = None
    memory: Size = 0
    disk: Size = 0
    slot: int = Field(default=0, ge=0)

    @property
    def drill(self) -> str:
        """What is drilled, as a hash: the same for every attempt at it, on whichever machine."""
        what = self.model_dump_json(exclude={"mark", "machine", "memory", "disk", "slot"})
        return hashlib.sha256(what.encode()).hexdigest()

    @property
    def title(self) -> str:
        """Name it for a person."""
        return f"{self.service}, {selected.words(self)}"


def written(
    planned: Planned, due: Due, at: datetime | Point | None, *, verification: str, mark: str, machine: str, slot: int = 0
) -> Ticket:
    """Write the ticket of a planned drill. at: the moment that was asked for, as `moment_drills.drills` takes it."""
    point = (Point(time=at) if isinstance(at, datetime) else at or Point()) if planned.selection == "moment" else Point()
    return Ticket(
        verification=verification,
        mark=mark,
        machine=machine,
        service=planned.service,
        selection=planned.selection,
        also=planned.also,
        backups=tuple(each.id for each in planned.chain),
        time=point.time,
        position=point.position,
        before=point.before,
        asked=planned.asked,
        partner=tuple(each.id for each in planned.partner),
        image=planned.image,
        repository=planned.repository or FIRST,
        memory=due.memory,
        disk=due.disk,
        slot=slot,
    )


def planned(site: Site, ticket: Ticket, now: datetime) -> Planned:
    """Plan the drill of a ticket from what the site's repository holds.

    Raises LifeboatError where a backup of it is not there, or the moment is reached by others; Damaged where two claim to be it.
    """
    if ticket.selection == "moment":
        return _moment(site, ticket, now)
    listing = site.repository.listing()
    known = {backup.id: backup for backup in listing.backups}

    def found(identifiers: Sequence[str]) -> tuple[BackupRecord, ...]:
        for each in identifiers:
            listing.require_not_odd(each)
            if each not in known:
                raise LifeboatError(
                    f"the repository {site.repository.shown_url} does not hold {each} any more, which was to be drilled",
                    hint="was it pruned, or does lifeboat.yaml of this machine name another repository?",
                )
        return tuple(known[each] for each in identifiers)

    members = chaining.chains(listing.backups).get(ticket.service, [])
    return replace(
        unchosen(site, ticket.service, ticket.selection, members, now),
        also=ticket.also,
        chain=found(ticket.backups),
        asked=ticket.asked,
        partner=found(ticket.partner),
        image=ticket.image,
    )


def _moment(site: Site, ticket: Ticket, now: datetime) -> Planned:
    at = ticket.time or Point(position=ticket.position, before=ticket.before)
    (found,) = drills(site, [ticket.service], (), at, lambda: now, ticket.image)
    if found.error:
        raise found.error
    chain = tuple(each.id for each in found.chain)
    if chain != ticket.backups:
        raise LifeboatError(
            f"{ticket.asked} of {ticket.service} is reached from {chain[-1]} here, and not from {ticket.backups[-1]}",
            hint="has the repository changed meanwhile? start the verification again",
        )
    return found
