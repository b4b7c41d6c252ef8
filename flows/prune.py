"""Deletes old chains, as a flow.

Next file: `tasks/prune.py`.
"""

from pathlib import Path

from prefect import flow

from backups.site import Site
from flows import lifecycle
from flows.copies import copy_everywhere
from tasks.prune import prune_repository, tidy_server


@flow(
    name="prune",
    on_cancellation=[lifecycle.clean_up],
    on_crashed=[lifecycle.clean_up],
    persist_result=False,
)
def prune_chains(
    dry_run: bool = False,  # noqa: FBT001, FBT002 - a parameter in the UI
    repository: str | None = None,
    config: Path | None = None,
) -> int:
    """Copy what further repositories lack, then delete the chains that retention lets go, and old runs of the watch.

    Args:
        dry_run: only show the plan
        repository: the name of one repository; none named means all, each by its own retention
        config: the lifeboat.yaml; by default $LIFEBOAT_CONFIG, ./lifeboat.yaml or /etc/lifeboat/lifeboat.yaml
    """
    lifecycle.begin()
    site = Site.open(config).for_a_night()
    if not dry_run:
        copy_everywhere(site, config)
    names = [site.at(repository).repository_name] if repository else list(site.settings.every_repository)
    outcomes = lifecycle.results(
        lambda name: prune_repository.submit(name, alone=len(names) == 1, dry_run=dry_run, config=config), names, at_once=1
    )
    if not dry_run:
        tidy_server()
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    return sum(outcomes)
