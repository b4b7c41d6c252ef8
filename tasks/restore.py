"""Restores a service as a Prefect task.

Next file: `verification/restore/restore.py`.
"""

from pathlib import Path

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from backups.errors import LifeboatError
from backups.machine.parallel import guarded
from backups.site import Site
from tasks import artifacts, events
from verification.restore import restore as restoring
from verification.restore.order import Order, Restoration
from verification.restore.words import statement, whereabouts


@task(task_run_name="restore {order.service}", cache_policy=NO_CACHE, persist_result=False)
def restore(order: Order, runbook: Path | None, config: Path | None) -> Restoration:
    """Restore a service, without retries: a person decides what comes next. Raises LifeboatError when it could not begin."""
    return guarded(lambda: restoring.restore(Site.open(config).for_a_night(), order, runbook=runbook))


@task(task_run_name="report the restore", cache_policy=NO_CACHE, persist_result=False)
def report(restoration: Restoration) -> None:
    """Report a restore: an event on its service, the log, and the runbook as an artifact."""
    event = events.RESTORE_FAILED if restoration.exit_code else events.RESTORED
    outcome = "; ".join([restoration.words, statement(restoration), *whereabouts(restoration), restoration.error or "no error"])
    events.send(event, restoration.service, outcome, verdict=restoration.verdict, backup=restoration.backup.id)
    if restoration.runbook:
        artifacts.markdown("restore", restoration.runbook.read_text(encoding="utf-8"))
    get_run_logger().info("%s", outcome)


@task(task_run_name="report the restore", cache_policy=NO_CACHE, persist_result=False)
def report_failure(service: str, error: LifeboatError) -> None:
    """Report a restore that could not begin."""
    events.send(events.RESTORE_FAILED, service, str(error))
    get_run_logger().error("%s", error)
