"""Maintains the Prefect server: finds pools without a worker, and deletes old runs of the watch, which come 288 a day."""

import logging
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

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
_RUNS_PROGRAMS = {"command", "env", "working_dir"}
_KEPT = timedelta(days=31)
_BATCH = 200
_MOST = 2000
"""Runs that one call deletes: a week of them, so that a backlog is gone within a few nights."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pool:
    """A work pool: for how long no worker of it has reported, None for ever, and what it lets a run set (`command`, `env`)."""

    silent: timedelta | None
    settable: list[str]


def pools(others: Iterable[str] = (), machines: Collection[str] = ()) -> dict[str, Pool]:
    """Return the work pools of prefect.yaml, and the others that are named, where the server has them.

    machines: those of the fleet, whose workers take drills alone, and nothing that is scheduled
    Raises LifeboatError when the server does not answer.
    """
    found: dict[str, Pool] = {}
    with prefect_api.connected() as client:
        now = prefect_api.server_time(client)
        for pool in dict.fromkeys((*POOLS, *others)):
            try:
                held = client.read_work_pool(pool)
                workers = client.read_workers_for_work_pool(pool)
            except ObjectNotFound:
                continue
            beats = [
                worker.last_heartbeat_time
                for worker in workers
                if worker.last_heartbeat_time and not (pool in POOLS and worker.name in machines)
            ]
            found[pool] = Pool(_since(max(beats), now) if beats else None, settable(held.base_job_template))
    return found


def database() -> str | None:
    """Return what the server says that it keeps its data in, `PostgreSQL` or `SQLite`; None where it does not say.

    It shows the driver that it was given (PREFECT_SERVER_DATABASE_DRIVER), and no address. Raises LifeboatError as `pools`.
    """
    with prefect_api.connected() as client:
        answer = client.request("GET", "/admin/settings").json()
    driver = str((answer.get("server", {}).get("database", {}) if isinstance(answer, dict) else {}).get("driver") or "")
    return {"postgresql": "PostgreSQL", "sqlite": "SQLite"}.get(driver.partition("+")[0])


def workers(pools: Iterable[str]) -> dict[str, timedelta]:
    """Return for how long each worker of these pools has not reported, by its name. Raises LifeboatError as `pools`."""
    found: dict[str, timedelta] = {}
    with prefect_api.connected() as client:
        now = prefect_api.server_time(client)
        for pool in sorted(set(pools)):
            held = prefect_api.workers(client, pool)
            found |= {each.name: _since(each.last_heartbeat_time, now) for each in held if each.last_heartbeat_time}
    return found


def _since(beat: datetime, now: datetime) -> timedelta:
    """Return how long ago a beat was: both times are the server's, whose clock need not be this machine's."""
    return max(now - beat, timedelta(0))


def settable(template: dict[str, Any]) -> list[str]:
    """Return what whoever starts a run may set, by a pool's base job template: each of them can make it run another program.

    Prefect adds a run's `env` to one that the template fixes, also where it is no variable.
    """
    configuration, variables = template.get("job_configuration") or {}, template.get("variables") or {}
    named = {
        name for name in variables.get("properties") or {} if re.search(rf"{{{{\s*{re.escape(name)}\s*}}}}", str(configuration))
    }
    fixed = (
        {"env"} if isinstance(configuration.get("env"), dict) and variables.get("additionalProperties") is not False else set()
    )
    return sorted((named | fixed) & _RUNS_PROGRAMS)


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
