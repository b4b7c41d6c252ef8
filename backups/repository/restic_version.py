"""Tells which restic is installed, and what a newer one is asked to do otherwise."""

import re
import shutil
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from backups.machine import processes

PROVEN = ((0, 14), (0, 19))
"""The versions of restic that every test, or one of each kind, runs with."""

_FASTEST = (0, 19)
"""The first that compresses at the speed of a disk: a save takes a third less time, for a repository that is 7 % larger."""
_MOMENT = 10.0
"""Seconds that saying its version may take at most."""


def installed(stalled: float = _MOMENT) -> tuple[int, int] | None:
    """Return the version of the installed restic, to its second number; None where it does not say.

    stalled: seconds after which one that does nothing is ended
    Raises LifeboatError where none is installed.
    """
    program = shutil.which("restic")
    return _version(program, Path(program).stat().st_mtime_ns if program else 0, min(stalled, _MOMENT))


@lru_cache(maxsize=4)
def _version(program: str | None, changed: int, stalled: float) -> tuple[int, int] | None:  # noqa: ARG001 - another file, another restic
    completed = processes.run(["restic", "version"], recorded=False, stalled=stalled)
    return read(completed.output.decode(errors="replace")) if completed.code == 0 else None


def read(printed: str) -> tuple[int, int] | None:
    """Return the version in what `restic version` prints; None for anything else."""
    found = re.match(r"restic (\d{1,4})\.(\d{1,4})(\.\d{1,4})?( |\n|$)", printed)
    return (int(found[1]), int(found[2])) if found else None


def preset(inherited: Mapping[str, str], stalled: float = _MOMENT) -> dict[str, str]:
    """Return the variables for the installed restic which nobody has chosen in the environment that it inherits."""
    return {name: value for name, value in environment(installed(stalled)).items() if name not in inherited}


def environment(version: tuple[int, int] | None) -> dict[str, str]:
    """Return the variables that a restic of this version is given, before those that somebody has chosen."""
    if version is None:
        return {}
    return {"RESTIC_COMPRESSION": "fastest"} if version >= _FASTEST else {}
