"""`lifeboat prune`: deletes the chains that are older than retention allows."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from backups import plural
from backups import prune as retention
from backups.retention import Decision
from backups.site import Site
from flows.commands import console
from flows.commands.options import Config, Json
from flows.commands.progress import progress
from verification.evidence import retention as evidence_retention
from verification.evidence.retention import EvidenceDecision
from verification.evidence.store import proven_at


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
    config: Config = None,
) -> None:
    """Delete old chains. A chain is a full and the incrementals on it; it is deleted whole or not at all.

    A chain is deleted when its full is older than retention.delete_after (31 days) and its last backup is older than
    retention.keep (21 days). It is kept all the same while it is the newest chain of its service, or the newest one with a
    verified backup, or is being read by a drill or a restore. Nothing is deleted while this machine's clock may have jumped.

    Reports of verifications are deleted at the same age, once all backups that they prove are gone.

    Examples: lifeboat prune --dry-run | lifeboat prune

    Exit code: 0 done; 2 it could not run to its end: the next run deletes the rest.
    """
    site = Site.open(config)
    with progress([]):
        now = datetime.now(UTC)
        decisions = retention.plan(site, proven_at(site.repository), now=now, trust_clock=trust_clock)
        evidence = evidence_retention.of(site, now=now, trust_clock=trust_clock)
    if not as_json:
        console.result(lambda: _show(decisions, evidence), well=not dry_run)
    deleted = None
    if not dry_run:
        with progress([]):
            deleted = retention.carry_out(site, decisions, [each.snapshot for each in evidence if not each.keep])
    if as_json:
        console.print_json(_as_json(decisions, evidence, deleted))
    elif deleted is not None:
        console.result(lambda: console.out.print(f"{plural.count(deleted, 'backup')} deleted"), well=True)


def _show(decisions: list[Decision], evidence: list[EvidenceDecision]) -> None:
    rows = [(each.service, each.chain.id, str(len(each.chain.backups)), _does(keep=each.keep), each.reason) for each in decisions]
    rows += [("evidence", each.snapshot[:8], str(each.proven), _does(keep=each.keep), each.reason) for each in evidence]
    console.print_columns(("service", "chain", "backups", "", "because"), rows)


def _does(*, keep: bool) -> str:
    return "stays" if keep else "goes"


def _as_json(decisions: list[Decision], evidence: list[EvidenceDecision], deleted: int | None) -> dict[str, Any]:
    return {
        "chains": [
            {
                "service": each.service,
                "chain": each.chain.id,
                "backups": [backup.id for backup in each.chain.backups],
                "keep": each.keep,
                "reason": each.reason,
            }
            for each in decisions
        ],
        "evidence": [
            {"snapshot": each.snapshot, "backups": each.proven, "keep": each.keep, "reason": each.reason} for each in evidence
        ],
        "deleted_backups": deleted,
    }
