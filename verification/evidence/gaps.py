"""Finds where backups or drills are missing: longer apart than was promised.

Pure. A gap is never filled with an estimate: nobody knows what would have been there.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from pydantic import AwareDatetime, BaseModel, ConfigDict


class Gap(BaseModel):
    """Between `after` and `until` (None: until now) nothing is kept; `why`: was it missed, or may it have been deleted since."""

    model_config = ConfigDict(frozen=True)

    after: AwareDatetime
    until: AwareDatetime | None
    seconds: float
    why: str


MISSED = "missed"
DELETED = "none is kept: missed, or deleted since"
BEFORE_ALL = "none is kept: missed, deleted since, or not set up yet"


def gaps(
    times: Sequence[datetime], promised: timedelta, kept: timedelta, now: datetime, *, listed_at: datetime | None = None
) -> tuple[Gap, ...]:
    """Return where `times`, ascending, are further apart than `promised`, up to now.

    kept: younger ones are never deleted, so what is missing among them was missed. listed_at: when that was looked, where it was
    later than `now`
    """
    looked = listed_at or now
    found = []
    for number, (earlier, later) in enumerate(pairwise([*times, now]), 1):
        if later - earlier > promised:
            found.append(
                Gap(
                    after=earlier,
                    until=None if number == len(times) else later,
                    seconds=(later - earlier).total_seconds(),
                    why=MISSED if looked - earlier < kept else DELETED,
                )
            )
    return tuple(found)


def before_first(times: Sequence[datetime], promised: timedelta, begin: datetime) -> tuple[Gap, ...]:
    """Return the gap from `begin` to the first of `times`, which are all that are kept, where it is longer than promised."""
    if not times or times[0] - begin <= promised:
        return ()
    return (Gap(after=begin, until=times[0], seconds=(times[0] - begin).total_seconds(), why=BEFORE_ALL),)
