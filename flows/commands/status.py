"""`lifeboat status`: says how old the last backup and the last proof of each service are.

Needs the repository, nothing else.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from backups import durations
from backups.chains import chains
from backups.config import file
from backups.errors import LifeboatError
from backups.site import Site
from flows.commands import console
from flows.commands.console import Text
from flows.commands.options import Config, Json, Services, reading
from flows.commands.progress import progress
from verification.evidence import history, joint, repositories, store
from verification.evidence.store import Held, listed
from verification.rescue import from_nothing
from verification.watch import followed, metrics
from verification.watch import repositories as there_judged
from verification.watch import together as judged
from verification.watch.repositories import InRepository, Overall
from verification.watch.status import ServiceStatus, assess

_STYLES = {"verified": "green", "failed": "bold red"}


def status(
    services: Services = None,
    as_json: Json = False,
    metrics_file: Annotated[
        Path | None,
        typer.Option("--metrics", help="Also write Prometheus metrics into this file (node-exporter's textfile directory)."),
    ] = None,
    config: Config = None,
) -> None:
    """Say per service how old the last backup and the last proof are, and whether RPO and RTO are kept.

    Where a service's log is followed (`lifeboat follow`), the RPO is that of the log. With further repositories, say of each,
    too, how far it is behind the first, when a backup was last brought back from there, and how long that took.

    A proof older than objectives.proof (8 days) is stale; so is that of all services side by side, once they were drilled so. A
    recovery kit that is older than the configuration is not well either, nor, once there is a kit, a cold start older than
    objectives.cold_start (35 days). Needs the repository only: no Prefect, no
    Docker, no source. Have cron run it, since a scheduler that has died alerts nobody.

    Examples: lifeboat status | lifeboat status --json | lifeboat status --metrics /var/lib/node_exporter/lifeboat.prom

    Exit code: 0 all well, which includes a partial backup (it is named); 1 something is not well, or the repository is damaged;
    2 the repository cannot be read.
    """
    path = file.find(config)
    site = Site.open(path)
    types = {name: site.settings.services[name].type for name in site.chosen(services or [])}
    now = datetime.now(UTC)
    with progress([]), reading(site, "list"):
        held = listed(site.repository, now)
    further = _further(site, list(types), held, now)
    members = chains(held.backups)
    logs = followed.kept(site.state, members, held.pieces, now)
    found = assess(types, members, held.proofs, site.settings.objectives, now=now, logs=logs, trusts=held.trusts, further=further)
    together = joint.newest(held.snapshots, now)
    nothing = from_nothing.standing(site, path, held.snapshots, now)
    of_all = [line for line in (judged.standing(together, site.settings.objectives.proof, now), *nothing.lines) if line]
    complaints = [line for line, well in of_all if not well]
    if metrics_file:
        over_time = history.of(site.settings, types, held.backups, held.snapshots, now)
        objectives = site.settings.objectives
        text = metrics.render(found, objectives, now=now, histories=over_time, nothing=nothing.facts, joint=together)
        metrics.write(text, metrics_file)
    if as_json:
        console.print_json([each.model_dump(mode="json") for each in found])
        for complaint in complaints:
            console.err.print(complaint, soft_wrap=True)
    else:
        _show(found, now)
        for line, well in of_all:
            console.out.print(Text(line, style="dim" if well else "red"), soft_wrap=True)
    raise typer.Exit(1 if held.damaged or complaints or any(each.complaints for each in found) else 0)


def _further(site: Site, names: list[str], first: Held, now: datetime) -> dict[str, tuple[InRepository, ...]]:
    """Look into the further repositories, and judge what they hold of each service; nothing where there are none."""
    if not site.further:
        return {}
    # It imports what a copy needs, Docker's library too.
    from verification import copying

    with progress([]):
        found = repositories.look(site, site.further, now)
    proofs = {
        name: there_judged.proofs_there(name, store.about(site.at(name).repository, first.snapshots), each, now)
        for name, each in found.items()
        if not isinstance(each, LifeboatError)
    }
    missing = {
        name: copying.lacking(site, name, first.backups, None if isinstance(each, LifeboatError) else each.backups, now)
        for name, each in found.items()
    }
    return there_judged.assess(names, found, proofs, missing, site.settings.objectives, now=now)


def _show(statuses: list[ServiceStatus], now: datetime) -> None:
    rows = [
        (
            each.service,
            Text(
                _ago(each.last_backup_at, now) + (f", its log {_ago(each.log_until, now)}" if each.log_until else ""),
                style="" if each.rpo_kept else "bold red",
            ),
            Text(f"{each.standing}, partial: {each.partial}", style="yellow")
            if each.partial
            else Text(each.standing, style=_STYLES.get(each.standing, "yellow")),
            _ago(each.proven_at, now),
            durations.describe(each.restore_seconds) if each.restore_seconds is not None else "-",
            Text("; ".join(each.of_the_first) or "-", style="red" if each.of_the_first else "dim"),
        )
        for each in statuses
    ]
    console.print_columns(("service", "last backup", "proof", "proven", "restore took", "not well"), rows)
    if statuses and statuses[0].repositories:
        by_service = {each.service: each.repositories for each in statuses}
        titles = ("repository", "backups", "behind", "proof", "proven", "restore took", "not well")
        console.print_columns(titles, [_repository(there, now) for there in there_judged.overall(by_service)], right=("backups",))


def _repository(there: Overall, now: datetime) -> tuple[str | Text, ...]:
    """Make the row of a further repository, over all services: the oldest of their proofs, and the slowest of their restores."""
    standing = there.standing or "cannot be read"
    since = f", since {_ago(there.behind_since, now)}" if there.behind_since else ""
    return (
        there.repository,
        "-" if there.backups is None else str(there.backups),
        Text(f"{there.behind}{since}" if there.behind else "-", style="yellow" if there.behind else "dim"),
        Text(standing, style=_STYLES.get(standing, "yellow")),
        "-" if there.standing is None else _ago(there.proven_at, now),
        durations.describe(there.restore_seconds) if there.restore_seconds is not None else "-",
        Text("; ".join(there.complaints) or "-", style="red" if there.complaints else "dim"),
    )


def _ago(time: datetime | None, now: datetime) -> str:
    return f"{durations.describe(now - time)} ago" if time else "never"
