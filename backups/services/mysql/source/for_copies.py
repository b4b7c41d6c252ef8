"""Says what a manifest holds of its source's settings, and when a log cannot go on because they have changed."""

from collections.abc import Iterator
from typing import Any

from backups.errors import ChainBroken
from backups.services.mysql.details import MySQLDetails
from backups.services.mysql.source.source import Source
from backups.services.mysql.source.variables import DECIDING, copy_value

NO_ZONE = "the time zone of the source's machine cannot be read: local times in its log are taken {hours:+g} h from UTC, all year"


def details(seen: Source) -> dict[str, Any]:
    """Return the fields of MySQLDetails that say how a copy is started; `limits` says what of it is not as on the source."""
    found = seen.sorted_variables
    return {
        "variables": found.carried,
        "changed": found.changed,
        "others": found.others,
        "unknown": found.unknown,
        "plugins": tuple(sorted(set(seen.plugins.values()))),
        "installed": seen.installed,
        "system_offset": seen.system_offset,
        "zone": seen.zone or (),
    }


def limits(seen: Source) -> Iterator[str]:
    """Yield what a copy cannot have as the source has it, or is not known to need."""
    found = seen.sorted_variables
    if found.unknown:
        listed = ", ".join(f"{name}={value}" for name, value in found.unknown.items())
        yield f"settings that this Lifeboat does not know; copies are started with them where the server accepts that: {listed}"
    if found.withheld:
        yield (
            "settings that this Lifeboat does not know; copies are not started with them, since they may name places, secrets, "
            f"connections, logs or sizes: {', '.join(found.withheld)}"
        )
    if seen.zone is None:
        yield NO_ZONE.format(hours=seen.system_offset / 3600)


def require_same(parent: MySQLDetails, seen: Source) -> None:
    """Raise ChainBroken when something that decides what logged statements do has changed since the backup before.

    Nobody can say which part of the log was written under which value, and a copy has one for all of it.
    """
    now = seen.sorted_variables.carried
    for name in sorted(DECIDING & parent.variables.keys() & now.keys()):
        before = copy_value(name, parent.variables[name])
        if before != now[name]:
            raise ChainBroken(f"{name} was {before} and is {now[name]}: one log cannot be replayed under both")
    if parent.changed is not None and parent.zone != (seen.zone or ()):
        raise ChainBroken("the time zone of the source's machine has changed: one log cannot be replayed under both")
