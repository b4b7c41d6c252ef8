"""`lifeboat prune`: delete the chains that are over a month old."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from backups.site import Site
from flows.commands import console
from flows.commands.options import Config
from verification import prune as retention


def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and its reasons; delete nothing.")] = False,
    trust_clock: Annotated[
        bool,
        typer.Option("--trust-clock", help="Believe this machine's clock, however far it is from everything in the repository."),
    ] = False,
    config: Config = None,
) -> None:
    """Delete chains whose full is older than retention.delete_after (31 days), whole, never in pieces.

    Whatever its age, a chain stays that is its service's newest verified one, its newest one, that holds a backup younger
    than retention.keep (21 days), or that a drill or a restore is reading. So does one that is old only by a clock which
    nothing in the repository bears out.

    Evidence as old goes when every backup that it tells of is gone; the newest stays, and the newest that says verified.

    Exit code: 0, or 2 when it could not run; what it had not deleted by then goes with the next run.
    """
    site = Site.open(config)
    with console.progress([]):
        plan = retention.plan(site, now=datetime.now(UTC), trust_clock=trust_clock)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("service", "chain", "backups", "", "because"):
        table.add_column(column)
    for row in plan.rows:
        table.add_row(row.service, row.subject, str(row.backups), row.decision, row.reason)
    console.out.print(table)
    if dry_run:
        return
    with console.progress([]):
        count = retention.carry_out(site, plan)
    console.out.print(f"{count} backups deleted")
