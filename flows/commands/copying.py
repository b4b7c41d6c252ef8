"""`lifeboat copy`: copies what further repositories lack, now."""

import logging
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from backups.errors import Damaged, LifeboatError
from backups.site import Site
from flows.commands import attended, console
from flows.commands.console import Text
from flows.commands.options import Config, Json
from flows.commands.progress import progress
from verification import copying
from verification.copying import Copied

log = logging.getLogger("verification.copying")


def copy(
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="NAME", help="One further repository. Default: all of them.", show_default=False),
    ] = None,
    init: Annotated[
        bool,
        typer.Option(
            "--init",
            help="Use the further repository that is there from now on, or make a new one, though this machine knew another one.",
        ),
    ] = False,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Copy what further repositories lack: backups, pieces of followed logs, and evidence. Each backup does that by itself.

    Only what is new there is read and written. Chains come whole and in order, and what the retention of a further repository has
    let go is not copied again. One that cannot be reached is told, and caught up with the next time.

    The first copy makes the repository. From then on this machine knows it by its id, as it does the first.

    Examples: lifeboat copy | lifeboat copy --to offsite

    Exit code: 0 each has all that it should, 1 something is damaged and was not copied, 2 a repository could not be copied to.
    """
    site = attended.open_site(config)
    names = [_further(site, to)] if to else site.further
    with progress([]):
        if init:
            for name in names:
                site.at(name).repository.adopt_for_copies_of(site.repository)
        outcomes = copying.copy_all(site, names)
    faults = [outcome.fault for outcome in outcomes if outcome.fault]
    if as_json:
        console.print_json([_as_json(outcome) for outcome in outcomes])
    else:
        console.result(
            lambda: show(outcomes) if outcomes else console.out.print("no further repository is configured"), well=not faults
        )
    if faults:
        raise typer.Exit(1 if all(isinstance(fault, Damaged) for fault in faults) else 2)


def copy_evidence(site: Site) -> None:
    """Copy what a verification or a drill has shown to further repositories; of one that cannot take it, a warning is left."""
    for outcome in copying.copy_all(site, only="evidence"):
        if outcome.fault:
            log.warning("what was shown is not copied: %s", outcome.words)


def _further(site: Site, name: str) -> str:
    """Return the name of a further repository; raises ConfigError for another."""
    if site.at(name).repository_name not in site.further:
        raise LifeboatError(
            f"the repository {name} takes the backups: nothing is copied to it",
            hint=f"further ones: {', '.join(site.further) or 'none is configured'}",
        )
    return name


def show(outcomes: Sequence[Copied]) -> None:
    """Print what was copied where, and what was not."""
    for outcome in outcomes:
        if outcome.fault:
            console.print_fault(type(outcome.fault)(outcome.words, hint=outcome.fault.hint))
        else:
            console.out.print(Text(outcome.words, style="yellow" if outcome.behind else ""), soft_wrap=True)


def _as_json(outcome: Copied) -> dict[str, Any]:
    lag = outcome.behind
    return {
        "repository": outcome.repository,
        "backups": outcome.backups,
        "others": outcome.others,
        "seconds": round(outcome.seconds, 3),
        "behind": {"backups": lag.backups, "since": lag.since.isoformat()} if lag else None,
        "fault": outcome.fault.message if outcome.fault else None,
        "hint": outcome.fault.hint if outcome.fault else None,
    }
