"""Faults made on purpose: the verifier is drilled too. A tampered drill says so in its report and is never kept as proof."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from backups.services.base import Copy, Fetched


@dataclass(frozen=True)
class Tamper:
    """Damage to do to a copy.

    words:    what was done, for the report (`one row deleted from agama.client`)
    fetched:  called when the chain's files are there, before they are counted
    files:    called when the server's files are laid out below the directory, before it starts
    running:  called when the copy has given its first answer, before everything is compared
    """

    words: str
    fetched: Callable[[Sequence[Fetched]], None] | None = None
    files: Callable[[Copy, Path], None] | None = None
    running: Callable[[Copy], None] | None = None


HARMLESS = Tamper("")
"""Does nothing."""
