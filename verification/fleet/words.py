"""Tells a verification on paper in a sentence or two, as `lifeboat plan` prints it."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from backups import durations, plural
from verification.fleet.paper import LateProof, Paper

_NAMED = 3
"""Services whose proof would be late are named, the others counted."""


def sentence(paper: Paper, zone: str) -> str:
    """Say how many drills take how long on how many machines, when they end, and what would not be as it shall be."""
    return "; ".join(_parts(paper, zone))


def clock(time: datetime, zone: str, beside: datetime | None = None) -> str:
    """Write a time in that zone: of the day of `beside` without a date."""
    local = time.astimezone(ZoneInfo(zone))
    same = beside is not None and local.date() == beside.astimezone(ZoneInfo(zone)).date()
    return f"{local:%H:%M}" if same else f"{local:%Y-%m-%d %H:%M}"


def notes(paper: Paper) -> list[str]:
    """Say what the times stand on, and what is not counted in them."""
    reckoned = sum(not each.measured for each in paper.drills)
    return [
        *([f"{plural.count(reckoned, 'drill')} never measured: reckoned from the bytes of the backup"] if reckoned else []),
        "by the backups and the evidence of today; the drill of all together comes afterwards, and is not counted",
    ]


def _parts(paper: Paper, zone: str) -> Iterator[str]:
    machines = plural.count(len(paper.machines), "machine")
    if paper.ends_at is None:
        yield f"no drill is reached on {machines}"
    else:
        drills, took = plural.count(len(paper.drills), "drill"), durations.describe(paper.ends_at - paper.starts_at)
        yield f"{drills}, {took} on {machines}, ends {clock(paper.ends_at, zone, paper.starts_at)}"
    if more := paper.one_more:
        where = f" of pool {more.pool}" if len({each.pool for each in paper.machines}) > 1 else ""
        reach = f" and reach {more.reached} more" if more.reached else ""
        yield f"{more.machines} machines{where} end {clock(more.ends_at, zone, paper.starts_at)}{reach}"
    elif any(each.for_time for each in paper.not_reached):
        yield "one machine more changes nothing"
    if paper.not_reached:
        yield f"{plural.count(len(paper.not_reached), 'drill')} not reached"
    yield from map(_late, paper.late[:_NAMED])
    if len(paper.late) > _NAMED:
        yield f"and those of {plural.count(len(paper.late) - _NAMED, 'other service')}"


def _late(late: LateProof) -> str:
    if late.age_seconds is None:
        return f"{late.service} would still have no proof"
    by_then = " at the next verification" if late.next else ""
    return f"{late.service}'s proof would be {durations.describe(late.age_seconds)} old{by_then}"
