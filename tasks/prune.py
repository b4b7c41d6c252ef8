"""Deletes old chains, as Prefect tasks.

Next file: `backups/prune.py`.
"""

from datetime import UTC, datetime
from pathlib import Path

from prefect import get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from backups import prune as retention
from backups.errors import LifeboatError
from backups.machine.parallel import guarded
from backups.site import Site
from tasks import maintenance
from tasks.backup import is_transient
from verification.evidence import retention as evidence_retention
from verification.evidence.store import proven_at


@task(
    task_run_name="prune",
    retries=2,
    retry_delay_seconds=[300, 1800],
    retry_condition_fn=is_transient,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def prune_repository(*, dry_run: bool, config: Path | None) -> int:
    """Plan the deletions, show the plan in the UI, carry it out; returns how many backups were deleted."""

    def work() -> int:
        site = Site.open(config)
        now = datetime.now(UTC)
        decisions = retention.plan(site, proven_at(site.repository), now=now)
        evidence = evidence_retention.of(site, now=now)
        rows = [
            {
                "service": decision.service,
                "chain": decision.chain.id,
                "backups": len(decision.chain.backups),
                "decision": "stays" if decision.keep else "goes",
                "because": decision.reason,
            }
            for decision in decisions
        ]
        rows += [
            {
                "service": "evidence",
                "chain": each.snapshot[:8],
                "backups": each.proven,
                "decision": "stays" if each.keep else "goes",
                "because": each.reason,
            }
            for each in evidence
        ]
        create_table_artifact(key="retention", table=rows, description="Which chains and evidence stay, which go, and why")
        going = [each.snapshot for each in evidence if not each.keep]
        return 0 if dry_run else retention.carry_out(site, decisions, going)

    return guarded(work)


@task(task_run_name="delete old runs of the watch", cache_policy=NO_CACHE, persist_result=False)
def tidy_server() -> int:
    """Delete old runs of the watch; returns how many. An error of the server is logged, and does not fail the retention."""
    try:
        return maintenance.delete_old_watches(now=datetime.now(UTC))
    except LifeboatError as error:
        get_run_logger().warning("old runs of the watch were not deleted this time: %s", error.message)
        return 0
