"""Reads the time zone of a server's machine, its changes of clocks included, from the server itself.

A statement in the log may mean local times of the zone SYSTEM, of any year: the offset of today is not enough to replay it. The
server is asked for local times all over the years that a TIMESTAMP can hold, and closer and closer around each change.
"""

import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime

from backups.services.mysql.source.connection import Session, rows

Zone = tuple[tuple[int, int], ...]
"""(seconds since 1970 UTC, seconds east of UTC from then on), in order; the first at 0. Empty where no clock ever changes."""

_END = 2**31 - 1
"""The last second of a TIMESTAMP, in January 2038."""
_STEP = 3 * 24 * 3600
"""Seconds between two questions: no zone has left an offset and come back to it in less (Morocco's weeks are the shortest)."""
_PARTS = 16
"""In how many parts a step with a change is divided, again and again."""
_QUESTIONS = 1000
"""Moments in one statement."""
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local times have no zone of their own


def read(session: Session) -> Zone | None:
    """Return the zone that SYSTEM means on the server; None when it does not answer for every moment."""
    before = rows(session, "SELECT @@SESSION.time_zone")[0][0]
    rows(session, "SET SESSION time_zone = 'SYSTEM'")
    try:
        offsets = _offsets(session, [*range(0, _END, _STEP), _END])
        while offsets is not None and (steps := list(_open(offsets))):
            found = _offsets(session, [moment for begin, end in steps for moment in _between(begin, end)])
            if found is None:
                return None
            offsets = dict(sorted({**offsets, **found}.items()))
    finally:
        rows(session, "SET SESSION time_zone = %s", [before])
    return None if offsets is None else _changes(offsets)


def _open(offsets: dict[int, int]) -> Iterator[tuple[int, int]]:
    """Yield (begin, end) of each step in which the offset changes, until a change is known to the second."""
    moments = list(offsets)
    for begin, end in itertools.pairwise(moments):
        if offsets[begin] != offsets[end] and end - begin > 1:
            yield begin, end


def _between(begin: int, end: int) -> list[int]:
    width = max(1, -(-(end - begin) // _PARTS))
    return list(range(begin + width, end, width))


def _offsets(session: Session, moments: Sequence[int]) -> dict[int, int] | None:
    """Ask for the local time of each moment (seconds since 1970); returns moment -> seconds east of UTC."""
    found: dict[int, int] = {}
    for at in range(0, len(moments), _QUESTIONS):
        asked = moments[at : at + _QUESTIONS]
        # As one text: a column for each moment costs ten times as much, here and there.
        statement = f"SELECT CONCAT_WS(',', {', '.join(f'FROM_UNIXTIME({moment})' for moment in asked)})"
        answers = str(rows(session, statement)[0][0]).split(",")
        try:
            for moment, local in zip(asked, answers, strict=True):
                found[moment] = round((datetime.fromisoformat(local) - _EPOCH).total_seconds()) - moment
        except ValueError:
            # What is NULL is not in the text, so there are too few.
            return None
    return found


def _changes(offsets: dict[int, int]) -> Zone:
    changes: list[tuple[int, int]] = []
    for moment, offset in offsets.items():
        if not changes or changes[-1][1] != offset:
            changes.append((moment, offset))
    return tuple(changes) if len(changes) > 1 else ()
