"""Years of nights in which things go wrong, and retention's promises, asked after every prune.

The world knows the true time; Lifeboat in it knows only its machine's clock. A promise that is not kept raises Broken.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise, takewhile
from zoneinfo import ZoneInfo

from backups import deleted
from backups.chains import Chain, chains, extendable
from backups.errors import ChainBroken
from backups.manifest import BackupRecord
from backups.retention import Decision, Policy, Rules, plan

DAY = timedelta(days=1)
RULES = Rules(keep=21 * DAY, delete_after=31 * DAY, silence=timedelta(days=4, hours=2))
SERVICE = "agama"
Plan = Callable[..., list[Decision]]


class Broken(AssertionError):
    """A promise of retention that was not kept; its first word names it."""


@dataclass(frozen=True)
class Year:
    """What goes wrong, by the number of the night (or of the Monday, of the 28th); beyond the end all is well."""

    zone: str = "Etc/UTC"
    failed_nights: frozenset[int] = frozenset()
    failed_monthlies: frozenset[int] = frozenset()
    failed_drills: frozenset[int] = frozenset()
    missed_drills: frozenset[int] = frozenset()
    missed_prunes: frozenset[int] = frozenset()
    killed_prunes: Mapping[int, int] = field(default_factory=dict)
    """Night -> after how many deletions that night's prune is killed."""
    readers: frozenset[int] = frozenset()
    """Nights in which a drill reads the oldest chain while the prune runs."""
    jumps: Mapping[int, float] = field(default_factory=dict)
    """Night -> by how many days the clock is off from then on."""

    def off(self, night: int) -> timedelta:
        """How far the clock is ahead of the truth."""
        return max(((begin, days) for begin, days in self.jumps.items() if begin <= night), default=(0, 0.0))[1] * DAY


