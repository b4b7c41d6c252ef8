"""Writes what the watch saw as text for a person: what is wrong, which backup helps, how long that took, and what to type."""

import shlex
from collections.abc import Iterator
from datetime import datetime

from backups import durations
from backups.site import Site
from verification.evidence.store import Proof
from verification.watch.watch import Advice, Sighting

_SHOWN = 12
"""How many things that are wrong are listed one by one."""
_TIME = "%Y-%m-%d %H:%M:%S UTC"


def lines(sighting: Sighting, site: Site, refused: str | None = None) -> list[str]:
    """Write a sighting in plain lines; none when nothing is wrong and the service could be looked at.

    refused: why it is not restored by itself although that is allowed
    """
    return list(_lines(sighting, site, refused))


def text(sighting: Sighting, site: Site, refused: str | None = None) -> str:
    """Write a sighting as one text."""
    return "\n".join(lines(sighting, site, refused))


def _lines(sighting: Sighting, site: Site, refused: str | None) -> Iterator[str]:
    if sighting.error:
        yield f"{sighting.service} could not be looked at: {sighting.error.message}"
        if sighting.error.hint:
            yield f"  hint: {sighting.error.hint}"
    if not sighting.problems:
        return
    yield f"{sighting.service} ({sighting.type}) calls for a restore"
    for problem in sighting.problems[:_SHOWN]:
        yield f"  seen: {problem.message}"
    if len(sighting.problems) > _SHOWN:
        yield f"  and {len(sighting.problems) - _SHOWN} more"
    if sighting.advice is None:
        yield "  no backup that could help is in the repository, as far as it can be read; see: lifeboat list"
        yield from (f"  another one: lifeboat list {sighting.service} --from {name}" for name in site.further)
        return
    yield from _advice(sighting.advice, sighting.seen_at, site, refused)


def _advice(advice: Advice, now: datetime, site: Site, refused: str | None) -> Iterator[str]:
    backup = advice.backup
    age = durations.describe(now - backup.taken_at)
    yield f"  bring back: {backup.id}: all as of {backup.taken_at:{_TIME}}; what was written in the {age} since is not in it"
    yield f"  proof: {_proof(advice.proof, now)}"
    if advice.drilled and advice.drilled[0].id != backup.id:
        yield f"  last drill: {advice.drilled[0].id} {_proof(advice.drilled[1], now)}"
    yield f"  {f'{refused}. To restore, type:' if refused else _by_itself(advice, site)}"
    yield from (f"    {command}" for command in commands(advice, site))


def _proof(proof: Proof | None, now: datetime) -> str:
    if proof is None:
        return "this backup was never drilled"
    took = "" if proof.restore_seconds is None else f", was back in {durations.describe(proof.restore_seconds)}"
    return f"{proof.verdict} {durations.describe(now - proof.at)} ago{took}"


def commands(advice: Advice, site: Site) -> list[str]:
    """Write the commands to type, a dry run and the restore itself: to the service's `restore.to`, or to a place to be named."""
    backup = advice.backup
    to = site.settings.services[backup.service].restore.to
    words = ["lifeboat", "restore", backup.service, "--backup", backup.id, *(["--replace"] if to else ["--to", "PLACE"])]
    return [shlex.join([*words, *more]) for more in (["--dry-run"], [])]


def _by_itself(advice: Advice, site: Site) -> str:
    if site.settings.services[advice.backup.service].restore.by_itself:
        return (
            "the watch's flow restores it by itself, at most once in 24 h (restore.by_itself), where its machine bears that out. "
            "To do it by hand, type:"
        )
    return "nothing is restored by itself; if what was seen was meant, the next backup takes it as it is. To restore, type:"
