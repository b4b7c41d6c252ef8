"""Remembers what a function made of a value: the same names and words come again and again."""

from collections.abc import Callable
from typing import TypeVar

Key = TypeVar("Key", str, bytes)
Made = TypeVar("Made", str, bytes)
_MOST = 200_000
"""Values that are remembered: they take some 40 MB."""
_LENGTH = 100
"""Characters or bytes of such a value."""


class Remembered(dict[Key | None, Made]):
    """What a pure function makes of values; `none` is what stands for None. A dict, since nothing is asked more quickly."""

    def __init__(self, make: Callable[[Key], Made], none: Made | None = None) -> None:
        super().__init__()
        self._make: Callable[[Key], Made] = make
        self._none: Made | None = none

    def __missing__(self, key: Key | None) -> Made:
        """Make what is not remembered."""
        if key is None:
            if self._none is None:
                raise KeyError(key)
            return self._none
        made = self._make(key)
        if len(key) <= _LENGTH:
            if len(self) >= _MOST:
                self.clear()
            self[key] = made
        return made
