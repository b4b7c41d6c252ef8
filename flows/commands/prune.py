"""`lifeboat prune`: deletes the chains that are older than retention allows."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from backups import plural
from backups.site import Site
from flows.commands import console
from flows.commands.options import Config, Init, Json
from flows.commands.progress import progress
from verification import prune as retention
from verification.prune import Plan


def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be deleted and why; delete nothing.")] = False,
    trust_clock: Annotated[
        bool,
        typer.Option(
            "--trust-clock",
            help="Believe this machine's clock even if it seems to have jumped, because nothing was saved for days.",
        ),
    ] = False,
    as_json: Json = False,
    init: Init = False,
    config: Config = None,
) -> None:
    """Delete old chains. A chain is a full and the incrementals on it; it is deleted whole or not at all.

    A chain is deleted when its full is older than retention.delete_after (31 days) and its last backup is older than
    retention.keep (21 days). It is kept all the same while it is the newest chain of its service, or the newest one with a
    verified backup, or failed its drill while nothing newer is proven, or is being read by a drill or a restore. Nothing is
    deleted while this machine's clock may have jumped, nor of a service with a backup that looks like ransomware and that nobody
    trusts (lifeboat trust).

    Reports of verifications are deleted at the same age, once all backups that they prove are gone.

    Examples: lifeboat prune --dry-run | lifeboat prune

    Exit code: 0 done; 2 it could not run to its end: the next run deletes the rest.
    """
    site = Site.open(config)
    with progress([]):
        if init:
            site.repository.adopt()
        plan = retention.plan(site, now=datetime.now(UTC), trust_clock=trust_clock)
    if not as_json:
        console.result(lambda: _show(plan), well=not dry_run)
    deleted = None
    if not dry_run:
        with progress([]):
            deleted = retention.carry_out(site, plan)
    if as_json:
        console.print_json(_as_json(plan, deleted))
    elif deleted is not None:
        console.result(lambda: console.out.print(f"{plural.count(deleted, 'backup')} deleted"), well=True)


def _show(plan: Plan) -> None:
    rows = [(each.service, each.subject, str(each.backups), each.decision, each.reason) for each in plan.rows]
    console.print_columns(("service", "chain", "backups", "", "because"), rows)


def _as_json(plan: Plan, deleted: int | None) -> dict[str, Any]:
    return {
        "chains": [
            {
                "service": each.service,
                "chain": each.chain.id,
                "backups": [backup.id for backup in each.chain.backups],
                "keep": each.keep,
                "reason": each.reason,
            }
            for each in plan.chains
        ],
        "evidence": [
            {"snapshot": each.snapshot, "backups": each.proven, "keep": each.keep, "reason": each.reason}
            for each in plan.evidence
        ],
        "deleted_backups": deleted,
    }
