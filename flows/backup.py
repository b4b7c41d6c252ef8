"""Backs services up in parallel, as a flow; one that fails does not stop the rest.

It is started by the schedules of prefect.yaml, from the UI, and by `lifeboat backup`. Next file: `tasks/backup.py`.
"""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from prefect import flow
from prefect.runtime import deployment

from backups import batch
from backups.batch import Outcomes
from backups.manifest import Kind
from backups.site import Site
from flows import lifecycle
from flows.copies import copy_everywhere
from flows.outcome import SomeFailed, run_name
from tasks import events
from tasks.backup import back_up, publish_backups


@flow(
    name="backup",
    flow_run_name=lambda: run_name("back up"),
    on_cancellation=[lifecycle.clean_up],
    on_crashed=[lifecycle.clean_up],
    persist_result=False,
)
def backup_services(
    services: list[str] | None = None,
    kind: Literal["auto", "full", "incremental"] = "auto",
    standalone: bool = False,  # noqa: FBT001, FBT002 - a parameter in the UI
    config: Path | None = None,
) -> Outcomes:
    """Back services up.

    Args:
        services: their names in lifeboat.yaml; none named means all
        kind: auto takes a full when there is no chain, or its full is a week old or it failed its drill, otherwise an incremental
        standalone: take fulls that later incrementals do not build on (the monthly service backup)
        config: the lifeboat.yaml; by default $LIFEBOAT_CONFIG, ./lifeboat.yaml or /etc/lifeboat/lifeboat.yaml
    """
    lifecycle.begin()
    site = Site.open(config).for_a_night()
    names = site.chosen(services or [])
    wanted: Kind | None = None if kind == "auto" else kind
    # Scheduled backups of a service wait for each other; a person gets an error at once.
    patience = site.settings.backup.patience if deployment.id else timedelta(0)
    outcomes = batch.back_up_all(
        site,
        names,
        lambda names, at_once: lifecycle.results(
            lambda name: back_up.submit(name, wanted, standalone=standalone, patience=patience, config=config),
            names,
            at_once=at_once,
        ),
    )
    events.send_backups(outcomes)
    publish_backups(outcomes)
    copy_everywhere(site, config)
    if failed := batch.failed(outcomes):
        raise SomeFailed(f"{len(failed)} of {len(names)} backups failed: {', '.join(failed)}", outcomes)
    return outcomes
