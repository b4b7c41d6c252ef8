"""`lifeboat verify --damage N`: drills the verifier, and prints fault by fault what was noticed."""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from backups import durations, plural
from backups.errors import LifeboatError
from backups.site import Site
from flows.commands import console, copying
from flows.commands.console import Text
from flows.commands.options import prefect_is_configured, through_prefect
from flows.commands.progress import progress
from verification.evidence import verifier_drills
from verification.evidence.verifier_drills import VerifierDrill

_STYLES = {"noticed": "green", "unnoticed": "bold red", "undecided": "yellow", "not-injected": "yellow"}
_VERDICTS = {"all-noticed": "bold green", "missed": "bold red", "could-not-run": "bold yellow"}
_SEEDS = 1 << 32


def verify(
    site: Site,
    names: Sequence[str],
    selections: Sequence[str],
    count: int | None,
    seed: int | None,
    ways: Mapping[str, object],
    out: Path,
    config: Path | None,
    *,
    as_json: bool,
    init: bool,
) -> int:
    """Drill the verifier with `count` faults, print what came of it, and return the exit code.

    ways: other options that say what is drilled, with their values. Raises LifeboatError for one of them that is given
    """
    if count is None:
        raise LifeboatError("--seed is of --damage, which is not given", hint="say how many faults: --damage 10")
    if given := [name for name, value in ways.items() if value is not None]:
        raise LifeboatError(
            f"{given[0]} cannot be used with --damage: the faults are put into copies of whole backups",
            hint="choose the backups by --backup; without it the latest are taken",
        )
    chosen = secrets.randbelow(_SEEDS) if seed is None else seed
    with progress(list(names)):
        if init:
            site.repository.adopt()
        if prefect_is_configured():
            drill = _by_prefect(names, selections, count, chosen, out, config)
        else:
            # It imports Great Expectations, which takes seconds.
            from verification.damage.run import drill_verifier

            drill = drill_verifier(site, names, count, seed=chosen, selections=selections, out=out)
            copying.copy_evidence(site)
    if as_json:
        console.print_json(drill.model_dump(mode="json"))
    else:
        console.result(lambda: show(drill, out), well=drill.exit_code == 0)
    return drill.exit_code


def show(drill: VerifierDrill, out: Path) -> None:
    """Print each fault and what came of it, then the rate, and how to have the same faults again."""
    for each in drill.undamaged:
        why = f": {each.why}" if each.why else ""
        kinds = f", {plural.count(each.kinds, 'kind')} of faults can be put in" if each.verdict == "verified" else ""
        console.out.print(Text(f"{each.service}, undamaged: {each.verdict}{kinds}{why}"), soft_wrap=True)
    rows = [
        (
            str(fault.number),
            fault.service,
            fault.kind,
            Text(fault.outcome, style=_STYLES[fault.outcome]),
            "yes" if fault.named else "no" if fault.outcome == "noticed" else "-",
            durations.describe(fault.seconds),
            fault.words,
        )
        for fault in drill.faults
    ]
    if rows:
        console.print_columns(("", "service", "fault", "outcome", "named", "took", "what was done"), rows)
    for fault in drill.faults:
        if fault.outcome != "noticed":
            console.out.print(
                Text.assemble((f"fault {fault.number}, {fault.outcome}: ", "bold"), f"{fault.words}: {fault.said}"),
                soft_wrap=True,
            )
    console.out.print(Text(drill.words))
    report = f"report: {out / verifier_drills.REPORT}"
    console.out.print(
        Text(drill.verdict, style=_VERDICTS[drill.verdict]), report, f"the same faults again: {drill.again}", soft_wrap=True
    )


def _by_prefect(
    names: Sequence[str], selections: Sequence[str], count: int, seed: int, out: Path, config: Path | None
) -> VerifierDrill:
    from flows.drill_the_verifier import Missed, drill_the_verifier

    with through_prefect(
        lambda: "nothing of a source or a backup was changed", "start it again; it needs no server: unset PREFECT_API_URL"
    ):
        try:
            return drill_the_verifier(
                services=list(names), backup=list(selections), damage=count, seed=seed, out=out.resolve(), config=config
            )
        except Missed as outcome:
            return outcome.drill
