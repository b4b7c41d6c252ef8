"""`lifeboat restore`: bring a backup back for real."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from backups import durations
from backups.errors import LifeboatError
from backups.machine.docker import Docker
from backups.site import Site
from flows.commands import console
from flows.commands.options import Config, ask_prefect, prefect_is_configured
from verification.restore import arguments
from verification.restore.arguments import plan_lines
from verification.restore.order import Order, Restoration
from verification.restore.plan import Plan, plan

_STYLES = {"verified": "bold green", "failed": "bold red", "could-not-run": "bold yellow"}
_FAILURES_SHOWN = 12


def restore(  # noqa: PLR0917 - options of a command line
    service: Annotated[str, typer.Argument(help="The service, as lifeboat.yaml names it.")],
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            help="local:/directory, ssh:HOST:/directory, docker:CONTAINER:/directory, or docker:NAME for a new container; "
            "Grafana: api or api:URL, a running server. "
            "Default: the service's restore.to.",
            show_default=False,
        ),
    ] = None,
    backup: Annotated[str, typer.Option("--backup", "-b", help="A backup's id, or latest.")] = "latest",
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            help="A moment, e.g. 2026-11-22T14:03:20 (in the configured time zone) or with Z; MySQL comes back to that very "
            "moment, the others to the newest backup before it. Or a GTID, source:number: up to and with that transaction.",
            show_default=False,
        ),
    ] = None,
    tables: Annotated[
        str | None,
        typer.Option("--tables", help="MySQL: database.table,…: write these as files of SQL instead.", show_default=False),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Move aside what the target holds; of a running server, write over what has the same name. Nothing is deleted.",
        ),
    ] = False,
    anyway: Annotated[bool, typer.Option("--anyway", help="Deliver even what is not equal to its witness.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen and how long it took last; change nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON, for programs.")] = False,
    runbook: Annotated[
        Path | None, typer.Option("--runbook", help="Write the runbook here, too (Markdown).", show_default=False)
    ] = None,
    config: Config = None,
) -> None:
    """Bring a service back from its backups: proven equal to its witness first, and only then put where you say.

    A target that holds anything is refused, or with --replace moved aside. A restore that fails or dies leaves the target as it
    was, and can be started again. The service on the target is stopped and started by the commands of restore.stop and
    restore.start in lifeboat.yaml. Every step is written into a runbook.

    Examples: lifeboat restore agama --to local:/var/lib/mysql --replace --dry-run |
    lifeboat restore agama --at 2026-11-22T14:03:20 --to docker:agama-again |
    lifeboat restore agama --tables shop.client --to local:/root/client

    Exit code: 0 restored, and equal to the witness; 1 it is not equal; 2 could not run to its end.
    """
    site = Site.open(config)
    named = [part.strip() for part in tables.split(",")] if tables else ()
    order = arguments.order(site, service, to=to, backup=backup, at=at, tables=named, replace=replace, anyway=anyway)
    if dry_run:
        planned = plan(site, order, Docker(), now=datetime.now(UTC))
        if as_json:
            console.out.print_json(data=dict(plan_lines(planned, site)))
        else:
            show_plan(planned, site)
        raise typer.Exit(0)
    with console.progress([order.service]):
        result = _by_prefect(order, runbook, config) if prefect_is_configured() else _right_here(site, order, runbook)
    if as_json:
        console.out.print_json(result.model_dump_json())
    else:
        show(result)
    raise typer.Exit(result.exit_code)


def show_plan(plan: Plan, site: Site) -> None:
    """Print what a restore would do."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for row in plan_lines(plan, site):
        table.add_row(*row)
    console.out.print(table)
    console.out.print("nothing was changed (--dry-run)")


def show(result: Restoration) -> None:
    """Print what a person wants to know first."""
    passed = len(result.checks) - len(result.failures)
    console.out.print(
        Text(result.verdict, style=_STYLES[result.verdict]), f"{passed} of {len(result.checks)} checks equal to the witness"
    )
    for check in result.failures[:_FAILURES_SHOWN]:
        console.out.print(
            f"  {check.subject} {check.metric}: expected {check.expected}, observed {check.observed}", soft_wrap=True
        )
    lines = [
        f"{result.service} as of backup {result.backup.id}, {result.backup.taken_at:%Y-%m-%d %H:%M:%S} UTC",
        *([f"and then on to {result.stands}"] if result.stands else []),
        f"is in {result.delivered}" if result.delivered else "the target was not touched",
        *([f"what was there before is in {result.aside}"] if result.aside else []),
        *([f"its configuration is in {result.configuration}"] if result.configuration else []),
        f"took {durations.describe(result.seconds)}: "
        + ", ".join(f"{phase.name} {durations.describe(phase.seconds)}" for phase in result.phases),
        f"lost: the {durations.describe(result.lost_seconds)} until the restore began",
        *(f"lost: {line}" for line in result.lost),
        *(f"note: {note}" for note in result.notes),
        f"runbook: {result.runbook}",
    ]
    for line in lines:
        console.out.print(Text(line), soft_wrap=True)
    if result.error:
        console.tell(LifeboatError(result.error, hint=result.hint))


def _right_here(site: Site, order: Order, runbook: Path | None) -> Restoration:
    from verification.restore.restore import restore as do

    return do(site, order, runbook=runbook)


def _by_prefect(order: Order, runbook: Path | None, config: Path | None) -> Restoration:
    from flows.restore import NotRestored, restore_service

    ask_prefect()
    try:
        restoration = restore_service(
            service=order.service,
            to=order.to,
            backup=order.backup,
            at=order.at.isoformat() if isinstance(order.at, datetime) else order.at,
            tables=list(order.tables),
            replace=order.replace,
            anyway=order.anyway,
            dry_run=False,
            runbook=runbook.resolve() if runbook else None,
            config=config,
        )
    except NotRestored as outcome:
        return outcome.restoration
    if restoration is None:
        raise AssertionError("only a dry run restores nothing")
    return restoration
