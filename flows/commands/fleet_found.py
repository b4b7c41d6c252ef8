"""Says for `lifeboat doctor` what is wrong with the machines that run drills, and what the Prefect server keeps its data in."""

from collections.abc import Iterator
from datetime import timedelta

from backups import durations
from backups.config.settings import Settings
from backups.errors import LifeboatError
from backups.services.base import Finding
from verification.fleet.machines import machines, pool_of
from verification.fleet.work import POOL

_SILENT = timedelta(minutes=3)
"""Workers report every 30 seconds."""


def pools(settings: Settings) -> list[str]:
    """Return the work pools of the fleet's machines."""
    return list(dict.fromkeys(map(pool_of, machines(settings))))


def examine(settings: Settings) -> Iterator[Finding]:
    """Examine the fleet that is configured, by the Prefect server that is; nothing where there is none of it."""
    from tasks import maintenance

    if not settings.fleet.machines:
        return
    there = machines(settings)
    try:
        heard = maintenance.workers(pool_of(each) for each in there)
        database = maintenance.database()
    except LifeboatError as error:
        yield Finding("fleet", False, error.message, error.hint or "")
        return
    kept = f"its server keeps its data in {database or 'SQLite, unless it was given the address of another database'}"
    yield Finding("Prefect", True, kept if database == "PostgreSQL" else f"{kept}; for a fleet Prefect advises PostgreSQL")
    for each in there:
        yield _worker(each.name, pool_of(each), each.at_once, heard.get(each.name))
    served = {pool_of(each) for each in there}
    for name, section in settings.services.items():
        if (pool := section.pool or POOL) not in served:
            message = f"no machine under fleet.machines serves its pool {pool}: its drills are not reached"
            yield Finding(
                f"pool of {name}", False, message, f"give a machine pool: {pool}, or {name} one of {', '.join(sorted(served))}"
            )


def _worker(name: str, pool: str, at_once: int, silent: timedelta | None) -> Finding:
    # Without its heartbeats a drill that dies with its machine is waited for as if it ran. Beside each, the next one begins.
    beats = "PREFECT_FLOWS_HEARTBEAT_FREQUENCY=30"
    start = f"there: {beats} prefect worker start --pool {pool} --work-queue {name} --name {name} --limit {2 * at_once}"
    if silent is None:
        return Finding(
            f"machine {name}", False, f"no worker of that name was ever heard in the pool {pool}: it gets no drill", start
        )
    if silent > _SILENT:
        message = f"its worker was not heard for {durations.describe(silent)}: it gets no drill"
        return Finding(f"machine {name}", False, message, start)
    return Finding(f"machine {name}", True, f"its worker was heard {silent.total_seconds():.0f} s ago")