@dataclass
class World:
    """The repository and its history. `taken` maps a backup's id to the true time at which it was taken."""

    year: Year
    plan: Plan = plan
    policy: Policy = RULES
    held: list[BackupRecord] = field(default_factory=list)
    taken: dict[str, datetime] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    verified: dict[str, datetime] = field(default_factory=dict)
    shortened: set[str] = field(default_factory=set)
    """Chains that a killed prune has begun to delete."""
    deleted: list[datetime] = field(default_factory=list)
    """When what prunes have deleted had been taken, as far as Lifeboat knows."""
    stamps: list[datetime] = field(default_factory=list)
    """When each backup that ever was had been taken, by the machine's clock."""
    _grouped: tuple[list[BackupRecord], dict[str, list[Chain]]] = field(default_factory=lambda: ([], {}))
    """What was held when it was grouped last, and its chains: most nights ask for them three times."""

    def live(self, first: date, nights: int) -> "World":
        """Run the schedules of prefect.yaml for so many nights; raises Broken."""
        counts = {"monday": 0, "monthly": 0}
        for night in range(nights):
            today = first + night * DAY
            if night not in self.year.failed_nights:
                self._back_up(today, night, time(0), full=today.weekday() == 0)
            if today.day == 28:
                counts["monthly"] += 1
                if counts["monthly"] not in self.year.failed_monthlies:
                    self._back_up(today, night, time(2), full=True, standalone=True)
            if night not in self.year.missed_prunes:
                self._prune(today, night)
            if today.weekday() == 0:
                counts["monday"] += 1
                self._drill(counts["monday"], self._moment(today, time(6)) + self.year.off(night))
        return self

    def _chains(self) -> dict[str, list[Chain]]:
        """What is held, in chains."""
        if self._grouped[0] != self.held:
            self._grouped = (list(self.held), chains(self.held))
        return {service: list(members) for service, members in self._grouped[1].items()}

    def _moment(self, day: date, hour: time) -> datetime:
        return datetime.combine(day, hour, ZoneInfo(self.year.zone)).astimezone(UTC)

    def _back_up(self, day: date, night: int, hour: time, *, full: bool, standalone: bool = False) -> None:
        truth = self._moment(day, hour) + timedelta(minutes=1)
        try:
            chain = None if full else extendable(self._chains().get(SERVICE, []), truth + self.year.off(night))
        except ChainBroken:
            chain = None
        identifier = f"{SERVICE}-{len(self.taken):05}"
        self.held.append(
            BackupRecord.model_construct(
                snapshot=identifier,
                id=identifier,
                service=SERVICE,
                type="mysql",
                kind="incremental" if chain else "full",
                chain=chain.id if chain else identifier,
                sequence=chain.last.sequence + 1 if chain else 0,
                taken_at=truth + self.year.off(night),
                size=1,
                standalone=standalone,
            )
        )
        self.taken[identifier] = truth
        self.stamps.append(self.held[-1].taken_at)
        self.lengths[self.held[-1].chain] = self.held[-1].sequence + 1

    def _drill(self, monday: int, at: datetime) -> None:
        if monday in self.year.missed_drills or not self.held:
            return
        longest = max(self._chains()[SERVICE], key=lambda chain: len(chain.backups))
        latest = max(self.held, key=lambda backup: backup.taken_at)
        for backup in (latest, longest.last):
            if monday in self.year.failed_drills:
                self.verified.pop(backup.id, None)
            else:
                self.verified[backup.id] = at

    def _prune(self, day: date, night: int) -> None:
        before = self._chains()
        truth = self._moment(day, time(5))
        now = truth + self.year.off(night)
        read = {members[0].id for members in before.values()} if night in self.year.readers else set()
        decisions = self.plan(before, dict(self.verified), self.policy, now=now, reading=read, deleted=list(self.deleted))
        going = [backup for decision in decisions if not decision.keep for backup in reversed(decision.chain.backups)]
        gone = {backup.id for backup in going[: self.year.killed_prunes.get(night)]}
        if going:
            times = [*self.deleted, *(backup.taken_at for backup in going)]
            self.deleted = deleted.telling(times, now=now, rules=self.policy)
        self.held = [backup for backup in self.held if backup.id not in gone]
        killed = night in self.year.killed_prunes
        self.shortened |= {backup.chain for backup in self.held} & {backup.chain for backup in going}
        self._promises(before.get(SERVICE, []), now, truth, read, killed=killed)
        self._clock(decisions, now)

    def _clock(self, decisions: Sequence[Decision], now: datetime) -> None:
        """Nothing goes by a clock that may have jumped, and no clock is doubted for what prune itself has deleted."""
        if (gone := [decision.chain.id for decision in decisions if not decision.keep]) and self._stood_still(now):
            raise Broken(f"doubt: on {now} {gone} went, though nothing had been saved for too long")
        # A clock that is put right forgets what a wrong one had seen.
        if not self.year.jumps and any(decision.doubted for decision in decisions) and not self._stood_still(now):
            raise Broken(f"wolf: on {now} the clock is doubted, though something was saved every few nights")

    def _promises(self, before: Sequence[Chain], now: datetime, truth: datetime, read: set[str], *, killed: bool) -> None:
        kept = {backup.id for backup in self.held}
        after = self._chains().get(SERVICE, [])
        lately = takewhile(lambda name: truth - self.taken[name] <= RULES.keep, reversed(self.taken))
        if isinstance(self.policy, Rules) and (lost := [name for name in lately if name not in kept]):
            raise Broken(f"three weeks: on {truth} {lost[0]} of {self.taken[lost[0]]} is gone")
        # While a clock is wrong, which chain is the newest is anyone's guess; one is left in any case.
        newest = before if self.year.jumps else before[-1:]
        if before and not {chain.id for chain in newest} & {chain.id for chain in after}:
            raise Broken(f"newest: on {truth} the newest chain {before[-1].id} went")
        for chain in after:
            have = [backup.sequence for backup in chain.backups]
            if have != list(range(len(have))) or (len(have) != self.lengths[chain.id] and chain.id not in self.shortened):
                raise Broken(f"pieces: on {truth} chain {chain.id} of {self.lengths[chain.id]} holds {have}")
        if gone := read - {chain.id for chain in after}:
            raise Broken(f"read: on {truth} chain {gone} went while it was read")
        proven = [chain for chain in before if any(backup.id in self.verified for backup in chain.backups)]
        # While a clock is wrong, which of them is the newest is anyone's guess.
        if proven and not {chain.id for chain in (proven if self.year.jumps else proven[-1:])} & {chain.id for chain in after}:
            raise Broken(f"proven: on {truth} the newest verified chain {proven[-1].id} went")
        if not killed and not self.year.jumps and isinstance(self.policy, Rules):
            self._month(after, proven, now, read)

    def _month(self, after: Sequence[Chain], proven: Sequence[Chain], now: datetime, read: set[str]) -> None:
        """Nothing is over a month old but the proven last, where backups went on; whatever else is that old has a reason."""
        for chain in after:
            if now - chain.backups[0].taken_at <= RULES.delete_after:
                continue
            excuses = {
                "the proven last": lambda chain: bool(proven) and chain.id == proven[-1].id,
                "the only newest": lambda chain: chain.id == after[-1].id,
                "fulls failed, so it holds points of the last three weeks": lambda chain: now - chain.last.taken_at <= RULES.keep,
                "being read": lambda chain: chain.id in read,
                "Lifeboat stood still": lambda _: self._stood_still(now),
            }
            if not any(excuse(chain) for excuse in excuses.values()):
                raise Broken(f"month: on {now} chain {chain.id} of {chain.backups[0].taken_at} stayed without a reason")

    def _stood_still(self, now: datetime) -> bool:
        """Whether, by the machine's clock, nothing at all was saved for longer than is believed, in the last three weeks."""
        moments = sorted(moment for moment in (*self.stamps, *self.verified.values(), now) if moment <= now)
        silence, window = self.policy.silence, self.policy.window
        assert silence
        return any(later - earlier > silence and now - later < window for earlier, later in pairwise(moments))
