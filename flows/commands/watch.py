"""`lifeboat watch`: does a service call for a restore, and what would bring it back?"""

from pathlib import Path

import typer
from rich.text import Text

from backups.site import Site
from flows.commands import console
from flows.commands.options import Config, Services, prefect_is_configured
from verification.watch import advice
from verification.watch.watch import Sighting
from verification.watch.watch import watch as look


def watch(services: Services = None, config: Config = None) -> None:
    """Look whether a service is down, or has lost data since its last backup; say which backup helps and what to type.

    Down: MySQL, Prometheus or Grafana does not serve. Loss: a MySQL database or table of the last witness is gone, empty, or has
    lost more than watch.collapse (50%) of its rows. Trouble counts when several looks in a row see it.

    With a Prefect server or Cloud configured, this runs the flow there, whose events can notify you (see `lifeboat alerts`), and
    which restores services with restore.by_itself. Without one it restores nothing.

    Exit code: 0 all well, 1 a restore is advised, 2 a service could not be looked at.
    """
    site = Site.open(config)
    names = site.chosen(services or [])
    with console.progress(names):
        sightings = _by_prefect(names, config) if prefect_is_configured() else look(site, names)
    for sighting in sightings:
        told = advice.lines(sighting, site)
        for line in told:
            console.out.print(Text(line, style="" if line.startswith(" ") else "bold red"), soft_wrap=True)
        if not told:
            console.out.print(Text.assemble(f"{sighting.service}: ", ("well", "green")))
    if any(sighting.ailments for sighting in sightings):
        raise typer.Exit(1)
    raise typer.Exit(2 if any(sighting.error for sighting in sightings) else 0)


def _by_prefect(names: list[str], config: Path | None) -> list[Sighting]:
    from flows.outcome import SomeFailed
    from flows.watch import RestoreAdvised, watch_services

    try:
        return watch_services(services=names, config=config)
    except RestoreAdvised as advised:
        return advised.sightings
    except SomeFailed as failed:
        return [sighting for _, sighting in failed.outcomes]
