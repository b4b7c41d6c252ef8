"""Runs a drill of the verifier: an undamaged drill of each service first, then one drill a fault, of what was fetched for that.

Nothing is written to a source or to the repository, but for the report. Next file: `bench.py`.
"""

import logging
import os
import platform
import shlex
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from backups.errors import LifeboatError
from backups.machine import parallel, runs
from backups.machine.runs import Run
from backups.repository import chains_in_use
from backups.site import Site
from backups.text import json_shown
from verification.damage.bench import Bench, attempt, prepare
from verification.damage.choose import Fault, choose
from verification.drill.plan import Planned, plan
from verification.evidence import verifier_drills
from verification.evidence.evidence import Kept
from verification.evidence.verifier_drills import FaultPart, UndamagedPart, VerifierDrill
from verification.report import files

log = logging.getLogger(__name__)

_MOST = 10_000
"""Faults in one run."""


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
    the report. Raises LifeboatError for two of one service, for no faults or too many, and when `out` cannot be written.
    """
    if not 1 <= count <= _MOST:
        raise LifeboatError(
            f"{count} faults cannot be put in: from 1 to {_MOST:,} can", hint="each is a whole drill; 39 try every kind once"
        )
    if out:
        files.require_writable(out)
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
        prepared = parallel.side_by_side(lambda each: prepare(site, each, run, now), planned, at_once=at_once)
        undamaged, benches = [], {}
        for each, outcome in zip(planned, prepared, strict=True):
            part, bench = _could_not(each, outcome, begun) if isinstance(outcome, LifeboatError) else outcome
            undamaged.append(part)
            if bench:
                benches[each.service] = bench
        faults = choose(seed, count, {name: bench.open_to for name, bench in benches.items()})
        by_service = [[fault for fault in faults if fault.service == name] for name in benches]

        def attempt_all(mine: Sequence[Fault]) -> list[FaultPart]:
            return [_attempted(site, benches[fault.service], fault, run, now) for fault in mine]

        outcomes = parallel.side_by_side(attempt_all, by_service, at_once=at_once)
    parts = [
        part
        for mine, outcome in zip(by_service, outcomes, strict=True)
        for part in ([_undecided(fault, outcome) for fault in mine] if isinstance(outcome, LifeboatError) else outcome)
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


def _attempted(site: Site, bench: Bench, fault: Fault, run: Run, now: Callable[[], datetime]) -> FaultPart:
    """Drill one fault; what goes wrong with it takes nothing away from what the others have shown."""
    try:
        return parallel.guarded(lambda: attempt(site, bench, fault, run, now))
    except LifeboatError as error:
        return _undecided(fault, error)


def _undecided(fault: Fault, error: LifeboatError) -> FaultPart:
    return FaultPart(
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
