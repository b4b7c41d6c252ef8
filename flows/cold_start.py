"""Drills a start from nothing, as a flow: a recovery kit and a bare container bring everything back, on the clock.

It is started monthly by prefect.yaml and from the UI; `lifeboat rescue --drill` does the same. Next file: `tasks/cold_start.py`.
"""

from pathlib import Path

from prefect import flow

from backups.errors import LifeboatError
from backups.site import Site
from flows import lifecycle
from flows.copies import copy_evidence
from tasks import events
from tasks.cold_start import start_from_nothing
from verification.evidence.rescues import Rescue


class NotStarted(LifeboatError):
    """Not everything came back from nothing, or not within the RTO; `report` says what."""

    def __init__(self, report: Rescue) -> None:
        why = [report.error] if report.error else [f"{each.service}: {each.why}" for each in report.services if each.why]
        super().__init__(f"{report.verdict}: {' | '.join([report.words, *why])}", hint="see it yourself: lifeboat rescue --drill")
        self.report = report


@flow(
    name="cold-start",
    flow_run_name="start from nothing",
    on_cancellation=[lifecycle.clean_up],
    on_crashed=[lifecycle.clean_up],
    persist_result=False,
)
def start_cold(kit: Path | None = None, for_python: str | None = None, config: Path | None = None) -> Rescue:
    """Bring everything back in a bare container, with nothing of this machine but a recovery kit and what the report names.

    Args:
        kit: one that was made before, on the worker's machine, whose passphrase is in the worker's LIFEBOAT_KIT_PASSPHRASE; by
            default one is made for the drill
        for_python: the version of the container's Python, to have that kit carry what it needs; by default a registry is asked
        config: the lifeboat.yaml; by default $LIFEBOAT_CONFIG, ./lifeboat.yaml or /etc/lifeboat/lifeboat.yaml
    """
    lifecycle.begin()
    if kit and for_python:
        raise LifeboatError(
            "for_python says nothing beside kit: a kit that was made before carries what it carries",
            hint="leave one of the two out",
        )
    site = Site.open(config).for_a_night()
    names = site.chosen([])
    report = start_from_nothing(kit, for_python, config)
    events.send_cold_start(report, names)
    copy_evidence(site, config)
    if report.exit_code:
        raise NotStarted(report)
    return report
