"""`lifeboat plan`: says before anything runs how long the drills of a verification take on which machines.

Needs the repository, nothing else.
"""

import platform
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from backups import durations
from backups.errors import LifeboatError
from backups.site import Site
from flows.commands import console, verbosity
from flows.commands.console import Text
from flows.commands.options import Config, From, Json, Services, reading
from flows.commands.progress import progress
from verification.drill import plan as drills
from verification.evidence import selected
from verification.fleet import machines as fleet
from verification.fleet import paper, weigh, when, words
from verification.fleet.paper import Paper
from verification.fleet.work import Machine

_SHOWN = 20
"""Drills that are not reached are listed up to so many, with -v all."""


def plan(
    services: Services = None,
    machines: Annotated[
        int | None,
        typer.Option("--machines", min=1, help="On so many machines in each pool, instead of those in lifeboat.yaml."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--start", help="When it starts: a time, or now; by default the next Monday at 06:00.", show_default=False),
    ] = None,
    from_: From = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Say before anything runs how long a verification takes, on which machines, and what would not be reached.

    What the verification of Monday would drill, by the times of past drills; what was never drilled is reckoned from its bytes.
    Needs the repository only: no Prefect, no Docker, no source. With -v every drill is listed. With --from NAME it is what
    `lifeboat verify --from NAME` would drill, also when the first repository, which the times are in, cannot be read.

    Examples: lifeboat plan | lifeboat plan --machines 3 | lifeboat plan --start now -v | lifeboat plan --from offsite

    Exit code: 0 every drill is reached, and every proof stays younger than objectives.proof; 1 something is not reached, or a
    proof would grow older; 2 the repository cannot be read.
    """
    site = Site.open(config).at(from_)
    names, zone, now = site.chosen(services or []), site.settings.timezone, datetime.now(UTC)
    starts = _starts(start, zone, now)
    with progress([]), reading(site, " ".join(["plan", *(services or [])])):
        planned = drills.plan(site, names, now=lambda: now)
        if not services and not from_:
            # As the verification of everything does.
            planned = drills.with_turn(site, names, planned, lambda: now)
        due = weigh.of_site(site, planned, now) if from_ else weigh.due(site.settings, planned, weigh.evidence(site), now)
    there = fleet.machines(site.settings) or [_here(site)]
    found = paper.paper(
        [(each, drill.error) for each, drill in zip(due, planned, strict=True)],
        there if machines is None else fleet.so_many(there, machines),
        site.settings.objectives,
        starts,
        window=site.settings.fleet.window,
        repositories=site.settings.fleet.repositories,
        first=site.repository_name,
    )
    if as_json:
        console.print_json({"words": words.sentence(found, zone), **found.model_dump(mode="json"), "notes": words.notes(found)})
    else:
        _show(found, zone, site.repository_name)
    raise typer.Exit(0 if found.well else 1)


def _starts(text: str | None, zone: str, now: datetime) -> datetime:
    if text is None:
        return when.next_verification(now, zone)
    if text == "now":
        return now
    from verification.restore import arguments

    monday = when.next_verification(now, zone).astimezone(ZoneInfo(zone))
    refusal = LifeboatError(f"--start {text!r} is no time from now on", hint=f"write it like {monday:%Y-%m-%dT%H:%M}, or now")
    try:
        start = arguments.time_of(text, zone, now, "--start")
    except ValueError as error:
        raise refusal from error
    if start < now:
        raise refusal
    return start


def _here(site: Site) -> Machine:
    """Return this machine, which stands for the one that verifies."""
    return fleet.alone(site.settings, platform.node() or "this-machine", shutil.disk_usage(_existing(site.state)).free)


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)


def _show(found: Paper, zone: str, first: str) -> None:
    def clock(time: datetime) -> str:
        return words.clock(time, zone, found.starts_at)

    console.out.print(Text(words.sentence(found, zone), style="" if found.well else "bold yellow"), soft_wrap=True)
    until = f", its window closes {clock(found.until)}" if found.until else ""
    console.out.print(f"starts {words.clock(found.starts_at, zone)} ({zone}){until}", soft_wrap=True)
    for note in words.notes(found):
        console.out.print(Text(note, style="dim"), soft_wrap=True)
    rows = [
        (
            each.machine,
            each.pool,
            str(each.at_once),
            str(each.drills),
            durations.describe(each.busy_seconds),
            clock(each.ends_at) if each.ends_at else "-",
        )
        for each in found.machines
    ]
    console.print_columns(("machine", "pool", "at once", "drills", "busy", "ends"), rows, right=("at once", "drills"))
    if verbosity.chosen.verbose:
        every = [
            (
                clock(each.starts_at),
                clock(each.ends_at),
                each.machine,
                each.service,
                selected.words(each),
                each.backup or "-",
                each.repository,
                "" if each.measured else "reckoned",
            )
            for each in found.drills
        ]
        console.print_columns(("begins", "ends", "machine", "service", "drill", "backup", "repository", ""), every)
    shown = found.not_reached if verbosity.chosen.verbose else found.not_reached[:_SHOWN]
    for missed in shown:
        where = "" if missed.repository == first else f" from {missed.repository}"
        title = (f"{missed.service}, {selected.words(missed)}{where}: ", "bold")
        console.out.print(Text.assemble(title, f"not reached: {missed.why}"), soft_wrap=True)
    if len(shown) < len(found.not_reached):
        console.out.print(f"and {len(found.not_reached) - len(shown)} more: -v lists them", soft_wrap=True)
