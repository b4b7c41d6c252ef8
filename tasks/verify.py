"""Drills backups as Prefect tasks.

Next file: `verification/verify.py`, then `verification/drill/drill.py`, which runs one drill.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from backups import durations
from backups.machine import runs
from backups.machine.parallel import guarded
from backups.services.base import Point
from backups.site import Site
from backups.text import markdown
from tasks import artifacts
from verification import verify as proof
from verification.drill.plan import Planned
from verification.evidence import ran
from verification.evidence.evidence import DrillResult, Evidence
from verification.evidence.together import TogetherPart
from verification.restore.moment_drills import drills


@task(task_run_name="plan the drills", cache_policy=NO_CACHE, persist_result=False)
def plan_drills(
    names: Sequence[str],
    selections: Sequence[str],
    at: datetime | Point | None,
    image: str | None,
    config: Path | None,
    repository: str | None = None,
    *,
    rotate: bool = False,
) -> list[Planned]:
    """Choose the backups to drill; a backup that is missing does not raise."""
    return guarded(
        lambda: drills(Site.open(config).for_a_night(), names, selections, at, image=image, repository=repository, rotate=rotate)
    )


@task(task_run_name="drill {title}", cache_policy=NO_CACHE, persist_result=False)
def drill(planned: Planned, title: str, config: Path | None) -> DrillResult:  # noqa: ARG001 - the title names the run in the UI
    """Run one planned drill, without retries: its result, whatever it is, is the evidence."""

    def work() -> DrillResult:
        site = Site.open(config).for_a_night()
        with runs.start(site.state) as run:
            return proof.drill_one(site, planned, run)

    return guarded(work)


@task(task_run_name="drill all together", cache_policy=NO_CACHE, persist_result=False)
def drill_together(config: Path | None, repository: str | None = None) -> TogetherPart:
    """Run the joint drill, without retries: its result, whatever it is, is the evidence."""
    return guarded(lambda: proof.drill_joint(Site.open(config).for_a_night(), repository=repository))


@task(task_run_name="conclude", cache_policy=NO_CACHE, persist_result=False)
def conclude(
    planned: Sequence[Planned],
    results: Sequence[DrillResult],
    *,
    started_at: datetime,
    finished_at: datetime,
    out: Path | None,
    config: Path | None,
    together: TogetherPart | None = None,
) -> Evidence:
    """Combine the results, write the report, store the evidence in the repository, and show the verdict in the UI."""
    site = Site.open(config).for_a_night()
    evidence = guarded(
        lambda: proof.conclude(
            site,
            planned,
            results,
            started_at=started_at,
            finished_at=finished_at,
            out=out,
            together=together,
            triggered_by=_trigger(),
        )
    )
    artifacts.table("verification", [_row(result) for result in evidence.drills], f"Verdict: {evidence.words}")
    artifacts.markdown("verification-report", _markdown(evidence, out))
    return evidence


def _trigger() -> str:
    """Name the run, and the deployment that it is of, as Prefect knows them."""
    from prefect.runtime import deployment, flow_run

    run = f"Prefect's run {flow_run.name or 'without a name'}"
    return f"{run} of the deployment {deployment.name}" if deployment.name else f"{run}, by {ran.person()}"


def _row(result: DrillResult) -> dict[str, str | int]:
    passed = len(result.compared) - len(result.failures)
    return {
        "service": result.service,
        "selection": result.drilled,
        "verdict": result.words,
        "backup": result.backup.id if result.backup else "",
        "restored in": durations.describe(result.restore_seconds) if result.restore_seconds is not None else "",
        "checks": f"{passed} of {len(result.compared)} passed",
        "phases": ", ".join(f"{phase.name} {phase.seconds:.1f} s" for phase in result.phases),
        "image": result.image.words if result.image else "",
        "machine": result.machine or "",
        "proof": result.proof,
        "why": "; ".join(result.reasons),
    }


def _markdown(evidence: Evidence, out: Path | None) -> str:
    lines = [f"# {evidence.words}", ""]
    lines += [
        f"- **{result.service}, {result.drilled}**: {result.words}; {markdown('; '.join([result.proof, *result.reasons]))}"
        for result in evidence.drills
    ]
    lines += [f"- upgrade tried on it: {markdown(result.rehearsal.words)}" for result in evidence.drills if result.rehearsal]
    if joint := evidence.together:
        lines.append(f"- **together**: {markdown('; '.join([joint.headline, *joint.reasons]))}")
    lines += [f"- failed: {markdown(f'{check.subject} {check.metric}: expected {check.expected}, observed {check.observed}')}"
              for result in evidence.drills for check in result.failures[:20]]  # fmt: skip
    lines += [f"- {markdown(f'{culprit.subject}: {culprit.words}')}: {markdown('; '.join(row.words for row in culprit.rows))}"
              for result in evidence.drills for culprit in result.culprits]  # fmt: skip
    if out:
        lines += ["", f"The whole report: {markdown(str(out / 'report.html'))} on {markdown(evidence.host)}"]
    return "\n".join(lines)
