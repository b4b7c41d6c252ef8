"""Damages a copy on purpose, to see that the verifier finds it.

The report of such a drill says so and is no proof.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from backups.services.base import Copy, Fetched


@dataclass(frozen=True)
class Tamper:
    """Damage to do to a copy.

    description: what was done, for the report (`one row deleted from agama.client`)
    fetched:     called when the chain's files are there, before they are counted
    files:       called when the server's files are laid out below the directory, before it starts
    running:     called when the copy has given its first answer, before everything is compared
    upgraded:    called when a newer server runs on the copy's data, before it is asked anything
    """

    description: str
    fetched: Callable[[Sequence[Fetched]], None] | None = None
    files: Callable[[Copy, Path], None] | None = None
    running: Callable[[Copy], None] | None = None
    upgraded: Callable[[Copy], None] | None = None


HARMLESS = Tamper("")
"""Does nothing."""
