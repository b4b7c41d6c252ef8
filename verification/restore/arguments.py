"""Reads what an operator wants restored, where to and as of when, and describes a planned restore."""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from backups import durations, plural
from backups.errors import ConfigError, LifeboatError
from backups.follow.beyond import Beyond
from backups.machine import disk
from backups.services.base import Point
from backups.site import Site
from verification.evidence.words import utc
from verification.restore.moment import Choice
from verification.restore.order import Order
from verification.restore.plan import Plan

_TIME_OF_DAY = re.compile(r"\d\d:\d\d")
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_POSITION = re.compile(
    rf"{_UUID}(?::[a-zA-Z_][a-zA-Z0-9_]{{0,31}})?:[1-9][0-9]{{0,18}}|[^/:\s]+\.[0-9]{{1,10}}:[0-9]{{1,19}}", re.ASCII
)
"""A GTID, with a tag or without, or a log file and an offset in it."""
_LIKE_A_GTID = re.compile(rf"{_UUID}\b.*", re.DOTALL)
_A_GTID = "3e11fa47-71ca-11e1-9e33-c80aa9429562:23"


def order(
    site: Site,
    service: str,
    *,
    to: str | None,
    backup: str,
    at: str | None,
    before: str | None = None,
    tables: Sequence[str],
    replace: bool,
    anyway: bool,
    second_replay: bool,
    image: str | None = None,
    repository: str | None = None,
    now: datetime,
) -> Order:
    """Make an order of the arguments of a command or a flow. Raises LifeboatError for what cannot be read."""
    (name,) = site.chosen([service])
    site.at(repository)
    return Order(
        service=name,
        to=where(site, name, to),
        backup=backup,
        at=asked(at, before, site.settings.timezone, now),
        replace=replace,
        anyway=anyway,
        tables=tuple(tables),
        second_replay=second_replay,
        image=image,
        repository=repository,
    )


def where(site: Site, service: str, to: str | None) -> str:
    """Return the target that was named, or the service's `restore.to`; raises ConfigError when there is neither."""
    target = to or site.settings.services[service].restore.to
    if target is None:
        raise ConfigError(
            f"there is no target to restore {service} to: neither --to nor its restore.to is given",
            hint=f"lifeboat restore {service} --to local:/directory; or set services.{service}.restore.to in lifeboat.yaml",
        )
    return target


def asked(at: str | None, before: str | None, zone: str, now: datetime) -> datetime | Point | None:
    """Read the moment that `--at` or `--before` names; None where neither does. Raises LifeboatError for what cannot be read."""
    if before is not None and at is not None:
        raise LifeboatError(f"--at {at} and --before {before} are two moments", hint="give one of them")
    if before is None:
        return _past(moment(at, zone, now), at, now) if at is not None else None
    if position := _position(before, "--before"):
        return Point(position=position, before=True)
    raise LifeboatError(
        f"--before {before!r} names no transaction",
        hint=f"lifeboat log SERVICE shows them, by GTIDs like {_A_GTID}; for a time: --at TIME",
    )


def names(text: str) -> list[str]:
    """Part names of tables at their commas, but not at those that are between backticks."""
    return [name.strip() for name in re.findall(r"(?:`[^`]*`?|[^,`])+", text) if name.strip()]


def bound(text: str, zone: str, now: datetime, option: str, *, before_next: timedelta | None = None) -> datetime:
    """Read a bound of a period of time. A day alone is its beginning, or so long before the next one begins as `before_next`.

    Raises LifeboatError for what is no time.
    """
    at, back = text, timedelta(0)
    with suppress(ValueError, OverflowError):
        at = (date.fromisoformat(text) + timedelta(days=before_next is not None)).isoformat()
        back = before_next or back
    hint = "name a day or a time: 2026-11-01, 2026-11-01T14:03"
    if _position(text, option):
        raise LifeboatError(f"{option} {text} is no time, but a transaction", hint=hint)
    try:
        return time_of(at, zone, now, option) - back
    except ValueError as error:
        raise LifeboatError(f"{option} {text!r} is neither a day nor a time", hint=hint) from error


def _position(text: str, option: str) -> str | None:
    """Read a transaction; None for what is none. Raises LifeboatError for a set of GTIDs, or one that is cut off."""
    position = text.strip()
    if _POSITION.fullmatch(position):
        return position
    if _LIKE_A_GTID.fullmatch(position):
        raise LifeboatError(
            f"{option} {position!r} is not the GTID of one transaction: SOURCE:NUMBER, or SOURCE:TAG:NUMBER",
            hint=f"write it like {_A_GTID}; lifeboat log SERVICE shows which there are",
        )
    return None


def moment(text: str, zone: str, now: datetime, option: str = "--at") -> datetime | Point:
    """Read a time (in `zone` where it names none) as UTC, or a transaction: the moment after it. `option`: what gave the text.

    A time of day alone is the last such time before `now`. Raises LifeboatError for anything else, and for a time that the clocks
    of the zone showed twice, or never.
    """
    if position := _position(text, option):
        return Point(position=position)
    try:
        return time_of(text, zone, now, option)
    except ValueError as error:
        raise LifeboatError(
            f"{option} {text!r} is neither a time nor a GTID",
            hint=f"write it like 2026-11-22T03:00, 2026-11-22T03:00:00Z or 03:00; a GTID like {_A_GTID}",
        ) from error


