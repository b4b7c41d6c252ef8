"""`lifeboat watch`: says whether a service is down or has lost data, and which backup would help."""

from pathlib import Path
from typing import Any

import typer

from backups.site import Site
from flows.commands import console
from flows.commands.console import Text
from flows.commands.listing import proof_as_json
from flows.commands.options import Config, Json, Services, prefect_is_configured, through_prefect
from flows.commands.progress import progress
from verification.watch import advice
from verification.watch.watch import Sighting
from verification.watch.watch import watch as look


def watch(services: Services = None, as_json: Json = False, config: Config = None) -> None:
    """Say whether a service is down or has lost data since its last backup, which backup helps, and what to type.

    Down: the server does not answer as it should. Lost data: a MySQL database or table that the last backup counted is gone, is
    empty, or has lost more than watch.collapse (50%) of its rows. Each must be seen several times in a row (watch.looks).

    With a Prefect server or Prefect Cloud configured, this runs as a flow there, which notifies you (see `lifeboat alerts`) and
    restores the services that have restore.by_itself. Without one nothing is restored.

    Examples: lifeboat watch | lifeboat watch agama --json

    Exit code: 0 all well, 1 a restore is advised, 2 a service could not be looked at.
    """
    site = Site.open(config)
    names = site.chosen(services or [])
    with progress(names):
        sightings = _by_prefect(names, config) if prefect_is_configured() else look(site, names)
    if as_json:
        console.print_json([_as_json(sighting, site) for sighting in sightings])
    else:
        for sighting in sightings:
            _show(sighting, site)
    if any(sighting.problems for sighting in sightings):
        raise typer.Exit(1)
    raise typer.Exit(2 if any(sighting.error for sighting in sightings) else 0)


def _show(sighting: Sighting, site: Site) -> None:
    lines = advice.lines(sighting, site)
    for line in lines:
        console.out.print(Text(line, style="" if line.startswith(" ") else "bold red"), soft_wrap=True)
    for line in sighting.ahead:
        console.out.print(Text(f"{sighting.service}: note: {line}; it is left out until then", style="yellow"), soft_wrap=True)
    if not lines:
        console.out.print(Text.assemble(f"{sighting.service}: ", ("well", "green")))


def _as_json(sighting: Sighting, site: Site) -> dict[str, Any]:
    helps, error = sighting.advice, sighting.error
    return {
        "service": sighting.service,
        "type": sighting.type,
        "seen_at": sighting.seen_at.isoformat(),
        "well": not sighting.problems and error is None,
        "seen": [{"kind": each.kind, "subject": each.subject, "message": each.message} for each in sighting.problems],
        "ahead": list(sighting.ahead),
        "error": None if error is None else {"message": error.message, "hint": error.hint},
        "advice": None
        if helps is None
        else {
            "backup": helps.backup.id,
            "taken_at": helps.backup.taken_at.isoformat(),
            "chain": [backup.id for backup in helps.chain],
            "proof": proof_as_json(helps.proof),
            "commands": advice.commands(helps, site),
        },
    }


def _by_prefect(names: list[str], config: Path | None) -> list[Sighting]:
    from flows.outcome import SomeFailed
    from flows.watch import RestoreAdvised, watch_services

    def seen() -> str:
        return "what was seen until then is in the log"

    with through_prefect(seen, "see its log, and start it again; looking needs no server: unset PREFECT_API_URL"):
        try:
            return watch_services(services=names, config=config)
        except RestoreAdvised as advised:
            return advised.sightings
        except SomeFailed as failed:
            return [sighting for _, sighting in failed.outcomes]
