"""Maintains the Prefect server: finds pools without a worker, and deletes old runs of the watch, which come 288 a day."""

import logging
from datetime import datetime, timedelta

from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import TERMINAL_STATES
from prefect.exceptions import ObjectNotFound
from prefect.settings import get_current_settings

from backups import durations
from tasks import prefect_api

POOLS = ("backup", "verification")
"""The work pools of prefect.yaml."""
_KEPT = timedelta(days=31)
_BATCH = 200
_MOST = 2000
"""Runs that one call deletes: a week of them, so that a backlog is gone within a few nights."""

log = logging.getLogger(__name__)


def last_heartbeats() -> dict[str, datetime | None]:
    """Return when a worker of each pool last reported (UTC); None when never. A pool that does not exist is left out.

    Raises LifeboatError when the server does not answer.
    """
    found: dict[str, datetime | None] = {}
    with prefect_api.connected() as client:
        for pool in POOLS:
            try:
                client.read_work_pool(pool)
                workers = client.read_workers_for_work_pool(pool)
            except ObjectNotFound:
                continue
            beats = [worker.last_heartbeat_time for worker in workers if worker.last_heartbeat_time]
            found[pool] = max(beats, default=None)
    return found


def delete_old_watches(*, now: datetime) -> int:
    """Delete runs of the watch that ended over a month ago, at most 2000 of them; returns how many.

    Does nothing when no server is configured (PREFECT_API_URL). Raises LifeboatError when it does not answer.
    """
    if not get_current_settings().api.url:
        return 0
    old = FlowRunFilter(
        tags=FlowRunFilterTags(all_=["lifeboat", "watch"]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=sorted(TERMINAL_STATES))),
        end_time=FlowRunFilterEndTime(before_=now - _KEPT),
    )
    deleted = 0
    with prefect_api.connected() as client:
        while deleted < _MOST:
            runs = client.read_flow_runs(
                flow_filter=FlowFilter(name=FlowFilterName(any_=["watch"])),
                flow_run_filter=old,
                limit=min(_BATCH, _MOST - deleted),
            )
            if not runs:
                break
            for run in runs:
                try:
                    client.delete_flow_run(run.id)
                except ObjectNotFound:
                    # It was deleted by another one meanwhile.
                    continue
            deleted += len(runs)
    if deleted:
        log.info("deleted %d runs of the watch that ended over %s ago", deleted, durations.describe(_KEPT))
    return deleted
