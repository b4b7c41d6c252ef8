"""Looks into the other repositories than the one that a site uses: what each holds and has proven, or why it cannot be read."""

from collections.abc import Sequence
from datetime import datetime

from backups import durations
from backups.errors import LifeboatError
from backups.site import Site
from verification.evidence import store
from verification.evidence.store import Held

_PATIENCE = 60.0
"""Seconds for one repository: one that hangs keeps nobody waiting who asks about the others."""
_AT_ONCE = 4
_NAMED = 3
"""Services that are named in a command."""


def others(site: Site) -> list[str]:
    """Return the names of all repositories but the one that the site uses, as they are configured."""
    return [name for name in site.settings.every_repository if name != site.repository_name]


def look(site: Site, names: Sequence[str], now: datetime, *, seconds: float = _PATIENCE) -> dict[str, Held | LifeboatError]:
    """List the named repositories, side by side, each with the proofs of what is in it; or say why one cannot be read.

    seconds: for one of them, until it is given up
    """
    # It imports Docker's library, which takes a while.
    from backups.machine import parallel

    found = parallel.in_time(lambda name: store.listed(site.at(name).repository, now), names, at_once=_AT_ONCE, seconds=seconds)
    late = LifeboatError(
        f"no answer in {durations.describe(seconds)}", hint="is it reachable from here? lifeboat doctor may say what is wrong"
    )
    return {name: late if each is None else each for name, each in zip(names, found, strict=True)}


def named(site: Site, fault: LifeboatError, command: str, services: Sequence[str] = ()) -> LifeboatError:
    """Add to the hint of a repository's fault what to type for each of the others; nothing where there is none.

    command: what was typed, as `lifeboat list`; services: of which, in the command as long as they are few
    """
    if not (names := others(site)):
        return fault
    few = services if len(services) <= _NAMED else ()
    typed = ", ".join(" ".join([command, *few, "--from", name]) for name in names)
    return type(fault)(fault.message, hint=f"{f'{fault.hint}; or ' if fault.hint else ''}look into another repository: {typed}")
