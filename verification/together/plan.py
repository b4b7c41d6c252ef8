"""Chooses what comes back together: the newest dashboards, and of each service that they ask the newest backup with questions."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from backups import chains as chaining
from backups import held_boards
from backups.chains import Chain
from backups.errors import LifeboatError
from backups.machine.docker import Docker
from backups.manifest import DATA, BackupRecord, Manifest
from backups.panels.asking import read
from backups.panels.question import FILE, Panels
from backups.questions import who_answers
from backups.repository.repository import Repository
from backups.services.base import Service
from backups.services.panelled import HoldsBoards, Panelled
from backups.site import Site

log = logging.getLogger(__name__)

_BACK = 14
"""Backups of a service that are looked through for the newest with questions, the newest first."""


@dataclass(frozen=True)
class Side:
    """One of the copies: its service, and the chain that comes back, the full first. panels: what its source was asked."""

    service: str
    type: str
    chain: tuple[BackupRecord, ...]
    panels: Panels | None = None

    @property
    def backup(self) -> BackupRecord:
        """The backup that comes back."""
        return self.chain[-1]


@dataclass(frozen=True)
class PlannedTogether:
    """A joint drill to run. shower: the copy that shows the dashboards, where there is a backup of it; sides: those it asks.

    missing: what of it all is not there, a sentence each. skipped: why there is nothing to prove. error: why it cannot run
    """

    shower: Side | None = None
    sides: tuple[Side, ...] = ()
    missing: tuple[str, ...] = ()
    skipped: str | None = None
    error: LifeboatError | None = None

    @property
    def every(self) -> tuple[Side, ...]:
        """All copies."""
        return (*((self.shower,) if self.shower else ()), *self.sides)


def plan(site: Site, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> PlannedTogether:
    """Plan it for all services of the site. Never raises for what the repository holds or lacks."""
    docker = Docker()
    services = {name: site.service(name, docker) for name in site.settings.services}
    holders = {name: service for name, service in services.items() if isinstance(service, HoldsBoards)}
    showers = [name for name, holder in holders.items() if holder.panels.ask]
    if not showers:
        why = "panels.ask is false in lifeboat.yaml" if holders else "no service in lifeboat.yaml shows dashboards"
        return PlannedTogether(skipped=why)
    try:
        held = chaining.chains(site.repository.listing().backups)
        found = {name: _newest(site.repository, held.get(name, []), now()) for name in _asked(services)}
        return _planned(site, services, held, showers, found, now())
    except LifeboatError as error:
        return PlannedTogether(error=error)


def _asked(services: Mapping[str, Service]) -> Iterator[str]:
    return (name for name, service in services.items() if isinstance(service, Panelled))


def _planned(
    site: Site,
    services: Mapping[str, Service],
    held: Mapping[str, Sequence[Chain]],
    showers: Sequence[str],
    found: Mapping[str, tuple[BackupRecord, Panels] | None],
    now: datetime,
) -> PlannedTogether:
    sides, missing = [], []
    for name, newest in found.items():
        members = chaining.present(held.get(name, []), now)
        if newest is None:
            missing.append(f"{name}: {'no backup holds questions of dashboards' if members else 'it has no backup'}")
            continue
        record, panels = newest
        chain = next(chain for chain in members if chain.id == record.chain).up_to(record.id)
        sides.append(Side(name, services[name].settings.type, chain, panels))
        if (newer := max(each.last.taken_at for each in members)) > record.taken_at:
            missing.append(
                f"{name}: its newest backup with questions is {record.id}; the one of {newer:%Y-%m-%d %H:%M %Z} has none"
            )
    if not sides and _asks_nobody(site, services, held, showers, now):
        return PlannedTogether(missing=tuple(missing), skipped="no data source of any dashboard is a service that is backed up")
    if not sides:
        hint = "they are asked with the next backup of each service: lifeboat backup"
        return PlannedTogether(
            missing=tuple(missing), error=LifeboatError(f"no question to ask: {'; '.join(missing)}", hint=hint)
        )
    if not any(side.panels.questions for side in sides if side.panels):
        return PlannedTogether(missing=tuple(missing), skipped="no dashboard asks a service that is backed up")
    newest_side = max(sides, key=lambda side: side.backup.taken_at)
    owners = {backup.id: backup.service for chains in held.values() for chain in chains for backup in chain.backups}
    chosen = owners.get(newest_side.panels.grafana if newest_side.panels else "", showers[0])
    missing += [f"{name}: its dashboards are not asked; those of {chosen} are" for name in showers if name != chosen]
    shower = None
    members = chaining.present(held.get(chosen, []), now)
    if chosen not in services or not members:
        missing.append(f"{chosen}: it has no backup, so no dashboard is opened")
    elif site.settings.services[chosen].data_in:
        missing.append(
            f"{chosen}: its dashboards are in the database of {site.settings.services[chosen].data_in}: none is opened"
        )
    else:
        last = max((backup for chain in members for backup in chain.backups), key=lambda backup: backup.taken_at)
        chain = next(chain for chain in members if chain.id == last.chain).up_to(last.id)
        shower = Side(chosen, services[chosen].settings.type, chain)
    return PlannedTogether(shower, tuple(sides), tuple(missing))


def _asks_nobody(
    site: Site, services: Mapping[str, Service], held: Mapping[str, Sequence[Chain]], showers: Sequence[str], now: datetime
) -> bool:
    """Whether the newest dashboards of all have no data source that is one of the services; not, where that cannot be told."""
    for name in showers:
        holder = services[name]
        every = [backup for chain in chaining.present(held.get(name, []), now) for backup in chain.backups]
        if not every or not isinstance(holder, HoldsBoards):
            return False
        newest = max(every, key=lambda backup: backup.taken_at)
        try:
            boards = held_boards.read(site.repository, holder, newest, site.state)
        except LifeboatError:
            return False
        if who_answers(boards.sources, services, holder.claimed):
            return False
    return True


def _newest(repository: Repository, members: Sequence[Chain], now: datetime) -> tuple[BackupRecord, Panels] | None:
    """Return a service's newest backup that holds questions, with them; None where none of its newest does."""
    every = [backup for chain in chaining.present(members, now) for backup in chain.backups]
    for record in sorted(every, key=lambda backup: backup.taken_at, reverse=True)[:_BACK]:
        manifest = repository.manifest(record)
        if _holds(manifest):
            return record, read(repository.read(record.snapshot, f"/{DATA}/{FILE}"), f"{FILE} of {record.id}")
    return None


def _holds(manifest: Manifest) -> bool:
    return any(entry.path == FILE for entry in manifest.files)
