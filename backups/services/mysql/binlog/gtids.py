"""Computes with sets of GTIDs: reads them as a server prints them, and tells what one set has and another lacks."""

from typing import Self

_SHOWN = 3
"""Runs of numbers that a message names."""


class Gtids:
    """A set of GTIDs: for each source (`uuid`, or `uuid:tag`) runs of consecutive numbers."""

    def __init__(self) -> None:
        self._runs: dict[str, list[list[int]]] = {}

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """Read a set as a server prints it: `uuid:1-5:8:tag:1-2,uuid:7`, on one line or several. Raises ValueError for others."""
        found = cls()
        for part in filter(None, "".join((text or "").split()).lower().split(",")):
            source, *pieces = part.split(":")
            name = source
            for piece in pieces:
                first, _, last = piece.partition("-")
                if first.isdigit():
                    found.add(name, int(first), int(last or first))
                else:
                    # A tag: the numbers after it are that tag's.
                    name = f"{source}:{piece}"
        return found

    def add(self, source: str, first: int, last: int | None = None) -> None:
        """Add the GTIDs from `first` to `last`, or the one."""
        runs, last = self._runs.setdefault(source, []), first if last is None else last
        if runs and first == runs[-1][1] + 1:
            runs[-1][1] = last
        else:
            runs.append([first, last])

    def holds(self, source: str, number: int) -> bool:
        """Return whether that GTID is in the set."""
        return any(first <= number <= last for first, last in self._runs.get(source, []))

    def minus(self, *others: "Gtids") -> "Gtids":
        """Return those GTIDs that none of the other sets has."""
        left = Gtids()
        for source in sorted(self._runs):
            taken = _merged([run for other in others for run in other._runs.get(source, [])])  # noqa: SLF001 - its own class
            here = 0
            for first, last in _merged(self._runs[source]):
                at = first
                while here < len(taken) and taken[here][0] <= last:
                    begin, end = taken[here]
                    if at < begin:
                        left.add(source, at, begin - 1)
                    at = max(at, end + 1)
                    if end > last:
                        # It may reach into the next run, too.
                        break
                    here += 1
                if at <= last:
                    left.add(source, at, last)
        return left

    def plus(self, *others: "Gtids") -> "Gtids":
        """Return the GTIDs that this set or any of the others has, in as few runs as that takes."""
        every = Gtids()
        sources = dict.fromkeys(source for each in (self, *others) for source in each._runs)  # noqa: SLF001 - its own class
        for source in sorted(sources):
            runs = [run for each in (self, *others) for run in each._runs.get(source, [])]  # noqa: SLF001 - its own class
            for first, last in _merged(runs):
                every.add(source, first, last)
        return every

    def text(self) -> str | None:
        """Write the set as SQL takes it; None when it is empty."""
        return ",".join(f"{source}:{first}-{last}" for source, first, last in self._every()) or None

    def shown(self) -> str:
        """Write the set for a message: a few runs of it, and how many more there are."""
        runs = [f"{source}:{first}" + (f"-{last}" if last > first else "") for source, first, last in self._every()]
        more = len(runs) - _SHOWN
        return ", ".join(runs[:_SHOWN]) + (f" and {more} more ranges" if more > 1 else f", {runs[-1]}" if more == 1 else "")

    def __bool__(self) -> bool:
        return any(self._runs.values())

    def _every(self) -> list[tuple[str, int, int]]:
        return [(source, first, last) for source, runs in self._runs.items() for first, last in runs]


def _merged(runs: list[list[int]]) -> list[tuple[int, int]]:
    """Order runs, and join those that touch or overlap."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(runs):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined
