"""Copies to the further repositories at the end of a flow, side by side."""

from pathlib import Path

from backups.machine import parallel
from backups.site import Site
from flows import lifecycle
from tasks.copying import copy_to, publish_copies


def copy_everywhere(site: Site, config: Path | None) -> None:
    """Copy what each further repository lacks, what was missed earlier too. Fails no flow: what cannot be copied is told."""
    if not site.further:
        return
    outcomes = lifecycle.results(lambda name: copy_to.submit(name, config), site.further, at_once=len(site.further))
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise parallel.as_fault(outcome)
    publish_copies(outcomes)
