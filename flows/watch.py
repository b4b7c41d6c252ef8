"""The flow that watches: is a service down, are data gone? It restores nothing; it says what was seen and what to type.

Started every five minutes by prefect.yaml, and by `lifeboat watch`. Next file: `tasks/watch.py`.
"""

from pathlib import Path

from prefect import flow

from backups.errors import LifeboatError
from backups.site import Site
from flows import lifecycle
from flows.outcome import SomeFailed, run_name
from tasks.watch import look, tell
from verification.watching import Sighting


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
    """Look whether a service calls for a restore: it is down, or data of its last witness are gone. Restores nothing.

    Args:
        services: their names in lifeboat.yaml; none named means all
        config: the lifeboat.yaml; by default $LIFEBOAT_CONFIG, ./lifeboat.yaml or /etc/lifeboat/lifeboat.yaml
    """
    lifecycle.begin()
    names = Site.open(config).chosen(services or [])
    sightings = look(names, config)
    tell(sightings, config)
    ailing = [sighting.service for sighting in sightings if sighting.ailments]
    unseen = [sighting.service for sighting in sightings if sighting.error]
    if ailing:
        raise RestoreAdvised(f"{len(ailing)} of {len(names)} services call for a restore: {', '.join(ailing)}", sightings)
    if unseen:
        outcomes = [(sighting.service, sighting) for sighting in sightings]
        raise SomeFailed(f"{len(unseen)} of {len(names)} services could not be looked at: {', '.join(unseen)}", outcomes)
    return sightings
