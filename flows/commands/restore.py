"""`lifeboat restore`: brings a service back to where it runs, from its backups."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from backups import durations
from backups.config.settings import further
from backups.errors import LifeboatError
from backups.machine.docker import Docker
from backups.site import Site
from flows.commands import console
from flows.commands.console import Text
from flows.commands.options import Before, Config, From, Init, Json, RunOn, prefect_is_configured, spelt, through_prefect
from flows.commands.progress import progress
from flows.commands.verdicts import STYLES
from verification.restore import arguments
from verification.restore.arguments import plan_lines
from verification.restore.order import Order, Restoration
from verification.restore.plan import Plan, plan
from verification.restore.words import losses, statement, whereabouts

_FAILURES_SHOWN = 12


def restore(  # noqa: PLR0917 - options of a command line
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="The service, as lifeboat.yaml names it.")],
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            help="Where to: local:/directory, ssh:HOST:/directory, docker:CONTAINER:/directory, docker:NAME (a new container); "
            "for Grafana also api or api:URL, a running server. Default: the service's restore.to.",
            show_default=False,
        ),
    ] = None,
    backup: Annotated[str, typer.Option("--backup", "-b", help="A backup's id, or latest.")] = "latest",
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            help="A time, e.g. 2026-11-22T14:03:20 (in the configured time zone) or 2026-11-22T14:03:20Z (UTC); 14:03:20: the "
            "last time that it was so late. MySQL comes back as of that time, the others as of the newest backup before it. "
            "Or a GTID, source:number: up to that transaction.",
            show_default=False,
        ),
    ] = None,
    before: Before = None,
    tables: Annotated[
        list[str] | None,
        typer.Option(
            "--tables", help="Of MySQL, these tables only, as files of SQL: database.table,database.table.", show_default=False
        ),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Move aside what the target holds; in a running server, overwrite what has the same name. Nothing is deleted.",
        ),
    ] = False,
    anyway: Annotated[
        bool,
        typer.Option("--anyway", help="Deliver the copy even if it is not equal to what the source held; still ends with 1."),
    ] = False,
    no_second_replay: Annotated[
        bool,
        typer.Option(
            "--no-second-replay",
            help="With --at or --before, do not prove the log that leads there by going on to the next backup's witness: "
            "quicker, the moment is called unproven, and it ends with 1.",
        ),
    ] = False,
    image: RunOn = None,
    from_: From = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would happen and how long it took in the last drill; change nothing.")
    ] = False,
    as_json: Json = False,
    runbook: Annotated[
        Path | None,
        typer.Option(
            "--runbook", help="Also write the runbook, every step that was done, into this file (Markdown).", show_default=False
        ),
    ] = None,
    init: Init = False,
    config: Config = None,
) -> None:
    """Bring a service back from its backups. The copy is compared with what the source held first, and only then delivered.

    A target that holds anything is refused; with --replace, what it holds is moved aside. A restore that fails or is killed
    leaves the target as it was, and can be started again. The service on the target is stopped and started by the commands
    restore.stop and restore.start of lifeboat.yaml. Every step is written into a runbook.

    No witness is of a moment between two backups. It is delivered when the copy is equal to the witness before it, its tables
    are at that moment what the log makes of that witness, and a second copy that goes on through the same log is equal to the
    witness after it: the verdict is then between-witnesses.

    Examples: lifeboat restore agama --to local:/var/lib/mysql --replace --dry-run |
    lifeboat restore agama --at 2026-11-22T14:03:20 --to docker:agama-again |
    lifeboat restore agama --before 3e11fa47-71ca-11e1-9e33-c80aa9429562:23 --to docker:agama-again |
    lifeboat restore agama --tables shop.client --to local:/root/client |
    lifeboat restore agama --from offsite --to docker:agama-again

    Exit code: 0 restored, and equal to what the source held; 1 not equal, or not proven; 2 it could not run to its end.
    """
    site, now = Site.open(config), datetime.now(UTC)
    if tables and not any(map(arguments.names, tables)):
        raise LifeboatError(f"--tables {','.join(tables)!r} names no table", hint="write database.table, several with commas")
    named = [name for given in tables or () for name in arguments.names(given)]
    order = arguments.order(
        site, service, to=to, backup=backup, at=at, before=before, tables=named, replace=replace, anyway=anyway,
        second_replay=not no_second_replay, image=image, repository=from_, now=now,
    )  # fmt: skip
    if init:
        site.at(from_).repository.adopt()
    if dry_run:
        with progress([]):
            planned = plan(site, order, Docker(), now=now)
        if as_json:
            console.print_json(_as_json(planned, site))
        else:
            show_plan(planned, site)
        raise typer.Exit(0)
    with progress([order.service]):
        result = _by_prefect(order, runbook, config) if prefect_is_configured() else _right_here(site, order, runbook)
    if as_json:
        console.print_json(result.model_dump(mode="json"))
    else:
        console.result(lambda: show(result), well=result.exit_code == 0)
    raise typer.Exit(result.exit_code)


def show_plan(plan: Plan, site: Site) -> None:
    """Print what a restore would do."""
    console.print_columns(("", ""), plan_lines(plan, site))
    console.out.print("nothing was changed (--dry-run)")


def _as_json(plan: Plan, site: Site) -> dict[str, Any]:
    choice = plan.choice
    return {
        "service": plan.order.service,
        "repository": plan.repository or next(iter(site.settings.every_repository)),
        "backup": choice.backup.id,
        "taken_at": choice.backup.taken_at.isoformat(),
        "chain": [record.id for record in choice.records],
        "point": str(choice.point) if choice.point else None,
        "later": choice.later.id if choice.later else None,
        "bytes": plan.needed,
        "image": plan.image,
        "to": str(plan.target),
        "held": list(plan.held or ()),
        "foreseen": list(plan.foreseen),
        "phases": [{"name": phase.name, "seconds": phase.seconds} for phase in plan.promised],
        "restore_seconds": plan.promised_seconds,
        "lost_seconds": plan.lost_seconds,
        "lost": list(plan.lost),
        # Kept for one version: what this command printed before its keys were documented.
        **{
            title: text
            for title, text in plan_lines(plan, site)
            if title not in ("proves", "not checked", "runs on", "there", "out of")
        },
    }


def show(result: Restoration) -> None:
    """Print the verdict, what was not equal, where the data are now, and what was lost."""
    console.out.print(Text(result.words, style=_style(result)), Text(statement(result)), soft_wrap=True)
    for check in result.failures[:_FAILURES_SHOWN]:
        console.out.print(
            f"  {check.subject} {check.metric}: expected {check.expected}, observed {check.observed}", soft_wrap=True
        )
    proving = result.second_replay_seconds
    lines = [
        f"{result.service} as of backup {result.backup.id}, {result.backup.taken_at:%Y-%m-%d %H:%M:%S} UTC"
        + (f", out of the repository {result.repository}" if further(result.repository) else ""),
        *([f"and then on to {result.stands}"] if result.stands else []),
        *whereabouts(result),
        f"took {durations.describe(result.seconds)}: "
        + ", ".join(f"{phase.name} {durations.describe(phase.seconds)}" for phase in result.phases),
        *([f"of that, {durations.describe(proving)} proved the log, and delivered nothing"] if proving else []),
        *losses(result),
        *(f"note: {note}" for note in result.notes),
        f"runbook: {result.runbook}",
    ]
    for line in lines:
        console.out.print(Text(line), soft_wrap=True)
    if result.error:
        console.print_fault(LifeboatError(result.error, hint=result.hint))


def _style(result: Restoration) -> str:
    return "bold yellow" if result.partial and result.exit_code == 0 else STYLES[result.verdict]


def _right_here(site: Site, order: Order, runbook: Path | None) -> Restoration:
    from verification.restore.restore import restore as do

    return do(site, order, runbook=runbook)


def _by_prefect(order: Order, runbook: Path | None, config: Path | None) -> Restoration:
    from flows.restore import NotRestored, restore_service

    state = Site.open(config).state

    def written() -> str:
        return f"what was done until then is in the runbook, the newest in {state / 'restores'}"

    with through_prefect(written, "read the runbook before you restore again; restoring needs no server: unset PREFECT_API_URL"):
        try:
            restoration = restore_service(
                service=order.service,
                to=order.to,
                backup=order.backup,
                **spelt(order.at),
                tables=list(order.tables),
                replace=order.replace,
                anyway=order.anyway,
                second_replay=order.second_replay,
                image=order.image,
                repository=order.repository,
                dry_run=False,
                runbook=runbook.resolve() if runbook else None,
                config=config,
            )
        except NotRestored as outcome:
            return outcome.restoration
    if restoration is None:
        raise AssertionError("only a dry run restores nothing")
    return restoration
