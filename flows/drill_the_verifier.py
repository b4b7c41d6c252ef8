"""Drills the verifier, as a flow: puts faults into copies of the latest backups, and sees whether each is noticed.

It is started monthly by prefect.yaml, from the UI and by `lifeboat verify --damage`. Next file: `tasks/drill_the_verifier.py`.
"""

import secrets
from pathlib import Path

from prefect import flow

from backups.errors import LifeboatError
from backups.site import Site
from flows import lifecycle
from flows.copies import copy_evidence
from flows.outcome import run_name
from tasks import events
from tasks.drill_the_verifier import damage_copies
from verification.evidence.verifier_drills import VerifierDrill


class Missed(LifeboatError):
    """A fault was not noticed, or nothing was learnt; `drill` says what."""

    def __init__(self, drill: VerifierDrill) -> None:
        unnoticed = [f"{fault.service}: {fault.words}" for fault in drill.faults if fault.outcome in {"unnoticed", "undecided"}]
        why = unnoticed or [f"{each.service}: {each.why}" for each in drill.undamaged if each.why]
        super().__init__(f"{drill.verdict}: {' | '.join([drill.words, *why])}", hint=f"the same faults again: {drill.again}")
        self.drill = drill


@flow(
    name="drill-the-verifier",
    flow_run_name=lambda: run_name("drill-the-verifier"),
    on_cancellation=[lifecycle.clean_up],
    on_crashed=[lifecycle.clean_up],
    persist_result=False,
)
def drill_the_verifier(
    services: list[str] | None = None,
    backup: list[str] | None = None,
    damage: int = 12,
    seed: int | None = None,
    out: Path | None = None,
    config: Path | None = None,
) -> VerifierDrill:
    """Put faults into copies of backups, one at a time, and see whether the verifier notices each.

    Args:
        services: their names in lifeboat.yaml; none named means all
        backup: which backups: latest, worst, random, or an id; none named means latest
        damage: how many faults
        seed: the number that chooses them; none means another each time
        out: a directory for verifier-drill.json on the worker's machine
        config: the lifeboat.yaml; by default $LIFEBOAT_CONFIG, ./lifeboat.yaml or /etc/lifeboat/lifeboat.yaml
    """
    lifecycle.begin()
    site = Site.open(config).for_a_night()
    names = site.chosen(services or [])
    chosen = secrets.randbelow(1 << 32) if seed is None else seed
    drill = damage_copies(names, backup or (), damage, chosen, out, config)
    events.send_verifier_drill(drill)
    copy_evidence(site, config)
    if drill.exit_code:
        raise Missed(drill)
    return drill
