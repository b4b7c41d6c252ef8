"""Bounds what dashboards can have filled in and searched: in what anybody writes, a few words may stand for gigabytes."""

import time

import regex

from backups.panels.dashboards.shape import Unaskable

_OF_ONE = 4_000_000
"""Characters that are filled into what one dashboard asks, or looks at for it."""
_OF_ALL = 40_000_000
_SECONDS_OF_ONE, _SECONDS_OF_ALL = 2.0, 10.0
"""For patterns, of one dashboard and of all."""


class Room:
    """What is left for a dashboard; `Rooms` gives each its own.

    characters, seconds: how many of each may be used
    """

    def __init__(self, characters: int = _OF_ONE, seconds: float = _SECONDS_OF_ONE) -> None:
        self.characters = characters
        self.seconds = seconds

    def take(self, characters: int) -> None:
        """Use so many; raises Unaskable where there are no more."""
        self.characters -= characters
        if self.characters < 0:
            raise Unaskable(
                f"filled in, this dashboard asks more than {_OF_ONE:,} characters, or all of them {_OF_ALL:,}", "not-asked"
            )

    def search(self, pattern: str, value: str, flags: int) -> "regex.Match[str] | None":
        """Look for a pattern within the seconds that are left. Raises Unaskable where they do not suffice, regex.error."""
        began = time.monotonic()
        try:
            return regex.search(pattern, value, flags, timeout=max(self.seconds, 1e-9))
        except TimeoutError:
            raise Unaskable(f"its pattern {pattern[:80]} takes too long") from None
        finally:
            self.seconds -= time.monotonic() - began


class Rooms:
    """The rooms of all dashboards, one after the other."""

    def __init__(self) -> None:
        self._left = Room(_OF_ALL, _SECONDS_OF_ALL)
        self._last = Room(0, 0.0)
        self._given = (0, 0.0)

    def next(self) -> Room:
        """Give the next dashboard its room: what the others have left, and no more than one may use."""
        self._left.characters -= self._given[0] - max(0, self._last.characters)
        self._left.seconds -= self._given[1] - max(0.0, self._last.seconds)
        self._given = min(_OF_ONE, self._left.characters), min(_SECONDS_OF_ONE, self._left.seconds)
        self._last = Room(*self._given)
        return self._last
