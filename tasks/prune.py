"""Retention under Prefect.

Next file: `verification/prune.py`.
"""

from datetime import UTC, datetime
from pathlib import Path

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from backups.errors import LifeboatError
from backups.machine.parallel import guarded
from backups.site import Site
from tasks import artifacts, maintenance
from tasks.backup import is_transient
from verification import prune as retention


@task(
    task_run_name="prune {name}",
    retries=2,
    retry_delay_seconds=[300, 1800],
    retry_condition_fn=is_transient,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def prune_repository(name: str, *, alone: bool, dry_run: bool, config: Path | None) -> int:
    """Plan, show the plan, carry it out in the repository of that name; returns how many backups were deleted.

    alone: whether it is the only one; else one that is not to be pruned from here is passed over
    """

    def work() -> int:
        site = Site.open(config).for_a_night().at(name)
        if not alone and (why := retention.passed_over(site)):
            get_run_logger().info("%s", why)
            return 0
        plan = retention.plan(site, now=datetime.now(UTC))
        rows = [
            {
                "service": row.service,
                "chain": row.subject,
                "backups": row.backups,
                "decision": row.decision,
                "because": row.reason,
            }
            for row in plan.rows
        ]
        further = site.repository_name in site.further
        artifacts.table(
            f"retention-{name.replace('_', '-')}" if further else "retention",
            rows,
            f"Which chains and evidence stay{f' in {name}' if further else ''}, which go, and why",
        )
        return 0 if dry_run else retention.carry_out(site, plan)

    return guarded(work)


@task(task_run_name="delete old runs of the watch", cache_policy=NO_CACHE, persist_result=False)
def tidy_server() -> int:
    """Delete the watch's old runs; returns how many. A server that will not is told in the log, and fails no retention."""
    try:
        return maintenance.delete_old_watches(now=datetime.now(UTC))
    except LifeboatError as error:
        get_run_logger().warning("old runs of the watch stay this time: %s", error.message)
        return 0
