"""`lifeboat prune`: delete the chains that are over a month old."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from backups import prune as retention
from backups.site import Site
from flows.commands import console
from flows.commands.options import Config
from verification.evidence import retention as evidence_retention
from verification.evidence.store import proven_at


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
        now = datetime.now(UTC)
        decisions = retention.plan(site, proven_at(site.repository), now=now, trust_clock=trust_clock)
        evidence = evidence_retention.of(site, now=now, trust_clock=trust_clock)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("service", "chain", "backups", "", "because"):
        table.add_column(column)
    for decision in decisions:
        verb = "stays" if decision.keep else "goes"
        table.add_row(decision.service, decision.chain.id, str(len(decision.chain.backups)), verb, decision.reason)
    for told in evidence:
        table.add_row("evidence", told.snapshot[:8], str(told.proven), "stays" if told.keep else "goes", told.reason)
    console.out.print(table)
    if dry_run:
        return
    with console.progress([]):
        count = retention.carry_out(site, decisions, [told.snapshot for told in evidence if not told.keep])
    console.out.print(f"{count} backups deleted")
