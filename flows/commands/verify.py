"""`lifeboat verify`: restores backups into sandboxes, compares them with their witnesses, and times it."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from backups import durations, plural
from backups.foreign import shown
from backups.services.base import Point
from flows.commands import attended, console, copying, damaged, rehearsed
from flows.commands.console import Text
from flows.commands.options import (
    Before,
    Config,
    From,
    Init,
    Json,
    RunOrUpgrade,
    Services,
    prefect_is_configured,
    spelt,
    through_prefect,
)
from flows.commands.progress import progress
from flows.commands.verdicts import STYLES
from verification.evidence import words
from verification.evidence.evidence import DrillResult, Evidence
from verification.evidence.together import WORDS, TogetherPart
from verification.restore import arguments
from verification.restore.moment_drills import all_usual

log = logging.getLogger("verification.fleet")

_FAILURES_SHOWN = 12
_ANSWER = 200
"""Characters of an answer on a terminal."""


def verify(  # noqa: PLR0917 - options of a command line
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
            help="Drill this moment, as restore --at would bring it back: 2026-11-22T14:03:20 (in the configured time zone), or "
            "a GTID. With --backup: a time, and only backups taken by then are chosen from.",
        ),
    ] = None,
    before: Before = None,
    image: RunOrUpgrade = None,
    together: Annotated[
        bool,
        typer.Option(
            "--together",
            help="Then bring the newest backups of all services back side by side, and ask them what their dashboards ask.",
        ),
    ] = False,
    damage: Annotated[
        int | None,
        typer.Option(
            "--damage",
            min=1,
            metavar="N",
            help="Drill the verifier instead: put N faults into copies of the latest backups (or of those named by --backup), "
            "one at a time, and see whether each is noticed.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, metavar="S", help="Of --damage: the faults that this number chooses.", show_default=False),
    ] = None,
    from_: From = None,
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
    With --together also what dashboards' panels answer, by copies that stand side by side where their sources stood.
    With further repositories, each is proven by itself: --from NAME brings back from that one; where nothing is chosen, the
    newest backups in the one whose turn it is are drilled besides those in the first.
    With --image of a newer version an upgrade is rehearsed: proven on its own version, the copy is started on the newer one and
    compared again; that is no proof of the backup.

    Examples: lifeboat verify | lifeboat verify agama --backup latest --out /tmp/report | lifeboat verify --together

    Exit code: 0 verified, or with --at or --before equal on both sides of the moment, or with --damage every fault noticed, or an
    upgrade rehearsed, 1 a backup did not come back equal, a fault was not noticed, or an upgrade changed what it should not, 2 it
    could not be tried.
    """
    site = attended.open_site(config)
    site.at(from_)
    names = site.chosen(services or [])
    selections = backup or []
    if damage is not None or seed is not None:
        ways = {"--at": at, "--before": before, "--image": image, "--together": together or None, "--from": from_}
        raise typer.Exit(damaged.verify(site, names, selections, damage, seed, ways, out, config, as_json=as_json, init=init))
    moment = arguments.asked(at, before, site.settings.timezone, datetime.now(UTC))
    with progress(names):
        if init:
            site.at(from_).repository.adopt()
        if prefect_is_configured():
            evidence = _by_prefect(services or [], selections, moment, image, out, config, together=together, repository=from_)
        else:
            if site.settings.fleet.machines:
                log.warning(
                    "no Prefect server is configured: all is drilled on this machine, and none of fleet.machines is asked"
                )
            # Great Expectations takes seconds to import; the other commands do not wait for it.
            from verification.verify import verify as run_verification

            evidence = run_verification(
                site, names, selections=selections, at=moment, image=image, out=out, together=together, repository=from_,
                rotate=all_usual(services, selections, moment, image, from_),
            )  # fmt: skip
            copying.copy_evidence(site)
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
            result.drilled,
            Text(result.words, style=_style(result)),
            f"{len(result.compared) - len(result.failures)} of {len(result.compared)} equal" if result.compared else "none",
            durations.describe(result.restore_seconds) if result.restore_seconds is not None else "-",
            f"{result.backup.id} ({len(result.backup.chain)} in chain)" if result.backup else "-",
            _ran_on(result),
        )
        for result in evidence.drills
    ]
    console.print_columns(("service", "drill", "verdict", "checks", "back in", "backup", "ran on"), rows)
    for result in evidence.drills:
        if result.asked:
            console.out.print(Text(f"{result.service}, {result.asked}: {_moment(result)}"), soft_wrap=True)
        for reason in result.reasons:
            console.out.print(Text.assemble((f"{result.service}, {result.drilled}: ", "bold"), reason))
        for check in result.failures[:_FAILURES_SHOWN]:
            console.out.print(
                f"  {check.subject} {check.metric}: expected {check.expected}, observed {check.observed}", soft_wrap=True
            )
        _print_culprits(result)
        rehearsed.show(result)
        if result.partial:
            console.out.print(Text(f"{result.service}, {result.drilled}: partial: {result.partial}", style="yellow"))
        if result.limits:
            limits = f"{plural.count(len(result.limits), 'limit')}: not in the backup, not compared, or not restorable"
            console.out.print(f"{result.service}, {result.drilled}: {limits}: report.html lists them", soft_wrap=True)
        if result.hint:
            console.out.print(Text.assemble(("  hint: ", "yellow"), result.hint))
    if evidence.together:
        show_together(evidence.together)
    if said := words.pace(evidence):
        console.out.print(said)
    console.out.print(Text(evidence.words, style=_style(evidence)), f"report: {out / 'report.html'}" if out else "")


