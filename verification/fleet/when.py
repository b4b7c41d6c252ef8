"""Says when the next verification of everything starts, by the schedule that prefect.yaml has for it."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from verification.fleet.order import WEEK

_AT = time(6)
"""On Mondays, as the deployment `verification` is scheduled."""


def next_verification(now: datetime, zone: str) -> datetime:
    """Return the first Monday at 06:00 in that time zone from now on."""
    here = now.astimezone(ZoneInfo(zone))
    monday = here.date() - timedelta(days=here.weekday())
    starts = (datetime.combine(day, _AT, here.tzinfo) for day in (monday, monday + WEEK))
    return next(start for start in starts if start >= here)
