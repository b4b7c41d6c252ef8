"""`lifeboat history`: shows size, rows, times and gaps of each service over the kept backups and evidence.

Needs the repository, nothing else.
"""

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from backups import durations
from backups.errors import LifeboatError
from backups.machine import disk
from backups.site import Site
from flows.commands import console
from flows.commands.console import Text
from flows.commands.options import Config, From, Json, Services, reading
from flows.commands.progress import progress
from verification.evidence import drilled, rescues
from verification.evidence import history as histories
from verification.evidence.gaps import Gap
from verification.evidence.history import ServiceHistory

_BARS = 16
"""Newest values in a line of small bars."""


def history(
    services: Services = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Also write a page with the drawings into this file: it needs no network and no script."),
    ] = None,
    from_: From = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Show each service over time: size, rows, time back, how long writers waited, and when the RTO is expected to break.

    What was missed, by objectives.rpo and objectives.proof, is named and left blank. Reads the tags of the kept backups and
    of the kept evidence, no data: as far back as retention keeps them. With --from NAME those of that repository, also when the
    first one cannot be read.

    Examples: lifeboat history | lifeboat history agama --html /tmp/history.html

    Exit code: 0 shown, 2 the repository cannot be read, or the page cannot be written.
    """
    site = Site.open(config).at(from_)
    now = datetime.now(UTC)
    types = {name: site.settings.services[name].type for name in site.chosen(services or [])}
    with progress([]), reading(site, " ".join(["history", *(services or [])])):
        repository = site.repository
        snapshots = repository.snapshots(*histories.TAGS)
        repository.name_odd(drilled.odd(snapshots))
        found = histories.of(site.settings, types, repository.listing(snapshots).backups, snapshots, now)
    if html:
        _write(found, html, now)
    if as_json:
        console.print_json([each.model_dump(mode="json") for each in found])
    else:
        _show(found, html)
        if cold := rescues.newest_cold_start(snapshots, now):
            console.out.print(Text.assemble(("cold start: ", "bold"), rescues.cold_words(cold, now)), soft_wrap=True)


def _write(found: list[ServiceHistory], html: Path, now: datetime) -> None:
    # Drawing takes a while to import; whoever reads the table does not wait for it.
    from verification.report import history as page

    part = html.with_name(f".{html.name}.{os.getpid()}")
    try:
        part.write_text(page.render(found, now=now), encoding="utf-8")
        part.replace(html)
    except OSError as error:
        # Below a file nothing can be removed either.
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise LifeboatError(f"{html} cannot be written: {error.strerror}", hint="name another file by --html") from error


def _show(found: list[ServiceHistory], html: Path | None) -> None:
    rows = [
        (
            each.service,
            str(len(each.backups)),
            _size(each),
            _count(each),
            _back(each),
            _waited(each),
            _noticed(each),
            _missed(each),
        )
        for each in found
    ]
    titles = ("service", "backups", "size", "holds", "time back", "writers waited", "damage noticed", "missed")
    console.print_columns(titles, rows, right=("backups",))
    for each in found:
        console.out.print(Text.assemble((f"{each.service}: ", "bold"), f"forecast: {each.forecast.words}"), soft_wrap=True)
        for drill in {one.repository: one for one in each.elsewhere}.values():
            back = f", back in {durations.describe(drill.seconds)}" if drill.seconds is not None else ""
            console.out.print(
                f"  from {drill.repository}: {drill.verdict} at {drill.at:%Y-%m-%d %H:%M} UTC{back}", soft_wrap=True
            )
        for what, gaps in (("backup", each.missed_backups), ("drill", each.missed_drills)):
            for gap in gaps[-3:]:
                console.out.print(f"  no {what} for {_gap(gap)}", soft_wrap=True)
    if html:
        console.out.print(f"page: {html}", soft_wrap=True)


def _size(each: ServiceHistory) -> str:
    fulls = [float(backup.bytes) for backup in each.backups if backup.kind == "full"]
    return f"{_bars(fulls)} {disk.size(fulls[-1])}" if fulls else "-"


def _count(each: ServiceHistory) -> str:
    known = [backup for backup in each.backups if backup.count is not None]
    return f"{known[-1].count:,} {known[-1].unit}" if known else "-"


def _back(each: ServiceHistory) -> str:
    seconds = [drill.seconds for drill in each.comparable]
    if not seconds:
        return "-"
    last = each.slowest[-1].seconds or 0.0
    return f"{_bars(seconds)} {durations.describe(last)} of {durations.describe(each.rto_seconds)}"


def _waited(each: ServiceHistory) -> str:
    waited = [backup.lock_seconds for backup in each.backups if backup.lock_seconds is not None]
    return f"{waited[-1]:.3f} s, at most {max(waited):.3f} s" if waited else "-"


def _noticed(each: ServiceHistory) -> str | Text:
    injected = sum(one.injected for one in each.detections)
    noticed = sum(one.noticed for one in each.detections)
    return Text(f"{noticed:,} of {injected:,}", style="" if noticed == injected else "bold red") if injected else "-"


def _missed(each: ServiceHistory) -> Text:
    backups, drills = len(each.missed_backups), len(each.missed_drills)
    if not backups and not drills:
        return Text("-", style="dim")
    return Text(f"{backups} without a backup, {drills} without a drill", style="yellow")


def _bars(values: list[float | None] | list[float]) -> str:
    from verification.report.drawing import sparkline

    return sparkline(values[-_BARS:])


def _gap(gap: Gap) -> str:
    until = f"until {gap.until:%Y-%m-%d %H:%M} UTC" if gap.until else "until now"
    return f"{durations.describe(gap.seconds)}, after {gap.after:%Y-%m-%d %H:%M} UTC, {until}: {gap.why}"
