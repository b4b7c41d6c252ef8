"""Copies to the further repositories at the end of a flow, side by side."""

from datetime import UTC, datetime
from pathlib import Path

from backups.machine import parallel
from backups.site import Site
from flows import lifecycle
from tasks.copying import copy_to, publish_copies
from verification import copying


def copy_everywhere(site: Site, config: Path | None) -> None:
    """Copy what each further repository lacks, what was missed earlier too. Fails no flow: what cannot be copied is told."""
    if not site.further:
        return
    outcomes = lifecycle.results(lambda name: copy_to.submit(name, config), site.further, at_once=len(site.further))
    publish_copies(
        [
            copying.failed(site, name, parallel.as_fault(outcome), datetime.now(UTC))
            if isinstance(outcome, Exception)
            else outcome
            for name, outcome in zip(site.further, outcomes, strict=True)
        ]
    )
