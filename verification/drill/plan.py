"""Chooses the backups to drill: lists the repository once, then plans each selection of each service."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from backups import chains as chaining
from backups.chains import SELECTIONS, Chain
from backups.config.settings import FIRST, further
from backups.errors import LifeboatError
from backups.manifest import BackupRecord
from backups.repository.listing import Listing
from backups.services.base import Point
from backups.site import Site
from verification.drill import rotation
from verification.evidence import drilled, repositories, selected
from verification.evidence.selected import TOGETHER, Selection

SELECTED = ("latest", "worst")
"""What is drilled when nobody chooses: the newest backup, and the one that takes longest to bring back."""


@dataclass(frozen=True)
class Planned:
    """One drill to run: the backups to bring back in order, the full first; or why there are none.

    also:    what else chose the same backup: the one drill counts as each of them
    asked:   the moment that was asked for, where one was
    point:   that moment, where it is after the last of `chain`, on the way to `later`, whose log leads there
    newest:  when the service's newest backup was taken, of those that are not dated in the future
    fulls:   every full of the service, oldest first, likewise: how it grows
    considered: the ids of the service's backups that could have been chosen, oldest first
    repository: the name of the one that they are in; None is the first, and so is `first`, whatever lifeboat.yaml calls it
    partner: of a service whose database another one protects: that one's chain that comes back beside it
    image:   what a person has named for the copy to run on, instead of the configured one; of a newer version: an upgrade to try
    """

    service: str
    type: str
    selection: Selection
    chain: tuple[BackupRecord, ...] = ()
    error: LifeboatError | None = None
    asked: str | None = None
    point: Point | None = None
    later: BackupRecord | None = None
    newest: datetime | None = None
    fulls: tuple[BackupRecord, ...] = ()
    image: str | None = None
    partner: tuple[BackupRecord, ...] = ()
    considered: tuple[str, ...] = ()
    repository: str | None = None
    also: tuple[Selection, ...] = ()

    @property
    def further(self) -> str | None:
        """The name of the further repository that they are in; None where they are in the first, whatever that one's name."""
        return further(self.repository)

    @property
    def title(self) -> str:
        """Service, selections, and the repository where that is not the first, for progress and logs."""
        return f"{self.service}, {selected.words(self)}{f' from {self.further}' if self.further else ''}"


def plan(
    site: Site,
    names: Sequence[str],
    selections: Sequence[str] = SELECTED,
    *,
    at: datetime | None = None,
    chance: random.Random | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> list[Planned]:
    """Plan the drills of the named services. A selection is latest, worst, random, or the id of a backup of one of them.

    A backup that several of latest, worst and random choose is drilled once, and that counts as each of them. Never raises for
    what the repository holds or lacks: such a drill carries the error and could not run, or has failed.
    """
    chance = chance or random.SystemRandom()
    try:
        listing = site.repository.listing()
        held = chaining.chains(listing.backups)
    except LifeboatError as fault:
        error = repositories.named(site, fault, "lifeboat verify", names)
        return [_unplanned(site, name, selection, error) for name in names for selection in selections]
    owners = {backup.id: backup.service for members in held.values() for chain in members for backup in chain.backups}
    return _once(
        _planned(site, name, held, listing, selection, at, now(), chance)
        for name in names
        for selection in selections
        # An id that no service has is reported for each of them; one that a service has is drilled for that one alone.
        if owners.get(selection, name) == name or owners[selection] not in names
    )


def with_turn(site: Site, names: Sequence[str], planned: Sequence[Planned], now: Callable[[], datetime]) -> list[Planned]:
    """Add the newest backup of each service in the further repository whose turn it is, behind the service's other drills."""
    first, *others = site.settings.every_repository
    if not others:
        return list(planned)
    try:
        tried = rotation.tried(site.at(first).repository.snapshots(drilled.TAG), now())
    except LifeboatError:
        # The drills from there say why; that a further one still is proven matters all the more.
        tried = {}
    there = rotation.turn(others, tried)
    added = plan(site.at(there), names, SELECTED[:1], now=now)
    return sorted([*planned, *added], key=lambda drill: names.index(drill.service))


def _once(planned: Iterable[Planned]) -> list[Planned]:
    """Make one drill of those of the same backup that different selections chose: restored twice, it would prove nothing more.

    Where one was chosen twice in the same way, somebody wants two drills.
    """
    found: list[Planned] = []
    for each in planned:
        at = next((at for at, other in enumerate(found) if _same(other, each)), None)
        if at is None:
            found.append(each)
        else:
            chosen = (*selected.counts_as(found[at]), each.selection)
            first, *also = (one for one in TOGETHER if one in chosen)
            found[at] = replace(found[at], selection=first, also=tuple(also))
    return found


def _same(one: Planned, other: Planned) -> bool:
    if not one.chain or (one.service, one.chain) != (other.service, other.chain):
        return False
    chosen = (*selected.counts_as(one), *selected.counts_as(other))
    return len(set(chosen)) == len(chosen) and set(chosen) <= set(TOGETHER)


def _planned(
    site: Site,
    name: str,
    held: Mapping[str, Sequence[Chain]],
    listing: Listing,
    selection: str,
    at: datetime | None,
    now: datetime,
    chance: random.Random,
) -> Planned:
    chosen: tuple[BackupRecord, ...] = ()
    partner: tuple[BackupRecord, ...] = ()
    error = None
    members = held.get(name, [])
    try:
        listing.require_not_odd(selection)
        last = chaining.select(name, members, selection, at=at, now=now, chance=chance)
        chosen = (last,)
        chosen = next(chain for chain in members if chain.id == last.chain).up_to(last.id)
        partner = partner_of(site, name, last, held)
    except LifeboatError as fault:
        error = fault
    return replace(unchosen(site, name, _kind(selection), members, now), chain=chosen, error=error, partner=partner)


def partner_of(site: Site, name: str, backup: BackupRecord, held: Mapping[str, Sequence[Chain]]) -> tuple[BackupRecord, ...]:
    """Return the chain of the backup of the service that protects its database which was taken nearest to this one.

    Empty for a service with data of its own, and where that service has no backup: a copy that needs one says so.
    """
    other = site.settings.services[name].data_in
    if other is None:
        return ()
    near = [(abs(each.taken_at - backup.taken_at), chain, each) for chain in held.get(other, []) for each in chain.backups]
    if not near:
        return ()
    _, chain, each = min(near, key=lambda one: one[0])
    return tuple(chain.up_to(each.id))


def unchosen(site: Site, name: str, selection: Selection, members: Sequence[Chain], now: datetime) -> Planned:
    """Plan a drill of a service with these chains, without saying what is drilled."""
    every = [backup for chain in chaining.present(members, now) for backup in chain.backups]
    return Planned(
        service=name,
        type=_type(site, name),
        selection=selection,
        newest=max((backup.taken_at for backup in every), default=None),
        considered=tuple(backup.id for backup in sorted(every, key=lambda backup: backup.taken_at)),
        fulls=tuple(sorted((backup for backup in every if backup.kind == "full"), key=lambda backup: backup.taken_at)),
        repository=site.further_name or FIRST,
    )


def _unplanned(site: Site, name: str, selection: str, error: LifeboatError) -> Planned:
    return Planned(
        service=name, type=_type(site, name), selection=_kind(selection), error=error, repository=site.further_name or FIRST
    )


def _type(site: Site, name: str) -> str:
    return site.settings.services[name].type


def _kind(selection: str) -> Selection:
    return selection if selection in SELECTIONS else "id"  # type: ignore[return-value]
