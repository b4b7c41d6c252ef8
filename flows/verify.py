"""Drills backups, as a flow: restores them into sandboxes, compares them with their witnesses, and times them.

It is started on Mondays by prefect.yaml, from the UI, by pipelines and by `lifeboat verify`. Next file: `tasks/verify.py`.
"""

from datetime import UTC, datetime
from pathlib import Path

from prefect import flow

from backups.errors import LifeboatError
from backups.site import Site
from flows import fan_out, lifecycle
from flows.copies import copy_evidence
from flows.outcome import run_name
from tasks import events
from tasks.verify import conclude, drill, drill_together, plan_drills
from verification.evidence.evidence import Evidence
from verification.restore import arguments
from verification.restore.moment_drills import all_usual
from verification.verify import Steps, carry_out


class NotVerified(LifeboatError):
    """Not everything that the verification compared was equal; `evidence` says what."""

    def __init__(self, evidence: Evidence) -> None:
        reasons = [
            f"{result.service}, {result.drilled}: {'; '.join(result.reasons)}" for result in evidence.drills if result.reasons
        ]
        if evidence.together and evidence.together.reasons:
            reasons.append(f"together: {'; '.join(evidence.together.reasons)}")
        super().__init__(f"{evidence.verdict}: {' | '.join(reasons) or 'nothing was drilled'}")
        self.evidence = evidence


@flow(
    name="verify",
    flow_run_name=lambda: run_name("verify"),
    on_cancellation=[lifecycle.clean_up],
    on_crashed=[lifecycle.clean_up],
    persist_result=False,
)
def verify_restores(  # noqa: PLR0917 - parameters of a deployment
    services: list[str] | None = None,
    backup: list[str] | None = None,
    at: str | None = None,
    before: str | None = None,
    image: str | None = None,
    together: bool = False,  # noqa: FBT001, FBT002 - a parameter of a deployment
    repository: str | None = None,
    out: Path | None = None,
    config: Path | None = None,
) -> Evidence:
    """Restore backups into sandboxes, compare them with their witnesses, and time them.

    Args:
        services: their names in lifeboat.yaml; none named means all
        backup: which backups: latest, worst, random, or an id; none named means latest and worst
        at: the moment to drill, as `restore` would bring it back: a time, or a GTID (MySQL); with `backup`, a time, and only
            backups taken by then
        before: instead of it, a GTID, or FILE:OFFSET as lifeboat log prints it: the moment just before that transaction (MySQL)
        image: the image that the copies of the one named service run on, instead of the configured one; of a newer version: the
            upgrade to rehearse
        together: then bring the newest of all services back side by side, and ask them what their dashboards ask
        repository: which one to bring back from, by its name in lifeboat.yaml; none named means the first, and where neither
            services nor backups are named, also the newest backups in the further repository whose turn it is
        out: a directory for report.json, report.html and junit.xml on the worker's machine
        config: the lifeboat.yaml; by default $LIFEBOAT_CONFIG, ./lifeboat.yaml or /etc/lifeboat/lifeboat.yaml
    """
    lifecycle.begin()
    site = Site.open(config).for_a_night()
    names = site.chosen(services or [])
    site.at(repository)
    moment = arguments.asked(at, before, site.settings.timezone, datetime.now(UTC))
    rotate = all_usual(services, backup, moment, image, repository)
    fleet = fan_out.of(site)
    steps = Steps(
        plan=lambda: plan_drills(names, backup or (), moment, image, config, repository, rotate=rotate),
        drill=lambda planned, at_once: (
            fan_out.drill(fleet, planned, moment)
            if fleet
            else lifecycle.results(lambda each: drill.submit(each, each.title, config), planned, at_once=at_once)
        ),
        conclude=lambda planned, results, joint, started_at, finished_at: conclude(
            planned, results, started_at=started_at, finished_at=finished_at, out=out, config=config, together=joint
        ),
        together=lambda: drill_together(config, repository) if together else None,
    )
    evidence = carry_out(site, steps, out)
    if fleet:
        fleet.clear(evidence)
    events.send_verification(evidence)
    copy_evidence(site, config)
    if evidence.exit_code:
        raise NotVerified(evidence)
    return evidence
