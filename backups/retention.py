"""Decides which chains are deleted, and why: a pure function.

A chain is kept or deleted whole, never in pieces.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise, takewhile
from typing import Protocol

from backups import durations
from backups.chains import Chain, ahead, present

_TIME = "%Y-%m-%d %H:%M %Z"


@dataclass(frozen=True)
class Decision:
    """What happens to one chain, and why. doubted: it is kept because the clock is not believed."""

    service: str
    chain: Chain
    keep: bool
    reason: str
    doubted: bool = False


class Policy(Protocol):
    """By what chains stay, but for the exceptions that hold in any case.

    silence: for how long the repository may have been given nothing before the clock is doubted; None believes any clock
    window:  for how long after such a gap it is doubted
    words:   what it lets go, for the end of a reason
    """

    @property
    def silence(self) -> timedelta | None: ...  # noqa: D102

    @property
    def window(self) -> timedelta: ...  # noqa: D102

    @property
    def words(self) -> str: ...  # noqa: D102

    def stays(self, members: Sequence[Chain], now: datetime) -> Mapping[str, str]:
        """Return, by the id of each chain of one service that it keeps, why."""
        ...


@dataclass(frozen=True)
class Rules:
    """A `Policy`: a chain is deleted when its full is older than `delete_after` and its last backup older than `keep`."""

    keep: timedelta
    delete_after: timedelta
    silence: timedelta | None = None

    @property
    def window(self) -> timedelta:
        """As long as backups are kept: then there is enough to restore, whether the clock jumped or no backup ran."""
        return self.keep

    @property
    def words(self) -> str:
        """The age that it had to reach."""
        return f"chains go after {durations.describe(self.delete_after)}"

    def stays(self, members: Sequence[Chain], now: datetime) -> Mapping[str, str]:
        """Return why each chain that is not old enough stays."""
        return {chain.id: why for chain in members if (why := self._young(chain, now))}

    def _young(self, chain: Chain, now: datetime) -> str | None:
        age, last = now - chain.backups[0].taken_at, now - max(backup.taken_at for backup in chain.backups)
        if age <= self.delete_after:
            return f"its full is {durations.describe(age)} old; chains go after {durations.describe(self.delete_after)}"
        if last <= self.keep:
            return f"its last backup is {durations.describe(last)} old; backups stay for {durations.describe(self.keep)}"
        return None


def plan(
    chains: Mapping[str, Sequence[Chain]],
    verified: Mapping[str, datetime],
    rules: Policy,
    *,
    now: datetime,
    reading: Collection[str] = (),
    failed: Collection[str] = (),
    held: Mapping[str, str] | None = None,
    deleted: Iterable[datetime] = (),
) -> list[Decision]:
    """Decide every chain of every service, oldest first.

    chains:   per service (`backups.chains.chains`)
    verified: backup id -> when it was last proven
    reading:  the ids of chains that a running drill or restore reads
    failed:   the ids of chains that failed their drill
    rules:    `Rules`, or `backups.generations.Generations`
    held:     services of which nothing is deleted for now, and why (`suspicion.held`)
    deleted:  when backups that retention itself has deleted had been taken (`backups.deleted`): what it emptied is no silence
    A chain that the rules let go stays in any case when it is the newest chain of its service that holds a verified backup
    (what is proven is not deleted before something newer is proven), when it failed its drill and nothing newer is proven (it may
    hold what nothing else does), when it is the service's newest chain (never an empty repository), when it is being read, or
    while the clock is doubted (see `doubt`). A backup that is dated in the future makes no chain the newest, nor the newest
    verified; its chain stays until that time has come.
    """
    taken = [backup.taken_at for members in chains.values() for chain in members for backup in chain.backups]
    gap = doubt([*taken, *verified.values(), *deleted], now, rules)
    decisions = []
    for service, members in chains.items():
        ordered = sorted(members, key=lambda chain: chain.backups[0].taken_at)
        now_there = sorted(present(members, now), key=lambda chain: chain.backups[0].taken_at)
        proven = next((chain.id for chain in reversed(now_there) if any(each.id in verified for each in chain.backups)), None)
        newest = now_there[-1].id if now_there else None
        ids = [chain.id for chain in ordered]
        standing = set(ids[ids.index(proven) if proven else 0 :]) & set(failed)
        stays = rules.stays(ordered, now)
        for chain in ordered:
            decided = partial(Decision, service, chain)
            if kept := _of_the_future(chain, now) or stays.get(chain.id):
                decisions.append(decided(keep=True, reason=kept))
                continue
            age = f"its full is {durations.describe(now - chain.backups[0].taken_at)} old"
            if held and service in held:
                decision = decided(keep=True, reason=f"{age}, but {held[service]}")
            elif exception := _reason_to_keep(chain, newest=newest, proven=proven, reading=reading, failed=standing):
                decision = decided(keep=True, reason=f"{age}, but {exception}")
            elif gap:
                decision = decided(keep=True, reason=f"{age} by a clock that is doubted: {gap}", doubted=True)
            else:
                decision = decided(keep=False, reason=f"{age}; {rules.words}")
            decisions.append(decision)
    return decisions


def _of_the_future(chain: Chain, now: datetime) -> str | None:
    future = ahead([chain], now)
    if not future:
        return None
    what = "full" if future[0].sequence == 0 else f"backup {future[0].id}"
    return f"its {what} is from {future[0].taken_at:{_TIME}}, which is in the future: it is now {now:{_TIME}}"


def _reason_to_keep(
    chain: Chain, *, newest: str | None, proven: str | None, reading: Collection[str], failed: Collection[str]
) -> str | None:
    """Say why a chain that is old enough to be deleted is kept all the same; None when it is not."""
    if chain.id == proven:
        return "it is the newest verified chain: nothing newer is proven"
    if chain.id == newest:
        return "it is the newest chain: nothing newer is there"
    if chain.id in reading:
        return "a drill or a restore is reading it"
    if chain.id in failed:
        return "its drill failed: nothing newer is proven"
    return None


def doubt(times: Iterable[datetime], now: datetime, rules: Policy) -> str | None:
    """Say why the clock is doubted: within the last `window`, the whole repository was given nothing for longer than `silence`.

    A clock that jumps ahead leaves such a gap, and everything before it looks old at once. So nothing is deleted until backups
    were taken for so long after the gap: then there is enough to restore, whether the clock jumped or no backup ran.
    times: when anything was saved, also what retention has deleted since: the gap that it left is no jump
    """
    if rules.silence is None:
        return None
    points = sorted((time for time in times if time <= now), reverse=True)
    for later, earlier in takewhile(lambda gap: now - gap[0] < rules.window, pairwise([now, *points])):
        if later - earlier > rules.silence:
            return f"nothing was saved between {earlier:%Y-%m-%d %H:%M} and {later:%Y-%m-%d %H:%M %Z}"
    return None
