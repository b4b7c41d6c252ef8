"""Names the ways to choose a backup to drill, and puts several that chose the same one into words.

A backup on which several of them fall is drilled once. Its drill has one of them as `selection`, and the others as `also`: it
counts as each.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

Selection = Literal["latest", "worst", "random", "id", "moment"]

TOGETHER: tuple[Selection, ...] = ("worst", "latest", "random")
"""What may fall on the same backup, in the order in which one of them is the drill's `selection`: `worst` says most of a restore.

Not an id or a moment: who names one of these wants that very drill.
"""
_TOLD = ("latest", "worst", "random")


class Chosen(Protocol):
    """A drill, planned or done. selection: None where older evidence does not state it."""

    @property
    def selection(self) -> str | None:
        """What it was chosen by."""

    @property
    def also(self) -> Sequence[str]:
        """What else chose the same backup."""


def counts_as(drill: Chosen) -> tuple[str, ...]:
    """Return every selection that a drill counts as; none where it is not stated."""
    return tuple(each for each in (drill.selection, *drill.also) if each)


def words(drill: Chosen) -> str:
    """Name what a drill counts as: `worst`, `latest and worst`, `latest, worst and random`; empty where it is not stated."""
    *others, last = sorted(counts_as(drill), key=lambda each: _TOLD.index(each) if each in _TOLD else len(_TOLD)) or [""]
    return f"{', '.join(others)} and {last}" if others else last
