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


def gaps(times: Sequence[datetime], promised: timedelta, kept: timedelta, now: datetime) -> tuple[Gap, ...]:
    """Return where `times`, ascending, are further apart than `promised`, up to now.

    kept: younger ones are never deleted, so what is missing among them was missed
    """
    found = []
    for number, (earlier, later) in enumerate(pairwise([*times, now]), 1):
        if later - earlier > promised:
            found.append(
                Gap(
                    after=earlier,
                    until=None if number == len(times) else later,
                    seconds=(later - earlier).total_seconds(),
                    why=MISSED if now - earlier < kept else DELETED,
                )
            )
    return tuple(found)
