"""Runs a drill of the verifier: an undamaged drill of each service first, then one drill a fault, of what was fetched for that.

Nothing is written to a source or to the repository, but for the report. Next file: `attempt.py`.
"""

import logging
import os
import platform
import shlex
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from backups.errors import LifeboatError
from backups.machine import disk, parallel, runs
from backups.machine.runs import Run
from backups.repository import chains_in_use
from backups.repository.repository import Repository
from backups.services.base import Copy, Fetched
from backups.site import Site
from backups.text import json_shown
from verification.damage.attempt import Attempt
from verification.damage.catalogue import CATALOGUE
from verification.damage.choose import Fault, choose
from verification.damage.held import Held, held
from verification.damage.kind import Stand, Target
from verification.damage.repository import altered, damaged_repository
from verification.drill import sandbox
from verification.drill.drill import drill
from verification.drill.partners import Partner
from verification.drill.plan import Planned, plan
from verification.drill.tamper import Tamper
from verification.evidence import verifier_drills
from verification.evidence.evidence import DrillResult, Kept
from verification.evidence.verifier_drills import FaultPart, UndamagedPart, VerifierDrill

log = logging.getLogger(__name__)

_UNHURRIED = timedelta(days=2)
"""In place of the RTO: a copy that is late says nothing of the verifier."""


@dataclass
class _Bench:
    """A service whose undamaged copy was verified: what is fetched of it, and what can be damaged how."""

    planned: Planned
    held: Held
    open_to: dict[str, Sequence[Target]]


