"""Watches the services as Prefect tasks.

Next file: `verification/watch/watch.py`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from backups.machine.parallel import guarded
from backups.site import Site
from backups.text import fenced
from tasks import artifacts, events
from verification.watch import advice
from verification.watch.watch import Sighting, watch


@task(task_run_name="look at the services", cache_policy=NO_CACHE, persist_result=False)
def look(names: Sequence[str], config: Path | None) -> list[Sighting]:
    """Look at the named services; what is wrong with them, and errors of looking, are in the result."""
    return guarded(lambda: watch(Site.open(config), names))


@task(task_run_name="report problems", cache_policy=NO_CACHE, persist_result=False)
def report(sightings: Sequence[Sighting], config: Path | None, refused: Mapping[str, str]) -> None:
    """Report problems: an event for each service, the log, and one artifact. Nothing is reported of services without any.

    refused: by service, why it is not restored by itself although that is allowed
    """
    site = Site.open(config)
    texts = []
    for sighting in sightings:
        text = advice.text(sighting, site, refused.get(sighting.service))
        for line in sighting.ahead:
            get_run_logger().warning("%s: %s; it is left out until then", sighting.service, line)
        if sighting.problems:
            events.send(events.RESTORE_ADVISED, sighting.service, text)
        if sighting.error:
            events.send(events.WATCH_BLIND, sighting.service, text)
        if text:
            texts.append(text)
            get_run_logger().warning(text)
    if texts:
        artifacts.markdown("restore-advised", "\n\n".join("\n".join(fenced(text.split("\n"))) for text in texts))
