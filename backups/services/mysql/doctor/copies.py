"""Checks whether copies can be started as the source was: its settings, and the time zone of its machine."""

from backups.services.mysql.doctor.checks import Verdict, fault, fine
from backups.services.mysql.source.for_copies import limits
from backups.services.mysql.source.source import Source


def check(seen: Source) -> Verdict:
    """Judge what copies get of the source's settings; nothing of it refuses a backup."""
    found = seen.sorted_variables
    listed = "; ".join(limits(seen))
    if seen.zone is None:
        remedy = "set `default_time_zone` to a named zone or an offset in my.cnf, so that statements name the zone that they mean"
        return fault("settings", listed, remedy, refuses=False)
    return fine("settings", f"copies are started with {len(found.carried)} of its settings{f'; {listed}' if listed else ''}")