def time_of(text: str, zone: str, now: datetime, option: str) -> datetime:
    """Read a time as `moment` does, where no transaction can be meant. Raises ValueError for what is none.

    Raises LifeboatError for a time that the clocks of the zone showed twice, or never.
    """
    local = ZoneInfo(zone)
    try:
        if _TIME_OF_DAY.match(text):
            return _last(time.fromisoformat(text), local, now, (option, text))
        time_ = datetime.fromisoformat(text)
        return time_.astimezone(UTC) if time_.tzinfo else _once(time_, local, (option, text))
    except OverflowError as error:
        raise ValueError(f"{text!r} is out of range") from error


def _past(asked_for: datetime | Point, at: str, now: datetime) -> datetime | Point:
    """Return the moment; raises LifeboatError for a time that is still to come: nothing holds it, and the newest is not it."""
    if isinstance(asked_for, datetime) and asked_for > now:
        raise LifeboatError(
            f"--at {at} is in the future: that is {utc(asked_for)}, it is now {utc(now.replace(microsecond=0))}",
            hint="for the newest backup leave --at out; a time without Z or an offset is of `timezone` in lifeboat.yaml",
        )
    return asked_for


def _last(of_day: time, zone: ZoneInfo, now: datetime, given: tuple[str, str]) -> datetime:
    """Return the last moment at or before `now` at which the clocks showed that time of day."""
    today = now.astimezone(of_day.tzinfo or zone).date()
    for day in (today, today - timedelta(days=1)):
        named = datetime.combine(day, of_day)
        if (named if named.tzinfo else named.replace(tzinfo=zone)).astimezone(UTC) <= now:
            break
    return named.astimezone(UTC) if named.tzinfo else _once(named, zone, given)


def _once(named: datetime, zone: ZoneInfo, given: tuple[str, str]) -> datetime:
    """Return the one moment at which the clocks of the zone showed that time; raises LifeboatError for none and for two."""
    first, second = (named.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return first
    was = "twice: the clocks were set back" if first < second else "never: the clocks were set forward over it"
    option, text = given
    earlier, later = (f"{option} {each.isoformat().replace('+00:00', 'Z')}" for each in sorted((first, second)))
    raise LifeboatError(
        f"{option} {text!r} was in {zone.key} {was}", hint=f"choose one of the two moments: {earlier}, or {later}"
    )


def plan_lines(plan: Plan, site: Site) -> list[tuple[str, str]]:
    """Describe what a restore would do, as titles and text."""
    choice, target = plan.choice, plan.target
    replaced = f", and {target.replacement.act}: {', '.join(plan.held[:5])}" if plan.held and target.replacement else ""
    return [
        ("brings back", f"{choice.backup.id}, from {plural.count(len(choice.chain), 'backup')}, {disk.size(plan.needed)}"),
        *([("out of", f"the repository {plan.repository}, not the first")] if plan.repository else []),
        ("stands at", str(choice.point or f"{choice.backup.taken_at:%Y-%m-%d %H:%M:%S} UTC")),
        *([("proves", _proof(plan))] if choice.point else []),
        *([("not checked", unchecked)] if (unchecked := _unchecked(choice)) else []),
        ("runs on", plan.image),
        ("puts it to", f"{target}{replaced}"),
        *(("there", line) for line in plan.foreseen),
        *([("before that", f"`{target.stop}`")] if target.stop else []),
        *([("after that", f"`{target.start}`")] if target.start else []),
        ("takes", _promise(plan, site)),
        ("loses", _loss(plan)),
    ]


def _loss(plan: Plan) -> str:
    choice, lost = plan.choice, durations.describe(plan.lost_seconds)
    if not choice.point:
        return "".join([f"the {lost} since", *(f"; {line}" for line in plan.lost)])
    # When a transaction was, only its log says, which is not fetched yet.
    first = f"the {lost} since" if choice.point.time else f"what came after it, of the {lost} since {choice.backup.id}"
    beside = f"; what the source holds now, beside {choice.backup.id}: " if plan.lost else ""
    return f"{first}{beside}{'; '.join(plan.lost)}"


def _proof(plan: Plan) -> str:
    choice = plan.choice
    if isinstance(choice.later, Beyond):
        there = "; its tables are compared with what the log makes of that witness" if plan.order.second_replay else ""
        before = f"the witness of {choice.backup.id} before that moment"
        return f"{before}; no backup was taken after it, so the log from there is unproven{there}"
    if choice.later is None or not plan.order.second_replay:
        return f"the witness of {choice.backup.id} before that moment; the log from there is left unproven (--no-second-replay)"
    return (
        f"the witness of {choice.backup.id} before that moment, and by a second replay of the same log that of {choice.later.id} "
        "after it; the moment itself has none: its tables are compared with what the log makes of the first"
    )


def _unchecked(choice: Choice) -> str | None:
    """Say what only the log itself can tell, which no dry run fetches; None of a moment that the backups' manifests tell."""
    position = choice.point.position if choice.point else None
    if position is None or choice.later is None or _LIKE_A_GTID.fullmatch(position):
        return None
    return f"whether a transaction begins at {position} in the log of {choice.later.id}; where none does, the restore is refused"


def _promise(plan: Plan, site: Site) -> str:
    if plan.promised_seconds is None and plan.repository:
        return f"not known: nothing in it says that it was drilled from there (lifeboat verify --from {plan.repository})"
    if plan.promised_seconds is None:
        return "not known: it was never drilled (lifeboat verify)"
    phases = ", ".join(f"{phase.name} {durations.describe(phase.seconds)}" for phase in plan.promised)
    allowed = durations.describe(site.settings.objectives.rto)
    took = durations.describe(plan.promised_seconds)
    return f"{took} in the last drill ({phases}), plus the transfer to the target; RTO {allowed}"