def drill_verifier(
    site: Site,
    names: Sequence[str],
    count: int,
    *,
    seed: int,
    selections: Sequence[str] = (),
    out: Path | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> VerifierDrill:
    """Put `count` faults, chosen by `seed`, into copies of the named services' latest backups, one at a time.

    selections: other backups than the latest, as `lifeboat verify --backup` names them, one of each service. out: a directory for
    the report. Raises LifeboatError for two of one service, and when `out` cannot be written.
    """
    started_at = now()
    planned = plan(site, names, selections or ["latest"], now=now)
    if twice := [
        each.service for number, each in enumerate(planned) if each.service in {one.service for one in planned[:number]}
    ]:
        raise LifeboatError(
            f"two backups of {twice[0]} were named, and faults are put into one of each service",
            hint="name one of them: --backup latest, --backup worst, or an id of each service",
        )
    with runs.start(site.state) as run, ExitStack() as chains:
        for chain in sorted({record.chain for each in planned for record in (*each.chain, *each.partner)}):
            chains.enter_context(chains_in_use.chain(site.state, chain))
        at_once = site.settings.sandbox.side_by_side
        begun = time.monotonic()
        prepared = parallel.side_by_side(lambda each: _prepare(site, each, run, now), planned, at_once=at_once)
        undamaged, benches = [], {}
        for each, outcome in zip(planned, prepared, strict=True):
            part, bench = _could_not(each, outcome, begun) if isinstance(outcome, LifeboatError) else outcome
            undamaged.append(part)
            if bench:
                benches[each.service] = bench
        faults = choose(seed, count, {name: bench.open_to for name, bench in benches.items()})
        by_service = [[fault for fault in faults if fault.service == name] for name in benches]

        def attempt_all(mine: Sequence[Fault]) -> list[FaultPart]:
            return [_attempt(site, benches[fault.service], fault, run, now) for fault in mine]

        outcomes = parallel.side_by_side(attempt_all, by_service, at_once=at_once)
    parts = [
        part
        for mine, outcome in zip(by_service, outcomes, strict=True)
        for part in (_undecided(mine, outcome) if isinstance(outcome, LifeboatError) else outcome)
    ]
    found = VerifierDrill(
        lifeboat=version("lifeboat"),
        host=platform.node() or "unknown",
        started_at=started_at,
        finished_at=now(),
        seed=seed,
        asked=count,
        again=_again(planned, count, seed),
        undamaged=tuple(undamaged),
        faults=tuple(sorted(parts, key=lambda part: part.number)),
    )
    return _kept(found, site, out)


def _prepare(site: Site, planned: Planned, run: Run, now: Callable[[], datetime]) -> tuple[UndamagedPart, _Bench | None]:
    """Fetch a service's backup and drill it undamaged, and look what could be damaged in it."""
    if planned.error:
        raise planned.error
    directory = run.directory / f"held-{planned.service}"
    directory.mkdir(mode=0o700)
    # Kept once, and once more for the drill that uses it, which looks for its own.
    disk.require(directory, 2 * sum(record.size for record in (*planned.chain, *planned.partner)), "damaging copies of it")
    bench = _Bench(planned, held(site.repository, directory), {})
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
    result = _drill(site, planned, bench.held, "undamaged", Tamper("", fetched=fetched, running=running), run, now)
    why = "; ".join([*result.reasons, *failed]) or None
    part = UndamagedPart(
        service=planned.service,
        type=planned.type,
        backup=planned.chain[-1].id,
        verdict="could-not-run" if failed and result.verdict == "verified" else result.verdict,
        seconds=round(time.monotonic() - begun, 3),
        kinds=sum(bool(targets) for targets in bench.open_to.values()),
        why=why,
    )
    return part, bench if part.verdict == "verified" else None


def _attempt(site: Site, bench: _Bench, fault: Fault, run: Run, now: Callable[[], datetime]) -> FaultPart:
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
        part = attempt.judged(_drill(site, planned, repository, str(fault.number), attempt.tamper(), run, now))
    log.info("%s: fault %s, %s: %s", fault.service, fault.number, part.words, part.outcome)
    return part


def _drill(
    site: Site,
    planned: Planned,
    repository: Repository,
    title: str,
    tamper: Tamper,
    run: Run,
    now: Callable[[], datetime],
) -> DrillResult:
    service = site.service(planned.service, run.docker)
    partner = Partner(site.service(planned.partner[-1].service, run.docker), planned.partner) if planned.partner else None
    with sandbox.opened(run, f"{planned.service}-{title}", site.settings.sandbox) as box:
        return drill(service, planned, repository, box, rto=_UNHURRIED, tamper=tamper, partner=partner, now=now)


def _could_not(planned: Planned, error: LifeboatError, begun: float) -> tuple[UndamagedPart, None]:
    part = UndamagedPart(
        service=planned.service,
        type=planned.type,
        backup=planned.chain[-1].id if planned.chain else None,
        verdict="could-not-run",
        seconds=round(time.monotonic() - begun, 3),
        why=error.message,
    )
    return part, None


def _undecided(faults: Sequence[Fault], error: LifeboatError) -> list[FaultPart]:
    return [
        FaultPart(
            number=fault.number,
            service=fault.service,
            kind=fault.kind,
            target=fault.target,
            words=fault.kind,
            outcome="undecided",
            named=False,
            said=error.message,
            seconds=0,
        )
        for fault in faults
    ]


def _again(planned: Sequence[Planned], count: int, seed: int) -> str:
    """Return the command that puts the same faults into the same backups."""
    chosen = [part for each in planned if each.chain for part in ("--backup", each.chain[-1].id)]
    return shlex.join(
        ["lifeboat", "verify", *(each.service for each in planned), *chosen, "--damage", str(count), "--seed", str(seed)]
    )


def _kept(drill: VerifierDrill, site: Site, out: Path | None) -> VerifierDrill:
    """Keep the report in the repository, or say in it why it is in none; write it into `out`."""
    with tempfile.TemporaryDirectory(prefix="lifeboat-verifier-drill-") as scratch:
        _write(drill, Path(scratch))
        try:
            kept = Kept(snapshot=verifier_drills.keep(drill, Path(scratch), site.repository), reason=None)
        except LifeboatError as error:
            log.warning("the report is not kept in the repository: %s", error.message)
            kept = Kept(snapshot=None, reason=error.message)
    drill = drill.model_copy(update={"kept": kept})
    if out:
        _write(drill, out)
    return drill


def _write(drill: VerifierDrill, out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        part = out / f".{verifier_drills.REPORT}.{os.getpid()}"
        part.write_text(json_shown(drill.model_dump_json(indent=1)), encoding="utf-8")
        part.replace(out / verifier_drills.REPORT)
    except OSError as error:
        raise LifeboatError(
            f"the report cannot be written into {out}: {error.strerror}", hint="name another directory by --out"
        ) from error
