"""Chooses the tables that an incremental scans although their fingerprints could be carried: small ones, and each in its turn.

Pure. What the log claims of a table is worth as much as the last time that it was compared with the table itself.
"""

import hashlib
from collections.abc import Mapping

NIGHTS = 7
"""Incrementals in a row in which every table has its turn once."""

SMALL = 32 << 20
"""Bytes of tables that are read each time besides, the smallest first: that takes a second, and what a log does not tell of them
is found at once, also by whoever wants a moment between two backups back."""


def small(sizes: Mapping[str, int]) -> frozenset[str]:
    """Return the smallest of these tables (subject -> bytes), as many as are together no larger than `SMALL`."""
    chosen, taken = [], 0
    for subject in sorted(sizes, key=lambda each: (sizes[each], each)):
        taken += sizes[subject]
        if taken > SMALL:
            break
        chosen.append(subject)
    return frozenset(chosen)


def due(subject: str, sequence: int) -> bool:
    """Return whether the table `subject` has its turn in the chain's backup number `sequence`."""
    number = int.from_bytes(hashlib.sha256(subject.encode()).digest()[:4], "big")
    return number % NIGHTS == sequence % NIGHTS
