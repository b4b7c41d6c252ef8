"""Chooses the tables that an incremental scans although their fingerprints could be carried: small ones, and each in its turn.

Pure. What the log claims of a table is worth as much as the last time that it was compared with the table itself. Each is read
once in seven backups, a full being one of them, and so that each incremental has about the same to read: what is left unread of a
chain is spread over the nights that are left of its week. A table that is more than a night's share has a night for itself, and
the largest of these has the seventh: where fulls are a week apart, that is the full, which reads everything.
"""

from collections.abc import Mapping

NIGHTS = 7
"""Backups in a row in which every table is read once."""

SMALL = 128 << 20
"""How much of tables, as `work` says it, is read each time besides, the smallest first: that takes a second, and what a log does
not tell of them is found at once, also by whoever wants a moment between two backups back."""

_ROW = 1024
"""Bytes that take as long to read as a row does besides its bytes: rows of 30 bytes take 8 µs, of 1,300 12, of 15,000 100."""


def small(works: Mapping[str, int]) -> frozenset[str]:
    """Return the tables with the least to read (subject -> work), as many as are together no more than `SMALL`."""
    chosen, taken = [], 0
    for subject in sorted(works, key=lambda each: (works[each], each)):
        taken += works[subject]
        if taken > SMALL:
            break
        chosen.append(subject)
    return frozenset(chosen)


def work(size: int, rows: int) -> int:
    """Return how much it is to read a table of so many bytes and rows, in bytes."""
    return size + _ROW * rows


def due(sequence: int, ages: Mapping[str, int], works: Mapping[str, int]) -> frozenset[str]:
    """Return the tables that have their turn in the chain's backup number `sequence`.

    ages: of each table, how many backups ago it was read last (the one before this one is 1). works: of each, as `work` says
    """
    late = {subject for subject, age in ages.items() if age >= NIGHTS}
    if sequence >= NIGHTS:
        return frozenset(late)
    order = sorted(ages, key=lambda each: (-works[each], each))
    if order and works[order[0]] * NIGHTS > sum(works.values()):
        del order[0]
    unread = [subject for subject in order if ages[subject] >= sequence]
    share = sum(works[subject] for subject in unread) / (NIGHTS - sequence)
    chosen: list[str] = []
    taken = 0
    for subject in unread:
        if not chosen or taken + works[subject] <= share:
            chosen.append(subject)
            taken += works[subject]
    return frozenset(late.union(chosen))
