"""Chooses the tables that an incremental scans although their fingerprints could be carried, so that each has its turn.

Pure. What the log claims of a table is worth as much as the last time that it was compared with the table itself.
"""

import hashlib

NIGHTS = 7
"""Incrementals in a row in which every table has its turn once."""


def due(subject: str, sequence: int) -> bool:
    """Return whether the table `subject` has its turn in the chain's backup number `sequence`."""
    number = int.from_bytes(hashlib.sha256(subject.encode()).digest()[:4], "big")
    return number % NIGHTS == sequence % NIGHTS
