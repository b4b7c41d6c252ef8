"""`lifeboat prune`: deletes the chains that are older than retention allows."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from backups import plural
from backups.errors import LifeboatError
from backups.site import Site
from flows.commands import attended, console
from flows.commands.console import Text
from flows.commands.options import Config, Init, Json
from flows.commands.progress import progress
from verification import prune as retention
from verification.prune import Plan

log = logging.getLogger(__name__)


def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be deleted and why; delete nothing.")] = False,
    trust_clock: Annotated[
        bool,
        typer.Option(
            "--trust-clock",
            help="Believe this machine's clock even if it seems to have jumped, because nothing was saved for days.",
        ),
    ] = False,
    repository: Annotated[
        str | None,
        typer.Option(
            "--repository", metavar="NAME", help="One repository, by its name in lifeboat.yaml. Default: all.", show_default=False
        ),
    ] = None,
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

    Each repository is pruned by its own retention. One that goes by generations keeps the chains with the newest backup of so
    many days, weeks, months and years instead. A further repository that is append-only from here is passed over.

    Reports of verifications are deleted at the same age, once all backups that they prove are gone.

    Examples: lifeboat prune --dry-run | lifeboat prune --repository offsite

    Exit code: 0 done; 2 it could not run to its end: the next run deletes the rest.
    """
    site = attended.open_site(config)
    every = [site.at(repository)] if repository else [site.at(name) for name in site.settings.every_repository]
    if init:
        with progress([]):
            site.at(repository).repository.adopt()
    done, faults = [], []
    for each in every:
        try:
            if pruned := _one(each, dry_run=dry_run, trust_clock=trust_clock, quiet=as_json, named=len(every) == 1):
                done.append(pruned)
        except LifeboatError as fault:
            if len(every) == 1:
                raise
            faults.append(fault)
            console.print_fault(type(fault)(f"{each.repository_name}: {fault.message}", hint=fault.hint))
    if as_json:
        console.print_json(_as_json(done))
    if faults:
        raise typer.Exit(2)


@dataclass(frozen=True)
class _Pruned:
    """What came of one repository. deleted: how many backups; None of a dry run."""

    repository: str
    plan: Plan
    deleted: int | None


def _one(site: Site, *, dry_run: bool, trust_clock: bool, quiet: bool, named: bool) -> _Pruned | None:
    """Plan, show the plan, and carry it out; returns None for a further repository that is not pruned unless it is named."""
    with progress([]):
        if not named and (why := retention.passed_over(site)):
            log.warning("%s", why)
            return None
        plan = retention.plan(site, now=datetime.now(UTC), trust_clock=trust_clock)
    of = "" if named else f" from {site.repository_name}"
    if not quiet:
        if not named:
            console.result(lambda: console.out.print(Text(f"repository {site.repository_name}", style="bold")), well=not dry_run)
        console.result(lambda: _show(plan), well=not dry_run)
    deleted = None
    if not dry_run:
        with progress([]):
            deleted = retention.carry_out(site, plan)
        if not quiet:
            console.result(lambda: console.out.print(f"{plural.count(deleted, 'backup')} deleted{of}"), well=True)
    return _Pruned(site.repository_name, plan, deleted)


def _show(plan: Plan) -> None:
    rows = [(each.service, each.subject, str(each.backups), each.decision, each.reason) for each in plan.rows]
    console.print_columns(("service", "chain", "backups", "", "because"), rows)


def _as_json(pruned: Sequence[_Pruned]) -> dict[str, Any]:
    deleted = [each.deleted for each in pruned if each.deleted is not None]
    return {
        "chains": [
            {
                "repository": one.repository,
                "service": each.service,
                "chain": each.chain.id,
                "backups": [backup.id for backup in each.chain.backups],
                "keep": each.keep,
                "reason": each.reason,
            }
            for one in pruned
            for each in one.plan.chains
        ],
        "evidence": [
            {
                "repository": one.repository,
                "of": each.of,
                "snapshot": each.snapshot,
                "backups": each.proven,
                "keep": each.keep,
                "reason": each.reason,
            }
            for one in pruned
            for each in one.plan.evidence
        ],
        "deleted_backups": sum(deleted) if deleted else None,
    }
