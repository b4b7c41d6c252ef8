"""The flow that watches: is a service down, are data gone? It says what was seen and what to type.

It restores nothing, but where `restore.by_itself` of a service allows it: that one once in 24 hours at most.

Started every five minutes by prefect.yaml, and by `lifeboat watch`. Next file: `tasks/watch.py`.
"""

from datetime import UTC, datetime
from pathlib import Path

from prefect import flow, get_run_logger

from backups.errors import LifeboatError
from backups.site import Site
from flows import lifecycle
from flows.outcome import SomeFailed, run_name
from tasks import restore as restoring
from tasks.watch import look, tell
from verification.restore.order import Order
from verification.watch import automatic_restore
from verification.watch.watch import Sighting


class RestoreAdvised(LifeboatError):
    """Services call for a restore; `sightings` holds all that were looked at."""

    def __init__(self, message: str, sightings: list[Sighting]) -> None:
        super().__init__(message)
        self.sightings = sightings


@flow(
    name="watch",
    flow_run_name=lambda: run_name("watch"),
    on_cancellation=[lifecycle.clear_what_is_left],
    on_crashed=[lifecycle.clear_what_is_left],
    persist_result=False,
)
def watch_services(services: list[str] | None = None, config: Path | None = None) -> list[Sighting]:
    """Look whether a service calls for a restore: it is down, or data of its last witness are gone.

    Restores nothing but services with `restore: {by_itself: true}`.

    Args:
        services: their names in lifeboat.yaml; none named means all
        config: the lifeboat.yaml; by default $LIFEBOAT_CONFIG, ./lifeboat.yaml or /etc/lifeboat/lifeboat.yaml
    """
    lifecycle.begin()
    site = Site.open(config)
    names = site.chosen(services or [])
    sightings = look(names, config)
    tell(sightings, config)
    now = datetime.now(UTC)
    for reason in automatic_restore.skipped(site, sightings, now):
        get_run_logger().warning("%s", reason)
    for order in automatic_restore.orders(site, sightings, now):
        _restore(order, site, config)
    ailing = [sighting.service for sighting in sightings if sighting.ailments]
    unseen = [sighting.service for sighting in sightings if sighting.error]
    if ailing:
        raise RestoreAdvised(f"{len(ailing)} of {len(names)} services call for a restore: {', '.join(ailing)}", sightings)
    if unseen:
        outcomes = [(sighting.service, sighting) for sighting in sightings]
        raise SomeFailed(f"{len(unseen)} of {len(names)} services could not be looked at: {', '.join(unseen)}", outcomes)
    return sightings


def _restore(order: Order, site: Site, config: Path | None) -> None:
    """Restore a service that allows it; a restore that cannot be done is told, and hides nothing that was seen."""
    try:
        automatic_restore.note(site, order.service, datetime.now(UTC))
        restoring.tell(restoring.restore(order, None, config))
    except LifeboatError as error:
        restoring.tell_fault(order.service, error)
