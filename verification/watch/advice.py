"""What the watch says to a person: what was seen, which backup brings back what, how long that took, and what to type."""

import shlex
from collections.abc import Iterator
from datetime import datetime

from backups import durations
from backups.site import Site
from verification.evidence.store import Proof
from verification.watch.watch import Advice, Sighting

_TOLD = 12
"""Ailments that are told one by one."""
_TIME = "%Y-%m-%d %H:%M:%S UTC"


def lines(sighting: Sighting, site: Site) -> list[str]:
    """A sighting in plain lines; none when the service is well and was looked at."""
    return list(_lines(sighting, site))


def text(sighting: Sighting, site: Site) -> str:
    """The same as one text."""
    return "\n".join(lines(sighting, site))


def _lines(sighting: Sighting, site: Site) -> Iterator[str]:
    if sighting.error:
        yield f"{sighting.service} could not be looked at: {sighting.error.message}"
        if sighting.error.hint:
            yield f"  hint: {sighting.error.hint}"
    if not sighting.ailments:
        return
    yield f"{sighting.service} ({sighting.type}) calls for a restore"
    for ailment in sighting.ailments[:_TOLD]:
        yield f"  seen: {ailment.message}"
    if len(sighting.ailments) > _TOLD:
        yield f"  and {len(sighting.ailments) - _TOLD} more"
    if sighting.advice is None:
        yield "  no backup that could help is in the repository, as far as it can be read; see: lifeboat list"
        return
    yield from _advice(sighting.advice, sighting.seen_at, site)


def _advice(advice: Advice, now: datetime, site: Site) -> Iterator[str]:
    backup = advice.backup
    lost = durations.describe(now - backup.taken_at)
    yield f"  bring back: {backup.id}: all as of {backup.taken_at:{_TIME}}; what was written in the {lost} since is not in it"
    yield f"  proof: {_proof(advice.proof, now)}"
    if advice.drilled and advice.drilled[0].id != backup.id:
        yield f"  last drill: {advice.drilled[0].id} {_proof(advice.drilled[1], now)}"
    yield f"  {_words(advice, site)}"
    yield from (f"    {command}" for command in commands(advice, site))


def _proof(proof: Proof | None, now: datetime) -> str:
    if proof is None:
        return "this backup was never drilled"
    took = "" if proof.restore_seconds is None else f", was back in {durations.describe(proof.restore_seconds)}"
    return f"{proof.verdict} {durations.describe(now - proof.at)} ago{took}"


def commands(advice: Advice, site: Site) -> list[str]:
    """What to type: what tells what will happen, then what does it; to the service's `restore.to`, or where a person says."""
    backup = advice.backup
    to = site.settings.services[backup.service].restore.to
    command = shlex.join(["lifeboat", "restore", backup.service, "--backup", backup.id, *(["--replace"] if to else [])])
    command += "" if to else " --to PLACE"
    return [f"{command} --dry-run", command]


def _words(advice: Advice, site: Site) -> str:
    if site.settings.services[advice.backup.service].restore.by_itself:
        return "the watch's flow restores it by itself, at most once in 24 h (restore.by_itself). To do it by hand, type:"
    return "nothing is restored by itself; if what was seen was meant, the next backup takes it as it is. To restore, type:"
