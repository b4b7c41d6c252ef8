"""Offers the other repositories where a restore cannot have its backup out of the one that it was to come from.

It names what each holds and what is proven of it, and what to type. Nothing is restored from there without being told to.
"""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from backups import chains as chaining
from backups import durations, plural, suspicion
from backups.errors import LifeboatError
from backups.follow.beyond import beyond
from backups.machine.docker import Docker
from backups.manifest import BackupRecord
from backups.services.base import Point
from backups.services.continuous import continuous
from backups.site import Site
from verification.evidence import repositories
from verification.evidence.store import Held
from verification.evidence.words import utc
from verification.restore.order import Order


@contextmanager
def offered(site: Site, order: Order, now: datetime) -> Iterator[None]:
    """Add the offers of the other repositories to a fault that is raised within the block, in which only this one is read."""
    try:
        yield
    except LifeboatError as fault:
        raise with_offers(site, order, fault, now) from fault


def with_offers(site: Site, order: Order, fault: LifeboatError, now: datetime) -> LifeboatError:
    """Return the fault with a hint that says of each other repository what it could bring back; as it is where there is none."""
    names = repositories.others(site)
    if not names:
        return fault
    found = repositories.look(site, names, now)
    # Those that could help come first.
    offers = sorted(((isinstance(each, LifeboatError), offer(site, order, name, each, now)) for name, each in found.items()))
    before = f"{fault.hint}; " if fault.hint else ""
    where = site.repository_name
    return type(fault)(
        f"from the repository {where}: {fault.message}", hint=f"{before}others: {'; '.join(words for _, words in offers)}"
    )


def offer(site: Site, order: Order, name: str, held: Held | LifeboatError, now: datetime) -> str:
    """Say what another repository holds of the service, when and how that was proven there, and what to type for it."""
    if isinstance(held, LifeboatError):
        return f"{name} cannot be read either: {held.message}"
    members = chaining.present(chaining.chains(held.backups).get(order.service, []), now)
    backups = sorted((backup for chain in members for backup in chain.backups), key=lambda backup: backup.taken_at)
    if not backups:
        return f"{name} holds no backup of {order.service}"
    wanted = next((backup for backup in backups if backup.id == order.backup), None)
    typed = command(site, order, name)
    if order.backup != "latest" and wanted is None:
        return f"{name} does not hold {order.backup} either; its newest of {order.service} is {backups[-1].id}"
    if isinstance(order.at, datetime) and not _may_reach(site, order.at, backups, held):
        return f"{name} does not reach {utc(order.at)} either; {_span(order.service, backups)}"
    backup = wanted or backups[-1]
    age = durations.describe(now - backup.taken_at)
    looks = f"looks suspicious ({suspicion.words(backup)}), " if suspicion.doubted([backup], held.trusts) else ""
    return f"{name} holds {backup.id}, {age} old, {looks}{_proven(held, backups, backup, now)}: {typed}"


def _may_reach(site: Site, at: datetime, backups: list[BackupRecord], held: Held) -> bool:
    """Return whether backups may bring back a time: one was taken by then, and where a log has to lead there, it goes so far."""
    first, last = backups[0], backups[-1]
    if at < first.taken_at or continuous(site.service(first.service, Docker())) is None:
        return at >= first.taken_at
    return at <= (beyond(last, held.pieces) or last).taken_at


def _span(service: str, backups: list[BackupRecord]) -> str:
    first, last = (f"{each.taken_at:%Y-%m-%d %H:%M:%S} UTC" for each in (backups[0], backups[-1]))
    return f"its {plural.count(len(backups), 'backup')} of {service} {'is' if len(backups) == 1 else 'are'} of {first}" + (
        f" to {last}" if len(backups) > 1 else ""
    )


def _proven(held: Held, backups: list[BackupRecord], backup: BackupRecord, now: datetime) -> str:
    """Say what is proven there of the backup, or else of the service: by what was brought back from that repository alone."""
    every = [(held.proofs[each.id], each) for each in backups if each.id in held.proofs]
    if not every:
        return "nothing in it says that it was ever proven from there"
    proof, about = next(
        ((proof, each) for proof, each in every if each.id == backup.id), max(every, key=lambda entry: entry[0].at)
    )
    which = "it" if about.id == backup.id else about.id
    took = "" if proof.restore_seconds is None else f", back in {durations.describe(proof.restore_seconds)}"
    never = "" if about.id == backup.id else "not proven itself; "
    return f"{never}{which} was {proof.verdict} from there {durations.describe(now - proof.at)} ago{took}"


def command(site: Site, order: Order, repository: str) -> str:
    """Write the command that does the same from that repository; a masked clone is never offered as a restore."""
    clones = order.masked is not None
    words = ["lifeboat", "clone" if clones else "restore", order.service, "--from", repository]
    if clones or order.to != site.settings.services[order.service].restore.to:
        words += ["--to", order.to]
    if order.backup != "latest":
        words += ["--backup", order.backup]
    if isinstance(order.at, Point):
        words += ["--before" if order.at.before else "--at", str(order.at.position)]
    elif order.at:
        words += ["--at", f"{order.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}{f'.{order.at:%f}' if order.at.microsecond else ''}Z"]
    if order.tables:
        words += ["--tables", ",".join(order.tables)]
    if order.image:
        words += ["--image", order.image]
    if order.masked is not None:
        return shlex.join([*words, *order.masked])
    unproven = order.at is not None and not order.second_replay
    flags = (("--replace", order.replace), ("--anyway", order.anyway), ("--no-second-replay", unproven))
    return shlex.join([*words, *(flag for flag, given in flags if given)])
