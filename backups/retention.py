"""Which chains go, and why: a pure function. A chain is kept or deleted whole, never in pieces."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise

from backups import durations
from backups.chains import Chain


@dataclass(frozen=True)
class Decision:
    """What happens to one chain, and the reason in words. `doubted`: it stays because the clock is not believed."""

    service: str
    chain: Chain
    keep: bool
    reason: str
    doubted: bool = False


@dataclass(frozen=True)
class Rules:
    """A chain goes when its full is older than `delete_after` and its last backup older than `keep`.

    silence: for how long the repository may have been given nothing before the clock is doubted; None believes any clock.
    """

    keep: timedelta
    delete_after: timedelta
    silence: timedelta | None = None


def plan(
    chains: Mapping[str, Sequence[Chain]],
    verified: Mapping[str, datetime],
    rules: Rules,
    *,
    now: datetime,
    reading: Collection[str] = (),
) -> list[Decision]:
    """Decide every chain of every service, oldest first.

    chains:   per service (`backups.chains.chains`)
    verified: backup id -> when it was last proven
    reading:  the ids of chains that a running drill or restore reads
    A chain that the rules let go stays in any case when it is the newest chain of its service that holds a verified backup
    (what is proven is not deleted before something newer is proven), when it is the service's newest chain (never an empty
    repository), when it is being read, or while the clock is doubted (see `doubt`).
    """
    taken = [backup.taken_at for members in chains.values() for chain in members for backup in chain.backups]
    hole = doubt([*taken, *verified.values()], now, rules)
    decisions = []
    for service, members in chains.items():
        ordered = sorted(members, key=lambda chain: chain.backups[0].taken_at)
        proven = next((chain for chain in reversed(ordered) if any(backup.id in verified for backup in chain.backups)), None)
        for chain in ordered:
            age = f"its full is {durations.describe(now - chain.backups[0].taken_at)} old"
            decided = partial(Decision, service, chain)
            if young := _young(chain, now, rules):
                decision = decided(keep=True, reason=young)
            elif excuse := _excuse(chain, newest=ordered[-1], proven=proven, reading=reading):
                decision = decided(keep=True, reason=f"{age}, but {excuse}")
            elif hole:
                decision = decided(keep=True, reason=f"{age} by a clock that is doubted: {hole}", doubted=True)
            else:
                decision = decided(keep=False, reason=f"{age}; chains go after {durations.describe(rules.delete_after)}")
            decisions.append(decision)
    return decisions


def _young(chain: Chain, now: datetime, rules: Rules) -> str | None:
    """Why a chain is not old enough to go."""
    age, last = now - chain.backups[0].taken_at, now - max(backup.taken_at for backup in chain.backups)
    if age < timedelta():
        return f"its full is from {chain.backups[0].taken_at:%Y-%m-%d %H:%M %Z}, which is yet to come"
    if age <= rules.delete_after:
        return f"its full is {durations.describe(age)} old; chains go after {durations.describe(rules.delete_after)}"
    if last <= rules.keep:
        return f"its last backup is {durations.describe(last)} old; backups stay for {durations.describe(rules.keep)}"
    return None


def _excuse(chain: Chain, *, newest: Chain, proven: Chain | None, reading: Collection[str]) -> str | None:
    """Why a chain that is old enough to go stays all the same."""
    if chain is proven:
        return "it is the newest verified chain: nothing newer is proven"
    if chain is newest:
        return "it is the newest chain: nothing newer is there"
    if chain.id in reading:
        return "a drill or a restore is reading it"
    return None


def doubt(moments: Iterable[datetime], now: datetime, rules: Rules) -> str | None:
    """Why the clock is doubted: within the last `keep`, the whole repository was given nothing for longer than `silence`.

    A clock that jumps ahead leaves such a hole, and everything before it looks old at once. So nothing goes until the
    repository has lived for `keep` after the hole: then as much is there to restore, whatever it was, a jump or a standstill.
    """
    if rules.silence is None:
        return None
    points = sorted(moment for moment in moments if moment <= now)
    for earlier, later in reversed(list(pairwise([*points, now]))):
        if later - earlier > rules.silence and now - later < rules.keep:
            return f"nothing was saved between {earlier:%Y-%m-%d %H:%M} and {later:%Y-%m-%d %H:%M %Z}"
    return None
