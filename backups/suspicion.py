"""Decides whether a backup looks like ransomware, by comparing it with its service's own past: pure functions.

Such a backup is kept as any other. It is marked with its figures, and nothing of its service is pruned until a person has said
that it is well (`repository/trust.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from backups import plural
from backups.foreign import shown
from backups.manifest import BackupRecord, Kind, Manifest
from backups.past import EDGES, Packed, Past, Sign, said, signs_of
from backups.repository.trust import Trust
from backups.witness import MOST, Fact

ENOUGH: Mapping[Kind, int] = {"full": 3, "incremental": 5}
"""So many earlier backups of its kind say what is usual. With weekly fulls that are kept for a month there are not many more."""
_LOOKED_BACK = 30
"""The newest earlier backups of its kind that count."""
_MANY = 5
"""Times the median: what an incremental has more than usual."""
_LEAST = 256 << 10
"""Bytes of an incremental: below that a night with anything in it has many times the median of quiet ones."""
_RISE = 0.15
"""By so much the share of hardly compressible blocks is above that of every earlier backup, and by what a sample may be off."""
_LEAST_COUNTED = {"rows": 100, "samples": 100, "dashboards": 4}
"""Where there was less before, half of it gone says nothing."""
_TABLES, _ROWS = 4, 10
"""Half of the tables have lost half of their rows: of so many tables at least, with so many rows each."""


def judge(new: Manifest, packed: Packed, earlier: Iterable[BackupRecord], before: Manifest | None) -> Past:
    """Compare a backup that was just taken with its service's past.

    earlier: the service's backups that are believed (`believed`), of both kinds, in any order
    before: the newest of them, for its counts; None where there is none, or it cannot be read
    """
    of_its_kind = sorted((each for each in earlier if each.kind == new.kind and each.packed), key=lambda each: each.taken_at)
    usual = of_its_kind[-_LOOKED_BACK:]
    needed = ENOUGH[new.kind]
    signs = _unlike(new, packed, usual) if len(usual) >= needed else []
    if before:
        signs += _gone(before.witness, new.witness)
    return Past(
        packed=packed,
        earlier=len(usual),
        needed=needed,
        compared=before.id if before else None,
        signs=tuple(signs),
    )


def _unlike(new: Manifest, packed: Packed, usual: Sequence[BackupRecord]) -> list[Sign]:
    """Return the signs that what is new is more than usual and hardly compressible, both at once.

    Of a full nobody knows beforehand what is new in it: there it is enough that more of it is hardly compressible than ever.
    """
    if not packed.blocks:
        return []
    samples = [Packed.from_tag(each.packed) for each in usual if each.packed]
    most = [max(sample.share(edge) for sample in samples) for edge in range(len(EDGES))]
    edge = max(range(len(EDGES)), key=lambda edge: packed.share(edge) - most[edge])
    if packed.share(edge) - most[edge] < _RISE + packed.blocks**-0.5:
        return []
    hard = Sign(kind="packed", found=round(100 * packed.share(edge)), usual=round(100 * most[edge]))
    size = round(median(each.size for each in usual))
    if new.kind == "incremental":
        return [Sign(kind="bytes", found=new.size, usual=size), hard] if new.size >= max(_MANY * size, _LEAST) else []
    return [hard]


@dataclass(frozen=True)
class _Counted:
    """What a witness counts. parts: by the subject, as a table."""

    kind: str
    parts: Mapping[str, int]

    @property
    def total(self) -> int:
        return min(sum(self.parts.values()), MOST)


def _counted(witness: Iterable[Fact]) -> _Counted | None:
    """Return the dashboards that a witness counts; else its rows; else its samples; None where it counts none of them."""
    found: dict[str, dict[str, int]] = {kind: {} for kind in ("dashboards", "rows", "samples")}
    for fact in witness:
        if fact.metric in found and type(fact.value) is int and fact.value >= 0:
            found[fact.metric][fact.subject] = fact.value
    return next((_Counted(kind, parts) for kind, parts in found.items() if parts), None)


def _gone(before: Iterable[Fact], now: Iterable[Fact]) -> list[Sign]:
    """Return the signs that half of what was counted is gone: of all of it, or of half of the tables."""
    past, here = _counted(before), _counted(now)
    if past is None or (here and here.kind != past.kind):
        return []
    parts, left = (here.parts, here.total) if here else ({}, 0)
    signs = []
    if past.total >= _LEAST_COUNTED[past.kind] and 2 * left <= past.total:
        signs.append(Sign.model_validate({"kind": past.kind, "found": left, "usual": past.total}))
    tables = _tables(past)
    lost = _halved(tables, parts)
    if len(tables) >= _TABLES and 2 * len(lost) >= len(tables):
        signs.append(Sign(kind="tables", found=len(lost), usual=len(tables)))
    return signs


def emptied(before: Iterable[Fact], now: Iterable[Fact]) -> list[str]:
    """Name the tables that have lost half of their rows or more, with both numbers: of a few alone that is no sign."""
    past, here = _counted(before), _counted(now)
    if past is None:
        return []
    parts = here.parts if here and here.kind == past.kind else {}
    tables = _tables(past)
    return [f"{shown(table)} ({tables[table]:,} to {parts.get(table, 0):,})" for table in _halved(tables, parts)]


def _tables(counted: _Counted) -> dict[str, int]:
    return {subject: count for subject, count in counted.parts.items() if count >= _ROWS} if counted.kind == "rows" else {}


def _halved(before: Mapping[str, int], now: Mapping[str, int]) -> list[str]:
    return [subject for subject, count in before.items() if 2 * now.get(subject, 0) <= count]


def believed(backups: Iterable[BackupRecord], trusts: Mapping[str, Trust]) -> list[BackupRecord]:
    """Return the backups that look as always, and those that a person trusts."""
    return [each for each in backups if not each.suspicious or each.id in trusts]


def doubted(backups: Iterable[BackupRecord], trusts: Mapping[str, Trust]) -> list[BackupRecord]:
    """Return the backups that look suspicious, and that nobody trusts, oldest first."""
    return sorted((each for each in backups if each.suspicious and each.id not in trusts), key=lambda each: each.taken_at)


def held(backups: Iterable[BackupRecord], trusts: Mapping[str, Trust]) -> dict[str, str]:
    """Say by service why nothing of it may be pruned."""
    found: dict[str, list[BackupRecord]] = {}
    for each in doubted(backups, trusts):
        found.setdefault(each.service, []).append(each)
    return {
        service: f"prune stands still: {plural.count(len(those), 'backup')} of {service} "
        f"{'looks' if len(those) == 1 else 'look'} suspicious, first {those[0].id} ({words(those[0])}); "
        f"if that was meant: lifeboat trust {service} --reason WHY"
        for service, those in found.items()
    }


def words(backup: BackupRecord) -> str:
    """Say by what a backup looks suspicious; nothing for one that does not."""
    return said(signs_of(backup.suspicious)) if backup.suspicious else ""
