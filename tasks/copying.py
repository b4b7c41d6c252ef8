"""Copies to further repositories as Prefect tasks: one that cannot be reached is told, and fails no flow.

Next file: `verification/copying.py`.
"""

from datetime import UTC, datetime
from pathlib import Path

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from backups.errors import LifeboatError
from backups.machine.parallel import guarded
from backups.repositories.alone import Busy
from backups.site import Site
from tasks import artifacts, events
from verification import copying
from verification.copying import Copied, Only


@task(task_run_name="copy to {name}", cache_policy=NO_CACHE, persist_result=False)
def copy_to(name: str, config: Path | None, *, only: Only | None = None) -> Copied:
    """Copy what is missing to one further repository; what could not be is told, and caught up with.

    only: see `copying.copy`; nothing is copied then where another one does
    """
    site = Site.open(config).for_a_night()
    try:
        outcome = guarded(lambda: copying.copy(site, name, only=only))
    except Busy as fault:
        if only:
            get_run_logger().info("the %s are copied the next time: %s", only, fault.message)
            return Copied(name, 0, 0, 0.0)
        outcome = copying.failed(site, name, fault, datetime.now(UTC))
    except LifeboatError as fault:
        outcome = copying.failed(site, name, fault, datetime.now(UTC))
    if outcome.fault:
        get_run_logger().warning("%s", outcome.words)
    return outcome


@task(task_run_name="publish the table of copies", cache_policy=NO_CACHE, persist_result=False)
def publish_copies(outcomes: list[Copied]) -> None:
    """Show in the UI what was copied where, and send an event for each repository that lacks something."""
    rows = [{"repository": each.repository, "backups": each.backups, "outcome": each.outcome} for each in outcomes]
    artifacts.table("copies", rows, "What was copied to further repositories")
    events.send_copies(outcomes)
