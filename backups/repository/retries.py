"""Gives up a restic that goes on trying: newer ones do for a quarter of an hour where nothing answers, and nobody is told."""

import re
import time
from collections.abc import Callable

_RETRY = re.compile(r"^(?P<what>.+?) returned error, retrying after [^:]+: (?P<why>.*)$", re.MULTILINE)
_ENDED = re.compile(r"^(?P<what>.+?) (operation successful after |failed: )", re.MULTILINE)
"""It has succeeded, or restic tries it no more: then it does without, as without a new lock, or ends by itself."""

SECONDS = 60.0
"""As long as restic 0.14 itself goes on."""
CONTACT = 10.0
"""As long as a person waits for the first answer: nothing of a backup is at stake yet."""
_UNTOLD = 2.0
"""Seconds that pass before anybody is told."""


class Retries:
    """What one restic has tried again, and since when without success. say: told once, why it is waited for."""

    def __init__(
        self,
        seconds: float = SECONDS,
        *,
        say: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds, self._say, self._clock = seconds, say, clock
        self._told = False
        self._since: dict[str, float] = {}

    def hopeless(self, errors: str) -> str | None:
        """Say why to give it up, by the end of its errors so far; None while it may go on."""
        failing = {found["what"]: (found.start(), found["why"]) for found in _RETRY.finditer(errors)}
        for found in _ENDED.finditer(errors):
            if found["what"] in failing and failing[found["what"]][0] < found.start():
                del failing[found["what"]]
        now = self._clock()
        self._since = {what: self._since.get(what, now) for what in failing}
        for what, since in self._since.items():
            if now - since >= self._seconds:
                return f"{what} failed for {self._seconds:g} s: {failing[what][1]}"
            if now - since >= _UNTOLD and not self._told:
                self._told = True
                self._say(f"for up to {self._seconds:g} s: {what}: {failing[what][1]}")
        return None
