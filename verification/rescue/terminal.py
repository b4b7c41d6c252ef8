"""Types the lines of a kit's page in a container, one after the other, as a person at a terminal would, and times each."""

import logging
import platform
import shlex
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from backups.errors import LifeboatError
from backups.foreign import shown
from backups.machine import private, runs
from backups.machine.docker import Container
from backups.site import Site
from verification.evidence import rescues
from verification.evidence.rescues import COLD, Rescue, RescuedPart, StepPart
from verification.rescue import page
from verification.rescue.run import kit_part
from verification.rescue.unpacked import Kit

log = logging.getLogger(__name__)

KIT, _PASSPHRASE, _ANSWER = PUT = "lifeboat-kit.age", "passphrase", "terminal.py"
"""What is put into the folder for the container."""
_SAID = 600
"""Characters of what a line printed at its end, for a message: whole lines of it."""
_TERMINAL = """\
import os, pty, sys

def answer(terminal):
    printed = os.read(terminal, 4096)
    if b"assphrase" in printed:
        with open("passphrase", "rb") as file:
            os.write(terminal, file.read())
    return printed

sys.exit(os.waitstatus_to_exitcode(pty.spawn(["sh", "-c", sys.argv[1]], answer)))
"""
"""Runs a line at a terminal, and types the passphrase where it is asked for, as a person does: age reads it from nowhere else."""


def put(folder: Path, passphrase: str) -> None:
    """Put beside the kit what types its passphrase. Raises OSError."""
    private.write(folder / _PASSPHRASE, f"{passphrase}\n")
    private.write(folder / _ANSWER, _TERMINAL)


def type_lines(container: Container, kit: Kit, folder: Path, site: Site, now: Callable[[], datetime]) -> Rescue:
    """Type the lines of the page, one after the other, until one fails; returns the report."""
    rto = site.settings.objectives.rto.total_seconds()
    options = (
        f"--to {shlex.quote(str(folder / runs.COLD_STATE.parent))} --to-base {shlex.quote(f'local:{folder}/back')} --no-report"
    )
    started_at, steps, fault = now(), [], None
    for line, _ in page.commands(KIT, to=options):
        log.info("cold start: %s", line)
        begun = time.monotonic()
        code = container.execute(["sh", "-c", _command(line, folder, rto, asked=KIT in line)])
        steps.append(StepPart(name=line, seconds=round(time.monotonic() - begun, 3)))
        # One who reads that a service cannot be brought back brings the others back.
        if code != 0 and not line.endswith("--dry-run"):
            fault = _fault(line, code, folder)
            break
    found = _read(folder / runs.COLD_STATE.parent / rescues.REPORT)
    # A rescue that ends with 1 or 2 has written its report.
    if found and found.exit_code:
        fault = None
    return Rescue(
        kind=COLD,
        lifeboat=version("lifeboat"),
        machine=platform.node() or "unknown",
        started_at=started_at,
        finished_at=now(),
        kit=kit_part(kit),
        repositories=found.repositories if found else (),
        services=found.services if found else tuple(_not_back(site)),
        steps=tuple(steps),
        rto_seconds=rto,
        error=fault.message if fault else None,
        hint=fault.hint if fault else None,
    )


def _command(line: str, folder: Path, seconds: float, *, asked: bool) -> str:
    """Return the command that types a line. asked: for the passphrase, on a terminal: the container has Python by then."""
    typed = f"python3 {_ANSWER}" if asked else "sh -c"
    limited = f"timeout -k 10 {max(1, round(seconds))} {typed} {shlex.quote(line)}"
    return f"cd {shlex.quote(str(folder))} && {limited} < /dev/null > printed 2>&1"


def _fault(line: str, code: int, folder: Path) -> LifeboatError:
    try:
        printed = (folder / "printed").read_text(encoding="utf-8", errors="replace").split("\n")
        passphrase = (folder / _PASSPHRASE).read_text(encoding="utf-8").strip()
    except OSError:
        printed, passphrase = [], ""
    # A terminal shows what is typed until the program that asks has told it not to.
    parts = [" ".join(part.split()) for part in printed if part.strip() and "assphrase" not in part and passphrase not in part]
    said = parts.pop() if parts else ""
    while parts and len(said) + len(parts[-1]) < _SAID:
        said = f"{parts.pop()} {said}"
    why = "it took longer than the RTO" if code in {124, 137} else shown(said, _SAID) or "it printed nothing that could be shown"
    return LifeboatError(
        f"what the page says to type did not work: `{line}` ended with {code}: {why}",
        hint="type it on a bare machine, and see; `lifeboat kit` writes the page",
    )


def _not_back(site: Site) -> Iterator[RescuedPart]:
    for name in site.settings.rescue_order:
        yield RescuedPart(service=name, type=site.settings.services[name].type, verdict="could-not-run")


def _read(file: Path) -> Rescue | None:
    try:
        return Rescue.model_validate_json(file.read_bytes())
    except (OSError, ValueError):
        return None
