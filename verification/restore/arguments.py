"""What an operator writes: where to, and to which moment; and what is told before anything is done."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from backups import durations, plural
from backups.errors import ConfigError, LifeboatError
from backups.machine import disk
from backups.services.base import Receiver
from backups.site import Site
from verification.restore.plan import Plan

_GTID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}:.+")


def where(site: Site, service: str, to: str | None) -> str:
    """The target that was named, or the service's `restore.to`; raises ConfigError when there is neither."""
    target = to or site.settings.services[service].restore.to
    if target is None:
        raise ConfigError(
            f"it was not said where {service} shall be restored to",
            hint=f"--to local:/directory, or restore: {{to: …}} under services.{service} of lifeboat.yaml",
        )
    return target


def moment(text: str, zone: str) -> datetime | str:
    """A time (in `zone` where it names none of its own) in UTC, or a GTID as it is. Raises LifeboatError for anything else."""
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
    """What a restore would do, as titles and words."""
    choice, commands = plan.choice, plan.service.settings.restore
    does = "writes over what has the same name of" if isinstance(plan.target, Receiver) else "moves aside"
    aside = f", and {does} what it holds: {', '.join(plan.held[:5])}" if plan.held else ""
    return [
        ("brings back", f"{choice.backup.id}, from {plural.count(len(choice.chain), 'backup')}, {disk.size(plan.needed)}"),
        ("stands at", str(choice.point or f"{choice.backup.taken_at:%Y-%m-%d %H:%M:%S} UTC")),
        ("puts it to", f"{plan.target}{aside}"),
        *([("before that", f"`{commands.stop}`")] if commands.stop and plan.in_place else []),
        *([("after that", f"`{commands.start}`")] if commands.start and plan.in_place else []),
        ("takes", _promise(plan, site)),
        ("loses", f"the {durations.describe(plan.lost_seconds)} since" + "".join(f"; {line}" for line in plan.lost)),
    ]


def _promise(plan: Plan, site: Site) -> str:
    if plan.promised_seconds is None:
        return "nobody knows: it was never drilled (lifeboat verify)"
    phases = ", ".join(f"{phase.name} {durations.describe(phase.seconds)}" for phase in plan.promised)
    allowed = durations.describe(site.settings.objectives.rto)
    return (
        f"{durations.describe(plan.promised_seconds)} in the last drill ({phases}), and then the way to its place; RTO {allowed}"
    )
