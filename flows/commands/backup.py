"""`lifeboat backup`: take backups now."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from backups import batch, durations
from backups.errors import Damaged, LifeboatError
from backups.machine import disk
from backups.manifest import Kind, Manifest
from backups.site import Site
from flows.commands import console
from flows.commands.options import Config, Services, ask_prefect, prefect_is_configured


def backup(
    services: Services = None,
    kind: Annotated[
        Literal["auto", "full", "incremental"],
        typer.Option(help="auto: a full when there is no chain or its full is a week old, otherwise an incremental."),
    ] = "auto",
    standalone: Annotated[
        bool,
        typer.Option(
            "--standalone", help="Take fulls that later incrementals do not build on, as the monthly service backup does."
        ),
    ] = False,
    config: Config = None,
) -> None:
    """Back services up: a full, or what changed since the newest backup of the chain.

    Each backup records its witness: what the source held at that very instant. A backup that fails leaves nothing
    behind, and does not stop the others.

    With a Prefect server or Cloud configured, this runs the flow there, with its retries and artifacts; without one, the
    same work is done right here.

    Examples: lifeboat backup | lifeboat backup agama --kind full

    Exit code: 0 all taken, 1 an earlier backup of the chain is damaged, 2 something could not run.
    """
    site = Site.open(config)
    names = site.chosen(services or [])
    wanted: Kind | None = None if kind == "auto" else kind
    with console.progress(names):
        outcomes = (
            _by_prefect(names, kind, standalone, config)
            if prefect_is_configured()
            else batch.back_up_all(site, names, batch.in_this_process(site, kind=wanted, standalone=standalone))
        )
    _show(outcomes)
    faults = [outcome for _, outcome in outcomes if isinstance(outcome, LifeboatError)]
    if faults:
        raise typer.Exit(1 if all(isinstance(fault, Damaged) for fault in faults) else 2)


def _by_prefect(
    names: list[str], kind: Literal["auto", "full", "incremental"], standalone: bool, config: Path | None
) -> list[tuple[str, Manifest | LifeboatError]]:
    from flows.backup import backup_services
    from flows.outcome import SomeFailed

    ask_prefect()
    try:
        return backup_services(services=names, kind=kind, standalone=standalone, config=config)
    except SomeFailed as failed:
        return list(failed.outcomes)


def _show(outcomes: list[tuple[str, Manifest | LifeboatError]]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("service", "backup", "kind", "size", "captured in", "note"):
        table.add_column(column)
    for name, outcome in outcomes:
        if isinstance(outcome, Manifest):
            took = durations.describe(outcome.finished_at - outcome.started_at)
            table.add_row(name, outcome.id, outcome.kind, disk.size(outcome.size), took, outcome.reason or "")
    if table.row_count:
        console.out.print(table)
    for name, outcome in outcomes:
        if isinstance(outcome, LifeboatError):
            console.tell(type(outcome)(f"{name}: {outcome.message}", hint=outcome.hint))
