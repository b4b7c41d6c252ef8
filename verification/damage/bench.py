"""Prepares a service's backup to be damaged, and drills copies of it with one fault each.

Next file: `attempt.py`.
"""

import logging
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from backups.errors import LifeboatError
from backups.machine import disk
from backups.machine.runs import Run
from backups.repository.repository import Repository
from backups.services.base import Copy, Fetched
from backups.site import Site
from verification.damage.attempt import Attempt
from verification.damage.catalogue import CATALOGUE
from verification.damage.choose import Fault
from verification.damage.held import Held, held
from verification.damage.kind import Stand, Target
from verification.damage.repository import altered, damaged_repository
from verification.drill import sandbox
from verification.drill.drill import drill
from verification.drill.partners import Partner
from verification.drill.plan import Planned
from verification.drill.tamper import Tamper
from verification.evidence.evidence import DrillResult
from verification.evidence.verifier_drills import FaultPart, UndamagedPart

log = logging.getLogger(__name__)

_UNHURRIED = timedelta(days=2)
"""In place of the RTO: a copy that is late says nothing of the verifier."""


@dataclass
class Bench:
    """A service whose undamaged copy was verified: what is fetched of it, and what can be damaged how."""

    planned: Planned
    held: Held
    open_to: dict[str, Sequence[Target]]


def prepare(site: Site, planned: Planned, run: Run, now: Callable[[], datetime]) -> tuple[UndamagedPart, Bench | None]:
    """Fetch a service's backup and drill it undamaged, and look what could be damaged in it."""
    if planned.error:
        raise planned.error
    directory = run.directory / f"held-{planned.service}"
    directory.mkdir(mode=0o700)
    # Kept once, and once more for the drill that uses it, which looks for its own.
    disk.require(directory, 2 * sum(record.size for record in (*planned.chain, *planned.partner)), "damaging copies of it")
    bench = Bench(planned, held(site.repository, directory), {})
    stand = Stand(planned.service)
    failed: list[str] = []

    def look(stage: str) -> None:
        for kind in CATALOGUE.values():
            if kind.of(planned.type) and kind.surveyed == stage and not (kind.stage == "repository" and planned.partner):
                try:
                    bench.open_to[kind.name] = list(kind.targets(stand))
                except LifeboatError as fault:
                    failed.append(f"{kind.name}: {fault.message}")

    def fetched(chain: Sequence[Fetched]) -> None:
        nonlocal stand
        stand = Stand(planned.service, chain)
        look("fetched")

    def running(copy: Copy) -> None:
        nonlocal stand
        stand = stand.at(copy)
        look("running")

    begun = time.monotonic()
    log.info("%s: drilling %s undamaged first", planned.service, planned.chain[-1].id)
    result = drilled(site, planned, bench.held, "undamaged", Tamper("", fetched=fetched, running=running), run, now)
    why = "; ".join([*result.reasons, *(f"not tried: {each}" for each in failed)]) or None
    part = UndamagedPart(
        service=planned.service,
        type=planned.type,
        backup=planned.chain[-1].id,
        verdict=result.verdict,
        seconds=round(time.monotonic() - begun, 3),
        kinds=sum(bool(targets) for targets in bench.open_to.values()),
        why=why,
    )
    return part, bench if part.verdict == "verified" else None


def attempt(site: Site, bench: Bench, fault: Fault, run: Run, now: Callable[[], datetime]) -> FaultPart:
    """Drill a copy with one fault in it."""
    log.info("%s: fault %s: %s", fault.service, fault.number, fault.kind)
    attempt = Attempt(fault, CATALOGUE[fault.kind], Stand(fault.service))
    with ExitStack() as held_until_then:
        planned: Planned = bench.planned
        repository: Repository = bench.held
        if attempt.kind.stage == "manifest":
            repository = altered(bench.held, attempt, planned.chain)
        elif attempt.kind.stage == "repository":
            scratch = held_until_then.enter_context(tempfile.TemporaryDirectory(dir=run.directory, prefix="damaged-"))
            repository, records = damaged_repository(bench.held, attempt, planned.chain, Path(scratch))
            planned = replace(planned, chain=tuple(records))
        part = attempt.judged(drilled(site, planned, repository, str(fault.number), attempt.tamper(), run, now))
    log.info("%s: fault %s, %s: %s", fault.service, fault.number, part.words, part.outcome)
    return part


def drilled(
    site: Site,
    planned: Planned,
    repository: Repository,
    title: str,
    tamper: Tamper,
    run: Run,
    now: Callable[[], datetime],
) -> DrillResult:
    """Drill a copy that is tampered with, in a sandbox called `title`, however long it takes."""
    service = site.service(planned.service, run.docker)
    partner = Partner(site.service(planned.partner[-1].service, run.docker), planned.partner) if planned.partner else None
    with sandbox.opened(run, f"{planned.service}-{title}", site.settings.sandbox) as box:
        return drill(service, planned, repository, box, rto=_UNHURRIED, tamper=tamper, partner=partner, now=now)
