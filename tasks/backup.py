"""Takes backups as Prefect tasks.

Next file: `backups/backup.py`, which takes one backup.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from backups import durations
from backups.errors import LifeboatError, Transient
from backups.machine import disk
from backups.machine.parallel import guarded
from backups.manifest import Kind, Manifest
from backups.past import said
from backups.site import Site
from tasks import artifacts
from verification.evidence import failures


async def is_transient(task: object, task_run: object, state: Any) -> bool:  # noqa: ARG001 - Prefect passes these by name
    """Return whether a failed task is tried again: only for an error that may pass by itself."""
    return isinstance(await state.aresult(raise_on_failure=False), Transient)


@task(
    task_run_name="back up {name} ({kind})",
    retries=2,
    retry_delay_seconds=[60, 600],
    retry_condition_fn=is_transient,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def back_up(
    name: str,
    kind: Kind | None,
    *,
    standalone: bool,
    patience: timedelta,
    config: Path | None,
) -> Manifest:
    """Take one backup of the service `name`; raises LifeboatError, tried again when it is Transient."""
    return guarded(
        lambda: (
            Site.open(config)
            .for_a_night()
            .back_up(name, kind=kind, standalone=standalone, patience=patience, proofs=failures.PROOFS)
        )
    )


def _note(manifest: Manifest) -> str:
    signs = manifest.past.signs if manifest.past else ()
    return "; ".join(filter(None, [manifest.reason, f"looks suspicious: {said(signs)}" if signs else None]))


@task(task_run_name="publish the table of backups", cache_policy=NO_CACHE, persist_result=False)
def publish_backups(outcomes: list[tuple[str, Manifest | LifeboatError]]) -> None:
    """Show in the UI which backups were taken and which were not."""
    rows = [
        {"service": name, "backup": "none", "kind": "", "size": "", "taken at (UTC)": "", "captured in": "", "note": str(outcome)}
        if isinstance(outcome, LifeboatError)
        else {
            "service": name,
            "backup": outcome.id,
            "kind": outcome.kind,
            "size": disk.size(outcome.size),
            "taken at (UTC)": f"{outcome.taken_at:%Y-%m-%d %H:%M:%S}",
            "captured in": durations.describe(outcome.finished_at - outcome.started_at),
            "note": _note(outcome),
        }
        for name, outcome in outcomes
    ]
    artifacts.table("backups", rows, "The backups of this run")
