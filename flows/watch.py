"""Looks, as a flow, whether a service is down or has lost data, and reports what to type.

It restores only services whose `restore.by_itself` allows it, at most once in 24 hours, and whose machine bears the alarm out.

It is started every five minutes by prefect.yaml, and by `lifeboat watch`. Next file: `tasks/watch.py`.
"""

from datetime import UTC, datetime
from pathlib import Path

from prefect import flow, get_run_logger

from backups.errors import LifeboatError
from backups.site import Site
from flows import lifecycle
from flows.outcome import SomeFailed, run_name
from tasks import restore as restoring
from tasks.watch import look, report
from verification.restore.order import Order
from verification.restore.words import hint_elsewhere
from verification.watch import automatic_restore
from verification.watch.watch import Sighting


class RestoreAdvised(LifeboatError):
    """Services need a restore; `sightings` holds all that were looked at."""

    def __init__(self, message: str, sightings: list[Sighting]) -> None:
        super().__init__(message)
        self.sightings = sightings


@flow(
    name="watch",
    flow_run_name=lambda: run_name("watch"),
    on_cancellation=[lifecycle.clean_up],
    on_crashed=[lifecycle.clean_up],
    persist_result=False,
)
def watch_services(services: list[str] | None = None, config: Path | None = None) -> list[Sighting]:
    """Look whether a service needs a restore: it is down, or data of its last witness are gone.

    Restores only services with `restore: {by_itself: true}`.

    Args:
        services: their names in lifeboat.yaml; none named means all
        config: the lifeboat.yaml; by default $LIFEBOAT_CONFIG, ./lifeboat.yaml or /etc/lifeboat/lifeboat.yaml
    """
    lifecycle.begin()
    site = Site.open(config)
    names = site.chosen(services or [])
    sightings = look(names, config)
    refused = automatic_restore.refusals(site, sightings, datetime.now(UTC))
    report(sightings, config, refused)
    for reason in refused.values():
        get_run_logger().warning("%s", reason)
    for order in automatic_restore.orders(site, sightings, refused):
        _restore(order, site, config)
    unhealthy = [sighting.service for sighting in sightings if sighting.problems]
    unseen = [sighting.service for sighting in sightings if sighting.error]
    if unhealthy:
        raise RestoreAdvised(f"{len(unhealthy)} of {len(names)} services call for a restore: {', '.join(unhealthy)}", sightings)
    if unseen:
        outcomes = [(sighting.service, sighting) for sighting in sightings]
        raise SomeFailed(f"{len(unseen)} of {len(names)} services could not be looked at: {', '.join(unseen)}", outcomes)
    return sightings


def _restore(order: Order, site: Site, config: Path | None) -> None:
    """Restore a service that allows it; an error is reported, and does not hide what was seen."""
    try:
        automatic_restore.note(site, order.service, datetime.now(UTC))
        restoring.report(restoring.restore(order, None, config))
    except LifeboatError as error:
        hint = hint_elsewhere(order.service, error.hint)
        restoring.report_failure(order.service, LifeboatError(error.message, hint=hint))
