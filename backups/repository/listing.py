"""Sorts a repository's snapshots into backups and odd ones, which are named and left out: no odd one ever stops the others.

Whoever may add snapshots may add one that claims to be another backup. Of two that claim the same, the one that this machine knew
before the other came is the backup (`seen.py`); where it knew neither, none is believed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from backups import foreign
from backups.errors import ChainBroken, Damaged
from backups.manifest import BackupRecord, tag_values
from backups.repository.seen import Seen

_HINT = (
    "`restic snapshots` shows it; prune never deletes it: where the repository may be deleted from, restic forget {snapshot} does"
)


@dataclass(frozen=True)
class Snapshot:
    """A restic snapshot: its full id, its time (UTC), its tags, and the id of its tree: those of the same content are equal."""

    id: str
    time: datetime
    tags: tuple[str, ...]
    tree: str = ""


@dataclass(frozen=True)
class Odd:
    """A snapshot that is left out, and why. claims: the backup that it says it is, as its tag has it."""

    snapshot: str
    why: str
    claims: str = ""

    def __str__(self) -> str:
        return f"snapshot {self.snapshot[:8]} is left out: {self.why}"

    def fault(self) -> Damaged:
        """Return the error for whoever asked for this one."""
        return Damaged(str(self), hint=_HINT.format(snapshot=self.snapshot[:8]))


@dataclass(frozen=True)
class Listing:
    """What a repository holds.

    backups: oldest first. odd: what is left out. unreadable: those of the odd that restic cannot read
    disputed: the chains that one of the odd belongs to, or claims to: nothing more is built on them
    claims: every backup whose tags could be read, also where two claim the same
    """

    backups: list[BackupRecord]
    odd: tuple[Odd, ...] = ()
    unreadable: tuple[Odd, ...] = ()
    disputed: Mapping[str, Odd] = field(default_factory=dict)
    claims: list[BackupRecord] = field(default_factory=list)

    def require_undisputed(self, chain: str) -> None:
        """Raise ChainBroken for a chain of which it is not known which snapshots are its own."""
        if chain in self.disputed:
            raise ChainBroken(f"chain {chain} cannot be built on: {self.disputed[chain]}")

    def require_not_odd(self, wanted: str) -> None:
        """Raise Damaged when `wanted`, a backup's or a snapshot's id, is one that is left out."""
        for odd in self.odd:
            named = wanted in (odd.claims, odd.snapshot) or (len(wanted) >= 8 and odd.snapshot.startswith(wanted))
            if named and all(record.id != wanted for record in self.backups):
                raise odd.fault()


def listing(snapshots: Iterable[Snapshot], unreadable: Mapping[str, str], seen: Mapping[str, Seen]) -> Listing:
    """Sort snapshots.

    unreadable: the beginnings of the ids of snapshots that restic cannot read, and its words
    seen: what this machine knew before, by backup
    """
    claims: list[BackupRecord] = []
    trees: dict[str, str] = {}
    odd: list[Odd] = []
    for snapshot in snapshots:
        try:
            record = BackupRecord.from_tags(snapshot.id, snapshot.tags)
        except Damaged as fault:
            why = fault.message.replace(f"the tags of snapshot {snapshot.id[:8]} are", "its tags are")
            odd.append(Odd(snapshot.id, why, _claimed(snapshot)))
        else:
            if record:
                claims.append(record)
                trees[record.snapshot] = snapshot.tree
    lost = {each.snapshot[:8]: (backup, each.chain) for backup, each in seen.items()}
    unread: list[Odd] = []
    disputed: dict[str, Odd] = {}
    for beginning, words in unreadable.items():
        known = lost.get(beginning[:8])
        one = Odd(beginning, words, known[0] if known else "")
        odd.append(one)
        unread.append(one)
        if known:
            disputed[known[1]] = one
    twice = {each.snapshot: each for each in _twice(claims, trees, seen)}
    odd += [each.odd for each in twice.values()]
    disputed |= {each.record.chain: each.odd for each in twice.values() if each.unknown}
    backups = [record for record in claims if record.snapshot not in twice]
    return Listing(sorted(backups, key=lambda record: record.taken_at), tuple(odd), tuple(unread), disputed, claims)


def _claimed(snapshot: Snapshot) -> str:
    """Return the backup that it says it is; nothing for what is no backup's id, as `latest`."""
    said = tag_values(snapshot.tags).get("backup", "")
    return said if foreign.is_backup_id(said) else ""


@dataclass(frozen=True)
class _Double:
    """A claim that another one contradicts, and that is left out. unknown: this machine does not know which of them is true."""

    record: BackupRecord
    why: str
    unknown: bool

    @property
    def snapshot(self) -> str:
        return self.record.snapshot

    @property
    def odd(self) -> Odd:
        return Odd(self.record.snapshot, self.why, self.record.id if self.unknown else "")


def _twice(claims: Sequence[BackupRecord], trees: Mapping[str, str], seen: Mapping[str, Seen]) -> Iterable[_Double]:
    """Find claims to the same id, or to the same place in a chain."""
    groups: dict[object, list[BackupRecord]] = {}
    for record in claims:
        groups.setdefault(record.id, []).append(record)
        groups.setdefault((record.service, record.chain, record.sequence), []).append(record)
    for group in groups.values():
        if len(group) == 1:
            continue
        known = [record for record in group if record.id in seen and record.snapshot.startswith(seen[record.id].snapshot)]
        first = min(group, key=lambda record: record.snapshot)
        alike = trees[first.snapshot] and all(
            trees[record.snapshot] == trees[first.snapshot] and record.model_copy(update={"snapshot": first.snapshot}) == first
            for record in group
        )
        for record in group:
            others = ", ".join(other.snapshot[:8] for other in group if other is not record)
            if alike:
                if record is not first:
                    yield _Double(record, f"it is the same as snapshot {first.snapshot[:8]}", unknown=False)
            elif len(known) != 1:
                yield _Double(
                    record,
                    f"it says that it is backup {record.id} (number {record.sequence} of chain {record.chain}), and so does "
                    f"snapshot {others}; which of them is true is not known here, so neither is believed",
                    unknown=True,
                )
            elif record is not known[0]:
                yield _Double(
                    record,
                    f"it says that it is backup {record.id} (number {record.sequence} of chain {record.chain}); that is snapshot "
                    f"{known[0].snapshot[:8]}, which was here before it",
                    unknown=False,
                )
