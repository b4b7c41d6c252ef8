"""Watching under Prefect. Next file: `verification/watch/watch.py`."""

from collections.abc import Sequence
from pathlib import Path

from prefect import get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from backups.machine.parallel import guarded
from backups.site import Site
from tasks import events
from verification.watch import advice
from verification.watch.watch import Sighting, watch


@task(task_run_name="look at the services", cache_policy=NO_CACHE, persist_result=False)
def look(names: Sequence[str], config: Path | None) -> list[Sighting]:
    """Look at the named services; what ails them, and what kept us from looking, is in the result."""
    return guarded(lambda: watch(Site.open(config), names))


@task(task_run_name="tell", cache_policy=NO_CACHE, persist_result=False)
def tell(sightings: Sequence[Sighting], config: Path | None) -> None:
    """Tell what is not well: an event a service, the log, and one artifact. Of what is well, nothing: it is looked at often."""
    site = Site.open(config)
    told = []
    for sighting in sightings:
        text = advice.text(sighting, site)
        if sighting.ailments:
            events.tell(events.RESTORE_ADVISED, sighting.service, text)
        if sighting.error:
            events.tell(events.WATCH_BLIND, sighting.service, text)
        if text:
            told.append(text)
            get_run_logger().warning(text)
    if told:
        create_markdown_artifact(key="restore-advised", markdown="\n\n".join(f"```\n{text}\n```" for text in told))
