"""`lifeboat verify`: restores backups into sandboxes, compares them with their witnesses, and times it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.text import Text

from backups import durations, plural
from backups.errors import LifeboatError
from backups.site import Site
from flows.commands import console
from flows.commands.options import Config, Init, Json, Services, prefect_is_configured, require_prefect
from flows.commands.progress import progress
from verification.drill.plan import SELECTED
from verification.evidence.evidence import Evidence

_STYLES = {"verified": "bold green", "failed": "bold red", "could-not-run": "bold yellow"}
_FAILURES_SHOWN = 12


def verify(
    services: Services = None,
    backup: Annotated[
        list[str] | None,
        typer.Option(
            "--backup",
            "-b",
            help="latest, worst (the longest chain), random, or a backup's id. Default: latest and worst.",
            show_default=False,
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            help="Consider only backups taken at or before this time, e.g. 2026-11-22T00:00 (in the configured time zone).",
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where report.json, report.html and junit.xml go.")] = Path(
        "lifeboat-report"
    ),
    as_json: Json = False,
    init: Init = False,
    config: Config = None,
) -> None:
    """Restore backups into isolated Docker containers, compare each with what its source held, and time it against the RTO.

    Needs the repository and Docker only: no source, and no source's password. Compared are the rows and a fingerprint of every
    table, Prometheus's answers, every object of Grafana; all must be equal. What was not tried is never called verified.

    Examples: lifeboat verify | lifeboat verify agama --backup latest --out /tmp/report

    Exit code: 0 verified, 1 a backup did not come back equal, 2 it could not be tried.
    """
    site = Site.open(config)
    names = site.chosen(services or [])
    selections = backup or list(SELECTED)
    time = _time(at, site.settings.timezone) if at else None
    with progress(names):
        if init:
            site.repository.adopt()
        if prefect_is_configured():
            evidence = _by_prefect(names, selections, time, out, config)
        else:
            # Great Expectations takes seconds to import; the other commands do not wait for it.
            from verification.verify import verify as run_verification

            evidence = run_verification(site, names, selections=selections, at=time, out=out)
    if as_json:
        console.print_json(evidence.model_dump(mode="json"))
    else:
        console.result(lambda: show(evidence, out), well=evidence.exit_code == 0)
    raise typer.Exit(evidence.exit_code)


def show(evidence: Evidence, out: Path | None) -> None:
    """Print the verdict of each drill, then what was not equal, then the verdict over all."""
    rows = [
        (
            result.service,
            result.selection,
            Text(result.verdict, style=_STYLES[result.verdict]),
            f"{sum(check.passed for check in result.checks)} of {len(result.checks)} equal" if result.checks else "none",
            durations.describe(result.restore_seconds) if result.restore_seconds is not None else "-",
            f"{result.backup.id} ({len(result.backup.chain)} in chain)" if result.backup else "-",
            f"{result.image.name}{' (stand-in)' if result.image.standin else ''}" if result.image else "-",
        )
        for result in evidence.drills
    ]
    console.print_columns(("service", "drill", "verdict", "checks", "back in", "backup", "ran on"), rows)
    for result in evidence.drills:
        for reason in result.reasons:
            console.out.print(Text.assemble((f"{result.service}, {result.selection}: ", "bold"), reason))
        for check in result.failures[:_FAILURES_SHOWN]:
            console.out.print(
                f"  {check.subject} {check.metric}: expected {check.expected}, observed {check.observed}", soft_wrap=True
            )
        if result.limits:
            limits = f"{plural.count(len(result.limits), 'limit')}: not in the backup, not compared, or not restorable"
            console.out.print(f"{result.service}, {result.selection}: {limits}: report.html lists them", soft_wrap=True)
        if result.hint:
            console.out.print(Text.assemble(("  hint: ", "yellow"), result.hint))
    measured = evidence.rto.measured_seconds
    if measured is not None:
        allowed = durations.describe(evidence.rto.budget_seconds)
        console.out.print(
            f"slowest restore {durations.describe(measured)}, objective {allowed}: {'met' if evidence.rto.met else 'not met'}"
        )
    console.out.print(Text(evidence.verdict, style=_STYLES[evidence.verdict]), f"report: {out / 'report.html'}" if out else "")


def _by_prefect(names: list[str], selections: list[str], time: datetime | None, out: Path, config: Path | None) -> Evidence:
    from flows.verify import NotVerified, verify_restores

    require_prefect()
    try:
        return verify_restores(services=names, backup=selections, at=time, out=out.resolve(), config=config)
    except NotVerified as outcome:
        return outcome.evidence


def _time(text: str, zone: str) -> datetime:
    """Read a time of the command line, in `zone` where it names none of its own; returns it in UTC."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise LifeboatError(
            f"--at {text!r} is not a time", hint="write it like 2026-11-22T03:00 or 2026-11-22T03:00:00Z"
        ) from error
    return (time if time.tzinfo else time.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
