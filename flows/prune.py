"""Deletes old chains, as a flow.

Next file: `tasks/prune.py`.
"""

from pathlib import Path

from prefect import flow

from flows import lifecycle
from tasks.prune import prune_repository, tidy_server


@flow(
    name="prune",
    on_cancellation=[lifecycle.clean_up],
    on_crashed=[lifecycle.clean_up],
    persist_result=False,
)
def prune_chains(dry_run: bool = False, config: Path | None = None) -> int:  # noqa: FBT001, FBT002 - a parameter in the UI
    """Delete the chains that are over a month old, and the runs of the watch that are as old.

    Args:
        dry_run: only show the plan
        config: the lifeboat.yaml; by default $LIFEBOAT_CONFIG, ./lifeboat.yaml or /etc/lifeboat/lifeboat.yaml
    """
    lifecycle.begin()
    count = prune_repository(dry_run=dry_run, config=config)
    if not dry_run:
        tidy_server()
    return count
