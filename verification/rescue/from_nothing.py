"""Judges whether a start from nothing is ready: is the recovery kit as new as the configuration, and when was it last drilled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from backups import durations
from backups.errors import LifeboatError
from backups.repository.listing import Snapshot
from backups.site import Site
from verification.evidence import rescues
from verification.evidence.rescues import FromNothing
from verification.rescue import kept


@dataclass(frozen=True)
class Standing:
    """What is to be said, a line each, with whether it is well; and the same as facts."""

    lines: Sequence[tuple[str, bool]]
    facts: FromNothing

    @property
    def complaints(self) -> list[str]:
        """The lines of what is not well."""
        return [line for line, well in self.lines if not well]


def standing(site: Site, path: Path, snapshots: Sequence[Snapshot], now: datetime) -> Standing:
    """Judge the kit, and the newest cold start among the snapshots; that no kit was ever made is a hint, no complaint."""
    cold = rescues.newest_cold_start(snapshots, now)
    drilled = f"cold start: {rescues.cold_words(cold, now)}" if cold else "cold start: never drilled (lifeboat rescue --drill)"
    last = None
    try:
        last = kept.read(site)
        old = kept.complaint(site, path)
    except LifeboatError as error:
        unknown = FromNothing(last.made_at if last else None, kit_old=True, cold=cold)
        return Standing([(f"recovery kit: {error.message}", False), (drilled, True)], unknown)
    if last is None:
        hint = "recovery kit: none was ever made; without this machine nobody reads the backups (lifeboat kit)"
        return Standing([(hint, True), *([(drilled, True)] if cold else [])], FromNothing(cold=cold))
    age = durations.describe(now - last.made_at)
    kit = old or f"recovery kit: {age} old ({last.made_at:%Y-%m-%d}), as new as the configuration"
    facts = FromNothing(last.made_at, kit_old=old is not None, cold=cold)
    return Standing([(kit, old is None), (drilled + (late := _late(site, cold, last, now)), not late)], facts)


def _late(site: Site, cold: rescues.ColdStart | None, last: kept.Kept, now: datetime) -> str:
    """Say that the last proof is too old, or that the newest attempt failed; of a new kit there need not be one yet."""
    if cold and cold.verdict != "verified":
        return "; look at it: lifeboat rescue --drill"
    since = cold.proven_at if cold and cold.proven_at else last.made_at
    allowed = site.settings.objectives.cold_start
    if now - since <= allowed:
        return ""
    return f"; it should be younger than {durations.describe(allowed)}: lifeboat rescue --drill"