def show_together(joint: TogetherPart) -> None:
    """Print how many panels answer as they did, and which do not."""
    style = STYLES[joint.verdict] if joint.verdict else "bold yellow"
    console.out.print(Text.assemble(("together: ", "bold"), (joint.headline, style)), soft_wrap=True)
    for reason in joint.reasons:
        console.out.print(Text.assemble(("together: ", "bold"), reason), soft_wrap=True)
    for one in joint.different[:_FAILURES_SHOWN]:
        console.out.print(f"  {one.title}, {one.panel} ({one.service}): {WORDS[one.outcome]}: {one.why}", soft_wrap=True)
        if one.outcome == "otherwise":
            console.out.print(f"    source: {shown(one.expected, _ANSWER)}", soft_wrap=True)
            console.out.print(f"    copy:   {shown(one.observed, _ANSWER)}", soft_wrap=True)
    if joint.seconds is not None and joint.back_seconds is not None:
        back, last = durations.describe(joint.back_seconds), durations.describe(joint.seconds)
        console.out.print(f"together: side by side in {back}, the last panel answered after {last}", soft_wrap=True)
    if joint.words:
        console.out.print(f"together: {joint.words}", soft_wrap=True)
    for limit in joint.limits:
        console.out.print(f"together: {limit}", soft_wrap=True)
    if joint.hint:
        console.out.print(Text.assemble(("  hint: ", "yellow"), joint.hint), soft_wrap=True)


def _print_culprits(result: DrillResult) -> None:
    """Name the rows by which tables differ."""
    for culprit in result.culprits:
        console.out.print(Text(f"  {culprit.subject}: {culprit.words}"), soft_wrap=True)
        for row in culprit.rows[:_FAILURES_SHOWN]:
            console.out.print(Text(f"    {row.words}"), soft_wrap=True)


def _style(result: DrillResult | Evidence) -> str:
    return "bold yellow" if result.partial and result.verdict == "verified" else STYLES[result.verdict]


def _ran_on(result: DrillResult) -> str:
    """Name the image, and the machine of the fleet where there is one."""
    image = f"{result.image.name}{' (stand-in)' if result.image.standin else ''}" if result.image else "-"
    return f"{image}, {result.machine}" if result.machine else image


def _moment(result: DrillResult) -> str:
    """Say which backup was drilled for a moment that was asked for, and what that proves."""
    if result.moment or result.backup is None:
        return result.proof
    return f"the newest backup at or before it is of {words.utc(result.backup.taken_at)}, and was drilled: {result.proof}"


def _by_prefect(
    names: list[str],
    selections: list[str],
    at: datetime | Point | None,
    image: str | None,
    out: Path,
    config: Path | None,
    *,
    together: bool,
    repository: str | None,
) -> Evidence:
    from flows.verify import NotVerified, verify_restores

    def proofs() -> str:
        return "`lifeboat list` shows which proofs were kept"

    with through_prefect(proofs, "see its log, and start it again; verifying needs no server: unset PREFECT_API_URL"):
        try:
            return verify_restores(
                services=names,
                backup=selections,
                **spelt(at),
                image=image,
                together=together,
                repository=repository,
                out=out.resolve(),
                config=config,
            )
        except NotVerified as outcome:
            return outcome.evidence
