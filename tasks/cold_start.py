"""Drills a start from nothing as a Prefect task.

Next file: `verification/rescue/cold.py`.
"""

from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from backups import durations
from backups.config import file
from backups.machine.parallel import guarded
from backups.site import Site
from backups.text import markdown
from tasks import artifacts
from verification.evidence.rescues import Rescue
from verification.rescue import sealed
from verification.rescue.cold import Given, cold_start


@task(task_run_name="start from nothing", cache_policy=NO_CACHE, persist_result=False)
def start_from_nothing(kit: Path | None, for_python: str | None, config: Path | None) -> Rescue:
    """Bring everything back in a bare container, keep the report in the repository, and show it in the UI."""
    path = file.find(config)
    given = Given(kit=kit, passphrase=sealed.passphrase(None) if kit else None, python=for_python)
    report = guarded(lambda: cold_start(Site.open(path).for_a_night(), path, given))
    rows = [
        {
            "service": each.service,
            "verdict": each.verdict,
            "from": each.repository or "-",
            "took": durations.describe(each.seconds),
            "why": each.why or each.proof,
        }
        for each in report.services
    ]
    artifacts.table("cold-start", rows, f"Verdict: {report.verdict}. {report.words}")
    limits = "".join(f"\n- not proven: {markdown(each)}" for each in report.shared)
    artifacts.markdown("cold-start-report", f"# {report.verdict}\n\n{markdown(report.words)}\n{limits}")
    return report
