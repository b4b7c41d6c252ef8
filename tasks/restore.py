"""Restoring under Prefect. Next file: `verification/restore/restore.py`."""

from pathlib import Path

from prefect import get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from backups.errors import LifeboatError
from backups.machine.parallel import guarded
from backups.site import Site
from tasks import events
from verification.restore.order import Order, Restoration
from verification.restore.restore import restore as do


@task(task_run_name="restore {order.service}", cache_policy=NO_CACHE, persist_result=False)
def restore(order: Order, runbook: Path | None, config: Path | None) -> Restoration:
    """Restore; not retried: whoever asked decides what comes next. Raises LifeboatError when it could not begin."""
    return guarded(lambda: do(Site.open(config), order, runbook=runbook))


@task(task_run_name="tell", cache_policy=NO_CACHE, persist_result=False)
def tell(restoration: Restoration) -> None:
    """Tell of a restore: an event on its service, and the runbook as an artifact."""
    event = events.RESTORED if restoration.verdict == "verified" else events.RESTORE_FAILED
    words = f"{restoration.verdict}; {restoration.delivered or 'the target was not touched'}; {restoration.error or 'no fault'}"
    events.tell(event, restoration.service, words, verdict=restoration.verdict, backup=restoration.backup.id)
    if restoration.runbook:
        create_markdown_artifact(key="restore", markdown=restoration.runbook.read_text(encoding="utf-8"))
    get_run_logger().info("%s", words)


@task(task_run_name="tell", cache_policy=NO_CACHE, persist_result=False)
def tell_fault(service: str, error: LifeboatError) -> None:
    """Tell of a restore that could not begin."""
    events.tell(events.RESTORE_FAILED, service, str(error))
    get_run_logger().error("%s", error)
