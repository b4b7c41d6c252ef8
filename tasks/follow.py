"""Follows logs as Prefect tasks.

Next file: `backups/follow/follow.py`.
"""

from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from backups.machine.parallel import guarded
from backups.site import Site


@task(task_run_name="follow {name}", cache_policy=NO_CACHE, persist_result=False)
def follow(name: str, seconds: float, config: Path | None) -> None:
    """Follow the log of the service `name` for so many seconds; raises LifeboatError."""
    guarded(lambda: Site.open(config).for_a_night().follow(name, seconds=seconds))
