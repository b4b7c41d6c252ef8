"""Restores a service to a target, as a flow.

It is started from the UI and by `lifeboat restore`. Next file: `tasks/restore.py`.
"""

from datetime import UTC, datetime
from pathlib import Path

from prefect import flow, get_run_logger

from backups.errors import LifeboatError
from backups.machine.docker import Docker
from backups.site import Site
from flows import lifecycle
from tasks.restore import report, restore
from verification.restore import arguments
from verification.restore.arguments import plan_lines
from verification.restore.order import Restoration
from verification.restore.plan import plan
from verification.restore.words import statement


class NotRestored(LifeboatError):
    """The restore was not completed, or what it delivered is not proven; `restoration` says why, and what is where."""

    def __init__(self, restoration: Restoration) -> None:
        super().__init__(f"{restoration.service}: {restoration.verdict}: {restoration.error or statement(restoration)}")
        self.restoration = restoration


@flow(
    name="restore",
    flow_run_name="restore {service}",
    on_cancellation=[lifecycle.clean_up],
    on_crashed=[lifecycle.clean_up],
    persist_result=False,
)
def restore_service(  # noqa: PLR0917 - parameters in the UI
    service: str,
    to: str | None = None,
    backup: str = "latest",
    at: str | None = None,
    before: str | None = None,
    tables: list[str] | None = None,
    replace: bool = False,  # noqa: FBT001, FBT002 - a parameter in the UI
    anyway: bool = False,  # noqa: FBT001, FBT002 - a parameter in the UI
    second_replay: bool = True,  # noqa: FBT001, FBT002 - a parameter in the UI
    image: str | None = None,
    repository: str | None = None,
    dry_run: bool = True,  # noqa: FBT001, FBT002 - "Run" in the UI is safe
    runbook: Path | None = None,
    config: Path | None = None,
) -> Restoration | None:
    """Restore a service from its backups; with dry_run (the default here) only print what would happen.

    Args:
        service: its name in lifeboat.yaml
        to: local:/directory, ssh:HOST:/directory, docker:CONTAINER:/directory, docker:NAME; Grafana: api, api:URL;
            by default its restore.to
        backup: an id, or latest
        at: a moment such as 2026-11-22T14:03:20Z, or a GTID (MySQL)
        before: instead of it, a GTID, or FILE:OFFSET as lifeboat log prints it: the moment just before that transaction (MySQL)
        tables: of MySQL, database.table: write these as files of SQL instead
        replace: move aside what the target holds
        anyway: deliver the data even when a check failed
        image: what the copy, and a container that stays, run on, instead of the configured image
        repository: which one it comes from, by its name in lifeboat.yaml; none named means the first
        second_replay: with `at` or `before`, prove the log that leads there by the witness of the next backup; without, it is
            unproven
        dry_run: only print what would happen, change nothing
        runbook: a file for the runbook on the worker's machine, besides the one in the state directory
        config: the lifeboat.yaml; by default $LIFEBOAT_CONFIG, ./lifeboat.yaml or /etc/lifeboat/lifeboat.yaml
    """
    lifecycle.begin()
    site, now = Site.open(config).for_a_night(), datetime.now(UTC)
    order = arguments.order(
        site, service, to=to, backup=backup, at=at, before=before, tables=tables or (), replace=replace, anyway=anyway,
        second_replay=second_replay, image=image, repository=repository, now=now,
    )  # fmt: skip
    if dry_run:
        lines = plan_lines(plan(site, order, Docker(), now=now), site)
        get_run_logger().info("%s", "\n".join(f"{title}: {text}" for title, text in lines))
        return None
    restoration = restore(order, runbook, config)
    report(restoration)
    if restoration.exit_code:
        raise NotRestored(restoration)
    return restoration
