"""Copies a live SQLite database of this machine, consistent, in a process that has the rights of the database's owner."""

import sys
from pathlib import Path

from backups.errors import LifeboatError
from backups.machine import processes
from backups.places import sqlite_program


def copy(root: Path, path: str, destination: Path, *, seconds: float, name: str) -> None:
    """Copy the database `path` below `root`, which hold no link; `name` is the place as it is shown. See `Place.fetch_sqlite`."""
    program = [sys.executable, "-I", "-S", str(Path(sqlite_program.__file__)), str(root), path, str(destination), f"{seconds:f}"]
    done = processes.run(program, recorded=False)
    if done.code != 0:
        for partial in (destination, destination.with_name(f"{destination.name}-journal")):
            partial.unlink(missing_ok=True)
        reason = " ".join(done.errors.split("\n")[-1].split()) or f"exit code {done.code}"
        raise LifeboatError(f"{path} of {name} cannot be copied: {reason}", hint=_hint(reason, destination))


def _hint(reason: str, destination: Path) -> str:
    if "locked" in reason:
        return "another process keeps it locked; try again"
    if "full" in reason:
        return f"free some space in {destination.parent}, or set `state:` in lifeboat.yaml to a larger disk"
    return "is it a SQLite database, and may its owner read it and write beside it? it is opened as the user it belongs to"
