"""Describes copies whose server can check what it stores in itself, besides what a witness states."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from backups.witness import Check


@dataclass(frozen=True)
class Inspection:
    """What a copy's own server found wrong or right, a check each; `unproven`: what it did not get to, a sentence each."""

    checks: Sequence[Check]
    unproven: Sequence[str] = ()


@runtime_checkable
class Inspected(Protocol):
    """A copy whose server can check what it stores in itself: whether indexes fit their rows, say."""

    def inspect(self, seconds: float) -> Inspection:
        """Have it check everything, for so long at most. After `observe`, since what is found broken may be locked up."""
        ...
