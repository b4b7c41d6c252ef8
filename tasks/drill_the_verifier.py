"""Drills the verifier as a Prefect task.

Next file: `verification/damage/run.py`.
"""

from collections.abc import Sequence
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from backups import durations
from backups.machine.parallel import guarded
from backups.site import Site
from backups.text import markdown
from tasks import artifacts
from verification.damage.run import drill_verifier
from verification.evidence.verifier_drills import FaultPart, VerifierDrill


@task(task_run_name="damage copies", cache_policy=NO_CACHE, persist_result=False)
def damage_copies(
    names: Sequence[str], selections: Sequence[str], count: int, seed: int, out: Path | None, config: Path | None
) -> VerifierDrill:
    """Put the faults in, store the report in the repository, and show it in the UI."""
    drill = guarded(
        lambda: drill_verifier(Site.open(config).for_a_night(), names, count, seed=seed, selections=selections, out=out)
    )
    artifacts.table("verifier-drill", [_row(fault) for fault in drill.faults], f"Verdict: {drill.verdict}. {drill.words}")
    again = f"The same faults again: {markdown(drill.again)}"
    artifacts.markdown("verifier-drill-report", f"# {drill.verdict}\n\n{markdown(drill.words)}\n\n{again}")
    return drill


def _row(fault: FaultPart) -> dict[str, str | int]:
    return {
        "number": fault.number,
        "service": fault.service,
        "fault": fault.kind,
        "outcome": fault.outcome,
        "named": "yes" if fault.named else "no",
        "took": durations.describe(fault.seconds),
        "what was done": fault.words,
        "what was said": fault.said,
    }
