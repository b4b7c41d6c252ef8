"""Copies to the further repositories at the end of a flow, side by side."""

from datetime import UTC, datetime
from pathlib import Path

from backups.machine import parallel
from backups.site import Site
from flows import lifecycle
from tasks.copying import copy_to, publish_copies
from verification import copying
from verification.copying import Copied, Only


def copy_everywhere(site: Site, config: Path | None) -> None:
    """Copy what each further repository lacks, what was missed earlier too. Fails no flow: what cannot be copied is told."""
    if site.further:
        publish_copies(_copied(site, config, None))


def copy_logs(site: Site, config: Path | None) -> None:
    """Copy pieces of followed logs alone: the log is not followed meanwhile, and what else is missing may take hours.

    Only what failed is told: nothing is known of the rest.
    """
    _copy_only("logs", site, config)


def copy_evidence(site: Site, config: Path | None) -> None:
    """Copy what verifications and drills have shown, which a further repository is asked for once the first one is gone.

    Backups are left to the next copy, as a verdict does not wait for hours. Only what failed is told, and fails no flow.
    """
    _copy_only("evidence", site, config)


def _copy_only(only: Only, site: Site, config: Path | None) -> None:
    if site.further and (failed := [each for each in _copied(site, config, only) if each.fault]):
        publish_copies(failed)


def _copied(site: Site, config: Path | None, only: Only | None) -> list[Copied]:
    outcomes = lifecycle.results(lambda name: copy_to.submit(name, config, only=only), site.further, at_once=len(site.further))
    return [
        copying.failed(site, name, parallel.as_fault(outcome), datetime.now(UTC)) if isinstance(outcome, Exception) else outcome
        for name, outcome in zip(site.further, outcomes, strict=True)
    ]
