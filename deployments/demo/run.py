"""Runs the demo, a week in two minutes: starts sources, backs them up under load, drills, and damages one copy.

Everything that it starts belongs to one run and is removed with it; the directory is kept.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import RenderableType
from rich.text import Text

from backups import durations
from backups.errors import LifeboatError
from backups.foreign import shown
from backups.machine import parallel, runs
from backups.manifest import Kind, Manifest
from backups.site import Site
from deployments.demo import configuration, images, signature, summary
from deployments.demo.damage import EACH_DAMAGED, NAMES, ONE_ROW_LOST, TABLE
from deployments.demo.grafana import Grafana, start_grafana
from deployments.demo.sources import Passwords, Stage, start_mysql, start_prometheus
from deployments.demo.writer import Writer
from verification.evidence.evidence import Evidence
from verification.evidence.together import TogetherPart
from verification.verify import drill_joint, verify

Say = Callable[[RenderableType], None]

_WEEK: tuple[tuple[str, Kind], ...] = (
    ("Monday", "full"),
    ("Tuesday", "incremental"),
    ("Wednesday", "incremental"),
    ("next Monday", "full"),
)
"""The nights that are rehearsed. After the second full, `latest` is in another chain than `worst`, as on a real Monday."""

_BETWEEN = 4.0
"""Seconds of a rehearsed day, in which the writers go on writing."""


@dataclass(frozen=True)
class _Stage:
    """The rehearsed site, and what writes to its services meanwhile."""

    site: Site
    writer: Writer
    grafana: Grafana


def rehearse(directory: Path, *, say: Say, keep: bool = False) -> int:
    """Run the demo in `directory`, which is created, or emptied when an earlier demo left it.

    say:  prints a line, or a table, on the terminal
    keep: leave the sources running at the end until Ctrl-C
    Returns 0 when every drill verified its copy and the damage was found, 1 when a verdict was wrong, 2 when a drill could not
    run. Raises LifeboatError when the demo itself cannot go on. Nothing is left running, however it ends.
    """
    started = time.monotonic()
    with configuration.opened(directory) as home, _stage(home, say) as stage:
        site = stage.site
        taken = [(midnight, _midnight(stage, midnight, kind, say)) for midnight, kind in _WEEK]
        _heading(say, "Monday 06:00: a drill of the latest and the worst chain of each service")
        evidence = verify(site, site.chosen([]), out=home / "report", together=True)
        _heading(say, f"one more drill, with {ONE_ROW_LOST.description}")
        damaged = verify(site, ["agama"], selections=["latest"], out=home / "report-damaged", tamper=ONE_ROW_LOST)
        _heading(say, "all three side by side once more, each copy damaged")
        together = drill_joint(site, tampers=EACH_DAMAGED)
        written, duration = stage.writer.transactions, durations.describe(time.monotonic() - started)
        say("")
        say(summary.week(taken))
        say("")
        say(summary.drills(evidence))
        codes = [judge(evidence, damaged, say), judge_together(together, say), signature.judge(site, home / "report", say)]
        code = max(codes)
        say("")
        say(f"{written:,} transactions were written to Agama meanwhile; the whole demo took {duration}")
        if stage.grafana.standin:
            say("Grafana was a stand-in, not the real server: the official image cannot be pulled on this machine")
        say(Text.assemble("report: ", (str(home / "report" / "report.html"), "bold")))
        say(f"history: {home / 'report' / 'history.html'}")
        say(f"look around: lifeboat list --config {home / 'lifeboat.yaml'}")
        if evidence.together:
            say(Text(evidence.together.headline, style="bold green" if evidence.together.verdict == "verified" else "bold red"))
        if keep:
            _wait(stage, say)
    return code


def judge(evidence: Evidence, damaged: Evidence, say: Say) -> int:
    """Print the verdict on the damaged copy, and return the exit code of both verifications."""
    drill = damaged.drills[0]
    caught = drill.verdict == "failed" and {check.subject for check in drill.failures} == {TABLE}
    say("")
    say(Text.assemble(("the damaged copy: ", "bold"), (drill.verdict, "bold red"), f" ({drill.tampered})"))
    if drill.failures:
        say(summary.differences(drill))
    elif drill.error:
        say(f"{drill.error} (hint: {drill.hint})")
    if not caught:
        say(Text("the damage was not found as it should have been", style="bold red"))
    if damaged.verdict == "could-not-run":
        return max(evidence.exit_code, 2)
    return evidence.exit_code or (0 if caught else 1)


def judge_together(damaged: TogetherPart, say: Say) -> int:
    """Print what panels notice of a damaged copy of each service, and return 0 when every one was caught by name."""
    say("")
    say(Text.assemble(("damaged side by side: ", "bold"), (str(damaged.verdict), "bold red"), f" ({damaged.tampered})"))
    say(f"  {damaged.headline}")
    for line in damaged.reasons[:4]:
        say(f"  {line}")
    for one in {one.service: one for one in reversed(damaged.different) if one.outcome == "otherwise"}.values():
        say(Text.assemble(f"  {one.title}, {one.panel} ({one.service})\n", (f"    source  {shown(one.expected, 120)}", "green")))
        say(Text(f"    copy    {shown(one.observed, 120)}", style="red"))
    caught = {one.service for one in damaged.different}
    seen = {
        name
        for name in EACH_DAMAGED
        if name in caught or any(name in reason or NAMES[name] in reason for reason in damaged.reasons)
    }
    if damaged.verdict == "failed" and seen == set(EACH_DAMAGED):
        return 0
    say(Text(f"not noticed: {', '.join(sorted(set(EACH_DAMAGED) - seen))}", style="bold red"))
    return 1


@contextmanager
def _stage(home: Path, say: Say) -> Iterator[_Stage]:
    """Start the sources and what writes to them; all of it is removed when the block ends."""
    with runs.start(home / "state") as run:
        _heading(say, "starting MySQL with the database Agama, Prometheus and Grafana")
        found = images.obtain(run.docker)
        passwords, stage = Passwords(), Stage.prepare(run)
        # The stand-in has no metrics to scrape.
        scraped = {} if found.grafana.standin else {"grafana": f"{stage.name('grafana')}:3000"}
        prometheus = start_prometheus(stage, found.prometheus, scraped)
        mysql = start_mysql(stage, found.mysql, passwords)
        grafana = start_grafana(
            stage,
            found.grafana,
            passwords,
            prometheus=f"http://{prometheus.address()}:9090",
            mysql=f"{mysql.address()}:3306",
        )
        path = configuration.write(home, mysql=mysql, prometheus=prometheus, grafana=grafana.container)
        for image in (found.mysql, found.prometheus, found.grafana):
            say(f"  {image.name}{' (a stand-in: no Grafana image can be pulled here)' if image.standin else ''}")
        writer = Writer(mysql.address(), passwords.application)
        with configuration.environment({configuration.AGAMA_PASSWORD: passwords.lifeboat}), writer.writing():
            yield _Stage(Site.open(path), writer, grafana)


def _midnight(stage: _Stage, midnight: str, kind: Kind, say: Say) -> list[Manifest]:
    """Let a day pass, then back every service up, in parallel. Raises LifeboatError when a backup fails."""
    _heading(
        say, f"{midnight} 00:00: {'a full' if kind == 'full' else 'an incremental'} of each service, while Agama is written to"
    )
    stage.grafana.edit(midnight)
    time.sleep(_BETWEEN)

    def back_up(name: str) -> Manifest:
        return stage.site.back_up(name, kind=kind)

    names = stage.site.chosen([])
    outcomes = parallel.side_by_side(back_up, names, at_once=2)
    return list(_successful(names, outcomes))


def _successful(names: Sequence[str], outcomes: Sequence[Manifest | LifeboatError]) -> Iterator[Manifest]:
    for name, outcome in zip(names, outcomes, strict=True):
        if isinstance(outcome, LifeboatError):
            raise LifeboatError(f"the backup of {name} failed: {outcome.message}", hint=outcome.hint) from outcome
        yield outcome


def _wait(stage: _Stage, say: Say) -> None:
    say("")
    for name, section in stage.site.settings.services.items():
        say(f"{name} is up: {getattr(section, 'url', None) or getattr(section, 'host', '')}")
    say("Ctrl-C stops everything")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return


def _heading(say: Say, title: str) -> None:
    say(Text(title, style="bold"))
