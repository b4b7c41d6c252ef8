"""`lifeboat follow`: keeps the log of services in the repository between two backups."""

from typing import Annotated

import typer

from backups import durations
from backups.errors import LifeboatError
from backups.machine import parallel
from backups.site import Site
from flows.commands import console
from flows.commands.options import Config, Services
from flows.commands.progress import progress


def follow(
    services: Services = None,
    span: Annotated[
        str | None,
        typer.Option("--for", metavar="SPAN", help="End after so long (1h); by default it goes on until it is interrupted."),
    ] = None,
    config: Config = None,
) -> None:
    """Pull the log of services all the time, and keep it in the repository, so that a disaster costs seconds, not a day.

    It goes on from the newest backup, and from each new one. What is pulled is on this machine's disk within two seconds, and in
    the repository within half a minute; then `lifeboat restore SERVICE --at TIME` brings back moments after the newest backup,
    too.

    A source or a repository that does not answer is asked again, however long that takes. Where the source's log does not go on
    (it was purged, or the server is another one), it says so and waits for the next backup.

    Examples: lifeboat follow agama | lifeboat follow --for 1h

    Exit code: 0 the time is over, 2 it could not run, 130 interrupted; what was pulled is kept in any case.
    """
    site = Site.open(config)
    seconds = _seconds(span)
    names = site.with_log(services or [])
    with progress(names):
        outcomes = parallel.side_by_side(lambda name: site.follow(name, seconds=seconds), names, at_once=len(names))
    faults = [(name, outcome) for name, outcome in zip(names, outcomes, strict=True) if isinstance(outcome, LifeboatError)]
    for name, fault in faults:
        console.print_fault(type(fault)(f"{name}: {fault.message}", hint=fault.hint))
    raise typer.Exit(2 if faults else 0)


def _seconds(span: str | None) -> float | None:
    if span is None:
        return None
    try:
        return durations.parse(span).total_seconds()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--for") from error
