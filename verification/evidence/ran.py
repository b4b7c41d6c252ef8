"""Says who started a verification, and which programs took part in it, each with its version and what its files hash to."""

import getpass
import hashlib
import os
import platform
import shutil
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from backups.errors import LifeboatError
from backups.machine import processes
from backups.machine.docker import Docker
from verification.evidence.evidence import Program

_HOME = Path(__file__).parents[2]
_ROOMS = ("backups", "flows", "tasks", "verification")


def person() -> str:
    """Name the user of this process, and whom sudo knows behind it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        # A container may run as a number that has no name.
        user = f"user {os.geteuid()}"
    behind = os.environ.get("SUDO_USER")
    return f"{user} (sudo of {behind})" if behind and behind != user else user


def programs() -> tuple[Program, ...]:
    """Return what takes part in a verification on this machine; what cannot be asked is told as not known."""
    return (
        Program(name="lifeboat", version=version("lifeboat"), sha256=_of_files(_HOME, _sources())),
        Program(name="python", version=platform.python_version(), sha256=None),
        Program(name="restic", version=_restic(), sha256=_of_program("restic")),
        Program(name="docker", version=_docker(), sha256=None),
    )


def _sources() -> list[Path]:
    return sorted(path for room in _ROOMS for path in (_HOME / room).rglob("*.py"))


def _restic() -> str:
    try:
        words = processes.run(["restic", "version"]).output.decode(errors="replace").split()
    except LifeboatError:
        return "not known"
    return words[1] if len(words) > 1 else "not known"


def _docker() -> str:
    try:
        return Docker().version()
    except LifeboatError:
        return "not known"


def _of_program(name: str) -> str | None:
    found = shutil.which(name)
    return _of_files(Path(found).parent, [Path(found)]) if found else None


def _of_files(home: Path, files: Iterable[Path]) -> str | None:
    """Hash the names and the contents of files together; of one file, its content alone, as sha256sum does."""
    files = list(files)
    whole = hashlib.sha256()
    try:
        for file in files:
            with file.open("rb") as opened:
                digest = hashlib.file_digest(opened, "sha256")
            if len(files) == 1:
                return digest.hexdigest()
            whole.update(f"{digest.hexdigest()}  {file.relative_to(home)}\n".encode())
    except OSError:
        return None
    return whole.hexdigest()
