"""Keeps chains by generations (grandfather, father, son): those with the newest backup of the last days, weeks and so on.

A chain is kept whole, so every backup that a kept one builds on stays, and no age counts: where nothing new comes, nothing goes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from backups.chains import Chain, extendable, present
from backups.errors import ChainBroken
from backups.manifest import BackupRecord

_PERIODS: Mapping[str, tuple[str, Callable[[datetime], object]]] = {
    "daily": ("day", lambda time: time.date()),
    "weekly": ("week", lambda time: time.isocalendar()[:2]),
    "monthly": ("month", lambda time: (time.year, time.month)),
    "yearly": ("year", lambda time: time.year),
}
"""By the key of lifeboat.yaml: its word, and the period that a time is in."""


@dataclass(frozen=True)
class Generations:
    """A policy of `backups.retention.plan`.

    numbers: how many days, weeks (from Monday), months and years, by `daily` and so on; those are counted that have a backup
    zone:    where a day begins
    silence, window: as in `backups.retention.Policy`
    """

    numbers: Mapping[str, int]
    zone: tzinfo
    silence: timedelta | None = None
    window: timedelta = timedelta(days=21)

    @property
    def words(self) -> str:
        """What it had to hold."""
        counts = ", ".join(f"{number} {name}" for name, number in self.numbers.items())
        return f"it holds no newest backup of those that stay ({counts})"

    def stays(self, members: Sequence[Chain], now: datetime) -> Mapping[str, str]:
        """Return why each chain stays that holds the newest backup of a day, week, month or year that counts, or that grows."""
        there = present(members, now)
        newest_last = sorted((backup for chain in there for backup in chain.backups), key=lambda each: (each.taken_at, each.id))
        found: dict[str, str] = {}
        for name, number in self.numbers.items():
            word, period = _PERIODS[name]
            newest = {period(each.taken_at.astimezone(self.zone)): each for each in newest_last}
            for when in sorted(newest, reverse=True)[:number]:  # type: ignore[type-var]
                found.setdefault(newest[when].chain, _words(newest[when], word, self.zone))
        if growing := _growing(members, now):
            found.setdefault(growing, "the next incremental builds on it")
        return found


def _words(backup: BackupRecord, word: str, zone: tzinfo) -> str:
    return f"it holds the newest backup of a {word} that stays: of {backup.taken_at.astimezone(zone):%Y-%m-%d %H:%M}"


def _growing(members: Sequence[Chain], now: datetime) -> str | None:
    try:
        found = extendable(members, now)
    except ChainBroken:
        return None
    return found.id if found else None
