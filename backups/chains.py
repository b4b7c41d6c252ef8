"""Groups backups into chains, and chooses which chain to extend and which backup to restore.

All of it is pure functions over the records of backups. A backup that is dated in the future, since a clock was once ahead, is
left out of every choice until that time has come, but for one that is named by its id.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from backups.errors import ChainBroken, Damaged, LifeboatError
from backups.manifest import BackupRecord

SELECTIONS = ("latest", "worst", "random")
_CLOCKS_DIFFER = timedelta(minutes=5)
"""How far the clocks of two machines that are set right may be apart."""
_TIME = "%Y-%m-%d %H:%M:%S %Z"


@dataclass(frozen=True)
class Chain:
    """The backups of one chain in order, its full first."""

    id: str
    backups: tuple[BackupRecord, ...]

    @property
    def last(self) -> BackupRecord:
        """The newest backup of the chain."""
        return self.backups[-1]

    def up_to(self, backup_id: str) -> tuple[BackupRecord, ...]:
        """Return the backups needed to restore `backup_id`, in order. Raises Damaged when one of them is missing."""
        wanted = next(backup for backup in self.backups if backup.id == backup_id)
        needed = tuple(backup for backup in self.backups if backup.sequence <= wanted.sequence)
        have, expected = [backup.sequence for backup in needed], list(range(wanted.sequence + 1))
        if have != expected:
            missing = [number for number in expected if have.count(number) != 1]
            raise Damaged(
                f"chain {self.id} is broken: backup {backup_id} needs {len(expected)} backups, {len(have)} are in the "
                f"repository; missing or double: sequence {', '.join(map(str, missing))}",
                hint="was a snapshot deleted by hand? take a full: lifeboat backup --kind full",
            )
        return needed


def chains(records: Iterable[BackupRecord]) -> dict[str, list[Chain]]:
    """Group records into chains per service; within a service by the time of each chain's first backup."""
    grouped: dict[tuple[str, str], list[BackupRecord]] = {}
    for record in records:
        grouped.setdefault((record.service, record.chain), []).append(record)
    result: dict[str, list[Chain]] = {}
    for (service, chain_id), members in sorted(grouped.items(), key=lambda item: min(record.taken_at for record in item[1])):
        ordered = tuple(sorted(members, key=lambda record: (record.sequence, record.taken_at)))
        result.setdefault(service, []).append(Chain(chain_id, ordered))
    return result


def in_future(time: datetime, now: datetime) -> bool:
    """Return whether a time lies in the future, by more than clocks differ."""
    return time > _latest(now)


def _latest(now: datetime) -> datetime:
    return now + _CLOCKS_DIFFER


def present(service_chains: Iterable[Chain], now: datetime) -> list[Chain]:
    """Return the chains without their backups that are dated in the future; a chain of which none is left is not among them."""
    latest, reduced = _latest(now), []
    for chain in service_chains:
        there = tuple(backup for backup in chain.backups if backup.taken_at <= latest)
        if there:
            reduced.append(chain if len(there) == len(chain.backups) else Chain(chain.id, there))
    return reduced


def ahead(service_chains: Iterable[Chain], now: datetime) -> list[BackupRecord]:
    """Return the backups that are dated in the future, by their time."""
    latest = _latest(now)
    found = [backup for chain in service_chains for backup in chain.backups if backup.taken_at > latest]
    return sorted(found, key=lambda backup: backup.taken_at)


def ahead_words(backup: BackupRecord, now: datetime) -> str:
    """Say of a backup that it is dated in the future, with both times."""
    return f"backup {backup.id} is dated {backup.taken_at:{_TIME}}, in the future: it is now {now:{_TIME}}"


def extendable(service_chains: Sequence[Chain], now: datetime) -> Chain | None:
    """Return the chain that the next incremental extends: the newest that is not standalone, and holds nothing of the future.

    None when there is none. Raises ChainBroken when that chain is incomplete, or when all chains are dated in the future.
    """
    growing = [chain for chain in service_chains if not chain.backups[0].standalone]
    # One with a backup of the future in it would fork where that one is left out.
    chain = next((chain for chain in reversed(growing) if not ahead([chain], now)), None)
    if chain is None and growing:
        last = ahead(growing[-1:], now)[-1]
        raise ChainBroken(f"backup {last.id} is dated {last.taken_at:{_TIME}}, and it is now {now:{_TIME}}")
    if chain is not None:
        try:
            chain.up_to(chain.last.id)
        except Damaged as damage:
            raise ChainBroken(damage.message) from damage
    return chain


def select(
    service: str,
    service_chains: Sequence[Chain],
    selection: str,
    *,
    at: datetime | None = None,
    now: datetime,
    chance: random.Random,
) -> BackupRecord:
    """Choose the backup to restore.

    latest: the newest. worst: the end of the chain with the most backups (the newest such chain): the slowest to restore.
    random: any. Anything else is a backup's id. With `at`, only backups taken at or before it are considered; those dated after
    `now` are chosen by their id only. Raises LifeboatError when there is no such backup.
    """
    every = [backup for chain in service_chains for backup in chain.backups]
    if not every:
        raise LifeboatError(f"{service} has no backup in the repository", hint=f"take one: lifeboat backup {service}")
    if selection not in SELECTIONS:
        matches = [backup for backup in every if backup.id == selection]
        if not matches:
            raise LifeboatError(f"{service} has no backup {selection}", hint=f"see: lifeboat list {service}")
        return matches[0]
    require_present(service, service_chains, now)
    every = [backup for chain in present(service_chains, now) for backup in chain.backups]
    candidates = [backup for backup in every if at is None or backup.taken_at <= at]
    if not candidates:
        oldest = min(backup.taken_at for backup in every)
        raise LifeboatError(
            f"{service} has no backup from {at:{_TIME}} or earlier; the oldest is from {oldest:{_TIME}}",
            hint=f"choose a later time; see: lifeboat list {service}",
        )
    if selection == "random":
        return chance.choice(candidates)
    if selection == "worst":
        chosen = {backup.id for backup in candidates}
        ends = [[backup for backup in chain.backups if backup.id in chosen] for chain in service_chains]
        return max((end for end in ends if end), key=lambda end: (len(end), end[-1].taken_at))[-1]
    return max(candidates, key=lambda backup: backup.taken_at)


def require_present(service: str, service_chains: Sequence[Chain], now: datetime) -> None:
    """Raise LifeboatError when there are backups, and all of them are dated in the future."""
    future = ahead(service_chains, now)
    if future and not present(service_chains, now):
        raise LifeboatError(
            f"every backup of {service} is dated in the future; {ahead_words(future[0], now)}",
            hint="is this machine's clock right? A backup is chosen all the same by its id",
        )
