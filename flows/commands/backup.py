"""`lifeboat backup`: takes backups now."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from backups import batch, durations
from backups.errors import Damaged, LifeboatError
from backups.machine import disk
from backups.manifest import Kind, Manifest
from backups.site import Site
from flows.commands import console
from flows.commands.copying import show as show_copies
from flows.commands.options import Config, Services, prefect_is_configured, through_prefect
from flows.commands.progress import progress
from flows.commands.suspicious import print_suspicious
from verification import copying
from verification.copying import Copied
from verification.evidence import failures


def backup(
    services: Services = None,
    kind: Annotated[
        Literal["auto", "full", "incremental"],
        typer.Option(help="auto: an incremental, or a full where there is none yet, or it is a week old or failed its drill."),
    ] = "auto",
    standalone: Annotated[
        bool,
        typer.Option("--standalone", help="Take fulls that no later incremental builds on, as the monthly service backup does."),
    ] = False,
    init: Annotated[
        bool,
        typer.Option(
            "--init",
            help="Use the repository that is there from now on, or make a new one, though this machine knew another one.",
        ),
    ] = False,
    config: Config = None,
) -> None:
    """Back services up: all of a service (a full), or what changed since its last backup (an incremental).

    Each backup also records what the source held at that instant: `lifeboat verify` compares the restored copy with it. A backup
    that fails is not kept, and does not stop the others. One that looks like ransomware is kept and named, and nothing of its
    service is pruned until somebody has looked: `lifeboat trust`.

    Then what further repositories lack is copied to them. One that cannot be reached is told; the backup is taken all the same.

    The first backup makes the repository. From then on this machine knows it by its id: where there is another one, or none, as
    when its disk is not mounted, nothing is backed up, unless --init says that this is meant.

    With a Prefect server or Prefect Cloud configured, this runs as a flow there, with its retries; without one, it is done here.

    Examples: lifeboat backup | lifeboat backup agama --kind full

    Exit code: 0 all were taken, also one that looks suspicious; 1 an earlier backup of the chain is damaged, 2 a backup could not
    be taken.
    """
    site = Site.open(config).for_a_night()
    names = site.chosen(services or [])
    wanted: Kind | None = None if kind == "auto" else kind
    with progress(names):
        if init:
            site.repository.adopt(create=True)
        outcomes = (
            _by_prefect(names, kind, standalone, config)
            if prefect_is_configured()
            else _here(site, names, wanted, standalone=standalone)
        )
        # Under Prefect the flow has copied, and told in its log what it could not.
        copies = [] if prefect_is_configured() else copying.copy_all(site)
    faults = [outcome for _, outcome in outcomes if isinstance(outcome, LifeboatError)]
    doubted = [outcome for _, outcome in outcomes if isinstance(outcome, Manifest) and outcome.past and outcome.past.signs]
    well = not faults and not doubted and not any(each.fault for each in copies)
    console.result(lambda: _show(outcomes, copies), well=well)
    for manifest in doubted:
        print_suspicious(manifest)
    if faults:
        raise typer.Exit(1 if all(isinstance(fault, Damaged) for fault in faults) else 2)


def _here(site: Site, names: list[str], kind: Kind | None, *, standalone: bool) -> batch.Outcomes:
    return batch.back_up_all(site, names, batch.in_this_process(site, kind=kind, standalone=standalone, proofs=failures.PROOFS))


def _by_prefect(
    names: list[str], kind: Literal["auto", "full", "incremental"], standalone: bool, config: Path | None
) -> list[tuple[str, Manifest | LifeboatError]]:
    from flows.backup import backup_services
    from flows.outcome import SomeFailed

    site, begun = Site.open(config), datetime.now(UTC)

    def taken() -> str:
        records = site.repository.backups()
        found = [each.id for each in records if each.service in names and each.taken_at >= begun]
        return f"the backups taken: {', '.join(found)}" if found else "no backup was taken"

    with through_prefect(taken, "see its log, and start it again; backups need no server: unset PREFECT_API_URL"):
        try:
            return backup_services(services=names, kind=kind, standalone=standalone, config=config)
        except SomeFailed as failed:
            return list(failed.outcomes)


def _show(outcomes: list[tuple[str, Manifest | LifeboatError]], copies: Sequence[Copied]) -> None:
    rows = [
        (
            name,
            outcome.id,
            outcome.kind,
            disk.size(outcome.size),
            durations.describe(outcome.finished_at - outcome.started_at),
            outcome.reason or "",
        )
        for name, outcome in outcomes
        if isinstance(outcome, Manifest)
    ]
    if rows:
        console.print_columns(("service", "backup", "kind", "size", "captured in", "note"), rows, right=["size"])
    for name, outcome in outcomes:
        if isinstance(outcome, LifeboatError):
            console.print_fault(type(outcome)(f"{name}: {outcome.message}", hint=outcome.hint))
    show_copies(copies)
