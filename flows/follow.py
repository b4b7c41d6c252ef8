"""Follows the logs of services, as a flow, for an hour at a time.

It is started every hour by prefect.yaml where its schedule is turned on, and by nobody else. Next file: `tasks/follow.py`.
"""

from pathlib import Path

from prefect import flow

from backups.errors import LifeboatError
from backups.site import Site
from flows import lifecycle
from flows.copies import copy_logs
from flows.outcome import SomeFailed, run_name
from tasks.follow import follow


@flow(
    name="follow",
    flow_run_name=lambda: run_name("follow"),
    on_cancellation=[lifecycle.clean_up],
    on_crashed=[lifecycle.clean_up],
    persist_result=False,
)
def follow_services(services: list[str] | None = None, minutes: float = 60, config: Path | None = None) -> None:
    """Pull the log of services all the time, and keep it in the repository.

    Args:
        services: their names in lifeboat.yaml; none named means all that have a log
        minutes: for how long; the next run goes on where this one ends
        config: the lifeboat.yaml; by default $LIFEBOAT_CONFIG, ./lifeboat.yaml or /etc/lifeboat/lifeboat.yaml
    """
    lifecycle.begin()
    site = Site.open(config).for_a_night()
    names = site.with_log(services or [])
    outcomes = lifecycle.results(lambda name: follow.submit(name, minutes * 60, config), names, at_once=len(names))
    copy_logs(site, config)
    failed = [name for name, outcome in zip(names, outcomes, strict=True) if isinstance(outcome, LifeboatError)]
    if failed:
        raise SomeFailed(
            f"{len(failed)} of {len(names)} logs could not be followed: {', '.join(failed)}",
            list(zip(names, outcomes, strict=True)),
        )
