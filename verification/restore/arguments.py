"""Reads what an operator wants restored, where to and as of when, and describes a planned restore."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from backups import durations, plural
from backups.errors import ConfigError, LifeboatError
from backups.machine import disk
from backups.site import Site
from verification.restore.order import Order
from verification.restore.plan import Plan

_GTID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}:.+")


def order(
    site: Site,
    service: str,
    *,
    to: str | None,
    backup: str,
    at: str | None,
    tables: Sequence[str],
    replace: bool,
    anyway: bool,
) -> Order:
    """Make an order of the arguments of a command or a flow. Raises LifeboatError for what cannot be read."""
    (name,) = site.chosen([service])
    return Order(
        service=name,
        to=where(site, name, to),
        backup=backup,
        at=moment(at, site.settings.timezone) if at else None,
        replace=replace,
        anyway=anyway,
        tables=tuple(tables),
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


def moment(text: str, zone: str) -> datetime | str:
    """Read a time (in `zone` where it names none) as UTC, or return a GTID as it is. Raises LifeboatError for anything else."""
    if _GTID.fullmatch(text):
        return text
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise LifeboatError(
            f"--at {text!r} is neither a time nor a GTID",
            hint="write it like 2026-11-22T03:00 or 2026-11-22T03:00:00Z; a GTID like 3e11fa47-71ca-11e1-9e33-c80aa9429562:23",
        ) from error
    return (time if time.tzinfo else time.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def plan_lines(plan: Plan, site: Site) -> list[tuple[str, str]]:
    """Describe what a restore would do, as titles and text."""
    choice, target = plan.choice, plan.target
    replaced = f", and {target.replacement.act}: {', '.join(plan.held[:5])}" if plan.held and target.replacement else ""
    return [
        ("brings back", f"{choice.backup.id}, from {plural.count(len(choice.chain), 'backup')}, {disk.size(plan.needed)}"),
        ("stands at", str(choice.point or f"{choice.backup.taken_at:%Y-%m-%d %H:%M:%S} UTC")),
        ("puts it to", f"{target}{replaced}"),
        *([("before that", f"`{target.stop}`")] if target.stop else []),
        *([("after that", f"`{target.start}`")] if target.start else []),
        ("takes", _promise(plan, site)),
        ("loses", f"the {durations.describe(plan.lost_seconds)} since" + "".join(f"; {line}" for line in plan.lost)),
    ]


def _promise(plan: Plan, site: Site) -> str:
    if plan.promised_seconds is None:
        return "not known: it was never drilled (lifeboat verify)"
    phases = ", ".join(f"{phase.name} {durations.describe(phase.seconds)}" for phase in plan.promised)
    allowed = durations.describe(site.settings.objectives.rto)
    took = durations.describe(plan.promised_seconds)
    return f"{took} in the last drill ({phases}), plus the transfer to the target; RTO {allowed}"
